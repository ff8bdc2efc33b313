from pathlib import Path

import pytest

from tests.bed.journals import MOMENT, execute, rows, written
from watchdog.adapters.chain import link
from watchdog.adapters.journals.sqlite import open_journal
from watchdog.adapters.sqlite_reader import SqliteReader, open_reader, this_boot
from watchdog.domain.errors import JournalError
from watchdog.domain.events import DaemonStopped, RunParked
from watchdog.domain.moment import Moment
from watchdog.testing.contracts import numbers
from watchdog.testing.doubles import ManualClock

CLOCK = ManualClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


async def test_it_sees_what_is_committed_while_the_daemon_runs(path: Path) -> None:
    async with open_journal(path, CLOCK) as journal, open_reader(path, CLOCK) as reader:
        await journal.append(DaemonStopped("x"))
        await journal.keep("cursor", "1")

        assert numbers(await reader.read()) == [1]
        assert await reader.kept("cursor") == ("1", CLOCK.now())
        assert await reader.head() == await journal.head()
        assert (await reader.verify(await journal.head())).ok


async def test_it_needs_no_daemon(path: Path) -> None:
    written(path, RunParked("r1", "x"), DaemonStopped("x"))

    async with open_reader(path, CLOCK, boot_id="boot") as reader:
        (record,) = await reader.read(run="r1")

    assert (record.seq, record.at, record.event) == (1, MOMENT, RunParked("r1", "x"))


def test_it_has_no_way_to_write() -> None:
    public = {name for name in dir(SqliteReader) if not name.startswith("_")}

    assert public == {"read", "kept", "head", "verify", "recalled", "recollection"}


async def test_a_touched_record_is_never_read(path: Path) -> None:
    written(path, *[RunParked("r1", str(number)) for number in range(5)])
    execute(path, "UPDATE events SET body = replace(body, '2', '7') WHERE seq = 3")

    async with open_reader(path, CLOCK) as reader:
        assert numbers(await reader.read(after=3)) == [4, 5]
        with pytest.raises(JournalError, match=f"{path}: record 3 is not what was written"):
            await reader.read()


async def test_a_record_whose_predecessor_is_missing_is_never_read(path: Path) -> None:
    written(path, *[RunParked("r1", str(number)) for number in range(5)])
    execute(path, "DELETE FROM events WHERE seq = 3")

    async with open_reader(path, CLOCK) as reader:
        with pytest.raises(JournalError, match="record 4 is not what was written"):
            await reader.read(run="r1")


async def test_a_record_of_a_later_kind_is_refused_by_number(path: Path) -> None:
    written(path, DaemonStopped("x"))
    ((previous,),) = rows(path, "SELECT hash FROM events")
    hash_ = link(str(previous), (2, 1.0, 1.0, "boot", 0, "Teleported", None, None, None, "{}"))
    values = f"2, 1.0, 1.0, 'boot', 0, 'Teleported', '{{}}', '{hash_}'"
    columns = "seq, wall, elapsed, boot, epoch, kind, body, hash"
    execute(path, f"INSERT INTO events ({columns}) VALUES ({values})")  # noqa: S608

    async with open_reader(path, CLOCK) as reader:
        with pytest.raises(JournalError, match=f"{path}: record 2 cannot be read: .*'Teleported'"):
            await reader.read()


async def test_where_there_is_no_journal_it_says_so(path: Path) -> None:
    with pytest.raises(JournalError, match=f"there is no journal {path}"):
        async with open_reader(path, CLOCK):
            pass


async def test_after_its_end_it_says_so(path: Path) -> None:
    written(path)
    async with open_reader(path, CLOCK) as reader:
        pass

    with pytest.raises(JournalError, match=f"{path} is closed"):
        await reader.read()


def test_this_boot_is_named_as_the_kernel_names_it() -> None:
    assert len(this_boot()) == len("e1f4ad5e-6fd2-4ea9-a4b5-0ec3cf0b2a41")
    assert this_boot() == this_boot()


async def test_a_boot_without_a_name_is_never_taken_for_an_earlier_one(path: Path) -> None:
    async with open_journal(path, CLOCK, boot_id="") as journal:
        await journal.append(DaemonStopped("x"))
    rebooted = ManualClock(elapsed=10, wall=CLOCK.now().wall + 60)

    async with open_reader(path, rebooted, boot_id="") as reader:
        (record,) = await reader.read()

    assert record.at == Moment(elapsed=-50, wall=CLOCK.now().wall)
