"""How far the journal had come, in a file beside it: an older copy put back is seen by it."""

import hashlib
import os
import re
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from watchdog.adapters.chain import Tail, hash_at, tail
from watchdog.domain.words import utc

# Seconds between two writes: it may be behind by as much, and never is ahead.
EVERY = 5.0
# A note in the journal: that there is a watermark, which may not be missing from then on.
NOTE = "watermark"
_LINE = re.compile(r"(\d+):([0-9a-f]{64}) (\d+) ([0-9a-f]{64})\n")
_LAST = "SELECT wall FROM events ORDER BY seq DESC LIMIT 1"
_NOTED = "SELECT 1 FROM notes WHERE name = ?"
_ACCEPT = (
    "what was done since then is not known to it: limits, latches, versions and runs. Look at the "
    "targets, put the newest copy in its place, or start once with `run --accept-older-journal "
    "--by NAME --reason TEXT`"
)


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Who goes on with a journal that is not the one last written, and why."""

    by: str
    reason: str


def beside(journal: Path) -> Path:
    """The file of the watermark of `journal`."""
    return journal.with_name(f"{journal.name}.head")


def objection(connection: sqlite3.Connection, journal: Path) -> str:
    """Why `journal` is not the one last written here; empty where it is, or nobody can tell."""
    file = beside(journal)
    try:
        content = file.read_text("ascii", errors="replace")
    except FileNotFoundError:
        if not is_noted(connection):
            return ""
        return f"its watermark {file} is missing, so it may be an older copy"
    except OSError as error:
        return f"its watermark {file} cannot be read ({error.strerror}), so it may be an older copy"
    found = _LINE.fullmatch(content)
    if found is None or _check(found[1], found[2], found[3]) != found[4]:
        return f"its watermark {file} is damaged, so it may be an older copy"
    return _older(connection, Tail(int(found[1]), found[2]), float(found[3]))


def is_noted(connection: sqlite3.Connection) -> bool:
    """Whether the journal says that it has a watermark."""
    return connection.execute(_NOTED, (NOTE,)).fetchone() is not None


def refusal(journal: Path, why: str) -> str:
    """What a person is told who starts the daemon with such a journal."""
    return f"the journal {journal} is not the one that was last written here: {why}; {_ACCEPT}"


def _older(connection: sqlite3.Connection, mark: Tail, wall: float) -> str:
    end = tail(connection)
    when = f"its watermark says record {mark.seq}, written by {utc(wall)}"
    if end.seq < mark.seq:
        row = connection.execute(_LAST).fetchone()
        last = f"record {end.seq} of {utc(row[0])}" if row else "no record at all"
        return f"it ends with {last}, and {when}: an older copy, or its end was cut off"
    if hash_at(connection, mark.seq) != mark.hash:
        return f"its record {mark.seq} is another one than {when}"
    return ""


def _check(seq: str, head: str, wall: str) -> str:
    return hashlib.sha256(f"{seq}:{head} {wall}".encode()).hexdigest()


def write(journal: Path, mark: Tail, wall: float) -> None:
    """Say that `mark` is on the disk; whole or not at all. Raises OSError."""
    seconds = str(int(wall))
    line = f"{mark} {seconds} {_check(str(mark.seq), mark.hash, seconds)}\n"
    coming = journal.with_name(f"{journal.name}.head.new")
    with os.fdopen(os.open(coming, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
        stream.write(line)
        stream.flush()
        os.fsync(stream.fileno())
    coming.replace(beside(journal))
    # Its name as well: the journal may say at once that it has one.
    folder = os.open(journal.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


class Watermark:
    """Writes the newest `raised` mark every few seconds, in a thread of its own, until `close`.

    A disk that will not take it is tried again; the journal itself says what is wrong with it.
    """

    def __init__(self, journal: Path, wall: Callable[[], float]) -> None:
        self._journal = journal
        self._wall = wall
        self._mark: Tail | None = None
        self._written: Tail | None = None
        self._news = threading.Event()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._work, name="journal-head", daemon=True)
        self._thread.start()

    def raised(self, mark: Tail) -> None:
        """`mark` is on the disk, and all before it."""
        self._mark = mark
        self._news.set()

    def close(self) -> None:
        """Write the last mark, and end."""
        self._end.set()
        self._news.set()
        self._thread.join(EVERY)

    def _work(self) -> None:
        while True:
            self._news.wait()
            self._news.clear()
            self._try()
            if self._end.wait(EVERY):
                self._try()
                return

    def _try(self) -> None:
        mark = self._mark
        if mark is None or mark == self._written:
            return
        try:
            write(self._journal, mark, self._wall())
        except OSError:
            # Behind is safe: it is tried again with the next.
            return
        self._written = mark
