"""Plays a case in virtual time, with the daemon's own lane: nothing is decided anywhere else."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from watchdog.app.rehearsed_process import REHEARSED, RehearsedProcess, Theatre
from watchdog.domain.breaker import BreakerLimits
from watchdog.domain.case import Case, Changed, Expected
from watchdog.domain.case_outcome import CaseOutcome, Line, Seen, missed
from watchdog.domain.case_telling import lines
from watchdog.domain.change import ChangeSeen, VersionGood
from watchdog.domain.decision_table import named
from watchdog.domain.events import ClockStepped, Event
from watchdog.domain.moment import Moment
from watchdog.domain.observation import Observation
from watchdog.domain.target import Target
from watchdog.testing.rehearsal import Rehearsal
from watchdog.testing.virtual_time import EPOCH, VirtualClock, run_virtually

# One run gives way to another within the same moment; what that comes to is seen after it.
_SETTLE = 0.001
_ROUNDING = 1e-6


def rehearse(target: Target, case: Case, breaker: BreakerLimits | None = None) -> CaseOutcome:
    """Play `case` to its end.

    Triggers and vetoes whose signals it does not speak of are left out, as if the file had not
    had them: a case is about one thing, and what it says nothing of must not stop it. But a
    decision table is played whole.
    """
    tabled = named(target.decisions)
    played = replace(
        target,
        mode=case.mode or target.mode,
        armed_by=target.armed_by or REHEARSED,
        triggers=tuple(
            trigger
            for trigger in target.triggers
            if trigger.name in tabled
            or any(term.signal.name in case.signals for term in trigger.terms)
        ),
        vetoes=tuple(veto for veto in target.vetoes if veto.signal in case.signals),
    )
    return run_virtually(_Rehearsing(played, case, breaker or BreakerLimits()).play())


@dataclass(slots=True)
class _Rehearsing:
    target: Target
    case: Case
    breaker: BreakerLimits
    clock: VirtualClock = field(default_factory=VirtualClock)
    timeline: list[Line] = field(default_factory=list)
    seen: list[tuple[float, dict[str, Seen]]] = field(default_factory=list)

    async def play(self) -> CaseOutcome:
        stage = Rehearsal(self.target, self.case)
        theatre = Theatre(self.target, stage, self.clock, self._alarm, self.breaker)
        process = RehearsedProcess(theatre)
        async with asyncio.TaskGroup() as tasks:
            await process.start(tasks)
            for at in self._moments():
                await asyncio.sleep(max(0.0, at - self._now()))
                for restart in self.case.restarts:
                    if restart.at == at:
                        await self._down(process, restart.downtime)
                        process = RehearsedProcess(theatre, process.journal)
                        await process.start(tasks)
                if not any(one.at <= at < one.at + one.downtime for one in self.case.restarts):
                    await self._moment(process, at)
            await process.end()
        self.timeline += lines(process.journal.records)
        self.timeline.sort(key=lambda line: line.at)
        wrong = [one for each in self.case.expected for one in missed(each, self._at(each))]
        return CaseOutcome(self.case, tuple(wrong), tuple(self.timeline))

    def _now(self) -> float:
        return self.clock.now().elapsed

    def _moments(self) -> list[float]:
        """Every second at which something is looked at, happens or is expected."""
        signals, sources = self.target.signals, self.target.sources
        every = {name: sources[signals[name].signal.source].every for name in self.case.signals}
        ends = self.case.ends(every)
        moments = {max(one.at, 0.0) for one in self.case.changes}
        moments |= {one.at for one in self.case.expected}
        moments |= {one.at for one in self.case.clock_steps}
        moments |= {one.at for one in self.case.restarts}
        for pause in {sources[name].every for name in self._sources()}:
            moments |= {slot * pause for slot in range(int(ends / pause + _ROUNDING) + 1)}
        return sorted(moments)

    def _sources(self) -> list[str]:
        """Those that are looked at: of the signals that the case speaks of, in the file's order."""
        used = {self.target.signals[name].signal.source for name in self.case.signals}
        used |= {term.signal.source for one in self.target.triggers for term in one.terms}
        return [name for name in self.target.sources if name in used]

    async def _down(self, process: RehearsedProcess, downtime: float) -> None:
        await process.end()
        self.timeline.append(Line(self._now(), "the process dies"))
        await asyncio.sleep(downtime)
        self.timeline.append(Line(self._now(), "it is started again"))

    def _alarm(self, text: str) -> None:
        self.timeline.append(Line(self._now(), f"alarm: {text}"))

    async def _moment(self, process: RehearsedProcess, at: float) -> None:
        for change in self.case.changes:
            if max(change.at, 0.0) == at:
                await process.record(*_told(self.target.name, change))
        for step in self.case.clock_steps:
            if step.at == at:
                self.clock.step(step.by)
                process.clock_stepped()
                await process.record(ClockStepped(step.by))
        self._look(process, at)
        await asyncio.sleep(_SETTLE)
        await process.look_after_itself()
        self.seen.append((at, await process.seen({one.trigger for one in self.case.expected})))

    def _look(self, process: RehearsedProcess, at: float) -> None:
        for name in self._sources():
            every = self.target.sources[name].every
            slot = round(at / every)
            if abs(at - slot * every) <= _ROUNDING * max(1.0, at):
                moment = Moment(at, self.clock.now().wall)
                process.look(name, slot, moment, dict(self._observed(name, at, every)))

    def _observed(self, source: str, at: float, every: float) -> Iterator[tuple[str, Observation]]:
        for name, spec in self.target.signals.items():
            if spec.signal.source == source and name in self.case.signals:
                yield name, self.case.observed(spec.signal, at, every)

    def _at(self, expected: Expected) -> Seen:
        states = [states for at, states in self.seen if at <= expected.at]
        return states[-1].get(expected.trigger, Seen()) if states else Seen()


def _told(target: str, change: Changed) -> Iterator[Event]:
    """What the journal says of a change."""
    at = EPOCH + change.at
    yield ChangeSeen(
        target=target,
        version=change.version,
        previous=change.previous,
        at=at,
        source=REHEARSED,
        kind=change.kind,
    )
    if change.good:
        yield VersionGood(target, change.version, at)
