"""The shipped sidecar: what it adds to a Deployment, what it may do, that a cluster takes it."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.bed.control_plane import RESTRICTED, ControlPlane
from tests.bed.manifests import deployment
from tests.deploy.rendering import KUBERNETES, ROOT, Object, kustomized, of_kind, only, sidecar
from tests.deploy.rights import granted_by, resource_of, rule_of
from tests.deploy.usages import NAME, usages
from watchdog.adapters.clock import SystemClock
from watchdog.adapters.journals.sqlite import open_journal
from watchdog.adapters.kubernetes.access import Access, reached
from watchdog.adapters.kubernetes.api import ForbiddenError
from watchdog.adapters.kubernetes.kinds import CONFIG_MAP, DEPLOYMENT, LEASE, Kind
from watchdog.adapters.kubernetes.notes import rights_to_notes
from watchdog.adapters.kubernetes.rights import standing
from watchdog.adapters.kubernetes.shared_journal import SharedJournal, rights_to_share
from watchdog.adapters.leases.kubernetes import KubernetesLease, rights_to_lead
from watchdog.app.loading import Files
from watchdog.domain.events import Paused
from watchdog.domain.units import parse_duration
from watchdog.plugins import Right

SECRET = Kind("", "v1", "Secret", "secrets")
# A file names no time, and this is what Kubernetes gives a pod then.
TIME_TO_END = "30s"
TOKEN_AT = "/var/run/secrets/kubernetes.io/serviceaccount"

Rendered = tuple[list[Object], list[Object]]


@pytest.fixture
def shipped(kubectl: str, tmp_path: Path) -> Rendered:
    """As it comes, beside a Deployment, and the namespace of its turns."""
    folder = tmp_path / "rendered"
    folder.mkdir()
    return sidecar(kubectl, folder, "shop", deployment(NAME))


# What is added to a pod


def test_the_service_keeps_its_place_and_all_that_its_pod_says(shipped: Rendered) -> None:
    before, after = _pod(deployment(NAME)), _pod(only(shipped[0], "Deployment"))

    [service, watchdog] = after["containers"]
    assert service == before["containers"][0]
    assert watchdog["name"] == "rollback-watchdog"
    assert after.get("initContainers") == before.get("initContainers")
    added = {"containers", "volumes", "serviceAccountName", "automountServiceAccountToken"}
    assert {key for key in after if after[key] != before.get(key)} == added


def test_the_token_is_the_watchdogs_alone(shipped: Rendered) -> None:
    pod = _pod(only(shipped[0], "Deployment"))

    service, watchdog = (
        {mount["name"] for mount in one.get("volumeMounts", [])} for one in pod["containers"]
    )
    assert pod["automountServiceAccountToken"] is False
    assert "watchdog-account" in watchdog - service
    assert [
        volume["name"]
        for volume in pod["volumes"]
        for source in volume.get("projected", {}).get("sources", [])
        if "serviceAccountToken" in source
    ] == ["watchdog-account"]


def test_it_never_takes_a_pod_out_of_the_service(shipped: Rendered) -> None:
    [_, watchdog] = _pod(only(shipped[0], "Deployment"))["containers"]

    assert "readinessProbe" not in watchdog
    assert watchdog["livenessProbe"]["httpGet"]["path"] == "/livez"


def test_its_files_name_the_lease_and_the_journal_that_it_may_have(shipped: Rendered) -> None:
    loaded = Files([KUBERNETES / "sidecar/daemon.yaml"]).load()

    shared = loaded.daemon.sidecar
    assert shared is not None
    assert shared.access == {"namespace": only(shipped[1], "Role")["metadata"]["namespace"]}
    assert set(rights_to_lead(shared.lease)) <= set(granted_by(shipped[1]))
    assert shared.journal
    assert loaded.daemon.grace < parse_duration(TIME_TO_END)
    files = only(shipped[0], "ConfigMap")["data"]
    assert set(files) == {"daemon.yaml", "watchdog.yaml"}


def test_its_file_names_its_own_deployment_as_what_stops_it_and_it_may_see_that(
    shipped: Rendered,
) -> None:
    written = yaml.safe_load(only(shipped[0], "ConfigMap")["data"]["daemon.yaml"])["switches"]

    # In the namespace of its pod, where it is.
    assert written == {"object": f"deployment/{NAME}"}
    assert set(rights_to_notes(written["object"])) <= set(granted_by(shipped[0]))


# What it may do


def of_its_deployment() -> set[Right]:
    """What is declared by all that a file can ask of one Deployment."""
    words = f"deployment/{NAME}"
    mine = (one for one in usages() if words in (*_texts(one.options), *_texts(one.ask or {})))
    return {right for usage in mine for right in usage.rights()}


def _texts(options: Any) -> Iterator[Any]:  # noqa: ANN401 -- options of any kind
    for value in options.values():
        yield from _texts(value) if isinstance(value, dict) else (value,)


def of_its_turns() -> set[Right]:
    return {*rights_to_lead(NAME), *rights_to_share()}


def test_it_may_change_its_own_deployment_and_nothing_else(shipped: Rendered) -> None:
    rights = granted_by(shipped[0])

    assert sorted(rights) == sorted(of_its_deployment())


def test_it_may_take_its_turn_and_keep_the_journal_and_nothing_else(shipped: Rendered) -> None:
    rights = granted_by(shipped[1])

    assert sorted(rights) == sorted(of_its_turns())


@pytest.mark.parametrize("which", [0, 1], ids=["deployment", "turns"])
async def test_without_one_right_the_account_lacks_just_that(
    which: int,
    shipped: Rendered,
    control_plane: ControlPlane,
    namespace: str,
    tmp_path: Path,
) -> None:
    granted = granted_by(shipped[which])
    for removed in granted:
        rest = [rule_of(one) for one in granted if one != removed]
        token = control_plane.account(namespace, rest)
        file = control_plane.kubeconfig(tmp_path, token, namespace)

        found = await standing(Access(kubeconfig=str(file)), granted)

        assert found.missing == (removed,)


async def test_turns_take_the_rights_that_are_declared(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    rules = [rule_of(one) for one in of_its_turns()]
    token = control_plane.account(namespace, rules, "user")
    access = Access(kubeconfig=str(control_plane.kubeconfig(tmp_path, token, namespace)))
    mark = control_plane.mark()

    for name in ("first", "second"):
        await _take_a_turn(access, name, tmp_path / name)

    control_plane.settle()
    user = f"system:serviceaccount:{namespace}:user"
    calls = [one for one in control_plane.audit.calls(mark) if one.user == user]
    assert [one for one in calls if one.code == 403] == []
    asked = {(one.verb, one.resource) for one in calls}
    assert asked == {(one.verb, resource_of(one)) for one in of_its_turns()}


async def _take_a_turn(access: Access, name: str, folder: Path) -> None:
    folder.mkdir()
    clock, path = SystemClock(), folder / "journal.db"
    lease = KubernetesLease(access, NAME, name, clock)
    await lease.acquire()
    async with reached(access) as api:
        shared = SharedJournal(api, NAME, name, path)
        epoch = await shared.take_over()
        async with open_journal(path, clock, epoch=epoch, copied=shared.copied) as journal:
            await journal.append(Paused(NAME, "ann", "a reason", None))
    await lease.release()


# That a cluster takes it


async def test_the_pods_run_where_restricted_is_enforced(
    kubectl: str, control_plane: ControlPlane, tmp_path: Path
) -> None:
    namespace = control_plane.namespace(RESTRICTED)
    # Of its turns' namespace, too, which belongs to the whole cluster.
    name = namespace
    objects, turns = sidecar(kubectl, tmp_path, namespace, deployment(name))
    # Nothing else is taken, dry or not, before its namespace is there.
    first = of_kind(turns, "Namespace")
    control_plane.apply(*first, dry_run=True)
    control_plane.apply(*first)
    control_plane.apply(*turns, *objects, dry_run=True)

    control_plane.apply(*turns, *objects)
    await control_plane.until_rolled_out(f"deployment/{name}", namespace)

    pods = control_plane.listed("pod", namespace)
    assert {len(one["spec"]["containers"]) for one in pods} == {2}
    assert {one["spec"]["serviceAccountName"] for one in pods} == {f"{name}-watchdog"}
    mounted = [
        [mount["mountPath"] for mount in container.get("volumeMounts", [])]
        for one in pods
        for container in one["spec"]["containers"]
    ]
    assert [TOKEN_AT in paths for paths in mounted] == [False, True] * len(pods)
    for each in (namespace, f"{name}-watchdog"):
        control_plane.delete(f"namespace/{each}")


async def test_what_the_account_may_not_the_api_server_refuses(
    kubectl: str, control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    name = namespace
    objects, turns = sidecar(kubectl, tmp_path, namespace, deployment(name))
    control_plane.apply(*turns, *objects, deployment("stock"), namespace=namespace)
    token = control_plane.token(namespace, only(objects, "ServiceAccount")["metadata"]["name"])
    mine = f"{name}-watchdog"

    async with control_plane.reached(tmp_path, namespace, token) as api:
        await api.get(DEPLOYMENT, name)
        await api.create(CONFIG_MAP, {"metadata": {"name": name}}, mine)
        for refused in (
            api.get(DEPLOYMENT, "stock"),
            api.patch(DEPLOYMENT, "stock", []),
            api.delete(DEPLOYMENT, name),
            api.get(CONFIG_MAP, mine),
            api.create(CONFIG_MAP, {"metadata": {"name": "any"}}),
            api.get(SECRET, "any"),
            api.get(LEASE, "another", mine),
            api.delete(CONFIG_MAP, name, mine),
            api.listed(CONFIG_MAP, mine),
        ):
            with pytest.raises(ForbiddenError):
                await refused
    control_plane.delete(f"namespace/{mine}")


def test_it_is_copied_and_named_as_the_page_says(kubectl: str, tmp_path: Path) -> None:
    page = (ROOT / "docs/kubernetes.md").read_text()
    [words] = [
        block
        for block in re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
        if "deploy/kubernetes/sidecar" in block
    ]
    for folder in ("expected", "mine"):
        (tmp_path / folder).mkdir()
    # Names that hold those that are replaced.
    namespace, name = "checkout-shop", "workshop"
    sidecar(kubectl, tmp_path / "expected", namespace, deployment(name))
    shutil.copytree(KUBERNETES, tmp_path / "deploy/kubernetes")

    script = words.replace("NAMESPACE", namespace).replace("NAME", name)
    subprocess.run(["bash", "-ec", script], cwd=tmp_path, check=True, timeout=60)

    assert _texts_in(tmp_path / "mine/watchdog") == _texts_in(tmp_path / "expected/watchdog")
    [binding] = of_kind(kustomized(kubectl, tmp_path / "mine/watchdog/turns"), "RoleBinding")
    assert binding["metadata"]["namespace"] == "workshop-watchdog"
    assert [(one["name"], one["namespace"]) for one in binding["subjects"]] == [
        ("workshop-watchdog", namespace)
    ]


def _texts_in(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*.yaml")}


def test_each_service_has_objects_of_its_own_name(kubectl: str, tmp_path: Path) -> None:
    """So that two of them in one namespace never have a Role in common."""
    names = []
    for service in ("stock", "prices"):
        folder = tmp_path / service
        folder.mkdir()
        objects, turns = sidecar(kubectl, folder, "shop", deployment(service))
        names.append({(one["kind"], one["metadata"]["name"]) for one in (*objects, *turns)})
        [binding] = of_kind(turns, "RoleBinding")
        account = only(objects, "ServiceAccount")["metadata"]
        assert binding["subjects"] == [
            {"kind": "ServiceAccount", "name": account["name"], "namespace": account["namespace"]}
        ]

    assert names[0] & names[1] == set()


def _pod(deployment: Object) -> Object:
    return dict(deployment["spec"]["template"]["spec"])
