"""How a cluster is reached: what a kubeconfig may have wrong with it, and what is said of it."""

import base64
import gc
import json
import logging
import traceback
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.bed.control_plane import ControlPlane
from watchdog.adapters.kubernetes.access import Access, reached
from watchdog.adapters.kubernetes.kinds import CONFIG_MAP, POD
from watchdog.domain.errors import ConfigError, PermanentError, StepError, TransientError

TOKEN = "t0p-s3cret-bearer"


def kubeconfig(folder: Path, **changed: Any) -> Path:  # noqa: ANN401
    """A good one, but for what is `changed`: parts by name, None for one that is left out."""
    config: dict[str, Any] = {
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "u", "user": {"token": TOKEN}}],
    }
    config.update(changed)
    path = folder / "kubeconfig"
    path.write_text(json.dumps({name: each for name, each in config.items() if each is not None}))
    return path


def user(**of: Any) -> list[dict[str, Any]]:  # noqa: ANN401
    return [{"name": "u", "user": of}]


def cluster(**of: Any) -> list[dict[str, Any]]:  # noqa: ANN401
    return [{"name": "c", "cluster": {"server": "https://127.0.0.1:1", **of}}]


def context(**of: Any) -> list[dict[str, Any]]:  # noqa: ANN401
    return [{"name": "here", "context": {"cluster": "c", "user": "u", **of}}]


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no current context": ({"current-context": None}, "No current context"),
    "a current context that is not there": ({"current-context": "gone"}, "'gone' not found"),
    "a context of no cluster": ({"contexts": context(cluster="gone")}, "'gone' is missing"),
    "a context of an unknown user": ({"contexts": context(user="gone")}, "'gone' is missing"),
    "a context without a user": ({"contexts": context(user=None)}, "names no user"),
    "no clusters": ({"clusters": None}, "'clusters' is missing"),
    "clusters that are null": ({"clusters": {}}, "'here'|'c' is missing|missing"),
    "a token that is a number": ({"users": user(token=12)}, "token"),
    "a token with a line's end": ({"users": user(token=f"{TOKEN}\n")}, "the token has"),
    "a token beyond ASCII": ({"users": user(token=f"{TOKEN}\u00e9")}, "the token has"),
    "a server that is a word": ({"clusters": cluster(server="prod")}, "'prod' is no address"),
    "a server with a bad port": ({"clusters": cluster(server="https://h:port")}, "ort"),
    "an authority that is not there": (
        {"clusters": cluster(**{"certificate-authority": "/gone/ca.crt"})},
        "No such file",
    ),
    "a client certificate that is not there": (
        {"users": user(**{"client-certificate": "/gone/me.crt", "client-key": "/gone/me.key"})},
        "No such file",
    ),
    "a plugin of old": ({"users": user(**{"auth-provider": {"name": "gcp"}})}, "auth-provider"),
}


@pytest.mark.parametrize("name", WRONG)
async def test_a_kubeconfig_that_cannot_work_is_named_before_anything_is_sent(
    name: str, tmp_path: Path
) -> None:
    changed, said = WRONG[name]
    path = kubeconfig(tmp_path, **changed)

    with pytest.raises(ConfigError, match=said) as caught:
        async with reached(Access(kubeconfig=str(path))):
            pass

    assert str(path) in str(caught.value)
    assert_secret(caught.value)


# The library leaves the file open that it makes of the data, for the collector to find.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("data", ["bm9uZQ==", "none!"])
async def test_an_authority_that_is_none_is_named(data: str, tmp_path: Path) -> None:
    path = kubeconfig(tmp_path, clusters=cluster(**{"certificate-authority-data": data}))

    with pytest.raises(ConfigError, match="cannot be used"):
        async with reached(Access(kubeconfig=str(path))):
            pass

    gc.collect()


async def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="gone"):
        async with reached(Access(kubeconfig=str(tmp_path / "gone"))):
            pass


