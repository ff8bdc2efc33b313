import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from watchdog.adapters.journal_codec import decode, encode
from watchdog.domain.errors import JournalError
from watchdog.domain.events import DaemonStopped, Event
from watchdog.ports import Clock, Journal
from watchdog.testing.contracts import JournalContract, OpenJournal, a_run
from watchdog.testing.doubles import Crash, ManualClock, MemoryJournal, crash_after


class TestMemoryJournal(JournalContract):
    @pytest.fixture
    def open_journal(self) -> OpenJournal:
        kept: list[MemoryJournal] = []

        @asynccontextmanager
        async def reopen(
            clock: Clock, *, epoch: int = 0, boot_id: str = "boot"
        ) -> AsyncIterator[Journal]:
            survived = kept[-1] if kept else None
            kept.append(MemoryJournal(clock, epoch=epoch, boot_id=boot_id, survived=survived))
            yield kept[-1]

        return reopen


def test_an_event_goes_through_the_codec_where_one_is_given() -> None:
    seen: list[Event] = []

    def through(event: Event) -> Event:
        seen.append(event)
        return decode(type(event).__name__, encode(event))

    journal = MemoryJournal(ManualClock(), through=through)
    asyncio.run(append(journal, a_run("r1")))

    assert seen == [a_run("r1")]
    assert journal.events == [a_run("r1")]
    assert journal.events[0] is not seen[0]


async def test_a_crash_before_an_append_leaves_nothing_of_it() -> None:
    journal = MemoryJournal(ManualClock(), before_append=crash_after(1))
    await journal.append(DaemonStopped("a"))

    with pytest.raises(Crash):
        await journal.append(DaemonStopped("b"))

    assert MemoryJournal(ManualClock(), survived=journal).events == [DaemonStopped("a")]


async def test_a_crash_after_an_append_leaves_all_of_it_and_tells_nobody() -> None:
    told: list[object] = []
    journal = MemoryJournal(ManualClock(), after_append=crash_after(0))
    journal.listen(told.append)

    with pytest.raises(Crash):
        await journal.append(DaemonStopped("a"), DaemonStopped("b"))
    await asyncio.sleep(0)

    assert MemoryJournal(ManualClock(), survived=journal).events == [
        DaemonStopped("a"),
        DaemonStopped("b"),
    ]
    assert told == []


async def test_hooks_see_the_events_and_then_their_records() -> None:
    before: list[Sequence[Event]] = []
    after: list[list[int]] = []
    journal = MemoryJournal(
        ManualClock(),
        before_append=before.append,
        after_append=lambda records: after.append([record.seq for record in records]),
    )

    await journal.append(DaemonStopped("a"), DaemonStopped("b"))

    assert [list(events) for events in before] == [[DaemonStopped("a"), DaemonStopped("b")]]
    assert after == [[1, 2]]


async def test_a_fault_is_refused_until_a_note_can_be_written() -> None:
    journal = MemoryJournal(ManualClock())
    journal.fault = "the disk is full"
    with pytest.raises(JournalError, match="the disk is full"):
        await journal.append(DaemonStopped("a"))
    journal.fault = ""

    with pytest.raises(JournalError, match="the disk is full"):
        await journal.append(DaemonStopped("b"))
    health = [journal.healthy]
    await journal.probe()
    health.append(journal.healthy)

    assert health == [False, True]
    await journal.append(DaemonStopped("c"))
    assert journal.events == [DaemonStopped("c")]


async def append(journal: Journal, *events: Event) -> None:
    await journal.append(*events)
