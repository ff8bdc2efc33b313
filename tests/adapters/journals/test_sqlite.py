import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path

import pytest

from tests.bed.journals import rows, wal
from watchdog.adapters.clock import SystemClock
from watchdog.adapters.journals.sqlite import open_journal
from watchdog.adapters.sqlite_reader import open_reader
from watchdog.domain.errors import JournalError
from watchdog.domain.events import DaemonStopped, Event, RunParked
from watchdog.ports import Clock, Journal
from watchdog.testing.contracts import JournalContract, OpenJournal, numbers

CLOCK = SystemClock()


class TestSqliteJournal(JournalContract):
    @pytest.fixture
    def open_journal(self, path: Path) -> OpenJournal:
        @asynccontextmanager
        async def reopen(
            clock: Clock, *, epoch: int = 0, boot_id: str = "boot"
        ) -> AsyncIterator[Journal]:
            async with open_journal(path, clock, epoch=epoch, boot_id=boot_id) as journal:
                yield journal

        return reopen


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


async def test_nothing_beside_it_can_be_read_by_others(path: Path) -> None:
    async with open_journal(path, CLOCK) as journal:
        await journal.append(DaemonStopped("x"))
        modes = modes_in(path.parent)

    assert modes == {
        "journal.db": 0o600,
        "journal.db-wal": 0o600,
        "journal.db-shm": 0o600,
        "journal.db.head": 0o600,
        "journal.db.lock": 0o600,
    }


async def test_subjects_stand_in_columns_of_their_own(path: Path) -> None:
    async with open_journal(path, CLOCK, epoch=3, boot_id="b") as journal:
        await journal.append(RunParked("r\ud800", "x"), DaemonStopped("x"))

    assert rows(path, "SELECT seq, boot, epoch, kind, target, incident, run FROM events") == [
        (1, "b", 3, "RunParked", None, None, "r?"),
        (2, "b", 3, "DaemonStopped", None, None, None),
    ]


async def test_appends_that_wait_share_a_commit(path: Path) -> None:
    rounds, writers = 20, 16
    told: list[int] = []

    async with open_journal(path, CLOCK) as journal:
        journal.listen(lambda records: told.append(len(records)))

        async def write() -> None:
            for _ in range(rounds):
                await journal.append(DaemonStopped("x"))

        async with asyncio.TaskGroup() as tasks:
            for _ in range(writers):
                tasks.create_task(write())

        assert sum(told) == rounds * writers
        assert len(told) == journal.commits
        assert journal.commits <= rounds * writers / 4


async def test_the_end_waits_for_all_that_was_appended(path: Path) -> None:
    async with asyncio.TaskGroup() as tasks, open_journal(path, CLOCK) as journal:
        for number in range(50):
            tasks.create_task(append(journal, DaemonStopped(str(number))))
        await asyncio.sleep(0)

    async with open_reader(path, CLOCK) as reader:
        assert [record.event for record in await reader.read()] == [
            DaemonStopped(str(number)) for number in range(50)
        ]


async def test_after_its_end_nothing_is_taken_and_nothing_read(path: Path) -> None:
    async with open_journal(path, CLOCK) as journal:
        pass

    with pytest.raises(JournalError, match=f"{path} is closed"):
        await journal.append(DaemonStopped("x"))
    with pytest.raises(JournalError, match=f"{path} is closed"):
        await journal.read()
    assert not journal.healthy


async def test_a_cancelled_opening_leaves_neither_lock_nor_connection(path: Path) -> None:
    async def hold() -> None:
        async with open_journal(path, CLOCK):
            await asyncio.Event().wait()

    for steps in range(8):
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(hold())
            for _ in range(steps):
                await asyncio.sleep(0)
            task.cancel()

        async with open_journal(path, CLOCK) as journal:
            await journal.append(DaemonStopped("x"))
        assert not wal(path).exists()


async def test_a_second_daemon_is_refused_by_whatever_name_it_knows_the_file(path: Path) -> None:
    other_name = path.with_name("link.db")
    other_name.symlink_to(path)

    async with open_journal(path, CLOCK) as journal:
        with pytest.raises(JournalError, match=f"cannot open the journal {path}: process "):
            async with open_journal(other_name, CLOCK):
                pass
        await journal.append(DaemonStopped("x"))


async def test_a_missing_folder_is_named(path: Path) -> None:
    with pytest.raises(JournalError, match=f"there is no folder {path.parent}/missing; create it"):
        async with open_journal(path.parent / "missing/journal.db", CLOCK):
            pass


async def test_an_event_that_cannot_be_written_harms_no_other(path: Path) -> None:
    async with open_journal(path, CLOCK) as journal:
        with pytest.raises(JournalError, match="a DaemonStopped cannot be written"):
            await journal.append(DaemonStopped("x"), DaemonStopped(5))  # type: ignore[arg-type]

        assert journal.healthy
        assert numbers(await journal.append(DaemonStopped("x"))) == [1]


async def test_another_program_that_blocks_the_file_is_waited_for_and_then_named(
    path: Path,
) -> None:
    async with open_journal(path, CLOCK) as journal:
        with blocked(path):
            with pytest.raises(JournalError, match=rf"{path}: database is locked \(SQLITE_BUSY\)"):
                await journal.append(DaemonStopped("lost"))
            assert "close the other program" in journal.problem
        with pytest.raises(JournalError, match="SQLITE_BUSY"):
            await journal.append(DaemonStopped("still refused"))
        await journal.probe()

        assert numbers(await journal.append(DaemonStopped("x"))) == [1]


async def test_a_disk_that_does_not_answer_in_time_is_a_journal_that_refuses(path: Path) -> None:
    async with open_journal(path, CLOCK, write_limit=0.3) as journal:
        with blocked(path):
            with pytest.raises(JournalError, match=f"journal {path} does not answer; see"):
                await journal.append(DaemonStopped("in doubt"))
            assert not journal.healthy
            with pytest.raises(JournalError, match=f"journal {path} does not answer"):
                await journal.probe()

    async with open_journal(path, CLOCK) as journal:
        assert journal.healthy


async def test_what_is_taken_away_while_in_use_is_noticed_at_the_next_write(path: Path) -> None:
    async with open_journal(path, CLOCK) as journal:
        await journal.append(DaemonStopped("x"))
        move(path, path.with_name("moved.db"))
        for _ in range(2):
            with pytest.raises(JournalError, match=f"journal {path} was removed or replaced"):
                await journal.append(DaemonStopped("y"))
            with pytest.raises(JournalError, match="put the file back if you can, and restart"):
                await journal.probe()
        move(path.with_name("moved.db"), path)
        await journal.probe()

        assert journal.healthy


async def test_a_journal_whose_wal_is_taken_away_refuses(path: Path) -> None:
    async with open_journal(path, CLOCK) as journal:
        await journal.append(DaemonStopped("x"))
        wal(path).unlink()

        with pytest.raises(JournalError, match=f"journal {path} was removed or replaced"):
            await journal.append(DaemonStopped("y"))


@contextmanager
def blocked(path: Path) -> Iterator[None]:
    """Another program holds a write lock on the journal."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield


def move(old: Path, new: Path) -> None:
    old.rename(new)


def modes_in(folder: Path) -> dict[str, int]:
    files = (file for file in folder.iterdir() if not file.name.endswith(".new"))
    return {file.name: file.stat().st_mode & 0o777 for file in files}


async def append(journal: Journal, *events: Event) -> None:
    await journal.append(*events)
