import pytest

from tests.config.small_plugins import MINIMAL, Files
from watchdog.domain.doors import ApiDoor, ClusterDoor, Scope, TokenDoor
from watchdog.domain.errors import ConfigError

ANA = "{person: ana, token: {file: /run/ana}, scopes: [read, act]}"
NEXT = "{person: ana, token: {env: ANA_NEXT}, scopes: [admin]}"


def a_file(*tokens: str, listen: str = "127.0.0.1:9095", more: str = "") -> str:
    listening = f'listen: "{listen}"\n' if listen else ""
    written = ", ".join(tokens)
    return f"{listening}people: {{ana: {{}}}}\napi: {{tokens: [{written}]{more}}}\n"


def test_nobody_may_ask_without_a_word(files: Files) -> None:
    files.write("a.yaml", MINIMAL)

    assert files.load("a.yaml").daemon.api is None


def test_tokens_stand_by_reference_two_of_one_person(files: Files) -> None:
    files.write("daemon.yaml", a_file(ANA, NEXT))

    assert files.load("daemon.yaml").daemon.api == ApiDoor(
        tokens=(
            TokenDoor("ana", {"file": "/run/ana"}, frozenset({Scope.READ, Scope.ACT})),
            TokenDoor("ana", {"env": "ANA_NEXT"}, frozenset({Scope.ADMIN})),
        ),
        most_bytes=65536,
        guards_reading=False,
        most_failures=20,
    )


def test_the_file_says_what_is_too_much(files: Files) -> None:
    more = ", max_body: 2048, require_token_for_reading: true, max_failures: 5"
    files.write("daemon.yaml", a_file(ANA, more=more))

    api = files.load("daemon.yaml").daemon.api
    assert api is not None
    assert (api.most_bytes, api.guards_reading, api.most_failures) == (2048, True, 5)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (a_file(ANA, listen=""), "need an address: give `listen`"),
        (a_file(), "api.tokens: "),
        (a_file(ANA.replace("ana,", "eve,")), "tokens of eve: who is not in `people`"),
        (a_file(ANA, ANA), "two tokens stand in one place"),
        (a_file(ANA, NEXT, NEXT.replace("NEXT", "LAST")), "ana has 3 tokens"),
        (a_file(ANA.replace("read, act", "")), "api.tokens[0].scopes: "),
        (a_file(ANA.replace("read, act", "everything")), "'everything' is not known here"),
        (a_file(ANA.replace("{file: /run/ana}", "a-word")), "a secret must not stand in a file"),
        (a_file(ANA, more=", max_body: 100"), "api.max_body: "),
    ],
)
def test_what_is_no_door_is_refused(files: Files, content: str, said: str) -> None:
    files.write("daemon.yaml", content)

    with pytest.raises(ConfigError) as refused:
        files.load("daemon.yaml")
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("listen", "warned"),
    [
        ("127.0.0.1:1", False),
        ("[::1]:1", False),
        ("localhost:1", False),
        ("0.0.0.0:1", True),
        ("[::]:1", True),
        ("10.0.0.7:1", True),
        ("watchdog.internal:1", True),
    ],
)
def test_tokens_in_the_clear_are_warned_of(files: Files, listen: str, *, warned: bool) -> None:
    files.write("daemon.yaml", a_file(ANA, listen=listen))

    texts = [str(one) for one in files.load("daemon.yaml").warnings]
    assert [text for text in texts if "in the clear" in text and "daemon.yaml:3" in text] == (
        texts if warned else []
    )
    assert len(texts) == warned


def test_with_a_certificate_nobody_is_warned(files: Files) -> None:
    tls = "tls: {certificate: a.crt, key: a.key}\n"
    files.write("daemon.yaml", tls + a_file(ANA, listen="0.0.0.0:1"))

    assert files.load("daemon.yaml").warnings == ()


def test_without_the_api_nobody_is_warned(files: Files) -> None:
    files.write("daemon.yaml", 'listen: "0.0.0.0:9095"')

    assert files.load("daemon.yaml").warnings == ()


# -- users of a cluster


def test_a_cluster_may_say_who_somebody_is_in_place_of_tokens(files: Files) -> None:
    files.write("daemon.yaml", 'listen: "127.0.0.1:1"\napi: {kubernetes: {}}\n')

    api = files.load("daemon.yaml").daemon.api
    assert api == ApiDoor(cluster=ClusterDoor("rollback-watchdog", 10.0, {}))


def test_the_file_says_which_cluster_and_for_whom_its_tokens_are(files: Files) -> None:
    cluster = "{audience: ops, cache: 2s, namespace: shop, kubeconfig: /k, context: blue}"
    files.write("daemon.yaml", a_file(ANA, more=f", kubernetes: {cluster}"))

    api = files.load("daemon.yaml").daemon.api
    assert api is not None
    assert len(api.tokens) == 1
    access = {"namespace": "shop", "kubeconfig": "/k", "context": "blue"}
    assert api.cluster == ClusterDoor("ops", 2.0, access)


@pytest.mark.parametrize(
    ("api", "said"),
    [
        ("{}", "nobody could ask for anything: give `tokens` or `kubernetes`"),
        ("{kubernetes: {audience: ''}}", "api.kubernetes.audience: "),
        ("{kubernetes: {cache: 0s}}", "api.kubernetes.cache: "),
        ("{kubernetes: {cache: 61s}}", "api.kubernetes.cache: "),
        ("{kubernetes: {cache: -1s}}", "api.kubernetes.cache: "),
        ("{kubernetes: {namespace: A_b}}", "api.kubernetes.namespace: "),
        ("{kubernetes: {audiences: [a]}}", "did you mean 'audience'?"),
    ],
)
def test_what_is_no_cluster_is_refused(files: Files, api: str, said: str) -> None:
    files.write("daemon.yaml", f'listen: "127.0.0.1:1"\napi: {api}\n')

    with pytest.raises(ConfigError) as refused:
        files.load("daemon.yaml")
    assert said in str(refused.value)


def test_tokens_of_a_cluster_in_the_clear_are_warned_of(files: Files) -> None:
    files.write("daemon.yaml", 'listen: "0.0.0.0:1"\napi: {kubernetes: {}}\n')

    assert ["in the clear" in str(one) for one in files.load("daemon.yaml").warnings] == [True]
