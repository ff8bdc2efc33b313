"""Writes the report of each run that ended, and again when its watch did; never in its way."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any, Protocol, TypeVar

from watchdog.domain.errors import WatchdogError
from watchdog.domain.events import IncidentOpened, Record, ReportWritten
from watchdog.domain.incident import Incident, incident_of
from watchdog.domain.plan_parts import looks
from watchdog.domain.progress import EvidenceCollected, Point, RunEnded, RunStarted, WatchEnded
from watchdog.domain.relation import AROUND, related
from watchdog.domain.signal import Verdict
from watchdog.domain.target import Target
from watchdog.engine.retry import pauses
from watchdog.ports import History, Journal, ReportWriter

# Seconds of history before the breach, and how many points of it at most.
BEFORE = 600.0
MAX_POINTS = 480
HISTORY_LIMIT = 30.0
TRIES = 7
# A trigger is pending before its incident opens: so many records before it are looked through.
BACK = 5000
REPORTS = "reports"

Memory = tuple[History, Any]
T = TypeVar("T")


class Records(Protocol):
    """The half of a journal that reads."""

    async def read(
        self, *, kinds: Iterable[type] | None = None, run: str | None = None, after: int = 0
    ) -> Sequence[Record]: ...


async def records_of(journal: Records, run: str) -> list[Record]:
    """All that a report on `run` rests on; empty where the journal knows no such run."""
    own = await journal.read(run=run)
    start = next((record.event for record in own if isinstance(record.event, RunStarted)), None)
    if start is None:
        return []
    opened = [
        record.seq
        for record in await journal.read(kinds=[IncidentOpened])
        if isinstance(record.event, IncidentOpened) and record.event.incident == start.incident
    ]
    since = max(0, min([*opened, own[0].seq]) - BACK)
    return related([*own, *await journal.read(kinds=AROUND, after=since)], run)


class Reporter:
    """Reports are written one at a time, in the order in which runs and watches end.

    `targets` gives the targets as they are now. `memory` gives the history that a target's
    signal has, and the question to put to it; None where its source keeps none.
    """

    def __init__(
        self,
        journal: Journal,
        writer: ReportWriter,
        *,
        targets: Callable[[], Mapping[str, Target]],
        memory: Callable[[Target, str], Memory | None],
        alarm: Callable[[str], None],
    ) -> None:
        self._journal = journal
        self._writer = writer
        self._targets = targets
        self._memory = memory
        self._alarm = alarm
        self._due: asyncio.Queue[str] = asyncio.Queue()
        journal.listen(self._note)

    async def run(self) -> None:
        """Write what the process before left undone, then whatever comes, until cancelled."""
        for run in await self._tried("what is left to report", self._unreported) or ():
            self._due.put_nowait(run)
        while True:
            run = await self._due.get()
            await self._tried(f"the evidence of run {run}", partial(self._collect, run))
            await self._tried(f"the report of run {run}", partial(self._write, run))
            self._due.task_done()

    async def settle(self, limit: float) -> bool:
        """Wait until all reports that are due were tried; False where `limit` s were too few."""
        try:
            async with asyncio.timeout(limit):
                await self._due.join()
        except TimeoutError:
            return False
        return True

    def _note(self, records: Sequence[Record]) -> None:
        for record in records:
            if isinstance(record.event, RunEnded | WatchEnded):
                self._due.put_nowait(record.event.run)

    async def _unreported(self) -> list[str]:
        """The runs that ended, or whose watch did, after their last report."""
        due: dict[str, None] = {}
        for record in await self._journal.read(kinds=(RunEnded, WatchEnded, ReportWritten)):
            match record.event:
                case RunEnded(run=run) | WatchEnded(run=run):
                    due[run] = None
                case ReportWritten(run=run):
                    due.pop(run, None)
                case _:
                    pass
        return list(due)

    async def _tried(self, what: str, call: Callable[[], Awaitable[T]]) -> T | None:
        """What `call` answers; None where it went wrong every time, which is told."""
        for pause in islice(pauses(), TRIES):
            try:
                return await call()
            except WatchdogError as error:
                self._alarm(f"{what}: {error}")
            except Exception as error:  # noqa: BLE001 -- supervises: a report must not end a run
                self._alarm(f"{what}: a mistake in the program, please report it: {error!r}")
                return None
            await asyncio.sleep(pause)
        return None

    async def _write(self, run: str) -> None:
        records = await records_of(self._journal, run)
        starts = [record.event for record in records if isinstance(record.event, RunStarted)]
        if starts:
            target = self._targets().get(starts[0].target)
            folder = target.report_to if target else REPORTS
            path = await self._writer.write(folder, run, records)
            await self._journal.append(ReportWritten(run, path))

    # -- evidence

    async def _collect(self, run: str) -> None:
        """Have the journal hold what the sources remember of the breach and the recovery."""
        records = await records_of(self._journal, run)
        if not records:
            return
        incident = incident_of(records, run)
        target = self._targets().get(incident.start.target)
        signals = _signals(incident, target) if target else ()
        evidence = [
            await self._recalled(incident, target, name, memory)
            for name in signals
            if target and (memory := self._memory(target, name))
        ]
        await self._journal.append(*evidence)

    async def _recalled(
        self, incident: Incident, target: Target, name: str, memory: Memory
    ) -> EvidenceCollected:
        history, ask = memory
        start, end = _span(incident)
        spec = target.signals[name]
        step = max(target.sources[spec.signal.source].every, (end - start) / MAX_POINTS)
        try:
            async with asyncio.timeout(HISTORY_LIMIT):
                points = tuple(map(_seen, await history.points(ask, start, end, step)))
        except TimeoutError:
            points = (_unread(end, f"no answer within {HISTORY_LIMIT:g} s"),)
        except WatchdogError as error:
            points = (_unread(end, str(error)),)
        return EvidenceCollected(incident.run.id, name, spec.text, points)


def _signals(incident: Incident, target: Target) -> list[str]:
    """The signals that fired, and those that the plan proves itself by; each once."""
    fired = [target.trigger(event.trigger) for event in incident.fired]
    names = [term.signal.name for trigger in fired if trigger for term in trigger.terms]
    names += [check.signal.name for check in looks(incident.start.plan)]
    return [name for name in dict.fromkeys(names) if name in target.signals]


def _span(incident: Incident) -> tuple[float, float]:
    """From before the breach to the end of the short watch, or to now; Unix seconds."""
    milestones = incident.milestones
    began = milestones.breach_started or milestones.decided
    over = (milestones.ended or incident.as_of).wall + incident.start.plan.watch.short + BEFORE
    return began.wall - BEFORE, min(incident.as_of.wall, over)


def _seen(point: Point) -> Point:
    """A number that the source remembers is known; the report judges it by what fired."""
    known = point.value is not None and math.isfinite(point.value)
    return replace(point, verdict=Verdict.OK) if known else point


def _unread(at: float, why: str) -> Point:
    return Point(at, Verdict.UNKNOWN, None, f"the source's history could not be read: {why}")
