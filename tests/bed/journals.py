"""Journals on disk, written without a daemon, looked into and tampered with."""

import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from watchdog.adapters.sqlite_file import open_for_writing
from watchdog.adapters.sqlite_records import draft, insert
from watchdog.domain.events import Event
from watchdog.domain.moment import Moment

WRITER = Path(__file__).with_name("journal_writer.py")
MOMENT = Moment(elapsed=1000.0, wall=1_767_225_600.0)


def written(path: Path, *events: Event) -> None:
    """Add `events` to the journal at `path`, which is made where there is none."""
    with closing(open_for_writing(path)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        insert(connection, [draft(event, MOMENT, "boot", 0) for event in events])
        connection.execute("COMMIT")


def execute(path: Path, script: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(script)


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def wal(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def until_it_holds(path: Path, count: int) -> None:
    """Wait until that many bytes stand in the -wal file."""
    deadline = time.monotonic() + 20
    while size(wal(path)) < count:
        assert time.monotonic() < deadline, f"{wal(path)} stays smaller than {count} bytes"
        time.sleep(0.01)


@contextmanager
def writer(path: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that appends to the journal until it is killed, at the latest at the end."""
    process = subprocess.Popen([sys.executable, WRITER, path, *options], stdout=subprocess.PIPE)
    with process:
        yield process
        process.kill()
        process.communicate()
