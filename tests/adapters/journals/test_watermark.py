"""A journal that is not the one last written, such as yesterday's backup, is refused."""

import random
import re
import shutil
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.bed.journals import execute, rows, writer, written
from watchdog.adapters.audit import verify
from watchdog.adapters.chain import Tail
from watchdog.adapters.clock import SystemClock
from watchdog.adapters.journals.sqlite import open_journal
from watchdog.adapters.sqlite_file import open_for_reading
from watchdog.adapters.watermark import Acceptance, beside, objection, write
from watchdog.domain.errors import JournalError
from watchdog.domain.events import DaemonStopped, OlderJournalAccepted

CLOCK = SystemClock()
ACCEPTED = Acceptance("ann", "the disk died; all targets were looked at")
KILLS = 8
FLIPS = 60


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


async def recorded(path: Path, *reasons: str, accepted: Acceptance | None = None) -> None:
    async with open_journal(path, CLOCK, accepted=accepted) as journal:
        for reason in reasons:
            await journal.append(DaemonStopped(reason))


async def refused(path: Path) -> str:
    with pytest.raises(JournalError) as error:
        await recorded(path)
    return str(error.value)


async def test_at_the_end_it_says_how_far_the_journal_came(path: Path) -> None:
    await recorded(path, "a", "b")

    assert beside(path).read_text().split()[0] == verify(path).head
    await recorded(path, "c")
    assert verify(path, beside(path).read_text().split()[0]).records == 3


async def test_yesterdays_backup_is_refused_with_what_is_missing_and_the_way_out(
    path: Path,
) -> None:
    await recorded(path, "a", "b")
    shutil.copy(path, path.with_name("backup.db"))
    await recorded(path, "c")
    shutil.copy(path.with_name("backup.db"), path)

    text = await refused(path)

    assert f"the journal {path} is not the one that was last written here" in text
    assert re.search(
        r"it ends with record 2 of \S+, and its watermark says record 3, written", text
    )
    assert "`run --accept-older-journal --by NAME --reason TEXT`" in text
    assert await refused(path) == text


async def test_a_person_may_go_on_with_it_and_that_is_recorded(path: Path) -> None:
    await recorded(path, "a")
    shutil.copy(path, path.with_name("backup.db"))
    await recorded(path, "b")
    shutil.copy(path.with_name("backup.db"), path)

    await recorded(path, "c", accepted=ACCEPTED)

    async with open_journal(path, CLOCK) as journal:
        events = [record.event for record in await journal.read()]
    accepted = events[1]
    assert isinstance(accepted, OlderJournalAccepted)
    assert (accepted.by, accepted.reason) == (ACCEPTED.by, ACCEPTED.reason)
    assert "it ends with record 1 of" in accepted.missing
    assert events[2] == DaemonStopped("c")


async def test_an_acceptance_that_cannot_be_recorded_accepts_nothing(path: Path) -> None:
    await recorded(path, "a")
    shutil.copy(path, path.with_name("backup.db"))
    await recorded(path, "b")
    shutil.copy(path.with_name("backup.db"), path)
    unwritable: Any = object()

    with pytest.raises(JournalError):
        await recorded(path, accepted=Acceptance("ann", unwritable))

    assert "it ends with record 1 of" in await refused(path)


async def test_where_nothing_is_missing_nothing_is_accepted(path: Path) -> None:
    await recorded(path, "a")
    await recorded(path, accepted=ACCEPTED)

    assert rows(path, "SELECT kind FROM events") == [("DaemonStopped",)]


async def test_a_journal_with_another_past_is_refused(path: Path) -> None:
    await recorded(path, "a")
    other = path.with_name("other.db")
    await recorded(other, "x", "y")
    shutil.copy(other, path)

    assert "its record 1 is another one than its watermark says record 1" in await refused(path)


async def test_a_journal_moved_without_its_watermark_is_refused(path: Path) -> None:
    await recorded(path, "a")
    beside(path).unlink()

    assert f"its watermark {beside(path)} is missing, so it may be an older copy" in (
        await refused(path)
    )


async def test_a_journal_that_never_had_one_is_taken(path: Path) -> None:
    """It was written by an earlier version."""
    written(path, DaemonStopped("x"))

    await recorded(path, "y")

    assert verify(path).records == 2


async def test_a_watermark_that_came_before_what_a_kill_left_is_behind_and_good(path: Path) -> None:
    await recorded(path, "a")
    mark = beside(path).read_bytes()
    await recorded(path, "b", "c")
    beside(path).write_bytes(mark)

    await recorded(path, "d")


async def test_whatever_bit_flips_in_it_the_journal_is_refused(path: Path) -> None:
    await recorded(path, "a", "b")
    content = beside(path).read_bytes()
    seed = random.randrange(2**32)
    flip = random.Random(seed)

    for _ in range(FLIPS):
        damaged = bytearray(content)
        place, bit = flip.randrange(len(content)), flip.randrange(8)
        damaged[place] ^= 1 << bit
        beside(path).write_bytes(damaged)
        with closing(open_for_reading(path)) as connection:
            why = objection(connection, path)

        assert "damaged, so it may be an older copy" in why, f"seed {seed}: {bit} of {place}"


async def test_a_removed_end_is_refused(path: Path) -> None:
    await recorded(path, "a", "b")
    execute(path, "DELETE FROM events WHERE seq = 2")

    assert "its end was cut off" in await refused(path)


def test_however_it_is_killed_the_watermark_is_never_ahead(path: Path) -> None:
    seed = random.randrange(2**32)
    moments = random.Random(seed)
    for number in range(KILLS):
        with writer(path) as process:
            assert process.stdout is not None
            while b"confirmed" not in process.stdout.readline():
                assert process.poll() is None, f"seed {seed}, kill {number}"
            time.sleep(moments.uniform(0, 0.03))
        with closing(open_for_reading(path)) as connection:
            assert objection(connection, path) == "", f"seed {seed}, kill {number}"


def test_a_disk_that_will_not_take_it_is_an_error_of_the_system(tmp_path: Path) -> None:
    with closing(open_for_reading(_empty(tmp_path / "journal.db"))) as connection:
        assert objection(connection, tmp_path / "journal.db") == ""
    with pytest.raises(OSError, match="No such file"):
        write(tmp_path / "missing" / "journal.db", Tail(), 0.0)


def _empty(path: Path) -> Path:
    written(path)
    return path
