"""A start reads the newest snapshot and what came after: the same as everything, or not used."""

import json
import random
import shutil
from contextlib import closing
from pathlib import Path

import pytest

from tests.bed.journals import execute, rows, written
from tests.bed.year import write_year
from tests.builders import EPOCH, a_plan, a_step, started
from watchdog.adapters import snapshot
from watchdog.adapters.chain import digest
from watchdog.adapters.clock import SystemClock
from watchdog.adapters.journals.sqlite import open_journal
from watchdog.adapters.memory_codec import packed
from watchdog.adapters.removal import next_batch
from watchdog.adapters.snapshot import Recalled, beside, recalled, settle, write
from watchdog.adapters.sqlite_file import open_for_reading, open_for_writing
from watchdog.adapters.sqlite_records import BadRecordError, Present, draft, insert, remove
from watchdog.domain.events import DaemonStopped, RecordsRemoved, RunParked, SnapshotKept
from watchdog.domain.moment import Moment
from watchdog.domain.recollection import Recollection
from watchdog.domain.retention import Sparing

BEFORE, AFTER = 1_000, 200
FLIPS = 20
PRESENT = Present(Moment(5e7, EPOCH + 5e7), "boot")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal with a snapshot, and some records behind it."""
    path = tmp_path / "journal.db"
    write_year(path, BEFORE, ends=EPOCH, targets=5)
    take(path)
    write_year(path, AFTER, ends=EPOCH + 86400, lasts=86400, targets=5, seed=2)
    return path


def take(path: Path) -> SnapshotKept:
    kept = begin(path)
    written(path, kept)
    settle(path)
    return kept


def begin(path: Path) -> SnapshotKept:
    with closing(open_for_reading(path)) as connection:
        return write(path, recalled(connection, path, PRESENT), PRESENT)


def recall(path: Path, present: Present = PRESENT) -> Recalled:
    with closing(open_for_reading(path)) as connection:
        return recalled(connection, path, present)


def from_the_start(path: Path) -> Recollection:
    alone = path.with_name("alone.db")
    shutil.copy(path, alone)
    return recall(alone).memory


def test_a_start_reads_only_what_came_after_the_snapshot(path: Path) -> None:
    found = recall(path)

    assert (found.covers, found.read, found.refused) == (BEFORE, AFTER + 1, "")
    assert found.memory == from_the_start(path)


def test_the_snapshot_of_a_snapshot_is_that_of_everything(path: Path) -> None:
    take(path)

    found = recall(path)

    assert (found.covers, found.read) == (BEFORE + AFTER + 1, 1)
    assert packed(found.memory) == packed(from_the_start(path))


def test_whatever_bit_flips_in_a_snapshot_everything_is_read_instead(path: Path) -> None:
    content = beside(path).read_bytes()
    sound = from_the_start(path)
    seed = random.randrange(2**32)
    flip = random.Random(seed)

    for _ in range(FLIPS):
        damaged = bytearray(content)
        place, bit = flip.randrange(len(content)), flip.randrange(8)
        damaged[place] ^= 1 << bit
        beside(path).write_bytes(damaged)

        found = recall(path)

        assert found.covers == 0, f"seed {seed}: bit {bit} of byte {place}"
        assert f"the snapshot {beside(path)} is not used: " in found.refused
        assert found.memory == sound


@pytest.mark.parametrize("content", ["", "\n", "[]\n", '{"format": 1}\n', "\0" * 100])
def test_what_is_no_snapshot_is_not_used(path: Path, content: str) -> None:
    beside(path).write_text(content)

    assert recall(path).covers == 0


def test_a_snapshot_by_another_version_of_the_program_is_not_used(path: Path) -> None:
    file = beside(path)
    file.write_text(file.read_text().replace(snapshot.program(), "0" * 64))

    found = recall(path)

    assert found.covers == 0
    assert "it was made by another version of this program" in found.refused


def test_a_snapshot_that_somebody_wrote_anew_is_not_used(path: Path) -> None:
    head, *lines = beside(path).read_text().splitlines()
    forged = [line for line in lines if '"killed"' not in line]
    assert len(forged) == len(lines) - 1
    beside(path).write_text("\n".join([head, *forged, '[["ledger","killed"],""]', ""]))

    found = recall(path)

    assert found.covers == 0
    assert "the journal does not tell of it as it is" in found.refused


def test_a_record_behind_the_snapshot_that_was_touched_is_named(path: Path) -> None:
    seq = BEFORE + 50
    execute(path, f"UPDATE events SET body = '{{}}' WHERE seq = {seq}")  # noqa: S608

    with pytest.raises(BadRecordError, match=f"record {seq} is not what was written"):
        recall(path)


def test_a_journal_cut_off_before_the_snapshot_is_read_from_the_start(path: Path) -> None:
    execute(path, f"DELETE FROM events WHERE seq > {BEFORE - 10}")  # noqa: S608

    found = recall(path)

    assert (found.covers, found.tail.seq) == (0, BEFORE - 10)


def test_a_kill_before_the_journal_tells_of_a_snapshot_leaves_the_one_before(path: Path) -> None:
    begin(path)

    assert recall(path).covers == BEFORE


def test_a_kill_before_a_snapshot_is_in_its_place_loses_nothing(path: Path) -> None:
    kept = begin(path)
    written(path, kept)

    found = recall(path)

    assert (found.covers, found.read) == (kept.covers, 1)


def test_another_boot_reads_the_times_by_the_wall_clock(path: Path) -> None:
    later = Present(Moment(100.0, EPOCH + 90_000), "another boot")
    alone = path.with_name("alone.db")
    shutil.copy(path, alone)

    found = recall(path, later)

    assert found.covers == BEFORE
    assert found.memory == recall(alone, later).memory


def test_the_index_alone_is_not_believed_about_a_snapshot(path: Path) -> None:
    """It says that record 1001 tells of the snapshot; the record itself says another thing."""
    (row,) = rows(path, "SELECT seq FROM events WHERE kind = 'SnapshotKept'")
    assert row == (BEFORE + 1,)
    execute(path, "UPDATE events SET body = replace(body, 'covers', 'others') WHERE seq = 1001")

    with pytest.raises(BadRecordError, match="record 1001 is not what was written"):
        recall(path)


async def test_an_open_run_is_counted_to_its_last_record(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    written(path, started(a_plan(a_step("one")), run="r1"), RunParked("r1", "x"))
    take(path)
    written(path, RunParked("r1", "y"), DaemonStopped("z"))

    async with open_journal(path, SystemClock()) as journal:
        found = await journal.recalled()

        assert found.covers == 2
        assert found.memory.lengths == {"r1": 3}
        assert len(await journal.read(run="r1")) == 3


def test_its_lines_are_short(path: Path) -> None:
    """Each is written in one go, while nothing else of the program runs."""
    assert max(map(len, beside(path).read_text().splitlines())) < 100_000


def test_its_head_says_what_it_covers(path: Path) -> None:
    head = json.loads(beside(path).read_text().splitlines()[0])
    (stored,) = rows(path, f"SELECT hash FROM events WHERE seq = {BEFORE}")  # noqa: S608

    assert (head["covers"], head["head"]) == (BEFORE, stored[0])


def test_what_retention_removes_meanwhile_is_not_missed(path: Path) -> None:
    """A status is asked while the daemon removes old records: of one moment, it is all there."""
    beside(path).unlink()
    with closing(open_for_reading(path)) as connection:
        connection.set_trace_callback(
            lambda statement: remove_all(path) if "FROM events WHERE seq >" in statement else None
        )

        found = recalled(connection, path, PRESENT)

    assert found.read == BEFORE + AFTER + 1
    assert recall(path).read < found.read


def remove_all(path: Path) -> None:
    """Remove what may go, as a daemon does."""
    with closing(open_for_writing(path)) as connection:
        batch = next_batch(connection, 0, float("inf"), Sparing(), BEFORE)
        if batch is None or not batch.gaps:
            return
        count = sum(map(len, batch.gaps))
        seal = RecordsRemoved(batch.first, batch.last, count, digest(batch.gaps), 0.0)
        connection.execute("BEGIN IMMEDIATE")
        insert(connection, [draft(seal, PRESENT.now, "boot", 0)])
        remove(connection, batch.gaps)
        connection.execute("COMMIT")
