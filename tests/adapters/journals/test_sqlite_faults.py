"""Real faults of real disks: full, read-only, failing, flipped bits. Nothing confirmed is lost."""

import asyncio
import os
import random
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path

import pytest

from tests.bed.journal_writer import EVENTS, NO_FILTER
from tests.bed.journals import writer, written
from watchdog.adapters.audit import verify
from watchdog.adapters.clock import SystemClock
from watchdog.adapters.journals.sqlite import SqliteJournal, open_journal
from watchdog.adapters.sqlite_reader import open_reader
from watchdog.domain.errors import JournalError
from watchdog.domain.events import DaemonStopped, Record, RunParked
from watchdog.testing.doubles import ManualClock

CLOCK = SystemClock()
FLIPS = 150


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own of one megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mounting, check=False).returncode != 0:
        pytest.skip("file systems cannot be mounted here; the test of the file limit stands in")
    yield folder
    subprocess.run(["umount", folder], check=True)


async def test_a_full_disk_refuses_until_there_is_room_again(small_disk: Path) -> None:
    path = small_disk / "journal.db"
    confirmed: list[Record] = []

    async with open_journal(path, CLOCK) as journal:
        fill(small_disk / "ballast", leaving=200_000)
        refused = await append_until_refused(journal, confirmed)
        fill(small_disk / "more ballast", leaving=0)
        with pytest.raises(JournalError, match="SQLITE_FULL"):
            await journal.probe()
        (small_disk / "ballast").unlink()
        with pytest.raises(JournalError, match="SQLITE_FULL"):
            await journal.append(DaemonStopped("refused though there is room"))
        await journal.probe()
        confirmed += await journal.append(DaemonStopped("the last one"))

        assert await journal.read() == confirmed
    assert f"{path}: database or disk is full (SQLITE_FULL); free some" in refused
    assert len(confirmed) > 10
    assert verify(path).records == len(confirmed)
    assert verify(path).ok


async def test_a_file_that_may_not_grow_refuses_and_keeps_what_it_confirmed(
    tmp_path: Path,
) -> None:
    path = tmp_path / "journal.db"

    said = run_writer(path, "--file-limit", "300000")

    refused = [line for line in said if line.startswith("refused")]
    assert f"cannot write to the journal {path}: disk I/O error (SQLITE_IOERR_WRITE)" in refused[0]
    assert "the limits of this process" in refused[0]
    await assert_all_is_there(path, said)


