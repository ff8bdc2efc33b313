import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from tests.bed.life import live
from tests.bed.story import (
    ERRORS,
    EVERY,
    HEALTHY,
    NOON,
    PLAN,
    QUERY,
    RUN,
    TARGET,
    broke_off,
    helped,
)
from watchdog.domain.condition import Condition, Op
from watchdog.domain.errors import JournalError, WatchdogError
from watchdog.domain.events import Event, EvidenceCollected, Record, ReportWritten, RunEnded
from watchdog.domain.expression import Term
from watchdog.domain.incident import incident_of
from watchdog.domain.progress import Point, Progress, WatchEnded
from watchdog.domain.relation import related
from watchdog.domain.signal import Verdict
from watchdog.domain.target import Mode, SignalSpec, SourceSpec, Target
from watchdog.domain.trigger import Trigger
from watchdog.engine.reporter import Memory, Reporter, records_of
from watchdog.testing.doubles import MemoryJournal
from watchdog.testing.virtual_time import VirtualClock, run_virtually

ASK = {"query": QUERY}
CONFIGURED = Target(
    name=TARGET,
    file="hybrid.yaml",
    hash="h",
    mode=Mode.AUTO,
    sources={
        "metrics": SourceSpec("metrics", "prometheus", {}, EVERY),
        "health": SourceSpec("health", "http", {}, 10.0),
    },
    signals={
        ERRORS.name: SignalSpec(ERRORS, ASK, QUERY),
        HEALTHY.name: SignalSpec(HEALTHY, {}, "GET /health"),
    },
    triggers=(Trigger("errors-high", Term(ERRORS, Condition(Op.ABOVE, 0.1)), PLAN.name, EVERY),),
    plans={PLAN.name: PLAN},
    report_to="incidents",
)


@dataclass(slots=True)
class Shelf:
    """A place for reports; each `fault` in turn befalls one attempt to write."""

    faults: list[BaseException] = field(default_factory=list)
    written: list[tuple[str, str, list[Record]]] = field(default_factory=list)
    tries: int = 0

    async def write(self, folder: str, run: str, records: Sequence[Record]) -> str:
        self.tries += 1
        if self.faults:
            raise self.faults.pop(0)
        self.written.append((folder, run, list(records)))
        return f"{folder}/{run}.md"


@dataclass(slots=True)
class Past:
    """A source's history: what it is asked, and the points that it answers."""

    answer: Sequence[Point] | BaseException | None = ()
    asked: list[tuple[Any, float, float, float]] = field(default_factory=list)

    async def points(self, ask: Any, start: float, end: float, step: float) -> Sequence[Point]:  # noqa: ANN401
        self.asked.append((ask, start, end, step))
        if self.answer is None:
            await asyncio.Event().wait()
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer or ()


@dataclass(slots=True)
class World:
    shelf: Shelf = field(default_factory=Shelf)
    past: Past | None = None
    targets: Mapping[str, Target] = field(default_factory=lambda: {TARGET: CONFIGURED})
    alarms: list[str] = field(default_factory=list)
    clock: VirtualClock = field(default_factory=VirtualClock)
    journal: MemoryJournal = field(init=False)

    def __post_init__(self) -> None:
        self.journal = MemoryJournal(self.clock)

    def reporter(self) -> Reporter:
        return Reporter(
            self.journal,
            self.shelf,
            targets=lambda: self.targets,
            memory=self._memory,
            alarm=self.alarms.append,
        )

    def _memory(self, target: Target, signal: str) -> Memory | None:
        assert target is CONFIGURED
        return (self.past, ASK) if self.past and signal == ERRORS.name else None

    def remember(self, *records: Record) -> None:
        """Have the journal hold `records` as they are, with their own times."""
        before = len(self.journal.disk.records)
        kept = [replace(record, seq=before + n) for n, record in enumerate(records, 1)]
        self.journal.disk.records += [(record, "boot") for record in kept]

    def of(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.journal.events if isinstance(event, kind)]


