"""What every implementation of a port must pass, our own doubles included."""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, TypeVar

import pytest

from watchdog.domain.condition import Condition, Op
from watchdog.domain.events import (
    DaemonStarted,
    DaemonStopped,
    Event,
    Record,
    RunParked,
    RunResumed,
    RunStarted,
)
from watchdog.domain.plan import Check, Look, Plan, Step
from watchdog.domain.signal import Signal
from watchdog.domain.trigger import Severity
from watchdog.ports import Clock, Journal
from watchdog.testing.doubles import ManualClock

E = TypeVar("E")


class OpenJournal(Protocol):
    """Opens one and the same journal each time, as a restarted daemon does."""

    def __call__(
        self, clock: Clock, *, epoch: int = 0, boot_id: str = "boot"
    ) -> AbstractAsyncContextManager[Journal]: ...


class JournalContract:
    """Inherit it in a test module, and override the fixture `open_journal`."""

    @pytest.fixture
    def open_journal(self) -> OpenJournal:
        raise NotImplementedError

    @pytest.fixture
    def clock(self) -> ManualClock:
        return ManualClock()

    async def test_records_are_numbered_from_one_without_gaps(
        self, open_journal: OpenJournal, clock: ManualClock
    ) -> None:
        async with open_journal(clock) as journal:
            first = await journal.append(DaemonStopped("a"), DaemonStopped("b"))
            second = await journal.append(DaemonStopped("c"))

        assert [record.seq for record in (*first, *second)] == [1, 2, 3]

    async def test_what_is_read_is_what_append_returned(
        self, open_journal: OpenJournal, clock: ManualClock
    ) -> None:
        async with open_journal(clock, epoch=7) as journal:
            written = [*await journal.append(started("api"), a_run("r1"))]
            clock.advance(5)
            written += await journal.append(RunParked("r1", "stopping"))

            assert await journal.read() == written

        assert [record.epoch for record in written] == [7, 7, 7]
        assert [record.at.elapsed for record in written] == [1000, 1000, 1005]

    async def test_an_append_of_nothing_records_nothing(
        self, open_journal: OpenJournal, clock: ManualClock
    ) -> None:
        async with open_journal(clock) as journal:
            assert [*await journal.append()] == []
            assert [*await journal.read()] == []

    async def test_the_events_of_one_append_stay_together(
        self, open_journal: OpenJournal, clock: ManualClock
    ) -> None:
        async with open_journal(clock) as journal:
            async with asyncio.TaskGroup() as tasks:
                for name in "abcdefgh":
                    tasks.create_task(append(journal, *[RunParked(name, str(n)) for n in range(3)]))
            reasons = [event_of(record, RunParked).reason for record in await journal.read()]

        assert reasons == ["0", "1", "2"] * 8

    async def test_records_are_found_by_kind_run_and_number(
        self, open_journal: OpenJournal, clock: ManualClock
    ) -> None:
        async with open_journal(clock) as journal:
            await journal.append(started("api"), RunParked("r1", ""), RunParked("r2", ""))
            await journal.append(RunResumed("r1", 1), DaemonStopped(""))

            assert numbers(await journal.read(kinds=[RunParked])) == [2, 3]
            assert numbers(await journal.read(kinds=[RunParked, DaemonStopped])) == [2, 3, 5]
            assert numbers(await journal.read(run="r1")) == [2, 4]
            assert numbers(await journal.read(run="r1", kinds=[RunResumed])) == [4]
            assert numbers(await journal.read(after=3)) == [4, 5]
            assert numbers(await journal.read(after=2, run="r1")) == [4]
            assert numbers(await journal.read(run="unknown")) == []
            assert numbers(await journal.read(kinds=[])) == []

    async def test_a_restart_goes_on_where_the_last_one_ended(
        self, open_journal: OpenJournal, clock: ManualClock
    ) -> None:
        async with open_journal(clock, epoch=1) as journal:
            await journal.append(a_run("r1"))
            await journal.keep("cursor", "1")
        async with open_journal(clock, epoch=2) as journal:
            await journal.append(RunResumed("r1", 1))
            records = await journal.read(run="r1")

            assert await journal.kept("cursor") == ("1", clock.now())
        assert [(record.seq, record.epoch) for record in records] == [(1, 1), (2, 2)]
        assert [record.event for record in records] == [a_run("r1"), RunResumed("r1", 1)]

    async def test_times_of_this_boot_stand_as_they_were_whatever_the_wall_clock_does(
        self, open_journal: OpenJournal, clock: ManualClock
    ) -> None:
        async with open_journal(clock, boot_id="one") as journal:
            await journal.append(DaemonStopped(""))
            written = clock.now()
        clock.advance(10)
        clock.step(3600)
        async with open_journal(clock, boot_id="one") as journal:
            (record,) = await journal.read()

        assert record.at == written

    async def test_times_of_an_earlier_boot_are_translated_by_the_wall_clock(
        self, open_journal: OpenJournal, clock: ManualClock
    ) -> None:
        async with open_journal(clock, boot_id="one") as journal:
            await journal.append(DaemonStopped(""))
            await journal.keep("cursor", "1")
            written = clock.now()
        rebooted = ManualClock(elapsed=20.0, wall=written.wall + 300)
        async with open_journal(rebooted, boot_id="two") as journal:
            (record,) = await journal.read()
            kept = await journal.kept("cursor")

        assert kept is not None
        for at in (record.at, kept[1]):
            assert at.wall == written.wall
            assert rebooted.now().since(at) == pytest.approx(300)

    async def test_a_note_is_overwritten_and_stands_outside_the_records(
        self, open_journal: OpenJournal, clock: ManualClock
    ) -> None:
        async with open_journal(clock) as journal:
            assert await journal.kept("cursor") is None
            await journal.keep("cursor", "1")
            clock.advance(5)
            await journal.keep("cursor", "2")
            await journal.keep("other", "3")

            assert await journal.kept("cursor") == ("2", clock.now())
            assert [*await journal.read()] == []

    async def test_a_cancelled_append_is_recorded_whole(
        self, open_journal: OpenJournal, clock: ManualClock
    ) -> None:
        async with open_journal(clock) as journal:
            async with asyncio.TaskGroup() as tasks:
                task = tasks.create_task(
                    append(journal, RunParked("r1", "0"), RunParked("r1", "1"))
                )
                await asyncio.sleep(0)
                task.cancel()
            await journal.append(RunParked("r1", "2"))
            reasons = [event_of(record, RunParked).reason for record in await journal.read()]

        assert task.cancelled()
        assert reasons == ["0", "1", "2"]

    async def test_listeners_are_told_all_in_order_before_append_returns(
        self, open_journal: OpenJournal, clock: ManualClock
    ) -> None:
        told: list[int] = []
        async with open_journal(clock) as journal:
            journal.listen(lambda records: told.extend(numbers(records)))
            await journal.append(DaemonStopped(""), DaemonStopped(""))
            assert told == [1, 2]
            async with asyncio.TaskGroup() as tasks:
                for _ in range(8):
                    tasks.create_task(append(journal, DaemonStopped("")))

        assert told == list(range(1, 11))

    async def test_a_listener_that_raises_keeps_nothing_from_anybody(
        self, open_journal: OpenJournal, clock: ManualClock
    ) -> None:
        reported: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, what: reported.append(what))
        told: list[int] = []

        def broken(records: Sequence[Record]) -> None:
            raise ZeroDivisionError

        async with open_journal(clock) as journal:
            journal.listen(broken)
            journal.listen(lambda records: told.extend(numbers(records)))
            await journal.append(DaemonStopped(""))

        assert told == [1]
        assert [type(what["exception"]) for what in reported] == [ZeroDivisionError]


def started(*targets: str) -> DaemonStarted:
    return DaemonStarted(version="1.0.0", pid=1, targets=targets)


def a_run(run: str) -> RunStarted:
    """A run whose plan holds every kind of part that a plan can have."""
    look = Look("http", {"url": "http://api", "headers": {}}, {"json": ["a", 1, 2.5, None, True]})
    check = Check("healthy", Signal("healthy", "api"), look, Condition(Op.PASSING), tries=3)
    step = Step("switch off", "http", {"method": "POST", "json": {"on": False}}, done_when=check)
    plan = Plan("undo", steps=(step, check, step), verify=(check,), final=(step,), title="Undo")
    return RunStarted(
        target="api",
        incident="i1",
        run=run,
        plan=plan,
        plan_hash=plan.hash,
        trigger="errors-high",
        severity=Severity.CRITICAL,
        episode="errors-high@1",
    )


async def append(journal: Journal, *events: Event) -> None:
    await journal.append(*events)


def event_of(record: Record, kind: type[E]) -> E:
    assert isinstance(record.event, kind)
    return record.event


def numbers(records: Sequence[Record]) -> list[int]:
    return [record.seq for record in records]
