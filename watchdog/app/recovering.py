"""A person decides about a run that stopped: to go on, to take back what was done, or to end it."""

from typing import Any

from watchdog.app.approving import speaker_of
from watchdog.app.commands import Recover
from watchdog.app.daemon import Daemon
from watchdog.domain.asking import Asker
from watchdog.domain.errors import WatchdogError
from watchdog.domain.events import RunStarted
from watchdog.domain.progress import Recovery, RunRecovered


async def recover(daemon: Daemon, command: Recover, asker: Asker) -> dict[str, Any]:
    """Have the run's target do it, between two of its rounds; says what was done.

    Where others must agree first, the name of the request. Raises WatchdogError: refused.
    """
    records = await daemon.shared.journal.read(run=command.run)
    start = next((r.event for r in records if isinstance(r.event, RunStarted)), None)
    if start is None:
        raise WatchdogError(f"there is no run {command.run}; `status` names those that stopped")
    lane = daemon.lanes.get(start.target)
    if lane is None:
        raise WatchdogError(
            f"run {command.run} is of target {start.target}, and no file of this daemon names it"
        )
    kill_file = daemon.service.kill_file
    if command.how is not Recovery.ABANDON and kill_file.exists():
        raise WatchdogError(f"the kill switch is on: the file {kill_file} exists; remove it")
    event = RunRecovered(
        run=command.run,
        target=start.target,
        how=command.how,
        by=command.by,
        reason=command.reason,
        happened=command.happened,
    )
    speaker = speaker_of(asker, command.by)
    answer: dict[str, Any] = await lane.order(
        lambda: daemon.approvals.recover(lane, event, speaker)
    )
    return answer
