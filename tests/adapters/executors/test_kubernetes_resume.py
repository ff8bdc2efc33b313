"""Resuming what was suspended by us: exactly as it was, and nothing else."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.bed import gitops
from tests.bed.cluster_steps import ClusterSteps, cluster_steps
from tests.bed.control_plane import ControlPlane, wait_for
from tests.bed.gitops_steps import SHOP, application, by_argo, by_flux, kustomization
from watchdog.adapters.executors.kubernetes_resume import plugin as resuming
from watchdog.adapters.executors.kubernetes_suspend import plugin as suspending
from watchdog.adapters.kubernetes.suspending import SUSPENDED_NOTE
from watchdog.domain.errors import PermanentError
from watchdog.domain.events import Effect
from watchdog.ports import NothingSent

BY_RUN, UNDO, OTHER_UNDO = "run-7/steps/2", "run-7/undo/2", "run-8/undo/2"


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


@pytest.mark.parametrize("before", [{}, {"suspend": False}])
async def test_flux_is_exactly_as_before(
    suspend: ClusterSteps, resume: ClusterSteps, before: dict[str, Any]
) -> None:
    await by_flux(suspend, **before)
    was = kustomization(suspend)["spec"]
    await suspend.execute(BY_RUN, **SHOP)

    said = await resume.execute(UNDO, **SHOP)

    assert "works by itself again, as before step run-7/steps/2" in said
    found = kustomization(resume)
    assert found["spec"] == was
    assert SUSPENDED_NOTE not in found["metadata"]["annotations"]


@pytest.mark.parametrize(
    "automated", [{}, {"prune": True}, {"enabled": True, "prune": True, "selfHeal": False}]
)
async def test_argo_is_exactly_as_before(
    suspend: ClusterSteps, resume: ClusterSteps, automated: dict[str, Any]
) -> None:
    await by_argo(suspend, automated)
    was = application(suspend)["spec"]
    await suspend.execute(BY_RUN, **SHOP)
    assert "automated" not in application(suspend)["spec"]["syncPolicy"]

    await resume.execute(UNDO, **SHOP)

    assert application(resume)["spec"] == was


async def test_a_policy_that_went_away_meanwhile_is_made_anew(
    suspend: ClusterSteps, resume: ClusterSteps
) -> None:
    await by_argo(suspend, {"prune": True})
    await suspend.execute(BY_RUN, **SHOP)
    change = {"spec": {"syncPolicy": None}}
    gitops.change_keeper(suspend.plane, "Application", suspend.namespace, change)

    await resume.execute(UNDO, **SHOP)

    assert application(resume)["spec"]["syncPolicy"] == {"automated": {"prune": True}}


async def test_an_undo_resumes_what_its_own_run_suspended_and_nothing_else(
    suspend: ClusterSteps, resume: ClusterSteps
) -> None:
    await by_flux(suspend)
    await suspend.execute(BY_RUN, **SHOP)
    began = suspend.plane.mark()

    again = await suspend.execute("run-8/steps/2", **SHOP)
    left = await resume.execute(OTHER_UNDO, **SHOP)

    assert isinstance(again, NothingSent)
    assert "is suspended already, by step run-7/steps/2" in again
    assert "was suspended by step run-7/steps/2, of another run, and is left so" in left
    assert suspend.plane.calls(suspend.namespace, began) == []
    # A plan that takes a rollback back is a run of its own.
    assert "works by itself again" in await resume.execute("run-9/steps/0", **SHOP)


async def test_what_somebody_else_suspended_is_not_resumed(resume: ClusterSteps) -> None:
    gitops.install(resume.plane)
    await by_flux(resume, suspend=True)

    before = await resume.said_before(**SHOP)
    said = await resume.execute(UNDO, **SHOP)

    assert "was suspended by somebody else, and is left so" in before
    assert "was suspended by somebody else, and is left so" in said
    assert isinstance(said, NothingSent)
    effect, seen = await resume.inspect(UNDO, **SHOP)
    assert (effect, isinstance(seen, NothingSent)) == (Effect.APPLIED, True)
    assert kustomization(resume)["spec"]["suspend"] is True


async def test_a_note_of_ours_proves_nothing_once_others_resumed_and_suspended_it_again(
    suspend: ClusterSteps, resume: ClusterSteps
) -> None:
    await by_flux(suspend)
    await suspend.execute(BY_RUN, **SHOP)
    for state in (False, True):
        change = {"spec": {"suspend": state}}
        gitops.change_keeper(suspend.plane, "Kustomization", suspend.namespace, change)

    said = await resume.refused("run-9/steps/0", **SHOP)

    assert isinstance(said, PermanentError)
    assert "was suspended by somebody else" in str(said)
    assert f"flux resume kustomization shop -n {resume.namespace}" in str(said)
    assert (await resume.inspect("run-9/steps/0", **SHOP))[0] is Effect.NOT_APPLIED
    assert kustomization(resume)["spec"]["suspend"] is True


async def test_an_application_whose_sync_others_wrote_to_since_is_theirs(
    suspend: ClusterSteps, resume: ClusterSteps
) -> None:
    await by_argo(suspend, {"prune": True})
    await suspend.execute(BY_RUN, **SHOP)

    def later() -> bool:
        # Of two writes in one second, nobody can say which was first.
        for automated in ({"prune": True}, None):
            policy = {"automated": automated, "syncOptions": ["PrunePropagationPolicy=foreground"]}
            change = {"spec": {"syncPolicy": policy}}
            where = suspend.namespace
            gitops.change_keeper(suspend.plane, "Application", where, change, as_="argocd-server")
        entries = application(suspend)["metadata"]["managedFields"]
        times = {one["manager"]: one["time"] for one in entries}
        return bool(times["argocd-server"] > times["rollback-watchdog"])

    await asyncio.to_thread(wait_for, later, "theirs is the later one")
    said = await resume.refused("run-9/steps/0", **SHOP)

    assert "was suspended by somebody else" in str(said)
    assert f"argocd app set {resume.namespace}/shop --sync-policy automated" in str(said)
    assert "automated" not in application(resume)["spec"]["syncPolicy"]
