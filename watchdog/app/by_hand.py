"""A person's run without a daemon: in this process, with the same journal, checks and report."""

import asyncio
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from watchdog.adapters.secrets import EnvAndFileSecrets
from watchdog.app.control import Control
from watchdog.app.loading import Files
from watchdog.app.opening import Opened, open_daemon
from watchdog.domain.errors import WatchdogError
from watchdog.domain.run import WATCHES, Run

# Seconds: between two looks at what the run did, and for its report once it is over.
POLL = 0.1
REPORT_LIMIT = 10.0

Tell = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person wants to be run."""

    target: str
    plan: str
    plan_hash: str
    by: str
    reason: str

    @property
    def arguments(self) -> dict[str, str]:
        """As the command `rollback` takes them."""
        return asdict(self)


@dataclass(slots=True)
class Following:
    """Follows one run by its events. `outcome` is empty until it is over."""

    run: str
    tell: Tell
    after: int = 0
    outcome: str = ""
    reported: bool = False

    def take(self, events: list[dict[str, Any]]) -> None:
        """Tell of `events`, and remember how far the run is."""
        for each in events:
            self.after = each["seq"]
            self.tell(each)
            if each["kind"] == "RunEnded":
                self.outcome = each["event"]["outcome"]
            self.reported = self.reported or each["kind"] == "ReportWritten"


@dataclass(slots=True)
class _Result:
    outcome: str = ""
    error: WatchdogError | None = None
    notes: list[str] = field(default_factory=list)


async def run_here(files: Files, secrets: EnvAndFileSecrets, wish: Wish, tell: Tell) -> str:
    """Run the plan in this process; the outcome, or empty when it was parked by a signal.

    A run of this target that the journal knows to be open comes first, and then instead: what
    a crash left half done is brought to an end before anything else begins. Raises ConfigError,
    JournalError, or WatchdogError when the run is refused.
    """
    result = _Result()
    async with open_daemon(files, secrets, faceless=True) as opened:
        mine = [run for run in opened.open_runs if run.start.target == wish.target]

        async def work() -> None:
            await opened.daemon.ready.wait()
            try:
                result.outcome = await _work(opened, mine, wish, tell)
            except WatchdogError as error:
                result.error = error
            opened.daemon.service.stop(f"the run by hand of {wish.by} is over")
            # The end of this task must not end the others before they are drained.
            await asyncio.Event().wait()

        opened.daemon.background["by hand"] = work
        await opened.daemon.run(mine, watching=False)
    if result.error is not None:
        raise result.error
    return result.outcome


async def _work(opened: Opened, mine: list[Run], wish: Wish, tell: Tell) -> str:
    unfinished = [run.id for run in mine if run.stage not in WATCHES]
    if unfinished:
        return await _follow(opened.control, unfinished[0], tell)
    answer = await opened.control.obey("rollback", wish.arguments, os.getuid())
    if "run" not in answer:
        raise WatchdogError(f"{answer['done']}; start the daemon: without it nobody can answer")
    return await _follow(opened.control, answer["run"], tell)


async def _follow(control: Control, run: str, tell: Tell) -> str:
    following = Following(run, tell)
    while not following.outcome:
        following.take(await control.events(run, following.after))
        await asyncio.sleep(POLL)
    try:
        async with asyncio.timeout(REPORT_LIMIT):
            while not following.reported:
                following.take(await control.events(run, following.after))
                await asyncio.sleep(POLL)
    except TimeoutError:
        pass
    return following.outcome
