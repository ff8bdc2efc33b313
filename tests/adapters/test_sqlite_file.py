import shutil
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from tests.bed.journals import execute, rows, size, until_it_holds, wal, writer, written
from watchdog.adapters.sqlite_file import (
    APPLICATION_ID,
    VERSION,
    open_for_reading,
    open_for_writing,
)
from watchdog.domain.errors import JournalError
from watchdog.domain.events import DaemonStopped


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def test_a_new_journal_says_whose_it_is_and_is_for_its_owner_alone(path: Path) -> None:
    written(path)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert rows(path, "PRAGMA application_id") == [(APPLICATION_ID,)]
    assert rows(path, "PRAGMA user_version") == [(VERSION,)]


def test_an_empty_file_becomes_a_journal(path: Path) -> None:
    path.touch()
    written(path, DaemonStopped("x"))

    assert rows(path, "SELECT seq FROM events") == [(1,)]


def test_every_commit_goes_to_the_disk_and_none_of_it_is_mapped(path: Path) -> None:
    with closing(open_for_writing(path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
        assert connection.execute("PRAGMA mmap_size").fetchone() == (0,)


def test_a_missing_folder_is_named(path: Path) -> None:
    refused = refusal_to_write(path.parent / "missing/journal.db")

    assert f"there is no folder {path.parent}/missing; create it" in refused


def test_a_folder_is_no_journal(path: Path) -> None:
    path.mkdir()

    assert f"{path} is not a regular file" in refusal_to_write(path)


def test_the_file_of_another_program_is_left_alone(path: Path) -> None:
    execute(path, "CREATE TABLE accounts (name); PRAGMA application_id=99")
    before = path.read_bytes()

    for refused in (refusal_to_write(path), refusal_to_read(path)):
        assert f"{path} is the SQLite file of another program" in refused
        assert "application 0x63, 1 tables" in refused
        assert "name another file for the journal" in refused
    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_left_alone(path: Path) -> None:
    path.write_text("dear diary\n" * 100)

    for refused in (refusal_to_write(path), refusal_to_read(path)):
        assert f"the journal {path}: file is not a database (SQLITE_NOTADB); name an" in refused
    assert path.read_text() == "dear diary\n" * 100


def test_a_journal_of_a_newer_version_is_refused_with_both_formats(path: Path) -> None:
    written(path)
    execute(path, f"PRAGMA user_version={VERSION + 1}")

    for refused in (refusal_to_write(path), refusal_to_read(path)):
        assert f"the journal {path} has format {VERSION + 1}, written by a newer" in refused
        assert f"this version knows formats up to {VERSION}: run the newer one" in refused


@pytest.mark.parametrize("version", [0, -1])
def test_a_journal_of_an_impossible_version_is_refused(path: Path, version: int) -> None:
    written(path)
    execute(path, f"PRAGMA user_version={version}")

    assert f"{path} is damaged: it has format {version}; keep a copy" in refusal_to_write(path)


def test_a_damaged_journal_is_refused_with_the_way_out(path: Path) -> None:
    written(path, *[DaemonStopped("x" * 500) for _ in range(100)])
    content = bytearray(path.read_bytes())
    content[4096 * 8 : 4096 * 9] = b"\xff" * 4096
    path.write_bytes(content)

    refused = refusal_to_write(path)

    assert f"the journal {path} is damaged: Page 9: " in refused
    assert "put a backup in its place" in refused


def test_an_index_that_hides_a_record_is_damage(path: Path) -> None:
    written(path, *[DaemonStopped(str(number)) for number in range(100)])
    (root,) = rows(path, "SELECT rootpage FROM sqlite_master WHERE name = 'events_by_kind'")
    content = bytearray(path.read_bytes())
    place = content.index(b"DaemonStopped", 4096 * (int(str(root[0])) - 1))
    content[place] ^= 1
    path.write_bytes(content)

    assert "is damaged: row" in refusal_to_write(path)


def test_a_schema_that_is_no_text_is_damage(path: Path) -> None:
    written(path, DaemonStopped("x"))
    content = path.read_bytes()
    damaged = content.replace(b"indexevents_by_run", b"index\xefvents_by_run")
    assert damaged != content
    path.write_bytes(damaged)

    for refused in (refusal_to_write(path), refusal_to_read(path)):
        assert f"the journal {path} is damaged" in refused


def test_a_schema_with_a_wrong_letter_is_damage(path: Path) -> None:
    """Without its primary key, `seq > 0` would find no record in a full table."""
    written(path, DaemonStopped("x"))
    path.write_bytes(path.read_bytes().replace(b"seq INTEGER PRIMARY", b"seq INTEGER PBIMARY"))

    for refused in (refusal_to_write(path), refusal_to_read(path)):
        assert f"the journal {path} is damaged: events is not as this program made it" in refused


def test_a_table_that_somebody_added_is_none_of_our_business(path: Path) -> None:
    written(path, DaemonStopped("x"))
    execute(path, "ANALYZE; CREATE TABLE mine (x); CREATE INDEX mine_too ON events (epoch)")

    written(path, DaemonStopped("y"))
    assert rows(path, "SELECT seq FROM events") == [(1,), (2,)]


def test_what_a_kill_left_half_done_is_undone(path: Path) -> None:
    """The file's first moments, before it has a -wal file, stand in a -journal file."""
    written(path, *[DaemonStopped("x" * 500) for _ in range(200)])
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
        connection.executescript("PRAGMA cache_size=1; BEGIN; UPDATE events SET epoch = 99")
        half_done = path.with_name("half.db")
        shutil.copy(path, half_done)
        shutil.copy(f"{path}-journal", f"{half_done}-journal")

    assert "start the daemon once, which undoes" in refusal_to_read(half_done)
    written(half_done)
    assert rows(half_done, "SELECT DISTINCT epoch FROM events") == [(0,)]


def test_a_journal_cut_to_nothing_beside_its_records_is_refused(path: Path) -> None:
    with writer(path) as killed:
        until_it_holds(path, 50_000)
        killed.kill()
    for cut in (path.unlink, path.touch):
        cut()

        assert f"{path} is empty or missing, but {wal(path)} still holds" in refusal_to_write(path)
    assert size(wal(path)) >= 50_000


def test_what_is_opened_for_reading_cannot_be_written(path: Path) -> None:
    written(path, DaemonStopped("x"))

    with closing(open_for_reading(path)) as connection:
        for statement in ("DELETE FROM events", "PRAGMA user_version=9", "DROP TABLE notes"):
            with pytest.raises(sqlite3.OperationalError, match="readonly"):
                connection.execute(statement)


def test_reading_makes_no_journal(path: Path) -> None:
    assert f"there is no journal {path}; the daemon makes it" in refusal_to_read(path)
    assert not path.exists()


def test_to_read_an_empty_file_is_refused_with_what_to_do(path: Path) -> None:
    path.touch()

    assert f"{path} has format 0, and this version reads {VERSION}; start" in refusal_to_read(path)


def refusal_to_write(path: Path) -> str:
    with pytest.raises(JournalError) as refused:
        open_for_writing(path)
    return str(refused.value)


def refusal_to_read(path: Path) -> str:
    with pytest.raises(JournalError) as refused:
        open_for_reading(path)
    return str(refused.value)
