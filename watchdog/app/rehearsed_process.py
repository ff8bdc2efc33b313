"""One life of a daemon in a rehearsal: the real lane, breaker and ledger on a stage."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from watchdog.domain.breaker import BreakerLimits, BreakerOpened
from watchdog.domain.case import ACT, NOTHING
from watchdog.domain.case_outcome import Seen
from watchdog.domain.decision import decide
from watchdog.domain.events import Decided, Event, Record, RunStarted
from watchdog.domain.ledger import Ledger
from watchdog.domain.matrix import Proposal
from watchdog.domain.moment import Moment
from watchdog.domain.observation import Observation
from watchdog.domain.target import Mode, Target
from watchdog.domain.trigger import Inactive, Pending, TriggerState
from watchdog.engine.breaker import Breaker
from watchdog.engine.decider import Shared
from watchdog.engine.evaluator import Looked
from watchdog.engine.lane import Lane
from watchdog.engine.recovery import recall, take_up
from watchdog.testing.doubles import MemoryJournal
from watchdog.testing.rehearsal import Rehearsal
from watchdog.testing.virtual_time import VirtualClock

REHEARSED = "a rehearsal"
E = TypeVar("E", bound=Event)


@dataclass(frozen=True, slots=True)
class Theatre:
    """What outlives every process: the stage, the clock, and who hears alarms."""

    target: Target
    stage: Rehearsal
    clock: VirtualClock
    alarm: Callable[[str], None]
    breaker: BreakerLimits


class RehearsedProcess:
    """From its start to its sudden end; the next one goes on with its journal."""

    def __init__(self, theatre: Theatre, survived: MemoryJournal | None = None) -> None:
        self.journal = MemoryJournal(theatre.clock, survived=survived)
        self._theatre = theatre
        self._ledger = Ledger()
        shared = Shared(
            clock=theatre.clock,
            journal=self.journal,
            ledger=self._ledger,
            alarm=theatre.alarm,
            version=REHEARSED,
            self_stop=self._stop_itself,
        )
        armed = theatre.target.mode is not Mode.ALERT_ONLY
        self._lane = Lane(theatre.target, shared, theatre.stage, theatre.stage if armed else None)
        self._breaker = Breaker(
            theatre.breaker, self._ledger, theatre.clock, lambda: [self._lane.evaluator]
        )
        self._task: asyncio.Task[None] | None = None

    def _stop_itself(self) -> Sequence[BreakerOpened]:
        return self._breaker.before_a_run()

    async def start(self, tasks: asyncio.TaskGroup) -> None:
        """As the daemon does: recall, listen, work, take up."""
        lanes = {self._theatre.target.name: self._lane}
        runs = await recall(self.journal, self._ledger, lanes, self._theatre.clock)
        self.journal.listen(self._learn)
        self._task = tasks.create_task(self._lane.run())
        await take_up(runs, lanes, lambda: self._theatre.stage, self._theatre.alarm)

    async def end(self) -> None:
        """Die."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def _learn(self, records: Sequence[Record]) -> None:
        for record in records:
            self._ledger.apply(record.event, record.at)

    # -- what happens to it

    async def record(self, *events: Event) -> None:
        """Facts from elsewhere, such as a change of the target."""
        await self.journal.append(*events)

    def clock_stepped(self) -> None:
        """As the service does once it sees it."""
        self._lane.evaluator.clock_stepped()

    def look(self, source: str, slot: int, at: Moment, seen: Mapping[str, Observation]) -> None:
        """A round of one source."""
        self._lane.post(Looked(source, slot, at, seen))

    async def look_after_itself(self) -> None:
        """As the service does, a few times a second."""
        await self.journal.append(*self._breaker.meanwhile())

    # -- what is seen of its triggers

    async def seen(self, names: Iterable[str]) -> dict[str, Seen]:
        """Each of these triggers, once all rounds so far are taken in."""
        found: dict[str, Seen] = await self._lane.order(lambda: self._all(names))
        return found

    async def _all(self, names: Iterable[str]) -> dict[str, Seen]:
        now = self._theatre.clock.now()
        firing = self._lane.evaluator.proposals(now)
        proposals = self._lane.table.proposals(firing, now)
        return {name: self._one(name, _about(name, proposals), now) for name in names}

    def _one(self, name: str, proposal: Proposal | None, now: Moment) -> Seen:
        evaluator = self._lane.evaluator
        status, judgement = evaluator.statuses.get(name), evaluator.judgements.get(name)
        if status is None:
            return Seen()
        decision, plan = (NOTHING, "") if proposal is None else self._decided(proposal, now)
        return Seen(
            state=_word(status.state),
            verdict=judgement.verdict.value if judgement else "",
            reason=judgement.reason.value if judgement and judgement.reason else "",
            blind=status.blind,
            decision=decision,
            plan=plan,
        )

    def _decided(self, proposal: Proposal, now: Moment) -> tuple[str, str]:
        """What stands decided about a firing: what came of it, or why nothing may."""
        for started in self._told(RunStarted):
            if started.episode == proposal.episode:
                return ACT, started.plan.name
        refusal = decide(proposal, self._lane.decider.facts(now), now)
        if refusal is not None:
            return refusal.reason.value, proposal.plan
        if not proposal.breaching:
            return NOTHING, proposal.plan
        told = [one for one in self._told(Decided) if one.episode == proposal.episode]
        return (told[-1].refusal or ACT) if told else NOTHING, proposal.plan

    def _told(self, kind: type[E]) -> list[E]:
        return [event for event in self.journal.events if isinstance(event, kind)]


def _about(trigger: str, proposals: Iterable[Proposal]) -> Proposal | None:
    """What is proposed because of `trigger`, alone or as a row of the table says."""
    return next((one for one in proposals if trigger in (one.trigger, *one.because)), None)


def _word(state: TriggerState) -> str:
    match state:
        case Inactive():
            return "inactive"
        case Pending():
            return "pending"
        case _:
            return "firing"
