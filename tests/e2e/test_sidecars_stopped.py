"""Three watchdogs of one Deployment that bears the kill annotation: none acts, whoever leads."""

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.bed.control_plane import ControlPlane
from tests.bed.sidecars import BAD, pods_of
from watchdog.domain.events import Decided, KillSwitchChanged, Outcome, RunEnded, RunStarted

pytestmark = pytest.mark.timeout(600)
KILL = "rollback-watchdog.io/kill"


async def test_whoever_leads_next_is_stopped_by_the_same_annotation(
    control_plane: ControlPlane,
    namespace: str,
    tmp_path: Path,
    require_program: Callable[[str], str],
) -> None:
    async with pods_of(control_plane, namespace, tmp_path, require_program("kubectl")) as pods:
        first = await pods.until_led()
        annotate(control_plane, namespace, "not tonight")
        await pods.until_recorded(KillSwitchChanged)
        mark = control_plane.mark()
        await pods.deploy(BAD)
        await pods.until_recorded(Decided)
        await pods.end(first, signal.SIGKILL)
        await pods.until_follows(first)
        records = await pods.until_recorded(Decided)
        assert not any(isinstance(one.event, RunStarted) for one in records)
        assert control_plane.calls(namespace, mark, of=pods.user) == []

        annotate(control_plane, namespace, None)
        records = await pods.until_recorded(RunEnded)

    events = [one.event for one in records]
    assert [one.on for one in events if isinstance(one, KillSwitchChanged)] == [True, False]
    assert [one.outcome for one in events if isinstance(one, RunEnded)] == [Outcome.SUCCEEDED]


def annotate(plane: ControlPlane, namespace: str, reason: str | None) -> None:
    """None removes it. The Deployment that they guard has the name of the namespace."""
    change = {"metadata": {"annotations": {KILL: reason}}}
    plane.patch(f"deployment/{namespace}", namespace, change)