@pytest.mark.parametrize("text", ["", "[]", "just words", "contexts: 1", "\x00"])
async def test_a_file_that_is_no_kubeconfig_is_named(text: str, tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(text)

    with pytest.raises(ConfigError, match="kubeconfig"):
        async with reached(Access(kubeconfig=str(path))):
            pass


async def test_broken_yaml_is_named_by_its_line_and_its_token_is_not_shown(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(f'users:\n- name: u\n  user: {{token: "{TOKEN}" x}}\n')

    with pytest.raises(ConfigError, match="line 3") as caught:
        async with reached(Access(kubeconfig=str(path))):
            pass

    assert_secret(caught.value)


async def test_a_context_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path)

    with pytest.raises(ConfigError, match="'production' not found"):
        async with reached(Access(kubeconfig=str(path), context="production")):
            pass


async def test_the_context_decides_the_namespace_and_the_options_go_before_it(
    tmp_path: Path,
) -> None:
    path = str(kubeconfig(tmp_path, contexts=context(namespace="shop")))

    async with reached(Access(kubeconfig=path)) as api:
        assert api.namespace == "shop"
    async with reached(Access(kubeconfig=path, namespace="cart")) as api:
        assert api.namespace == "cart"


async def test_kubeconfig_of_the_environment_is_used_where_the_file_names_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = kubeconfig(tmp_path, contexts=context(namespace="shop"))
    monkeypatch.setenv("KUBECONFIG", str(path))

    async with reached(Access()) as api:
        assert api.namespace == "shop"


@pytest.mark.parametrize("namespace", ["Shop", "shop.svc", "-shop", "s" * 64, "a/b", ""])
def test_a_namespace_that_can_be_none_is_refused(namespace: str) -> None:
    with pytest.raises(ValueError, match="namespace"):
        Access(namespace=namespace)


async def test_nobody_listens(tmp_path: Path) -> None:
    async with reached(Access(kubeconfig=str(kubeconfig(tmp_path)))) as api:
        with pytest.raises(TransientError, match="cannot be reached") as caught:
            await api.get(POD, "shop")
        with pytest.raises(TransientError, match="cannot be reached"):
            await api.create(CONFIG_MAP, {"metadata": {"name": "shop"}})

    assert_secret(caught.value)


async def test_a_name_that_nobody_knows(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path, clusters=cluster(server="https://api.invalid"))

    async with reached(Access(kubeconfig=str(path))) as api:
        with pytest.raises(TransientError, match="cannot be reached"):
            await api.get(POD, "shop")


async def test_without_its_authority_the_api_server_is_not_trusted(
    control_plane: ControlPlane, tmp_path: Path
) -> None:
    path = kubeconfig(tmp_path, clusters=cluster(server=control_plane.api_server))

    async with reached(Access(kubeconfig=str(path))) as api:
        with pytest.raises(TransientError, match="name its certificate authority"):
            await api.get(POD, "shop")


@pytest.mark.parametrize("how", ["file", "data", "relative file", "not at all"])
async def test_the_authority_may_be_given_in_any_way_that_kubectl_knows(
    how: str, control_plane: ControlPlane, tmp_path: Path
) -> None:
    written = control_plane.authority
    (tmp_path / "ca.crt").write_bytes(written.read_bytes())
    ways: dict[str, dict[str, Any]] = {
        "file": {"certificate-authority": str(written)},
        "relative file": {"certificate-authority": "ca.crt"},
        "data": {"certificate-authority-data": encoded(written)},
        "not at all": {"insecure-skip-tls-verify": True},
    }
    path = kubeconfig(
        tmp_path,
        clusters=cluster(server=control_plane.api_server, **ways[how]),
        users=user(token=control_plane.admin),
    )

    async with reached(Access(kubeconfig=str(path), namespace="default")) as api:
        await api.listed(POD)


async def test_a_program_that_gives_the_token_is_asked(
    control_plane: ControlPlane, tmp_path: Path
) -> None:
    async with reached(Access(kubeconfig=plugin(tmp_path, control_plane, "echo"))) as api:
        await api.listed(POD)


@pytest.mark.parametrize("wrong", ["gone", "fails", "babbles", "of tomorrow"])
async def test_a_program_that_gives_no_token_is_named_and_nothing_is_in_doubt(
    wrong: str, control_plane: ControlPlane, tmp_path: Path
) -> None:
    async with reached(Access(kubeconfig=plugin(tmp_path, control_plane, wrong))) as api:
        with pytest.raises(StepError) as caught:
            await api.create(CONFIG_MAP, {"metadata": {"name": "shop"}})

    assert isinstance(caught.value, PermanentError), caught.value
    assert "credentials" in str(caught.value)


@pytest.mark.parametrize("form", ["garbage", "a.b.c", "tampered", "expired"])
async def test_a_token_that_is_refused_is_told_apart_from_a_missing_right(
    form: str, control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    token = control_plane.account(namespace, READS)
    wrong = {
        "garbage": "garbage",
        "a.b.c": "a.b.c",
        "tampered": token[:-8] + token[-8:].swapcase(),
        "expired": control_plane.expired(token),
    }[form]

    async with control_plane.reached(tmp_path, namespace, token) as api:
        await api.listed(POD)
    async with control_plane.reached(tmp_path, namespace, wrong) as api:
        with pytest.raises(PermanentError, match=r"401.*look at the token") as caught:
            await api.listed(POD)

    assert wrong not in everything_said(caught.value)


async def test_inside_a_pod_its_account_is_used_and_a_renewed_token_is_read(
    control_plane: ControlPlane, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = control_plane.account(namespace, READS)
    in_a_pod(tmp_path, control_plane, monkeypatch)
    (tmp_path / "namespace").write_text(namespace)
    (tmp_path / "token").write_text(f"{token}\n")

    async with reached(Access(), tmp_path) as api:
        assert api.namespace == namespace
        await api.listed(POD)
    (tmp_path / "token").write_text(control_plane.expired(token))
    async with reached(Access(), tmp_path) as api:
        with pytest.raises(PermanentError, match="401"):
            await api.listed(POD)
        (tmp_path / "token").write_text(token)
        await api.listed(POD)
        (tmp_path / "token").unlink()
        await api.listed(POD)


async def test_a_pod_whose_token_is_taken_away_says_so_and_nothing_is_in_doubt(
    control_plane: ControlPlane, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_a_pod(tmp_path, control_plane, monkeypatch)
    (tmp_path / "namespace").write_text(namespace)
    (tmp_path / "token").write_text(control_plane.account(namespace, READS))

    async with reached(Access(), tmp_path) as api:
        (tmp_path / "token").unlink()
        with pytest.raises(PermanentError, match=r"no credentials to ask with.*token not found"):
            await api.create(CONFIG_MAP, {"metadata": {"name": "shop"}})


async def test_a_token_is_in_no_log_however_much_is_logged(
    control_plane: ControlPlane,
    namespace: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    token = control_plane.account(namespace, READS)
    caplog.set_level(logging.DEBUG)

    async with control_plane.reached(tmp_path, namespace, token) as api:
        await api.listed(POD)
        with pytest.raises(PermanentError):
            await api.create(CONFIG_MAP, {"metadata": {"name": "shop"}})

    assert "/pods" in caplog.text
    assert token not in caplog.text


def in_a_pod(folder: Path, plane: ControlPlane, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment that a pod has, and the certificate in the folder of its account."""
    address = urlsplit(plane.api_server)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", str(address.hostname))
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(address.port))
    (folder / "ca.crt").write_bytes(plane.authority.read_bytes())


READS = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}]
_PLUGIN = {
    "echo": ["sh", "-c", "cat answer.json"],
    "gone": ["/gone/plugin"],
    "fails": ["sh", "-c", "echo no login >&2; exit 3"],
    "babbles": ["echo", "hello"],
    "of tomorrow": ["true"],
}


def plugin(folder: Path, plane: ControlPlane, how: str) -> str:
    """The path of a kubeconfig whose token comes from a program."""
    answer = folder / "answer.json"
    answer.write_text(json.dumps({"status": {"token": plane.admin}}))
    command, *arguments = (word.replace("answer.json", str(answer)) for word in _PLUGIN[how])
    version = "v9" if how == "of tomorrow" else "v1beta1"
    program = {
        "apiVersion": f"client.authentication.k8s.io/{version}",
        "command": command,
        "args": arguments,
    }
    of = {"server": plane.api_server, "certificate-authority": str(plane.authority)}
    return str(kubeconfig(folder, clusters=cluster(**of), users=user(exec=program)))


def encoded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


def everything_said(error: BaseException) -> str:
    """The text of an error, and of all that led to it, as a traceback would show them."""
    return "".join(traceback.format_exception(error))


def assert_secret(error: BaseException) -> None:
    assert TOKEN not in everything_said(error)
