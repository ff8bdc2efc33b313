"""The shipped Roles on Argo CD and Flux: what suspending and resuming needs, and nothing else."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.bed import gitops
from tests.bed.control_plane import ControlPlane
from tests.bed.deps import real_deps
from tests.bed.manifests import deployment
from tests.deploy.rendering import KUBERNETES, Object, charted, kustomized, of_kind, only
from tests.deploy.rights import granted_by, rule_of
from watchdog import catalog
from watchdog.adapters.kubernetes.access import Access
from watchdog.adapters.kubernetes.rights import standing
from watchdog.plugins import Right

NAME = "checkout"
FOLDERS = {"flux": "flux-system", "argo-cd": "argocd"}
# Each with who it is for; it lives elsewhere than what it keeps.
OWNERS = {
    "flux": ("kustomization/flux-system/checkout", "helmrelease/flux-system/checkout"),
    "argo-cd": ("application/argocd/checkout",),
}
VERBS = ("kubernetes_suspend", "kubernetes_resume")
NAMED = {
    "level": "application",
    "gitops": {
        "flux": {"kustomizations": [NAME], "helmReleases": [NAME]},
        "argoCd": {"applications": [NAME]},
    },
}


def rights_of(use: str, owner: str) -> list[Right]:
    """Of one step, but for that to look at the workload, which every level has."""
    plugin = catalog.executor(use)
    assert plugin.rights is not None
    options = {"workload": f"deployment/{NAME}", "owner": owner}
    found = plugin.rights(plugin.options.model_validate(options))
    return [one for one in found if one.resource != "deployments"]


def needed(folder: str) -> set[Right]:
    return {one for use in VERBS for owner in OWNERS[folder] for one in rights_of(use, owner)}


def in_its_place(rights: list[Right], namespace: str) -> set[Right]:
    return {replace(one, namespace=namespace) for one in rights}


@pytest.mark.parametrize(("folder", "namespace"), FOLDERS.items())
def test_a_folder_grants_what_is_needed_where_it_is_needed_and_nothing_else(
    folder: str, namespace: str, kubectl: str
) -> None:
    objects = kustomized(kubectl, KUBERNETES / "gitops" / folder)

    assert {one["metadata"]["namespace"] for one in objects} == {namespace}
    rights = granted_by(objects)
    assert len(rights) == len(set(rights))
    assert in_its_place(rights, namespace) == needed(folder)
    account = "rollback-watchdog-application"
    assert only(objects, "RoleBinding")["subjects"] == [
        {"kind": "ServiceAccount", "name": account, "namespace": "shop"}
    ]


@pytest.mark.parametrize("folder", FOLDERS)
async def test_without_one_right_the_account_lacks_just_that(
    folder: str, kubectl: str, control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    granted = granted_by(kustomized(kubectl, KUBERNETES / "gitops" / folder))
    asked = in_its_place(list(needed(folder)), namespace)
    for right in granted:
        rest = [rule_of(one) for one in granted if one != right]
        token = control_plane.account(namespace, rest)
        file = control_plane.kubeconfig(tmp_path, token, "default")

        found = await standing(Access(kubeconfig=str(file)), asked)

        assert found.missing == (replace(right, namespace=namespace),)


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_api_server_takes_a_folder(
    folder: str, kubectl: str, control_plane: ControlPlane, namespace: str
) -> None:
    objects = kustomized(kubectl, KUBERNETES / "gitops" / folder)

    control_plane.apply(*(_moved(one, namespace) for one in objects), dry_run=True)


def test_the_chart_grants_what_the_folders_grant(
    helm: Path, kubectl: str, control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    chart = [
        one
        for one in charted(helm, tmp_path, "shop", NAMED)
        if one["metadata"].get("namespace") in FOLDERS.values()
    ]

    for folder, place in FOLDERS.items():
        mine = [one for one in chart if one["metadata"]["namespace"] == place]
        shipped = kustomized(kubectl, KUBERNETES / "gitops" / folder)
        assert granted_by(mine) == granted_by(shipped)
        (subject,) = only(mine, "RoleBinding")["subjects"]
        assert subject["name"].endswith("-application")
        assert subject["namespace"] == "shop"
    control_plane.apply(*(_moved(one, namespace) for one in chart), dry_run=True)


@pytest.mark.parametrize("values", [{"level": "application"}, {**NAMED, "level": "alert-only"}])
def test_where_nobody_is_named_or_nothing_is_done_the_chart_grants_none_of_it(
    values: dict[str, Any], helm: Path, tmp_path: Path
) -> None:
    objects = charted(helm, tmp_path, "shop", values)

    groups = {
        group
        for role in of_kind(objects, "Role")
        for rule in role["rules"]
        for group in rule["apiGroups"]
    }
    assert not groups & {"kustomize.toolkit.fluxcd.io", "helm.toolkit.fluxcd.io", "argoproj.io"}


@pytest.mark.parametrize(
    "gitops_values", [{"flux": {"kustomizations": ["*"]}}, {"argo": {}}, {"argoCd": {"names": []}}]
)
def test_the_chart_refuses_values_that_mean_nothing(
    gitops_values: dict[str, Any], helm: Path, tmp_path: Path
) -> None:
    with pytest.raises(AssertionError, match="gitops"):
        charted(helm, tmp_path, "shop", {"gitops": gitops_values})


async def test_both_steps_ask_for_what_they_declare_and_nothing_else(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    gitops.install(control_plane, "Kustomization")
    found = gitops.of_flux(deployment(NAME), namespace, NAME)
    control_plane.apply(gitops.kustomization(NAME), found, namespace=namespace)
    options = {"workload": f"deployment/{NAME}", "owner": f"kustomization/{NAME}"}
    plugin = catalog.executor(VERBS[0])
    assert plugin.rights is not None
    declared = plugin.rights(plugin.options.model_validate(options))
    token = control_plane.account(namespace, [rule_of(one) for one in declared], "user")
    mine = {**options, "kubeconfig": str(control_plane.kubeconfig(tmp_path, token, namespace))}
    mark = control_plane.mark()

    async with real_deps() as deps:
        for number, use in enumerate(VERBS):
            step = catalog.executor(use)
            given = step.options.model_validate(mine)
            assert all(one.ok for one in await step.probe(given, deps).preflight())
            await step.build(given, deps).execute(f"run-1/steps/{number}")

    control_plane.settle()
    user = f"system:serviceaccount:{namespace}:user"
    calls = [one for one in control_plane.audit.calls(mark) if one.user == user]
    asked = {(one.verb, one.resource) for one in calls if "selfsubject" not in one.resource}
    assert asked == {(one.verb, one.resource) for one in declared}
    assert {one.code for one in calls} <= {200, 201}


def _moved(found: Object, namespace: str) -> Object:
    return {**found, "metadata": {**found["metadata"], "namespace": namespace}}
