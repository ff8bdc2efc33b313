import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.bed.journals import MOMENT, until_it_holds, writer
from watchdog.adapters.lock_file import LockFile
from watchdog.domain.errors import JournalError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def test_a_second_process_is_told_who_holds_it(path: Path) -> None:
    with writer(path) as first:
        until_it_holds(path, 1)

        refused = refusal(path)

    assert f"cannot open the journal {path}: process {first.pid} on " in refused
    assert f"journal_writer.py {path}, since 20" in refused
    assert "one journal has one daemon, so stop that one" in refused


def test_the_same_process_cannot_take_it_twice(path: Path) -> None:
    with locked(path):
        assert f"{path}: process " in refusal(path)


def test_what_is_released_can_be_taken_again(path: Path) -> None:
    for _ in range(2):
        with locked(path):
            pass


def test_a_killed_process_holds_nothing(path: Path) -> None:
    with writer(path) as killed:
        until_it_holds(path, 1)
        killed.kill()
        killed.wait()

        with locked(path):
            pass


def test_a_program_that_the_holder_starts_does_not_hold_it(path: Path) -> None:
    with locked(path):
        child = subprocess.Popen(["sleep", "60"], close_fds=False)
    with child:
        with locked(path):
            assert child.poll() is None
        child.kill()


def test_a_holder_that_left_no_name_still_holds(path: Path) -> None:
    with locked(path):
        path.with_name("journal.db.lock").write_text("")

        assert "another process is using it" in refusal(path)


def test_the_name_of_an_earlier_holder_does_not_stay(path: Path) -> None:
    lock = path.with_name("journal.db.lock")
    lock.write_text("x" * 10_000)
    with locked(path):
        assert f"{path}: process " in refusal(path)
        assert "x" * 100 not in lock.read_text()


@contextmanager
def locked(path: Path) -> Iterator[None]:
    lock = LockFile(path, MOMENT)
    try:
        yield
    finally:
        lock.release()


def refusal(path: Path) -> str:
    with pytest.raises(JournalError) as refused:
        LockFile(path, MOMENT)
    return str(refused.value)
