# ruff: noqa: S608 (every value in a statement is the test's own)
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import pytest

from tests.bed.journals import execute, rows, until_it_holds, writer, written
from watchdog.adapters.audit import verify
from watchdog.adapters.chain import COLUMNS, GENESIS, Field, link
from watchdog.domain.errors import ConfigError, JournalError
from watchdog.domain.events import DaemonStopped, RunParked

COUNT = 9


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal of nine records."""
    path = tmp_path / "journal.db"
    written(path, *[RunParked("r1", f"reason {number}") for number in range(1, COUNT)])
    written(path, DaemonStopped("x"))
    return path


def test_an_untouched_journal_is_sound(path: Path) -> None:
    found = verify(path)

    assert (found.ok, found.records, found.problem) == (True, COUNT, "")
    assert found.head == f"{COUNT}:{rows(path, 'SELECT hash FROM events')[-1][0]}"


def test_an_empty_journal_is_sound_and_its_head_an_anchor(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    written(path)

    found = verify(path)

    assert (found.ok, found.records, found.head) == (True, 0, f"0:{GENESIS}")
    assert verify(path, found.head).ok


def test_the_hash_is_what_the_documentation_says() -> None:
    row = (1, 1.5, 2.0, "boot", 0, "DaemonStopped", None, None, None, '{"reason":"é"}')

    # printf '%064d[1,1.5,...]' 0 | sha256sum
    assert link(GENESIS, row) == "3c3a2be6c91e4dd3686d1857d6048f127dd3486b980a5e30818bee4dde5b4579"


@pytest.mark.parametrize(
    "change",
    [
        "wall = wall + 1",
        "elapsed = elapsed + 1",
        "boot = 'other'",
        "epoch = 7",
        "kind = 'DaemonStopped'",
        "target = 'api'",
        "incident = 'i1'",
        "run = NULL",
        "run = x'7231'",
        "body = replace(body, 'reason 4', 'reason 5')",
        "body = NULL",
        "hash = replace(hash, substr(hash, 1, 1), 'g')",
        "hash = NULL",
    ],
)
def test_an_edited_record_is_named(path: Path, change: str) -> None:
    execute(path, f"UPDATE events SET {change} WHERE seq = 4")

    found = verify(path)

    assert not found.ok
    assert found.records == 3
    assert "record 4 is not what was written" in found.problem


def test_ex_4_any_byte_of_a_record_changed_in_the_file_names_the_record(path: Path) -> None:
    content = bytearray(path.read_bytes())
    ((body,),) = rows(path, "SELECT body FROM events WHERE seq = 4")
    start = content.index(str(body).encode())
    for place in range(start, start + len(str(body).encode())):
        content[place] ^= 1
        path.write_bytes(content)

        assert "record 4 is not what was written" in verify(path).problem
        content[place] ^= 1


def test_an_edited_record_with_a_hash_to_match_is_named_by_the_next(path: Path) -> None:
    execute(path, "UPDATE events SET body = replace(body, 'reason 4', 'reason 5') WHERE seq = 4")
    rechain(path, first=4, last=4)

    assert "record 5 is not what was written, or record 4 before it" in verify(path).problem


@pytest.mark.parametrize("seq", [1, 5, COUNT - 1])
def test_a_removed_record_is_named(path: Path, seq: int) -> None:
    execute(path, f"DELETE FROM events WHERE seq = {seq}")

    assert f"record {seq} is missing" in verify(path).problem


def test_a_removed_record_whose_number_is_taken_by_the_next_is_named(path: Path) -> None:
    execute(path, "DELETE FROM events WHERE seq = 4; UPDATE events SET seq = seq - 1 WHERE seq > 4")

    assert "record 4 is not what was written" in verify(path).problem


def test_two_records_in_the_wrong_order_are_named(path: Path) -> None:
    execute(
        path,
        "UPDATE events SET seq = 99 WHERE seq = 4; UPDATE events SET seq = 4 WHERE seq = 5;"
        "UPDATE events SET seq = 5 WHERE seq = 99",
    )

    assert "record 4 is not what was written" in verify(path).problem


def test_a_record_put_in_is_named(path: Path) -> None:
    execute(path, f"INSERT INTO events SELECT 10, {COLUMNS[5:]}, hash FROM events WHERE seq = 9")

    assert "record 10 is not what was written" in verify(path).problem


def test_a_journal_cut_off_is_found_by_an_anchor_and_not_without(path: Path) -> None:
    anchor = verify(path).head
    execute(path, "DELETE FROM events WHERE seq > 6")

    assert verify(path).ok
    found = verify(path, anchor)
    assert not found.ok
    assert "record 7 is missing: the journal ends at record 6" in found.problem
    assert "the anchor names record 9" in found.problem


def test_an_older_copy_put_back_is_found_by_an_anchor(path: Path) -> None:
    backup = path.with_name("backup.db")
    shutil.copy(path, backup)
    written(path, DaemonStopped("y"))
    anchor = verify(path).head
    shutil.copy(backup, path)

    assert "an older copy was put back" in verify(path, anchor).problem


def test_a_journal_written_anew_is_found_by_an_anchor(path: Path) -> None:
    anchor = verify(path).head
    execute(path, "UPDATE events SET body = replace(body, 'reason 4', 'reason 5') WHERE seq = 4")
    rechain(path, first=4, last=COUNT)

    assert verify(path).ok
    assert f"record {COUNT} is not the one that the anchor names" in verify(path, anchor).problem


def test_an_anchor_of_the_past_still_holds(path: Path) -> None:
    anchor = verify(path).head
    written(path, DaemonStopped("y"))

    assert verify(path, f" {anchor}\n").ok


@pytest.mark.parametrize("anchor", ["9", "9:abc", "x:" + "0" * 64, "-1:" + "0" * 64])
def test_a_malformed_anchor_is_no_verdict(path: Path, anchor: str) -> None:
    with pytest.raises(ConfigError, match="is no anchor; it is SEQ:HASH"):
        verify(path, anchor)


def test_a_missing_journal_is_no_verdict(path: Path) -> None:
    with pytest.raises(JournalError, match="there is no journal"):
        verify(path.with_name("missing.db"))


def test_damage_to_the_file_is_a_verdict(path: Path) -> None:
    (root,) = rows(path, "SELECT rootpage FROM sqlite_master WHERE name = 'events_by_run'")
    content = bytearray(path.read_bytes())
    content[content.index(b"r1", 4096 * (int(str(root[0])) - 1))] ^= 1
    path.write_bytes(content)

    found = verify(path)

    assert not found.ok
    assert f"{path} is damaged: row" in found.problem


def test_a_page_of_garbage_is_a_verdict(path: Path) -> None:
    (root,) = rows(path, "SELECT rootpage FROM sqlite_master WHERE name = 'events'")
    content = bytearray(path.read_bytes())
    start = 4096 * (int(str(root[0])) - 1)
    content[start : start + 4096] = b"\xff" * 4096
    path.write_bytes(content)

    found = verify(path)

    assert not found.ok
    assert found.problem == f"{path}: database disk image is malformed"


def test_a_journal_in_use_can_be_verified(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with writer(path) as daemon:
        until_it_holds(path, 200_000)
        found = verify(path)
        later = verify(path, found.head)
        assert daemon.poll() is None

    assert found.ok, found.problem
    assert later.ok
    assert later.records >= found.records > 0


def rechain(path: Path, *, first: int, last: int) -> None:
    """What somebody who knows how the hashes are made would do."""
    ((previous,),) = rows(path, f"SELECT hash FROM events WHERE seq = {first - 1}")
    for seq in range(first, last + 1):
        (row,) = rows(path, f"SELECT {COLUMNS} FROM events WHERE seq = {seq}")
        previous = link(str(previous), cast("Sequence[Field]", row))
        execute(path, f"UPDATE events SET hash = '{previous}' WHERE seq = {seq}")
