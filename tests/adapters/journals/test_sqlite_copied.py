"""A journal that counts only what others can find: what they could not be given stands nowhere."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from watchdog.adapters.audit import verify
from watchdog.adapters.chain import Gap, digest
from watchdog.adapters.clock import SystemClock
from watchdog.adapters.journals.sqlite import SqliteJournal, open_journal
from watchdog.domain.errors import JournalError
from watchdog.domain.events import DaemonStopped, Record
from watchdog.domain.keeping import RecordsRemoved

CLOCK = SystemClock()


class Elsewhere:
    """Where the records are copied to; `gone` while it cannot be reached."""

    def __init__(self) -> None:
        self.gone = False
        self.rounds: list[list[Sequence[Any]]] = []
        self.told: list[str] = []
        self.answering = asyncio.Event()
        self.answering.set()
        self.asked = asyncio.Event()

    async def copied(self, rows: Sequence[Sequence[Any]]) -> None:
        self.asked.set()
        await self.answering.wait()
        if self.gone:
            raise JournalError("no answer in time")
        self.rounds.append(list(rows))

    def tell(self, records: Sequence[Record]) -> None:
        self.told += [reason(one) for one in records]

    @asynccontextmanager
    async def journal(self, path: Path) -> AsyncIterator[SqliteJournal]:
        async with open_journal(path, CLOCK, epoch=1, copied=self.copied) as journal:
            journal.listen(self.tell)
            yield journal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def reason(record: Record) -> str:
    assert isinstance(record.event, DaemonStopped)
    return record.event.reason


async def standing(journal: SqliteJournal) -> list[str]:
    return [reason(record) for record in await journal.read()]


async def test_it_is_copied_to_the_last_bit_as_it_is_written_then(path: Path) -> None:
    there = Elsewhere()

    async with there.journal(path) as journal:
        await journal.append(DaemonStopped("one"), DaemonStopped("two"))
        await journal.append(DaemonStopped("three"))

    copied = [tuple(row) for rows in there.rounds for row in rows]
    with closing(sqlite3.connect(path)) as connection:
        assert copied == connection.execute("SELECT * FROM events ORDER BY seq").fetchall()
    assert verify(path).ok


async def test_a_note_does_not_hide_that_nothing_can_be_copied(path: Path) -> None:
    there = Elsewhere()
    there.gone = True

    async with there.journal(path) as journal:
        with pytest.raises(JournalError, match="no answer"):
            await journal.append(DaemonStopped("x"))
        await journal.keep("triggers/shop", "{}")
        assert (journal.healthy, journal.problem) == (False, "no answer in time")
        with pytest.raises(JournalError, match="no answer"):
            await journal.probe()
        assert (journal.healthy, journal.problem) == (False, "no answer in time")

        there.gone = False
        await journal.probe()
        assert (journal.healthy, journal.problem) == (True, "")
        assert there.rounds == [[]]


async def test_what_was_refused_stands_nowhere_however_often_it_was_tried(path: Path) -> None:
    there = Elsewhere()
    there.gone = True

    async with there.journal(path) as journal:
        for _ in range(5):
            with pytest.raises(JournalError, match="no answer"):
                await journal.append(DaemonStopped("once"))
            with pytest.raises(JournalError, match="no answer"):
                await journal.probe()
            await journal.keep("triggers/shop", "{}")
        assert await standing(journal) == []
        there.gone = False
        await journal.probe()
        await journal.append(DaemonStopped("once"))
        await journal.append(DaemonStopped("and on"))

        assert await standing(journal) == ["once", "and on"]
    assert there.told == ["once", "and on"]
    assert [row[0] for rows in there.rounds for row in rows] == [1, 2]


async def test_nobody_is_told_of_what_is_not_copied_yet(path: Path) -> None:
    there = Elsewhere()
    there.answering.clear()

    async with there.journal(path) as journal, asyncio.TaskGroup() as tasks:
        tasks.create_task(journal.append(DaemonStopped("x")))
        await there.asked.wait()
        # What needs no copy waits for none.
        await journal.keep("triggers/shop", "{}")

        assert (there.told, await standing(journal)) == ([], [])
        there.answering.set()
    assert there.told == ["x"]


async def test_records_that_wait_for_one_copy_share_the_next(path: Path) -> None:
    there = Elsewhere()
    there.answering.clear()

    async with there.journal(path) as journal:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(journal.append(DaemonStopped("first")))
            await there.asked.wait()
            for number in range(10):
                tasks.create_task(journal.append(DaemonStopped(f"{number}")))
            await asyncio.sleep(0)
            there.answering.set()
        assert await standing(journal) == ["first", *map(str, range(10))]

    assert [len(rows) for rows in there.rounds] == [1, 10]


async def test_who_does_not_wait_for_the_copy_keeps_nothing_from_the_others(path: Path) -> None:
    there = Elsewhere()
    there.answering.clear()

    async with there.journal(path) as journal:
        async with asyncio.TaskGroup() as tasks:
            hasty = tasks.create_task(journal.append(DaemonStopped("hasty")))
            await there.asked.wait()
            tasks.create_task(journal.append(DaemonStopped("patient")))
            await asyncio.sleep(0)
            hasty.cancel()
            there.answering.set()

        assert hasty.cancelled()
        assert await standing(journal) == ["hasty", "patient"]
    assert verify(path).ok


async def test_what_retention_seals_meanwhile_comes_before_or_behind_and_never_between(
    path: Path,
) -> None:
    there = Elsewhere()

    async with there.journal(path) as journal:
        await journal.append(*(DaemonStopped(f"{n}") for n in range(4)))
        there.answering.clear()
        there.asked.clear()
        gaps = [Gap(1, 2, there.rounds[0][1][-1])]
        seal = RecordsRemoved(1, 2, 2, digest(gaps), 0.0)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(journal.append(DaemonStopped("x")))
            await there.asked.wait()
            tasks.create_task(journal.remove(seal, gaps))
            await asyncio.sleep(0)
            there.answering.set()
        records = await journal.read(after=2)

    assert [row[0] for rows in there.rounds for row in rows] == [1, 2, 3, 4, 5]
    assert [type(record.event).__name__ for record in records][-2:] == [
        "DaemonStopped",
        "RecordsRemoved",
    ]
    assert verify(path).ok
