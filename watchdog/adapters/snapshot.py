"""A snapshot of all that the journal came to, in a file beside it: a start reads only the rest."""

import hashlib
import json
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from watchdog.adapters.chain import KIND, TARGET, BrokenChainError, Tail, Walk, hash_at
from watchdog.adapters.memory_codec import lines_of, take_line
from watchdog.adapters.sqlite_records import BadRecordError, Present, record_of
from watchdog.domain.keeping import SnapshotKept
from watchdog.domain.moment import Moment
from watchdog.domain.recollection import Recollection

FORMAT = 1
_KEPT = "SELECT body FROM events WHERE kind = 'SnapshotKept' AND seq > ? AND body LIKE ?"
# What nobody can read is no snapshot; whatever it may be.
_UNREADABLE = (ValueError, TypeError, AttributeError, LookupError, ImportError, RecursionError)


@dataclass(frozen=True, slots=True)
class Recalled:
    """What the journal came to, and how far. `covers` is the last record of the snapshot used.

    `tail` is the last record read, `read` how many were. `refused` says why a snapshot that is
    there was not used; empty where none is, or where it was.
    """

    memory: Recollection
    tail: Tail
    covers: int = 0
    read: int = 0
    refused: str = ""


def beside(journal: Path) -> Path:
    """The file of the snapshot of `journal`."""
    return journal.with_name(f"{journal.name}.snapshot")


def _coming(journal: Path) -> Path:
    return journal.with_name(f"{journal.name}.snapshot.new")


def recalled(connection: sqlite3.Connection, journal: Path, present: Present) -> Recalled:
    """What the journal came to: from the newest snapshot that proves true, else from record 1.

    Whatever is read is proved against the chain by the table alone: a damaged index hides
    nothing. Raises BadRecordError at the first record that was touched, removed without a seal,
    or that this version does not understand.
    """
    # As of one moment: retention removes records while a status is asked.
    connection.execute("BEGIN")
    try:
        return _recalled(connection, journal, present)
    finally:
        connection.execute("ROLLBACK")


def _recalled(connection: sqlite3.Connection, journal: Path, present: Present) -> Recalled:
    refused = ""
    # A new one that no kill let take its place is as good, once the journal tells of it.
    for file in (_coming(journal), beside(journal)):
        if not file.exists():
            continue
        try:
            return _rest(connection, _proved(connection, file, present), present)
        except (OSError, *_UNREADABLE) as error:
            refused = f"the snapshot {file} is not used: {error}"
    return _rest(connection, _Start(Recollection(), Tail(), refused), present)


def write(journal: Path, found: Recalled, present: Present) -> SnapshotKept:
    """Write what `found` came to into a file of its own, durably; returns what to journal of it.

    Until that is journalled, and `settle` called, the snapshot before stays the one in use.
    """
    file = _created(_coming(journal))
    try:
        digest = _filled(file, found, present)
    except OSError:
        # Half of one is of no use, and the journal may need the room.
        file.unlink(missing_ok=True)
        raise
    return SnapshotKept(found.tail.seq, found.tail.hash, digest)


def settle(journal: Path) -> None:
    """The journal tells of the file of `write`: it takes the place of the one before."""
    _coming(journal).replace(beside(journal))


# -- writing


def _created(file: Path) -> Path:
    file.unlink(missing_ok=True)
    os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    return file


def _filled(file: Path, found: Recalled, present: Present) -> str:
    """Write it, durably; the SHA-256 of what is in it now."""
    hashed = hashlib.sha256()
    with file.open("wb") as stream:
        for line in _lines(found, present):
            content = f"{json.dumps(line, separators=(',', ':'))}\n".encode()
            hashed.update(content)
            stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    return hashed.hexdigest()


def _lines(found: Recalled, present: Present) -> Iterator[Any]:
    """The head, then what was folded, in many short lines."""
    yield {
        "format": FORMAT,
        "folds": program(),
        "covers": found.tail.seq,
        "head": found.tail.hash,
        "boot": present.boot,
    }
    yield from lines_of(found.memory)


@cache
def program() -> str:
    """What names the folds of this program: what others folded may mean something else."""
    hashed = hashlib.sha256()
    folder = resources.files("watchdog.domain")
    for file in sorted(folder.iterdir(), key=lambda one: one.name):
        if file.name.endswith(".py"):
            hashed.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return hashed.hexdigest()


# -- reading


@dataclass(frozen=True, slots=True)
class _Start:
    memory: Recollection
    tail: Tail
    refused: str = ""


def _proved(connection: sqlite3.Connection, file: Path, present: Present) -> _Start:
    content = file.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    first, *lines = content.splitlines()
    head = json.loads(first)
    if head["format"] != FORMAT or head["folds"] != program():
        raise ValueError("it was made by another version of this program")
    tail = Tail(head["covers"], head["head"])
    told = connection.execute(_KEPT, (tail.seq, f'%"{digest}"%')).fetchone()
    # The record that tells of it is behind it, and so proved with all the rest.
    if hash_at(connection, tail.seq) != tail.hash or told is None:
        raise ValueError("the journal does not tell of it as it is")
    here = head["boot"] == present.boot and bool(present.boot)

    def moment(elapsed: float, wall: float) -> Moment:
        return Moment(elapsed, wall) if here else present.moment(wall, elapsed, "")

    memory = Recollection()
    for line in lines:
        take_line(memory, json.loads(line), moment)
    return _Start(memory, tail)


def _rest(connection: sqlite3.Connection, start: _Start, present: Present) -> Recalled:
    """What came after `start`, on top of it."""
    memory, walk = start.memory, Walk(connection, start.tail)
    try:
        for row in walk:
            kind, target = row[KIND], row[TARGET]
            if memory.wants(kind, target):
                memory.apply(record_of(row, present))
        walk.finish()
    except BrokenChainError as error:
        raise BadRecordError(f"{error}; `rollback-watchdog audit verify` says more") from error
    return Recalled(memory, walk.at, start.tail.seq, walk.records, start.refused)
