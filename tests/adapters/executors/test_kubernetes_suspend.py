"""Suspending whoever keeps an object, and resuming it, on a real API server."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.bed import gitops
from tests.bed.cluster_steps import ClusterSteps, cluster_steps
from tests.bed.control_plane import ControlPlane, wait_for
from tests.bed.gitops_steps import SHOP, application, by_argo, by_flux, kustomization
from tests.bed.manifests import deployment, service
from watchdog.adapters.executors.kubernetes_resume import plugin as resuming
from watchdog.adapters.executors.kubernetes_suspend import plugin as suspending
from watchdog.adapters.kubernetes.suspending import SUSPENDED_NOTE
from watchdog.domain.errors import PermanentError
from watchdog.domain.events import Effect
from watchdog.ports import NothingSent

BY_RUN, UNDO = "run-7/steps/2", "run-7/undo/2"


@pytest.fixture
async def suspend(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> AsyncIterator[ClusterSteps]:
    gitops.install(control_plane)
    async with cluster_steps(control_plane, namespace, suspending, tmp_path) as steps:
        yield steps


@pytest.fixture
async def resume(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> AsyncIterator[ClusterSteps]:
    async with cluster_steps(control_plane, namespace, resuming, tmp_path) as steps:
        yield steps


def says(steps: ClusterSteps, kind: str, status: dict[str, Any]) -> None:
    """As its controller writes it."""
    path = gitops.keeper_path(kind, steps.namespace)
    path += "" if kind == "Application" else "/status"
    steps.plane.api.request(
        "PATCH", path, {"status": status}, content_type="application/merge-patch+json"
    )


# -- who keeps it


async def test_whoever_keeps_it_is_found_by_the_name_that_it_left(suspend: ClusterSteps) -> None:
    await by_flux(suspend)

    before = await suspend.said_before(**SHOP)
    said = await suspend.execute(**SHOP)

    owner = f"kustomization/{suspend.namespace}/shop"
    assert f"deployment/shop is kept by {owner}, which works by itself" in before
    assert said == f"{owner} is suspended now"
    assert kustomization(suspend)["spec"]["suspend"] is True


async def test_a_service_is_kept_as_well_as_a_workload(suspend: ClusterSteps) -> None:
    suspend.plane.apply(gitops.helm_release(), namespace=suspend.namespace)
    await suspend.has(gitops.of_flux(service("shop"), suspend.namespace, kind="HelmRelease"))

    said = await suspend.execute(service="shop")

    assert said == f"helmrelease/{suspend.namespace}/shop is suspended now"


async def test_an_application_is_found_by_its_label_where_it_lists_the_object(
    suspend: ClusterSteps,
) -> None:
    labelled = deployment("shop")
    labelled["metadata"]["labels"] = {"app": "shop", "app.kubernetes.io/instance": "shop"}
    suspend.plane.apply(gitops.application(automated={}), namespace=suspend.namespace)
    await suspend.has(labelled)
    argo = {**SHOP, "argo_namespace": suspend.namespace}

    stranger = await suspend.said_before(**argo)
    listed = {"group": "apps", "kind": "Deployment", "namespace": suspend.namespace, "name": "shop"}
    says(suspend, "Application", {"resources": [listed]})
    said = await suspend.execute(**argo)

    assert "does not list it; nothing to do" in stranger
    assert said == f"application/{suspend.namespace}/shop is suspended now"
    assert application(suspend)["spec"]["syncPolicy"] == {}


@pytest.mark.parametrize("instance", ["", "shop"])
async def test_where_nobody_keeps_it_nothing_is_done(suspend: ClusterSteps, instance: str) -> None:
    # Helm's charts set that label, with no Argo CD far and wide.
    found = deployment("shop")
    found["metadata"]["labels"] |= {"app.kubernetes.io/instance": instance} if instance else {}
    await suspend.has(found)

    (finding, *_) = [one for one in await suspend.findings(**SHOP) if one.warns]
    said = await suspend.execute(**SHOP)

    assert "bears nobody's name" in finding.text
    assert isinstance(said, NothingSent)
    effect, seen = await suspend.inspect(**SHOP)
    assert (effect, isinstance(seen, NothingSent)) == (Effect.APPLIED, True)
    assert suspend.sent() == []


async def test_what_may_be_argos_and_may_not_be_looked_at_is_said(suspend: ClusterSteps) -> None:
    found = deployment("shop")
    found["metadata"]["labels"] |= {"app.kubernetes.io/instance": "shop"}
    await suspend.has(found)
    right = {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get"]}

    said = await suspend.as_account(right).said_before(**SHOP)

    assert "may be kept by application/argocd/shop, which the account may not look at" in said


async def test_an_annotation_that_was_copied_along_names_nobody(suspend: ClusterSteps) -> None:
    copied = gitops.of_argo(deployment("cart"), suspend.namespace)
    copied["metadata"]["name"] = "shop"
    await suspend.has(copied)

    assert "bears nobody's name" in await suspend.said_before(**SHOP)


async def test_of_two_that_keep_it_one_has_to_be_named(suspend: ClusterSteps) -> None:
    await by_flux(suspend)
    place = suspend.namespace
    both = gitops.of_flux(deployment("shop"), place)
    await suspend.has(gitops.of_argo(both, place, f"{place}_shop"))

    (refused,) = await suspend.preflight(**SHOP)
    said = await suspend.execute(**SHOP, owner="kustomization/shop")

    assert "name one as `owner`, a step for each" in refused
    assert "is suspended now" in said


async def test_another_owner_than_the_named_one_is_refused(suspend: ClusterSteps) -> None:
    await by_flux(suspend)

    (refused,) = await suspend.preflight(**SHOP, owner="helmrelease/elsewhere/shop")

    assert refused.endswith(
        f"is kept by kustomization/{suspend.namespace}/shop, not by helmrelease/elsewhere/shop: "
        "mend `owner`"
    )
    error = await suspend.refused(**SHOP, owner="helmrelease/elsewhere/shop")
    assert isinstance(error, PermanentError)


@pytest.mark.parametrize("owner", ["kustomization/shop", "application/shop"])
async def test_a_named_owner_that_does_not_keep_it_is_left_alone(
    suspend: ClusterSteps, owner: str
) -> None:
    both = gitops.kustomization(), gitops.application(automated={})
    suspend.plane.apply(*both, namespace=suspend.namespace)
    await suspend.has(deployment("shop"))

    said = await suspend.execute(**SHOP, owner=owner)

    assert isinstance(said, NothingSent)
    assert "does not list it" in said
    assert suspend.sent() == []


# -- what keeps it from being suspended


async def test_an_owner_that_is_not_there_is_named(suspend: ClusterSteps) -> None:
    await suspend.has(gitops.of_flux(deployment("shop"), suspend.namespace, "gone"))

    (refused,) = await suspend.preflight(**SHOP)

    assert f"kustomization/{suspend.namespace}/gone, but there is no such object" in refused
    assert "if another cluster's keeps it" in refused
    assert isinstance(await suspend.refused(**SHOP), PermanentError)
    assert (await suspend.inspect(**SHOP))[0] is Effect.UNKNOWN


async def test_a_kind_that_the_cluster_does_not_know_is_named(suspend: ClusterSteps) -> None:
    await suspend.has(gitops.of_flux(deployment("shop"), suspend.namespace, kind="HelmRelease"))
    gitops.uninstall(suspend.plane, "HelmRelease")

    (refused,) = await suspend.preflight(**SHOP)

    assert "the cluster knows no helmreleases.helm.toolkit.fluxcd.io" in refused
    assert suspend.sent() == []


async def test_a_right_on_whoever_is_found_is_asked_for_beforehand(suspend: ClusterSteps) -> None:
    await by_flux(suspend)
    rights = [
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get"]},
        {
            "apiGroups": ["kustomize.toolkit.fluxcd.io"],
            "resources": ["kustomizations"],
            "verbs": ["get"],
        },
    ]

    (refused,) = await suspend.as_account(*rights).preflight(**SHOP)

    place = suspend.namespace
    assert f"may not patch kustomizations.kustomize.toolkit.fluxcd.io shop in {place}" in refused


async def test_who_may_undo_it_is_said_beforehand(suspend: ClusterSteps) -> None:
    await by_argo(suspend, {"selfHeal": True})
    place = suspend.namespace
    generator = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "ApplicationSet",
        "name": "all-shops",
        "uid": "0",
    }
    parent = gitops.of_argo(gitops.application(automated={"selfHeal": True}), place, "platform")
    parent["metadata"]["ownerReferences"] = [generator]
    suspend.plane.apply(parent, namespace=place)

    said = await suspend.said_before(**SHOP)

    assert f"applicationset/all-shops, which makes application/{place}/shop" in said
    assert f"application/{place}/shop is itself kept by Argo CD's application platform" in said


async def test_a_parent_of_flux_is_only_named_where_it_says_the_field_itself(
    suspend: ClusterSteps,
) -> None:
    await by_flux(suspend)
    place = suspend.namespace
    parent = gitops.of_flux(gitops.kustomization(), place, "root")
    suspend.plane.apply(parent, namespace=place)

    quiet = await suspend.said_before(**SHOP)
    change = {"spec": {"suspend": False}}
    gitops.change_keeper(suspend.plane, "Kustomization", place, change, as_="kustomize-controller")
    warned = await suspend.said_before(**SHOP)

    assert "itself kept by" not in quiet
    assert f"is itself kept by Flux's Kustomization {place}/root, whose repository says" in warned


# -- suspending it


async def test_what_somebody_else_suspended_is_left_alone(suspend: ClusterSteps) -> None:
    await by_flux(suspend, suspend=True)

    before = await suspend.said_before(**SHOP)
    said = await suspend.execute(**SHOP)

    assert "is suspended already, not by us" in before
    assert isinstance(said, NothingSent)
    assert isinstance((await suspend.inspect(**SHOP))[1], NothingSent)
    assert suspend.sent() == []
    assert SUSPENDED_NOTE not in kustomization(suspend)["metadata"].get("annotations", {})


@pytest.mark.parametrize("automated", [None, {"enabled": False, "prune": True}])
async def test_an_application_that_does_not_sync_by_itself_is_left_alone(
    suspend: ClusterSteps, automated: dict[str, Any] | None
) -> None:
    await by_argo(suspend, automated)

    assert "does not sync by itself already" in await suspend.said_before(**SHOP)
    assert isinstance(await suspend.execute(**SHOP), NothingSent)
    assert suspend.sent() == []


async def test_what_it_had_begun_before_is_waited_for(suspend: ClusterSteps) -> None:
    await by_argo(suspend, {"selfHeal": True})
    says(suspend, "Application", {"operationState": {"phase": "Running"}})

    async with asyncio.TaskGroup() as tasks:
        step = tasks.create_task(suspend.execute(**SHOP))
        found = await asyncio.to_thread(_until_suspended, suspend)
        early = step.done()
        says(suspend, "Application", {"operationState": {"phase": "Succeeded"}})

    assert (found, early) == ({}, False)
    assert step.result().endswith("is suspended now")


def _until_suspended(steps: ClusterSteps) -> Any:  # noqa: ANN401
    def seen() -> bool:
        return "automated" not in application(steps)["spec"]["syncPolicy"]

    wait_for(seen, "it is suspended")
    return application(steps)["spec"]["syncPolicy"]


async def test_a_change_of_somebody_else_in_between_is_not_overwritten(
    suspend: ClusterSteps, resume: ClusterSteps
) -> None:
    await by_argo(suspend, {"selfHeal": True})
    async with suspend.plane.gateway() as way:
        changed: list[str] = []

        async def at_first(request: web.Request) -> None:
            if request.method == "PATCH" and not changed:
                changed.append(request.method)
                change = {"spec": {"syncPolicy": {"automated": {"prune": True}}}}
                gitops.change_keeper(suspend.plane, "Application", suspend.namespace, change)

        way.rule = at_first
        said = await suspend.through(way.base).execute(BY_RUN, **SHOP)
    await resume.execute(UNDO, **SHOP)

    assert said.endswith("is suspended now")
    both = {"automated": {"prune": True, "selfHeal": True}}
    assert application(suspend)["spec"]["syncPolicy"] == both


# -- what a file says


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"workload": "deployment/shop", "service": "shop"},
        {"workload": "deployment/shop", "owner": "shop"},
        {"workload": "deployment/shop", "owner": "deployment/shop"},
        {"workload": "deployment/shop", "owner": "application/a/b/c"},
    ],
)
def test_options_that_mean_nothing_are_refused(options: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"say what is kept|should match pattern"):
        suspending.options.model_validate(options)


def test_without_an_owner_nobody_can_say_which_one_is_patched(
    suspend: ClusterSteps, resume: ClusterSteps
) -> None:
    assert suspend.render(**SHOP) == "PATCH who keeps deployment/shop: suspended"
    assert resume.render(**SHOP) == "PATCH who keeps deployment/shop: as before we suspended it"
    assert [one.resource for one in suspending.rights(suspend.options(**SHOP))] == ["deployments"]  # type: ignore[misc]
    named = suspend.options(**SHOP, owner="application/argocd/shop")
    assert {one.namespace for one in suspending.rights(named)} == {"", "argocd"}  # type: ignore[misc]
