"""The chain of hashes over the journal's records: how it is made, and walking it with proof."""

import hashlib
import json
import sqlite3
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

GENESIS = "0" * 64
COLUMNS = "seq, wall, elapsed, boot, epoch, kind, target, incident, run, body"
# The kind of record that says what retention took away.
SEAL = "RecordsRemoved"
_SELECT = f"SELECT {COLUMNS}, hash FROM events WHERE seq > ? ORDER BY seq"  # noqa: S608 (constants)
_GAPS = "SELECT first, last, hash FROM gaps WHERE last > ? ORDER BY last"
_HASH_AT = (
    "SELECT hash FROM events WHERE seq = :seq UNION ALL SELECT hash FROM gaps WHERE last = :seq"
)
_TAIL = "SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1"
# Where they stand in a row.
KIND, TARGET, BODY = 5, 6, 9

Field = str | int | float | None
# A record as it stands in the table: COLUMNS, and its hash.
Row = Sequence[Field]


class BrokenChainError(Exception):
    """What is there is not what was written; the text names the first record that is not."""


@dataclass(frozen=True, slots=True)
class Tail:
    """The end of the chain, or of a part of it."""

    seq: int = 0
    hash: str = GENESIS

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash}"


@dataclass(frozen=True, slots=True)
class Gap:
    """Records `first` to `last` were removed; `hash` is that of the last of them."""

    first: int
    last: int
    hash: str

    def __len__(self) -> int:
        return self.last - self.first + 1


def link(previous: str, row: Sequence[Field]) -> str:
    """The hash of a record: SHA-256 over the hash before it and `row`, its COLUMNS, as JSON."""
    text = json.dumps(list(row), separators=(",", ":"), default=repr)
    return hashlib.sha256((previous + text).encode()).hexdigest()


def digest(gaps: Iterable[Gap]) -> str:
    """What a seal says of its gaps: SHA-256 over a line `FIRST-LAST:HASH` for each, in order."""
    lines = "".join(f"{gap.first}-{gap.last}:{gap.hash}\n" for gap in gaps)
    return hashlib.sha256(lines.encode()).hexdigest()


def tail(connection: sqlite3.Connection) -> Tail:
    """The last record, as it stands there."""
    row = connection.execute(_TAIL).fetchone()
    return Tail() if row is None else Tail(*row)


def hash_at(connection: sqlite3.Connection, seq: int) -> str | None:
    """The hash of record `seq`; None where it is not there, or was removed from a gap's middle."""
    if seq == 0:
        return GENESIS
    row = connection.execute(_HASH_AT, {"seq": seq}).fetchone()
    return None if row is None else str(row[0])


class Walk:
    """Every record behind `after`, in order and proved: by the table alone, no index is trusted.

    `at` is the last proved. A gap is taken for what it says until `finish`, which demands that a
    seal further on speaks for it; `check` is told of each, and of the hash before it.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        after: Tail | None = None,
        check: Callable[[Gap, str], None] = lambda _gap, _before: None,
    ) -> None:
        self.at = after or Tail()
        self.records = 0
        self._connection = connection
        self._begin = self.at.seq
        self._check = check
        gaps = connection.execute(_GAPS, (self._begin,)).fetchall()
        self._waiting = deque(Gap(*row) for row in gaps)
        self._open: list[Gap] = []

    def __iter__(self) -> Iterator[Sequence[Any]]:
        """The COLUMNS of each. Raises BrokenChainError at the first that is not as written."""
        for *row, stored in self._connection.execute(_SELECT, (self._begin,)):
            if row[0] != self.at.seq + 1:
                self._jump()
            if row[0] != self.at.seq + 1:
                raise BrokenChainError(
                    f"record {self.at.seq + 1} is missing: "
                    f"record {row[0]} follows record {self.at.seq}"
                )
            if link(self.at.hash, row) != stored:
                raise BrokenChainError(
                    f"record {row[0]} is not what was written, or record {self.at.seq} before it"
                )
            self.at = Tail(row[0], stored)
            self.records += 1
            if row[KIND] == SEAL:
                self._seal(row[0], json.loads(row[BODY]))
            yield row

    def _jump(self) -> None:
        """Go over the gaps that begin here, one after the other."""
        while self._waiting and self._waiting[0].first == self.at.seq + 1:
            gap = self._waiting.popleft()
            self._check(gap, self.at.hash)
            self._open.append(gap)
            self.at = Tail(gap.last, gap.hash)

    def finish(self) -> None:
        """All was walked. Raises BrokenChainError where a gap has no seal."""
        for gap in self._open:
            raise BrokenChainError(
                f"record {gap.first} is missing: records {gap.first} to {gap.last} were removed, "
                "and no record says that this was retention"
            )
        for gap in self._waiting:
            raise BrokenChainError(
                f"a gap is noted at record {gap.first}, where records are or none can be"
            )

    def _seal(self, seq: int, said: dict[str, Any]) -> None:
        first, last = said["first"], said["last"]
        mine = [gap for gap in self._open if first <= gap.first and gap.last <= last]
        # Of a range that began before this walk, not all gaps were seen.
        whole = first > self._begin
        if whole and (digest(mine) != said["digest"] or sum(map(len, mine)) != said["count"]):
            raise BrokenChainError(
                f"of records {first} to {last}, others are missing than those that record {seq} "
                "says were removed"
            )
        self._open = [gap for gap in self._open if gap not in mine]
