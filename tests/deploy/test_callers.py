"""What is shipped so that accounts of the cluster can be heard: two rights, whatever the level."""

import re
import shlex
import subprocess
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.bed.cluster_callers import AUDIENCE, reviewing, right
from tests.bed.control_plane import ControlPlane
from tests.deploy.rendering import KUBERNETES, LEVELS, ROOT, Object, charted, of_kind, only, overlay
from watchdog.adapters.clock import SystemClock
from watchdog.adapters.kubernetes.access import Access
from watchdog.adapters.kubernetes.callers import NEEDED, callers_at, lacking
from watchdog.app.loading import Files

ROLE = "system:auth-delegator"


def _bound(objects: list[Object]) -> tuple[str, list[dict[str, Any]]]:
    """The account of the pod that mounts its token, and whom the one binding is for."""
    pod = only(objects, "Deployment")["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is True
    binding = only(objects, "ClusterRoleBinding")
    assert binding["roleRef"]["name"] == ROLE
    return pod["serviceAccountName"], binding["subjects"]


def test_no_overlay_may_ask_about_others_by_itself(kubectl: str, tmp_path: Path) -> None:
    for level in LEVELS:
        folder = tmp_path / level
        folder.mkdir()
        objects = overlay(kubectl, folder, level, "shop")
        assert of_kind(objects, "ClusterRoleBinding") == of_kind(objects, "ClusterRole") == []


@pytest.mark.parametrize("level", LEVELS)
def test_the_component_is_for_the_account_of_the_level(
    level: str, kubectl: str, tmp_path: Path
) -> None:
    account, subjects = _bound(overlay(kubectl, tmp_path, level, "shop", ["callers"]))

    assert subjects == [{"kind": "ServiceAccount", "name": account, "namespace": "shop"}]


@pytest.mark.parametrize("level", ["none", *LEVELS])
def test_the_chart_binds_the_account_of_the_level(level: str, helm: Path, tmp_path: Path) -> None:
    values = {"level": level, "callers": {"enabled": True}}

    account, subjects = _bound(charted(helm, tmp_path, "shop", values))

    assert subjects == [{"kind": "ServiceAccount", "name": account, "namespace": "shop"}]


def test_two_releases_of_the_chart_do_not_take_the_binding_from_each_other(
    helm: Path, tmp_path: Path
) -> None:
    values = {"callers": {"enabled": True}}
    names = {
        only(charted(helm, tmp_path, each, values), "ClusterRoleBinding")["metadata"]["name"]
        for each in ("shop", "stock")
    }

    assert len(names) == 2


def test_the_chart_binds_nobody_by_itself(helm: Path, tmp_path: Path) -> None:
    assert of_kind(charted(helm, tmp_path, "shop", {}), "ClusterRoleBinding") == []


def test_the_role_of_the_cluster_grants_what_is_needed_and_nothing_else(
    control_plane: ControlPlane,
) -> None:
    rules = control_plane.get(f"clusterrole/{ROLE}")["rules"]

    granted = {
        (group, resource, verb)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    assert granted == {(one.group, one.resource, one.verb) for one in NEEDED}


@pytest.mark.parametrize("left", ["tokenreviews", "subjectaccessreviews"])
async def test_without_one_right_the_account_lacks_just_the_other(
    left: str, control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    token = control_plane.account(namespace, cluster_rules=reviewing(left))
    file = control_plane.kubeconfig(tmp_path, token, namespace)

    found = await lacking(Access(kubeconfig=str(file)))

    assert {one.resource for one in found.missing} == {one.resource for one in NEEDED} - {left}


@pytest.fixture
def applied(
    kubectl: str, control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> Iterator[Path]:
    """The kubeconfig of the account that the shipped objects have made."""
    # A name of its own, as the file says: it belongs to the whole cluster.
    folder = tmp_path / "mine"
    folder.mkdir()
    more = {"namePrefix": f"{namespace}-"}
    objects = overlay(kubectl, folder, "alert-only", namespace, ["callers"], more=more)
    account = only(objects, "ServiceAccount")
    binding = only(objects, "ClusterRoleBinding")
    control_plane.apply(account, binding)
    token = control_plane.token(namespace, account["metadata"]["name"])
    yield control_plane.kubeconfig(tmp_path, token, namespace)
    control_plane.delete(f"clusterrolebinding/{binding['metadata']['name']}")


async def test_with_what_is_shipped_a_caller_is_known_and_judged(
    applied: Path, control_plane: ControlPlane, namespace: str
) -> None:
    access = Access(kubeconfig=str(applied))
    control_plane.account(namespace, [right("pause", names=["checkout"])], "ci")
    token = control_plane.token(namespace, "ci", [AUDIENCE])

    assert (await lacking(access)).missing == ()
    async with callers_at(access, AUDIENCE, 10.0, SystemClock()) as callers:
        caller = await callers.who(token)
        assert caller is not None
        assert await callers.may(caller, "pause", "checkout")
        assert not await callers.may(caller, "pause", "stock")


async def test_what_the_page_says_of_a_caller_works_as_it_says(
    applied: Path, kubectl: str, control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    page = (ROOT / "docs/kubernetes.md").read_text().partition("## Accounts that ask for acts")[2]
    switch, role = (
        textwrap.dedent(block) for block in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)[:2]
    )
    pipelines = control_plane.namespace()
    review = textwrap.dedent(re.findall(r"```sh\n(.*?)```", page, re.DOTALL)[0])
    command, _, question = review.partition("<<END\n")
    _, *asking = shlex.split(command)
    question = question.replace("pipelines", pipelines).replace(
        "namespace: shop", f"namespace: {namespace}"
    )
    question = question.replace("END\n", "")
    control_plane.apply(role.replace("pipelines", pipelines), namespace=namespace)
    control_plane.account(pipelines, name="ci")
    admin = str(control_plane.kubeconfig(tmp_path, namespace=namespace))

    def said(*words: str, read: str = "") -> str:
        argv = [kubectl, "--kubeconfig", admin, *words]
        done = subprocess.run(
            argv, input=read, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    made = ["create", "token", "ci", "--audience=rollback-watchdog", "--duration=10m"]
    token = said("-n", pipelines, *made)
    (tmp_path / "daemon.yaml").write_text(f'listen: "127.0.0.1:1"\n{switch}')
    door = Files([tmp_path / "daemon.yaml"]).load().daemon.api
    assert door is not None
    assert door.cluster is not None
    access = Access(kubeconfig=str(applied))
    async with callers_at(access, door.cluster.audience, 10.0, SystemClock()) as callers:
        caller = await callers.who(token)
        assert caller is not None
        may = [await callers.may(caller, "pause", name) for name in ("checkout", "stock", "")]

    assert may == [True, False, False]
    assert said(*asking, read=question) == "true"
    assert said(*asking, read=question.replace("name: checkout", "name: stock")) == "false"
    control_plane.delete(f"namespace/{pipelines}")


def test_the_component_is_taken_by_no_overlay() -> None:
    taken = [path for path in KUBERNETES.glob("overlays/*/*") if "callers" in path.read_text()]

    assert taken == []
