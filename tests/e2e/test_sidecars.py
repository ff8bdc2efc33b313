"""Three watchdogs of one Deployment, one breach: one rollback, whoever of them lives.

All of them have the token of the shipped sidecar's account, and so its rights and no others.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from random import Random

import pytest

from tests.bed.control_plane import ControlPlane
from tests.bed.sidecars import BAD, Pods, pods_of
from tests.control_plane.audit import Call
from watchdog.domain.events import Outcome, Record, RunEnded, RunStarted, StepIntended

pytestmark = pytest.mark.timeout(600)
# As many kills as the environment says; each takes a lease that runs out.
ROUNDS = int(os.environ.get("SIDECARS") or 1)


@pytest.fixture
async def pods(
    control_plane: ControlPlane,
    namespace: str,
    tmp_path: Path,
    require_program: Callable[[str], str],
) -> AsyncIterator[Pods]:
    async with pods_of(control_plane, namespace, tmp_path, require_program("kubectl")) as found:
        yield found


async def assert_one_rollback(pods: Pods, mark: int) -> None:
    """One run, of one patch, whoever carried it out; and nothing that was refused."""
    records = await pods.until_recorded(RunEnded)
    (start,) = [one.event for one in records if isinstance(one.event, RunStarted)]
    (end,) = [one.event for one in records if isinstance(one.event, RunEnded)]
    assert (end.run, end.outcome) == (start.run, Outcome.SUCCEEDED), pods.logs
    patches = [(one.verb, one.code) for one in theirs(pods, mark) if one.resource == "deployments"]
    assert patches == [("patch", 200)]
    refused = [one for one in pods.plane.audit.calls() if one.user == pods.user and one.code == 403]
    assert refused == []
    assert pods.is_well()


def theirs(pods: Pods, mark: int) -> list[Call]:
    """What any of them changed among the objects of the service."""
    return pods.plane.calls(pods.namespace, mark, of=pods.user)


async def test_three_see_it_and_one_acts(pods: Pods) -> None:
    await pods.until_led()
    mark = pods.plane.mark()
    await pods.deploy(BAD)

    await assert_one_rollback(pods, mark)


async def test_whoever_is_ended_in_order_hands_the_run_over_at_once(pods: Pods) -> None:
    first = await pods.until_led()
    mark = pods.plane.mark()
    await pods.deploy(BAD)
    await pods.until_recorded(RunStarted)
    # As the rollback itself does it: the pod that acts is one of those it replaces.
    await pods.end(first, signal.SIGTERM)

    assert await pods.until_led() != first
    await assert_one_rollback(pods, mark)


@pytest.mark.parametrize("seed", range(ROUNDS))
async def test_whoever_is_killed_half_way_is_followed_by_another(
    pods: Pods, seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    random = Random(seed)
    first = await pods.until_led()
    mark = pods.plane.mark()
    await pods.deploy(BAD)
    await pods.until_recorded(RunStarted)
    await asyncio.sleep(random.random() / 2)
    await pods.end(first, signal.SIGKILL)
    killed, was_sent = time.monotonic(), bool(theirs(pods, mark))
    await pods.until_follows(first)
    led = time.monotonic()

    await assert_one_rollback(pods, mark)
    records = await pods.records()
    assert {record.epoch for record in records} == {1, 2}
    if "SIDECARS" in os.environ:
        ended = time.monotonic()
        with capsys.disabled():
            sys.stdout.write(
                f"\nround {seed}: {left_at(records)}, its patch {'' if was_sent else 'not '}sent; "
                f"followed after {led - killed:.1f} s, rolled back after {ended - killed:.1f} s\n"
            )


def left_at(records: Sequence[Record]) -> str:
    """In whose middle the first one was killed."""
    done = [record.event for record in records if record.epoch == 1]
    steps = [event.name for event in done if isinstance(event, StepIntended)]
    return f"killed after {type(done[-1]).__name__}{f' of {steps[-1]}' if steps else ''}"
