# ruff: noqa: S608 (every value in a statement is the test's own)
"""What is old and needed no longer goes; all that is left still proves whole, and says the same."""

import gzip
import random
import shutil
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.bed.journals import execute, rows, written
from tests.bed.year import write_year
from tests.builders import EPOCH
from watchdog.adapters.audit import Verification, verify
from watchdog.adapters.chain import Gap, digest
from watchdog.adapters.journals.sqlite import open_journal
from watchdog.adapters.report import render
from watchdog.adapters.snapshot import recalled
from watchdog.adapters.sqlite_file import open_for_reading
from watchdog.adapters.sqlite_reader import open_reader
from watchdog.adapters.sqlite_records import Present
from watchdog.app.retaining import Keeping, Retention
from watchdog.app.snapshots import take
from watchdog.domain.account import Account
from watchdog.domain.claims import SignalReceived, Voice, Word
from watchdog.domain.errors import JournalError
from watchdog.domain.events import NotificationDelivered, RecordsRemoved
from watchdog.domain.ledger import Ledger
from watchdog.domain.moment import Moment
from watchdog.domain.recollection import Recollection
from watchdog.domain.retention import REMOVABLE
from watchdog.domain.scorecard import Scorecard
from watchdog.domain.versions import VersionBook
from watchdog.engine.reporter import records_of
from watchdog.testing.doubles import ManualClock

COUNT, DAY = 2_400, 86_400.0
KEEP = 180 * DAY
NOW = Moment(5e7, EPOCH)
REMOVER = Path(__file__).parents[1] / "bed" / "journal_remover.py"
KILLS = 12


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("year") / "journal.db"
    write_year(path, COUNT, ends=EPOCH, targets=4, seed=3)
    return path


@pytest.fixture
def path(year: Path, tmp_path: Path) -> Path:
    """A year's journal of its own."""
    return Path(shutil.copy(year, tmp_path / "journal.db"))


def archive_of(path: Path) -> Path:
    return path.parent / "archive"


async def retain(path: Path, keep: float = KEEP, ledger: Ledger | None = None) -> int:
    clock = ManualClock(NOW.elapsed, NOW.wall)
    async with open_journal(path, clock, boot_id="boot") as journal:
        keeping = Keeping(keep, archive_of(path))
        alarms: list[str] = []
        retention = Retention(
            journal, clock, ledger or Ledger(), keeping, alarms.append, pause=0.0, at_once=300
        )
        return await retention.once()


def folded(path: Path) -> Recollection:
    with closing(open_for_reading(path)) as connection:
        return recalled(connection, path, Present(NOW, "boot")).memory


def kinds(path: Path) -> dict[str, int]:
    counted = rows(path, "SELECT kind, count(*) FROM events GROUP BY kind")
    return {str(kind): int(str(count)) for kind, count in counted}


async def reports(path: Path) -> dict[str, str]:
    runs = [str(run) for (run,) in rows(path, "SELECT run FROM events WHERE kind = 'RunStarted'")]
    async with open_reader(path, ManualClock(NOW.elapsed, NOW.wall), boot_id="boot") as reader:
        return {run: render(await records_of(reader, run), run)[0] for run in runs}


def removable_again(path: Path) -> None:
    """Signals that say nothing to anybody, behind all else."""
    write_year(path, 40, ends=EPOCH, lasts=60.0, targets=4, seed=9)


def problem_after(path: Path, script: str) -> str:
    """What an audit says after somebody was at the file."""
    changed = Path(shutil.copy(path, path.with_name("changed.db")))
    execute(changed, script)
    found = verify(changed)
    assert not found.ok
    return found.problem


async def test_half_a_year_goes_and_the_chain_is_whole(path: Path) -> None:
    anchor = verify(path).head

    removed = await retain(path)

    found = verify(path, anchor)
    assert found.ok, found.problem
    assert found.removed == removed > COUNT / 8
    assert found.records + removed == int(found.head.split(":")[0])
    assert verify(path, archive=archive_of(path)).ok


async def test_what_is_younger_stays(path: Path) -> None:
    await retain(path)

    before = EPOCH - KEEP
    (younger,) = rows(path, f"SELECT count(*) FROM events WHERE wall >= {before}")[0]
    (oldest,) = rows(path, "SELECT min(seq) FROM events WHERE kind = 'SignalReceived'")[0]
    assert int(str(younger)) > COUNT / 2 - 20
    assert rows(path, f"SELECT wall >= {before} FROM events WHERE seq = {oldest}") == [(1,)]


async def test_all_that_is_remembered_stays_the_same(path: Path) -> None:
    before = folded(path)

    assert await retain(path)

    after = folded(path)
    assert after.ledger == before.ledger
    assert after.card == before.card
    assert after.recent == before.recent
    assert after.shadows.keys() == before.shadows.keys()
    assert (after.told, after.changed, after.lengths) == (
        before.told,
        before.changed,
        before.lengths,
    )


