"""Finds the old records of a journal that may go, proves them, and says what they leave."""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from watchdog.adapters.chain import (
    BODY,
    COLUMNS,
    KIND,
    TARGET,
    BrokenChainError,
    Gap,
    hash_at,
    link,
)
from watchdog.adapters.journal_codec import decode
from watchdog.adapters.sqlite_records import BadRecordError
from watchdog.domain.errors import JournalError
from watchdog.domain.recent import KEPT
from watchdog.domain.retention import LOOK_BACK, REMOVABLE, Span, Sparing

# Records before an incident that its report may look at.
BACK = 5_000
_WALL = 1
_ROWS = f"SELECT {COLUMNS}, hash FROM events WHERE seq > ? ORDER BY seq LIMIT ?"  # noqa: S608 (constants)
_RUNS = "SELECT run, min(seq), max(seq) FROM events WHERE run IS NOT NULL GROUP BY run"
_INCIDENTS = (
    "SELECT incident, target, min(seq), max(seq) FROM events WHERE incident IS NOT NULL "
    "GROUP BY incident, target"
)
_RUNS_OF = "SELECT run, incident, target FROM events WHERE kind = 'RunStarted'"
_SEALED = "SELECT body FROM events WHERE kind = 'RecordsRemoved' ORDER BY seq DESC LIMIT 1"
_LAST_INCIDENTS = (
    "SELECT target, incident FROM events WHERE kind = 'IncidentOpened' ORDER BY seq DESC LIMIT ?"
)
_SNAPSHOT = "SELECT seq, body FROM events WHERE kind = 'SnapshotKept' ORDER BY seq DESC LIMIT 1"
_LEFT = "SELECT seq FROM events WHERE seq BETWEEN ? AND ?"
_NAMES = frozenset(kind.__name__ for kind in REMOVABLE)


@dataclass(frozen=True, slots=True)
class Batch:
    """Of records `first` to `last`, those that may go (`rows`, with hashes), and their `gaps`.

    `more`: records behind it are as old.
    """

    first: int
    last: int
    gaps: tuple[Gap, ...]
    rows: tuple[Sequence[Any], ...]
    more: bool


def sparing(
    connection: sqlite3.Connection,
    open_incidents: Iterable[tuple[str, str]],
    after: int,
    now: float,
) -> Sparing:
    """What has to stay, of the records behind `after`, at Unix second `now`.

    For the reports on runs, for incidents (target, name) that are open or among the last that a
    status lists, and for the newest snapshot.
    """
    runs = {run: (first, last) for run, first, last in connection.execute(_RUNS)}
    listed = connection.execute(_LAST_INCIDENTS, (KEPT,)).fetchall()
    of_incident: dict[tuple[str, str], list[tuple[int, int]]]
    of_incident = {(target, incident): [] for target, incident in (*open_incidents, *listed)}
    for run, incident, target in connection.execute(_RUNS_OF):
        of_incident.setdefault((target, incident), []).append(runs[run])
    for incident, target, first, last in connection.execute(_INCIDENTS):
        if (target, incident) in of_incident:
            of_incident[target, incident].append((first, last))
    spans: dict[str, tuple[Span, ...]] = {}
    for (target, _), parts in of_incident.items():
        if parts:
            first, last = min(first for first, _ in parts), max(last for _, last in parts)
            spans[target] = (*spans.get(target, ()), Span(target, first - BACK, last))
    left = connection.execute(_LEFT, (after - LOOK_BACK, after))
    return Sparing(spans, _of_snapshot(connection), {seq for (seq,) in left}, now)


def _of_snapshot(connection: sqlite3.Connection) -> frozenset[int]:
    """The record that tells of the newest snapshot, and the last one that it covers."""
    row = connection.execute(_SNAPSHOT).fetchone()
    if row is None:
        return frozenset()
    kept = decode("SnapshotKept", row[1])
    return frozenset({row[0], int(getattr(kept, "covers", 0))})


def sealed_up_to(connection: sqlite3.Connection) -> int:
    """The last record that retention has been at; 0 where it never was."""
    row = connection.execute(_SEALED).fetchone()
    if row is None:
        return 0
    seal = decode("RecordsRemoved", row[0])
    return int(getattr(seal, "last", 0))


def next_batch(
    connection: sqlite3.Connection, after: int, before: float, spare: Sparing, limit: int
) -> Batch | None:
    """The records behind `after`, all older than Unix second `before`, `limit` of them at most.

    None where there are none. Raises BrokenChainError where they are not what was written: what
    is to go must be known, and BadRecordError where nobody can tell what one is.
    """
    rows = connection.execute(_ROWS, (after, limit)).fetchall()
    old = next((number for number, row in enumerate(rows) if row[_WALL] >= before), len(rows))
    head = hash_at(connection, after)
    gaps: list[Gap] = []
    removed = []
    for row in rows[:old]:
        *columns, stored = row
        if head is None or columns[0] != after + 1 or link(head, columns) != stored:
            raise BrokenChainError(f"record {after + 1} is not what was written")
        after, head = after + 1, stored
        if _removes(columns, spare):
            begun = gaps.pop().first if gaps and gaps[-1].last == after - 1 else after
            gaps.append(Gap(begun, after, stored))
            removed.append(row)
    if not old:
        return None
    return Batch(rows[0][0], after, tuple(gaps), tuple(removed), more=old == limit)


def _removes(columns: Sequence[Any], spare: Sparing) -> bool:
    seq, kind = columns[0], columns[KIND]
    if kind not in _NAMES:
        spare.keep(seq)
        return False
    try:
        event = decode(kind, columns[BODY])
    except JournalError as error:
        raise BadRecordError(f"record {seq} cannot be read: {error}") from error
    return spare.removes(seq, columns[TARGET], event)