async def test_a_disk_that_cannot_sync_confirms_nothing(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"

    said = run_writer(path, "--sync-fails-after", "5")

    refused = [line for line in said if line.startswith("refused")]
    assert f"the journal {path}: disk I/O error (SQLITE_IOERR_FSYNC); see the" in refused[0]
    # Each of the four writers was confirmed five times before, or broke it for the others.
    assert len([line for line in said if line.startswith("confirmed")]) <= 4 * 5
    await assert_all_is_there(path, said)


async def test_a_read_only_disk_is_refused_to_a_daemon_and_open_to_readers(
    small_disk: Path,
) -> None:
    path = small_disk / "journal.db"
    written(path, DaemonStopped("x"))
    remount(small_disk, "ro")

    with pytest.raises(JournalError, match=rf"{path}: Read-only file system \(EROFS\); make the"):
        async with open_journal(path, CLOCK):
            pass
    async with open_reader(path, CLOCK) as reader:
        assert [record.event for record in await reader.read()] == [DaemonStopped("x")]
        assert (await reader.verify()).ok


async def test_a_folder_that_may_not_be_written_is_refused_to_a_daemon_and_open_to_readers(
    tmp_path: Path,
) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write anywhere; the test of the read-only disk stands in")
    path = tmp_path / "folder/journal.db"
    make_unwritable_with_a_journal_in_it(path)

    with pytest.raises(JournalError, match=rf"{path}: Permission denied \(EACCES\); make the"):
        async with open_journal(path, CLOCK):
            pass
    async with open_reader(path, CLOCK) as reader:
        assert [record.event for record in await reader.read()] == [DaemonStopped("x")]


def test_whatever_bit_flips_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    original = tmp_path / "original.db"
    written(original, *[RunParked(f"r{number % 7}", f"{number}") for number in range(120)])
    content = original.read_bytes()
    sound = read_in_every_way(original)
    assert sound is not None
    seed = random.randrange(2**32)
    flip = random.Random(seed)
    noticed = 0

    for number in range(FLIPS):
        path = tmp_path / f"{number}.db"
        place, bit = flip.randrange(len(content)), flip.randrange(8)
        damaged = bytearray(content)
        damaged[place] ^= 1 << bit
        path.write_bytes(damaged)
        where = f"seed {seed}, flip {number}: bit {bit} of byte {place}"

        proven = audited(path)
        found = read_in_every_way(path)

        assert found in (None, sound), where
        assert found == sound or not proven, where
        noticed += not proven
    # The file is half empty: what is flipped there harms nothing.
    assert noticed > FLIPS / 4, f"seed {seed}"


def test_a_last_hash_that_is_no_text_is_refused_as_damage_and_the_watermark_left_alone(
    tmp_path: Path,
) -> None:
    path = tmp_path / "journal.db"
    written(path, *[RunParked("r1", f"{number}") for number in range(3)])
    with closing(sqlite3.connect(path)) as connection:
        (last,) = connection.execute("SELECT hash FROM events ORDER BY seq DESC").fetchone()
    content = path.read_bytes()
    assert content.count(last.encode()) == 1
    path.write_bytes(content.replace(last.encode(), b"\xb9" + last.encode()[1:]))

    async def opened() -> None:
        async with open_journal(path, ManualClock(), boot_id="boot"):
            pass

    with pytest.raises(JournalError, match="is damaged: the hash of record 3"):
        asyncio.run(opened())
    assert not path.with_name("journal.db.head").exists()


def read_in_every_way(path: Path) -> Sequence[Sequence[Record]] | None:
    """What a daemon reads at its start; None where it refuses."""

    async def read() -> Sequence[Sequence[Record]]:
        async with open_journal(path, ManualClock(), boot_id="boot") as journal:
            return [
                await journal.read(),
                await journal.read(kinds=[RunParked]),
                *[await journal.read(run=f"r{number}") for number in range(7)],
            ]

    with suppress(JournalError):
        return asyncio.run(read())
    return None


def audited(path: Path) -> bool:
    """Whether the audit finds nothing, on a copy: to read makes files beside it."""
    copy = path.with_suffix(".copy")
    shutil.copy(path, copy)
    with suppress(JournalError):
        return verify(copy).ok
    return False


async def append_until_refused(journal: SqliteJournal, confirmed: list[Record]) -> str:
    while True:
        try:
            confirmed += await journal.append(DaemonStopped("x" * 1000))
        except JournalError as error:
            return str(error)


def run_writer(path: Path, *options: str) -> Sequence[str]:
    with writer(path, *options) as process:
        said, _ = process.communicate(timeout=30)
    if process.returncode == NO_FILTER:
        pytest.skip("this kernel lets no process filter its own system calls")
    assert process.returncode == 0
    return said.decode().splitlines()


async def assert_all_is_there(path: Path, said: Sequence[str]) -> None:
    """Whatever `said` confirms is in the journal, whole, and the journal is sound."""
    confirmed = {line.split()[1] for line in said if line.startswith("confirmed")}
    async with open_journal(path, CLOCK) as journal:
        events = [record.event for record in await journal.read(kinds=[RunParked])]
        assert (await journal.append(DaemonStopped("it goes on")))[0].seq == len(events) + 1
    runs = [event.run for event in events if isinstance(event, RunParked)]
    assert confirmed <= set(runs)
    assert {runs.count(run) for run in runs} <= {EVENTS}
    assert confirmed
    assert verify(path).ok


def fill(file: Path, *, leaving: int) -> None:
    """Take all the room of the disk but `leaving` bytes."""
    status = os.statvfs(file.parent)
    room = status.f_bavail * status.f_frsize - leaving
    file.write_bytes(bytes(room))


def make_unwritable_with_a_journal_in_it(path: Path) -> None:
    path.parent.mkdir()
    written(path, DaemonStopped("x"))
    path.parent.chmod(0o500)


def remount(folder: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", folder], check=True)