async def test_every_report_stays_the_same_to_the_letter(path: Path) -> None:
    before = await reports(path)

    assert await retain(path, keep=1.0)

    assert len(before) > 5
    assert await reports(path) == before


async def test_what_people_did_and_what_versions_there_were_is_kept_for_good(path: Path) -> None:
    before = kinds(path)

    await retain(path, keep=1.0)

    after = kinds(path)
    removable = {kind.__name__ for kind in REMOVABLE}
    assert {k: n for k, n in before.items() if k not in removable} == {
        k: n for k, n in after.items() if k not in {*removable, "RecordsRemoved"}
    }
    alert_only = "SELECT count(*) FROM events WHERE kind = 'Decided' AND body LIKE '%alert_only%'"
    assert rows(path, alert_only) != [(0,)]


async def test_an_incident_that_is_open_is_kept_whole(path: Path) -> None:
    ((target, incident),) = rows(
        path, "SELECT target, incident FROM events WHERE kind = 'IncidentOpened' LIMIT 1"
    )
    of_it = f"SELECT count(*) FROM events WHERE incident = '{incident}'"
    before = rows(path, of_it)
    ledger = Ledger(accounts={str(target): Account(incident=str(incident))})

    await retain(path, ledger=ledger)

    assert rows(path, of_it) == before


def test_no_limit_rests_on_what_may_go() -> None:
    counted = {*Ledger.KINDS, *VersionBook.KINDS}

    assert not counted & set(REMOVABLE)
    assert {kind.__name__ for kind in set(Scorecard.KINDS) & set(REMOVABLE)} == {"Decided"}


async def test_it_goes_on_where_it_was(path: Path) -> None:
    first = await retain(path, keep=300 * DAY)
    second = await retain(path)

    assert await retain(path) == 0
    assert verify(path).removed == first + second
    seals = rows(path, "SELECT body FROM events WHERE kind = 'RecordsRemoved'")
    assert len(seals) > 2


# -- who is at the file


async def test_one_more_record_that_is_missing_is_named(path: Path) -> None:
    await retain(path)
    ((seq,),) = rows(path, "SELECT min(seq) FROM events WHERE kind = 'ChangeSeen'")

    assert f"record {seq} is missing" in problem_after(path, f"DELETE FROM events WHERE seq={seq}")


async def test_a_record_cut_out_under_a_gap_of_somebodys_own_is_named(path: Path) -> None:
    await retain(path)
    last = COUNT - 20
    cut = (
        f"INSERT INTO gaps SELECT seq, seq, hash FROM events WHERE seq = {last};"
        f"DELETE FROM events WHERE seq = {last}"
    )

    assert f"record {last} is missing: records {last} to {last} were removed" in (
        problem_after(path, cut)
    )


async def test_a_gap_made_larger_is_named(path: Path) -> None:
    await retain(path)
    ((last, seq),) = rows(
        path,
        "SELECT gaps.last, events.seq FROM gaps JOIN events ON events.seq = gaps.last + 1 "
        "LEFT JOIN gaps AS next ON next.first = gaps.last + 2 WHERE next.first IS NULL LIMIT 1",
    )
    larger = (
        f"UPDATE gaps SET last = {seq}, hash = (SELECT hash FROM events WHERE seq = {seq}) "
        f"WHERE last = {last}; DELETE FROM events WHERE seq = {seq}"
    )

    problem = problem_after(path, larger)

    assert "others are missing than those that record" in problem


async def test_a_gap_with_another_hash_is_named_by_the_record_after_it(path: Path) -> None:
    await retain(path)
    ((last,),) = rows(path, "SELECT max(last) FROM gaps")

    problem = problem_after(path, f"UPDATE gaps SET hash = '{'0' * 64}' WHERE last = {last}")

    assert f"record {int(str(last)) + 1} is not what was written, or record {last}" in problem


async def test_a_record_edited_before_it_goes_stays(path: Path) -> None:
    execute(path, "UPDATE events SET wall = wall + 1 WHERE seq = 300")

    with pytest.raises(JournalError, match="record 300 is not what was written"):
        await retain(path)

    assert verify(path).problem.startswith("record 300 is not what was written")


async def test_an_anchor_that_was_removed_holds_with_the_archive_alone(path: Path) -> None:
    ((seq, stored),) = rows(
        path, "SELECT seq, hash FROM events WHERE kind='SignalReceived' LIMIT 1"
    )
    anchor = f"{seq}:{stored}"
    await retain(path)

    archived = verify(path, anchor, archive=archive_of(path))
    forged = verify(path, f"{seq}:{'0' * 64}", archive=archive_of(path))

    assert archived.ok, archived.problem
    assert "is not the one that the anchor names" in forged.problem
    alone = verify(path, anchor)
    assert alone.ok or "name the folder of the archive, or a later anchor" in alone.problem


# -- the archive


async def test_the_archive_holds_what_was_removed_in_json_lines(path: Path) -> None:
    removed = await retain(path)

    files = sorted(archive_of(path).iterdir())
    lines = [line for file in files for line in gzip.decompress(file.read_bytes()).splitlines()]
    assert len(lines) == removed
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}


