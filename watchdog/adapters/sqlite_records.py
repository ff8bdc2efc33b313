"""Records and notes in the journal's tables: plain SQL on a connection, in the thread it is in."""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any

from watchdog.adapters.chain import COLUMNS, GENESIS, Field, Gap, Row, Tail, link, tail
from watchdog.adapters.journal_codec import decode, encode
from watchdog.domain.errors import JournalError
from watchdog.domain.events import Event, Record
from watchdog.domain.moment import Moment

_NAMES = tuple(COLUMNS.split(", "))
_INSERT = f"INSERT INTO events ({COLUMNS}, hash) VALUES ({', '.join(repeat('?', 11))})"  # noqa: S608 (constants)
_SELECT = (
    f"SELECT {', '.join(f'this.{name}' for name in _NAMES)}, this.hash, "  # noqa: S608 (constants)
    "coalesce(before.hash, gap.hash) FROM events AS this "
    "LEFT JOIN events AS before ON before.seq = this.seq - 1 "
    "LEFT JOIN gaps AS gap ON gap.last = this.seq - 1 WHERE this.seq > ?"
)
_HASH = "SELECT hash FROM events WHERE seq = ?"
_REMOVE = "DELETE FROM events WHERE seq BETWEEN ? AND ?"
_LEAVE = "INSERT INTO gaps (last, first, hash) VALUES (?, ?, ?)"
_KEEP = "INSERT OR REPLACE INTO notes (name, body, wall, elapsed, boot) VALUES (?, ?, ?, ?, ?)"
_KEPT = "SELECT body, wall, elapsed, boot FROM notes WHERE name = ?"


class BadRecordError(Exception):
    """A record that nothing may be built on; the text says which and why."""


@dataclass(frozen=True, slots=True)
class Draft:
    """An event as JSON, and all of its record but the number and the hash."""

    event: Event
    body: str
    at: Moment
    boot: str
    epoch: int


@dataclass(frozen=True, slots=True)
class Note:
    name: str
    body: str
    at: Moment
    boot: str


@dataclass(frozen=True, slots=True)
class Present:
    """The moment of a reading, and the boot it falls in, for times of earlier boots."""

    now: Moment
    boot: str

    def moment(self, wall: float, elapsed: float, boot: str) -> Moment:
        """That moment on this boot's clock: of an earlier boot only the wall clock is left."""
        if not boot or boot != self.boot:
            elapsed = self.now.elapsed - (self.now.wall - wall)
        return Moment(elapsed=elapsed, wall=wall)


def draft(event: Event, at: Moment, boot: str, epoch: int) -> Draft:
    """Raises JournalError when `event` cannot be written."""
    return Draft(event, encode(event), at, boot, epoch)


def insert(connection: sqlite3.Connection, drafts: Sequence[Draft]) -> Sequence[Record]:
    """Write `drafts` behind the last record, in the transaction that the caller has begun."""
    first = tail(connection).seq + 1
    connection.executemany(_INSERT, rows_of(connection, drafts))
    return [
        Record(seq=seq, at=each.at, event=each.event, epoch=each.epoch)
        for seq, each in enumerate(drafts, first)
    ]


def rows_of(connection: sqlite3.Connection, drafts: Iterable[Draft]) -> Sequence[Row]:
    """What `drafts` are when they are written behind the record that is the last now."""
    rows = []
    after = tail(connection)
    for each in drafts:
        row = _row(after.seq + 1, each)
        after = Tail(after.seq + 1, link(after.hash, row))
        rows.append((*row, after.hash))
    return rows


def remove(connection: sqlite3.Connection, gaps: Iterable[Gap]) -> None:
    """Delete the records of `gaps`, and note where they were; in a transaction of the caller.

    Raises BadRecordError where they are not all there.
    """
    for gap in gaps:
        found = connection.execute(_HASH, (gap.last,)).fetchone()
        count = connection.execute(_REMOVE, (gap.first, gap.last)).rowcount
        if found != (gap.hash,) or count != len(gap):
            raise BadRecordError(f"records {gap.first} to {gap.last} are not what they were")
        connection.execute(_LEAVE, (gap.last, gap.first, gap.hash))


def keep(connection: sqlite3.Connection, note: Note) -> None:
    connection.execute(_KEEP, (note.name, note.body, note.at.wall, note.at.elapsed, note.boot))


def kept(connection: sqlite3.Connection, name: str, present: Present) -> tuple[str, Moment] | None:
    row = connection.execute(_KEPT, (name,)).fetchone()
    return None if row is None else (row[0], present.moment(*row[1:]))


def select(
    connection: sqlite3.Connection,
    present: Present,
    *,
    kinds: Iterable[type] | None,
    run: str | None,
    after: int,
) -> Sequence[Record]:
    """Records in order. Raises BadRecordError at the first that was touched or makes no sense."""
    query: str = _SELECT
    values: list[Field] = [after]
    if kinds is not None:
        names = sorted({kind.__name__ for kind in kinds})
        # Of what is recent, the table itself is asked: a damaged index must hide nothing.
        column = "+this.kind" if after else "this.kind"
        query += f" AND {column} IN ({', '.join(repeat('?', len(names)))})"
        values += names
    if run is not None:
        query += " AND this.run = ?"
        values.append(run)
    rows = connection.execute(f"{query} ORDER BY this.seq", values)
    return [_record(row, present) for row in rows]


def _row(seq: int, each: Draft) -> Sequence[Field]:
    def subject(name: str) -> str | None:
        value = getattr(each.event, name, None)
        # The body holds any text; a column holds what UTF-8 can.
        return None if value is None else str(value).encode("utf-8", "replace").decode()

    return (
        seq,
        float(each.at.wall),
        float(each.at.elapsed),
        each.boot,
        each.epoch,
        type(each.event).__name__,
        subject("target"),
        subject("incident"),
        subject("run"),
        each.body,
    )


def _record(columns: Sequence[Any], present: Present) -> Record:
    *row, stored, before = columns
    if link(GENESIS if row[0] == 1 else str(before), row) != stored:
        raise BadRecordError(
            f"record {row[0]} is not what was written; `rollback-watchdog audit verify` says more"
        )
    return record_of(row, present)


def record_of(row: Sequence[Any], present: Present) -> Record:
    """The record that stands in `row`, its COLUMNS. Raises BadRecordError where it says nothing."""
    seq, wall, elapsed, boot, epoch, kind, *_, body = row
    try:
        event = decode(kind, body)
    except JournalError as error:
        raise BadRecordError(f"record {seq} cannot be read: {error}") from error
    return Record(seq, present.moment(wall, elapsed, boot), event, epoch)