def test_a_run_that_ends_has_its_report_written() -> None:
    async def main() -> World:
        world = World()
        reporter = world.reporter()
        *before, last = broke_off().records
        async with asyncio.TaskGroup() as tasks:
            life = tasks.create_task(reporter.run())
            await asyncio.sleep(1)
            world.remember(*before)
            await world.journal.append(last.event)
            assert await reporter.settle(10)
            life.cancel()
        return world

    world = run_virtually(main())

    ((folder, run, records),) = world.shelf.written
    assert (folder, run) == ("incidents", RUN)
    assert isinstance(records[-1].event, RunEnded)
    assert world.of(ReportWritten) == [ReportWritten(RUN, f"incidents/{RUN}.md")]
    assert world.alarms == []


def test_it_is_written_again_when_the_watch_is_over() -> None:
    async def main() -> World:
        world = World()
        reporter = world.reporter()
        async with asyncio.TaskGroup() as tasks:
            life = tasks.create_task(reporter.run())
            for record in helped().records:
                await world.journal.append(record.event)
            await reporter.settle(10)
            life.cancel()
        return world

    world = run_virtually(main())

    assert len(world.of(ReportWritten)) == 2
    assert isinstance(world.shelf.written[-1][2][-1].event, WatchEnded)


def test_a_run_that_the_process_before_did_not_report_is_reported_at_the_next_start() -> None:
    async def main() -> World:
        world = World()
        world.remember(*broke_off().records)
        await live(world.reporter().run, 5)
        await live(world.reporter().run, 5)
        return world

    world = run_virtually(main())

    assert len(world.shelf.written) == 1
    assert len(world.of(ReportWritten)) == 1


def test_a_watch_that_ended_after_the_last_report_is_reported_at_the_next_start() -> None:
    async def main() -> World:
        world = World()
        *before, last = helped().records
        world.remember(*before)
        await world.journal.append(ReportWritten(RUN, "x"), last.event)
        await live(world.reporter().run, 5)
        return world

    assert len(run_virtually(main()).shelf.written) == 1


def test_what_the_source_remembers_is_collected_from_before_the_breach_to_the_end() -> None:
    async def main() -> World:
        # A source's history judges nothing; a number that it gives is known all the same.
        world = World(past=Past((Point(NOON, Verdict.UNKNOWN, 0.01),)))
        world.remember(*broke_off().records)
        await live(world.reporter().run, 5)
        return world

    world = run_virtually(main())

    assert world.past is not None
    ((ask, start, end, step),) = world.past.asked
    breach = NOON + 30
    assert ask is ASK
    assert (start, step) == (breach - 600, EVERY)
    assert end == pytest.approx(breach + 121, abs=1)
    point = Point(NOON, Verdict.OK, 0.01)
    assert world.of(EvidenceCollected) == [EvidenceCollected(RUN, ERRORS.name, QUERY, (point,))]
    records = world.shelf.written[0][2]
    assert any(isinstance(record.event, EvidenceCollected) for record in records)


def test_a_long_watch_is_not_recalled_beyond_the_short_one_and_in_few_points() -> None:
    async def main() -> World:
        world = World(past=Past())
        story = helped()
        story.wait(4 * 3600).tell(story.last.event)
        world.remember(*story.records)
        await live(world.reporter().run, 5)
        return world

    world = run_virtually(main())

    assert world.past is not None
    ((_, start, end, step),) = world.past.asked
    assert end - start < 3600
    assert (end - start) / step <= 480


@pytest.mark.parametrize(
    ("answer", "why"),
    [(WatchdogError("connection refused"), "connection refused"), (None, "no answer within 30 s")],
    ids=["refuses", "hangs"],
)
def test_a_history_that_cannot_be_read_is_said_so_and_the_report_is_written(
    answer: BaseException | None, why: str
) -> None:
    async def main() -> World:
        world = World(past=Past(answer))
        world.remember(*broke_off().records)
        await live(world.reporter().run, 60)
        return world

    world = run_virtually(main())

    (evidence,) = world.of(EvidenceCollected)
    assert isinstance(evidence, EvidenceCollected)
    assert [(p.verdict, p.value) for p in evidence.points] == [(Verdict.UNKNOWN, None)]
    assert why in evidence.points[0].note
    assert len(world.shelf.written) == 1


def test_a_source_without_a_memory_leaves_the_looks_as_the_only_evidence() -> None:
    async def main() -> World:
        world = World()
        world.remember(*broke_off().records)
        await live(world.reporter().run, 5)
        return world

    assert run_virtually(main()).of(EvidenceCollected) == []


