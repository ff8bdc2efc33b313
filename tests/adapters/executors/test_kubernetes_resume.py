"""Resuming what was suspended by us: exactly as it was, and nothing else."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.bed import gitops
from tests.bed.cluster_steps import ClusterSteps, cluster_steps
from tests.bed.control_plane import ControlPlane
from tests.bed.gitops_steps import SHOP, application, by_argo, by_flux, kustomization
from watchdog.adapters.executors.kubernetes_resume import plugin as resuming
from watchdog.adapters.executors.kubernetes_suspend import plugin as suspending
from watchdog.adapters.kubernetes.suspending import SUSPENDED_NOTE
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
    assert (await resume.inspect(UNDO, **SHOP))[0] is Effect.APPLIED
    assert kustomization(resume)["spec"]["suspend"] is True


async def test_a_note_of_ours_proves_nothing_once_others_resumed_and_suspended_it_again(
    suspend: ClusterSteps, resume: ClusterSteps
) -> None:
    await by_flux(suspend)
    await suspend.execute(BY_RUN, **SHOP)
    for state in (False, True):
        change = {"spec": {"suspend": state}}
        gitops.change_keeper(suspend.plane, "Kustomization", suspend.namespace, change)

    said = await resume.execute("run-9/steps/0", **SHOP)

    assert "was suspended by somebody else" in said
    assert kustomization(resume)["spec"]["suspend"] is True
