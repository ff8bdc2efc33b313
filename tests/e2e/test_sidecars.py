"""Three watchdogs of one Deployment, one breach: one rollback, whoever of them lives."""

import asyncio
import os
import signal
from pathlib import Path
from random import Random

import pytest

from tests.bed.control_plane import ControlPlane
from tests.bed.patience import until
from tests.bed.sidecars import BAD, Pods, pods_of
from watchdog.domain.events import Outcome, RunEnded, RunStarted

pytestmark = pytest.mark.timeout(600)
# As many kills as the environment says; each takes a lease that runs out.
ROUNDS = int(os.environ.get("SIDECARS") or 1)


async def assert_one_rollback(pods: Pods, mark: int) -> None:
    """One run, of one patch, whoever carried it out."""
    records = await pods.until_recorded(RunEnded)
    (start,) = [one.event for one in records if isinstance(one.event, RunStarted)]
    (end,) = [one.event for one in records if isinstance(one.event, RunEnded)]
    assert (end.run, end.outcome) == (start.run, Outcome.SUCCEEDED), pods.logs
    patches = [
        call
        for call in pods.plane.calls(pods.namespace, mark)
        if (call.verb, call.resource) == ("patch", "deployments") and "bed" not in call.user
    ]
    assert [call.code for call in patches] == [200], patches
    assert pods.is_well()


async def test_three_see_it_and_one_acts(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    async with pods_of(control_plane, namespace, tmp_path) as pods:
        await pods.until_led()
        mark = control_plane.mark()
        await pods.deploy(BAD)

        await assert_one_rollback(pods, mark)


async def test_whoever_is_ended_in_order_hands_the_run_over_at_once(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    async with pods_of(control_plane, namespace, tmp_path) as pods:
        first = await pods.until_led()
        mark = control_plane.mark()
        await pods.deploy(BAD)
        await pods.until_recorded(RunStarted)
        # As the rollback itself does it: the pod that acts is one of those it replaces.
        await pods.end(first, signal.SIGTERM)

        assert await pods.until_led() != first
        await assert_one_rollback(pods, mark)


@pytest.mark.parametrize("seed", range(ROUNDS))
async def test_whoever_is_killed_half_way_is_followed_by_another(
    control_plane: ControlPlane, namespace: str, tmp_path: Path, seed: int
) -> None:
    random = Random(seed)
    async with pods_of(control_plane, namespace, tmp_path) as pods:
        first = await pods.until_led()
        mark = control_plane.mark()
        await pods.deploy(BAD)
        await pods.until_recorded(RunStarted)
        await asyncio.sleep(random.random() / 2)
        await pods.end(first, signal.SIGKILL)
        await until(lambda: pods.leader not in ("", first), "another one leads", 60)

        await assert_one_rollback(pods, mark)
        epochs = {record.epoch for record in await pods.records()}
        assert epochs == {1, 2}