def test_a_target_that_is_configured_no_longer_is_reported_all_the_same() -> None:
    async def main() -> World:
        world = World(past=Past(), targets={})
        world.remember(*broke_off().records)
        await live(world.reporter().run, 5)
        return world

    world = run_virtually(main())

    assert world.shelf.written[0][0] == "reports"
    assert world.of(EvidenceCollected) == []


def test_a_report_that_cannot_be_written_is_an_alarm_and_tried_again() -> None:
    async def main() -> World:
        world = World(Shelf([WatchdogError("no space left on device")] * 2))
        world.remember(*broke_off().records)
        await live(world.reporter().run, 60)
        return world

    world = run_virtually(main())

    assert world.alarms == [f"the report of run {RUN}: no space left on device"] * 2
    assert len(world.shelf.written) == 1


def test_a_report_that_never_can_be_written_keeps_nothing_from_the_next() -> None:
    async def main() -> World:
        world = World(Shelf([WatchdogError("read-only file system")] * 7))
        story = broke_off()
        other = [replace(r, event=_renamed(r.event)) for r in story.records]
        world.remember(*story.records, *other)
        await live(world.reporter().run, 600)
        return world

    world = run_virtually(main())

    assert [run for _, run, _ in world.shelf.written] == ["second"]
    assert world.shelf.tries == 8


def _renamed(event: Event) -> Event:
    return replace(event, run="second") if isinstance(event, Progress) else event


def test_a_mistake_in_a_report_is_an_alarm_and_ends_nothing() -> None:
    async def main() -> World:
        world = World(Shelf([ZeroDivisionError("by a bug")]))
        world.remember(*broke_off().records)
        reporter = world.reporter()
        async with asyncio.TaskGroup() as tasks:
            life = tasks.create_task(reporter.run())
            await asyncio.sleep(5)
            await world.journal.append(helped().records[-1].event)
            await asyncio.sleep(5)
            life.cancel()
        return world

    world = run_virtually(main())

    assert "please report it: ZeroDivisionError" in world.alarms[0]
    assert len(world.shelf.written) == 1


def test_a_journal_that_cannot_record_is_an_alarm_and_tried_again() -> None:
    async def main() -> World:
        world = World()
        world.remember(*broke_off().records)
        world.journal.fault = "no space left on device"
        reporter = world.reporter()
        async with asyncio.TaskGroup() as tasks:
            life = tasks.create_task(reporter.run())
            await asyncio.sleep(2)
            world.journal.fault = ""
            await world.journal.probe()
            await asyncio.sleep(10)
            life.cancel()
        return world

    world = run_virtually(main())

    assert any("no space left" in alarm for alarm in world.alarms)
    assert len(world.of(ReportWritten)) == 1


def test_a_run_that_the_journal_does_not_know_gives_no_report() -> None:
    async def main() -> World:
        world = World()
        await world.journal.append(broke_off().records[-1].event)
        await live(world.reporter().run, 5)
        return world

    world = run_virtually(main())

    assert world.shelf.written == []
    assert world.alarms == []


def test_settle_does_not_wait_longer_than_it_may() -> None:
    async def main() -> bool:
        world = World(past=Past(None))
        world.remember(*broke_off().records)
        reporter = world.reporter()
        async with asyncio.TaskGroup() as tasks:
            life = tasks.create_task(reporter.run())
            await asyncio.sleep(1)
            settled = await reporter.settle(5)
            life.cancel()
        return settled

    assert run_virtually(main()) is False


async def test_the_records_of_a_run_are_those_that_a_report_rests_on() -> None:
    world = World()
    story = helped().delivered(2)
    world.remember(*story.records)

    records = await records_of(world.journal, RUN)

    assert records == related(story.records, RUN)
    assert incident_of(records).communications[0].deliveries
    assert await records_of(world.journal, "nobody") == []


async def test_a_broken_journal_is_not_taken_for_an_empty_one() -> None:
    class Broken(MemoryJournal):
        async def read(self, **_: object) -> Sequence[Record]:
            raise JournalError("record 3 is not what was written")

    with pytest.raises(JournalError):
        await records_of(Broken(VirtualClock()), RUN)
