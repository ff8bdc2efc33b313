"""The shipped daemon obeys annotations of its own Deployment, and may see them, and no more."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.bed.control_plane import ControlPlane
from tests.deploy.rendering import LEVELS, Object, charted, of_kind, only, overlay
from tests.deploy.rights import granted_by, rule_of
from watchdog.adapters.kubernetes.access import Access
from watchdog.adapters.kubernetes.notes import rights_to_notes
from watchdog.adapters.kubernetes.rights import standing
from watchdog.plugins import Right

VARIABLE = "ROLLBACK_WATCHDOG_SWITCHES__OBJECT"
APART = {"level": "flags", "guarded": {"namespace": "elsewhere"}}


def variable(objects: list[Object]) -> str:
    """Which object the chart has it watch; empty for none."""
    [container] = only(objects, "Deployment")["spec"]["template"]["spec"]["containers"]
    return next((one["value"] for one in container["env"] if one["name"] == VARIABLE), "")


def of_switches(objects: list[Object], kind: str) -> list[Object]:
    """What is made for the switches alone."""
    return [one for one in of_kind(objects, kind) if one["metadata"]["name"].endswith("-switches")]


@pytest.mark.parametrize("level", LEVELS)
async def test_the_account_of_an_overlay_sees_what_its_daemon_file_names(
    level: str, kubectl: str, control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    folder = tmp_path / "rendered"
    folder.mkdir()
    objects = overlay(kubectl, folder, level, namespace)
    control_plane.apply(*objects)
    account = only(objects, "ServiceAccount")["metadata"]["name"]
    written = yaml.safe_load(only(objects, "ConfigMap")["data"]["daemon.yaml"])["switches"][
        "object"
    ]
    token = control_plane.token(namespace, account)
    file = control_plane.kubeconfig(tmp_path, token, namespace)

    found = await standing(Access(kubeconfig=str(file)), rights_to_notes(written))

    assert found.missing == ()
    assert written == f"deployment/{only(objects, 'Deployment')['metadata']['name']}"


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({}, True),
        (APART, True),
        ({"level": "none"}, False),
        ({"switches": {"enabled": False}}, False),
    ],
    ids=str,
)
def test_the_chart_names_its_own_deployment_where_it_may_be_seen(
    values: dict[str, Any], named: bool, helm: Path, tmp_path: Path
) -> None:
    objects = charted(helm, tmp_path, "shop", values)

    name = only(objects, "Deployment")["metadata"]["name"]
    assert variable(objects) == (f"deployment/{name}" if named else "")


@pytest.mark.parametrize(
    "values", [{}, {**APART, "level": "none"}, {**APART, "switches": {"enabled": False}}]
)
def test_the_chart_makes_no_role_where_none_is_needed(
    values: dict[str, Any], helm: Path, tmp_path: Path
) -> None:
    assert of_switches(charted(helm, tmp_path, "shop", values), "Role") == []


def test_beside_another_namespace_it_may_see_its_own_deployment_there_and_nothing_else(
    helm: Path, tmp_path: Path
) -> None:
    objects = charted(helm, tmp_path, "shop", APART)

    [role], [binding] = of_switches(objects, "Role"), of_switches(objects, "RoleBinding")
    assert set(granted_by([role])) == set(rights_to_notes(variable(objects)))
    for one in (role, binding):
        assert one["metadata"]["namespace"] == "shop"
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    account = only(objects, "ServiceAccount")["metadata"]["name"]
    assert [(one["name"], one["namespace"]) for one in binding["subjects"]] == [(account, "shop")]


def test_the_api_server_takes_that_role(
    helm: Path, control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    values = {**APART, "guarded": {"namespace": control_plane.namespace()}}
    control_plane.apply(
        *charted(helm, tmp_path, namespace, values), namespace=namespace, dry_run=True
    )


@pytest.mark.parametrize("verb", ["list", "watch"])
async def test_without_one_right_of_that_role_just_that_is_missing(
    verb: str, helm: Path, control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    objects = charted(helm, tmp_path, namespace, APART)
    granted = granted_by(of_switches(objects, "Role"))
    rest = [rule_of(one) for one in granted if one.verb != verb]
    token = control_plane.account(namespace, rest)
    access = Access(kubeconfig=str(control_plane.kubeconfig(tmp_path, token, namespace)))

    found = await standing(access, rights_to_notes(variable(objects)))

    name = only(objects, "Deployment")["metadata"]["name"]
    assert found.missing == (Right("apps", "deployments", verb, name),)