async def test_whatever_bit_flips_in_the_archive_the_audit_names_a_record(path: Path) -> None:
    await retain(path)
    file = next(archive_of(path).iterdir())
    content = file.read_bytes()
    seed = random.randrange(2**32)
    flip = random.Random(seed)
    found: list[Verification] = []
    for _ in range(20):
        damaged = bytearray(content)
        # Behind the head of the format, where a flip can be harmless.
        damaged[flip.randrange(10, len(content))] ^= 1 << flip.randrange(8)
        file.write_bytes(damaged)
        found.append(verify(path, archive=archive_of(path)))

    assert not any(one.ok for one in found), f"seed {seed}"
    assert all(one.problem.startswith("record ") for one in found)
    assert verify(path).ok


async def test_a_missing_archive_is_named(path: Path) -> None:
    await retain(path)
    for file in archive_of(path).iterdir():
        file.unlink()

    assert "is not in the archive" in verify(path, archive=archive_of(path)).problem


async def test_an_archive_that_cannot_be_written_keeps_the_records(path: Path) -> None:
    archive_of(path).write_text("no folder")

    with pytest.raises(JournalError, match="nothing was removed"):
        await retain(path)

    assert (verify(path).records, verify(path).removed) == (COUNT, 0)


# -- kill -9


def test_a_kill_at_any_moment_leaves_all_or_none_of_each_removal(path: Path) -> None:
    seed = random.randrange(2**32)
    moments = random.Random(seed)
    anchor = verify(path).head
    keep = str(time.time() - (EPOCH - KEEP))
    removed = -1
    for number in range(KILLS):
        with subprocess.Popen(
            [sys.executable, REMOVER, path, keep], stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(moments.uniform(0, 0.1))
            process.kill()
            process.stdout.read()
        found = verify(path, anchor, archive=archive_of(path))
        assert found.ok, f"seed {seed}, kill {number}: {found.problem}"
        assert found.removed >= removed, f"seed {seed}, kill {number}"
        removed, anchor = found.removed, found.head
    subprocess.run([sys.executable, REMOVER, path, keep], check=True, stdout=subprocess.PIPE)

    found = verify(path, anchor, archive=archive_of(path))
    assert found.ok, found.problem
    assert found.removed > COUNT / 8, f"seed {seed}"


async def test_a_seal_tells_of_what_is_not_there_as_damage(path: Path) -> None:
    ((stored,),) = rows(path, "SELECT hash FROM events WHERE seq = 3")
    gaps = [Gap(3, 3, str(stored)), Gap(5, 6, "0" * 64)]
    async with open_journal(path, ManualClock(NOW.elapsed, NOW.wall)) as journal:
        seal = RecordsRemoved(1, 10, 3, digest(gaps), 0.0)
        with pytest.raises(JournalError, match="records 5 to 6 are not what they were"):
            await journal.remove(seal, gaps)

        assert journal.healthy
    assert (verify(path).ok, verify(path).records) == (True, COUNT)


async def test_the_newest_snapshot_is_of_use_however_old_it_is(path: Path) -> None:
    async with open_journal(path, ManualClock(NOW.elapsed, NOW.wall), boot_id="boot") as journal:
        kept = await take(journal, ManualClock(NOW.elapsed, NOW.wall))
    # Now it stands among others that all may go.
    removable_again(path)

    assert await retain(path, keep=-1.0)

    with closing(open_for_reading(path)) as connection:
        found = recalled(connection, path, Present(NOW, "boot"))
    assert (found.refused, found.covers) == ("", kept.covers)


async def test_what_was_delivered_late_is_still_told_in_the_report(path: Path) -> None:
    """The message is older than one pass reaches, and its delivery is not."""
    (run, ended), *_ = rows(path, "SELECT run, seq FROM events WHERE kind = 'RunEnded'")
    written(path, NotificationDelivered("pager", int(str(ended)), 1))
    before = (await reports(path))[str(run)]
    day = (rows(path, f"SELECT wall FROM events WHERE seq = {ended}"))[0][0]
    await retain(path, keep=EPOCH - float(str(day)) - 1.0)

    await retain(path, keep=-1.0)

    assert "pager" in before
    assert (await reports(path))[str(run)] == before


async def test_a_signal_that_still_counts_stays(path: Path) -> None:
    said = SignalReceived(
        "shop-1", "load", Voice.WEBHOOK, Word.FIRING, "f", EPOCH, EPOCH + DAY, labels={}
    )
    written(path, said)

    await retain(path, keep=-DAY / 2)

    assert rows(path, "SELECT count(*) FROM events WHERE body LIKE '%\"load\"%'") == [(1,)]


async def test_the_last_incidents_are_listed_as_before(path: Path) -> None:
    before = folded(path).recent

    await retain(path, keep=-1.0)

    assert folded(path).recent == before
