"""The chain of hashes over the journal's records, and the proof that none was touched."""

import hashlib
import json
import re
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from watchdog.adapters.sqlite_file import open_for_reading
from watchdog.domain.errors import ConfigError

GENESIS = "0" * 64
COLUMNS = "seq, wall, elapsed, boot, epoch, kind, target, incident, run, body"
_SELECT = f"SELECT {COLUMNS}, hash FROM events ORDER BY seq"  # noqa: S608 (a constant)
_ANCHOR = re.compile(r"(\d+):([0-9a-f]{64})")

Field = str | int | float | None


@dataclass(frozen=True, slots=True)
class Verification:
    """Whether the journal is as it was written. `problem` says what is wrong, and where.

    `records` were found good; `head` is the last of them as `seq:hash`, to be kept elsewhere
    as an anchor.
    """

    ok: bool
    records: int
    head: str
    problem: str = ""


def link(previous: str, row: Sequence[Field]) -> str:
    """The hash of a record: SHA-256 over the hash before it and `row`, its COLUMNS, as JSON."""
    text = json.dumps(list(row), separators=(",", ":"), default=repr)
    return hashlib.sha256((previous + text).encode()).hexdigest()


def verify(path: Path, anchor: str = "") -> Verification:
    """Check the file's structure and every record of it, also beside a running daemon.

    `anchor` is an earlier `head`: with it, a journal cut off or put back to an older state is
    found as well. Raises JournalError when `path` is no readable journal, and ConfigError when
    `anchor` is malformed. Takes seconds for a million records: not for the event loop.
    """
    expected = _parsed(anchor) if anchor else (0, GENESIS)
    with closing(open_for_reading(path)) as connection:
        try:
            connection.execute("BEGIN")
            found = _walk(connection, *expected)
            (structure,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        except (sqlite3.Error, UnicodeDecodeError) as error:
            return Verification(ok=False, records=0, head="", problem=f"{path}: {error}")
    if found.ok and structure != "ok":
        return replace(found, ok=False, problem=f"{path} is damaged: {structure.splitlines()[-1]}")
    return found


def _parsed(anchor: str) -> tuple[int, str]:
    match = _ANCHOR.fullmatch(anchor.strip())
    if match is None:
        raise ConfigError(
            f"{anchor!r} is no anchor; it is SEQ:HASH, as `audit verify` prints the head"
        )
    return int(match[1]), match[2]


def _walk(connection: sqlite3.Connection, anchor_seq: int, anchor_hash: str) -> Verification:
    seq, head = 0, GENESIS

    def bad(problem: str) -> Verification:
        return Verification(ok=False, records=seq, head=f"{seq}:{head}", problem=problem)

    for *row, stored in connection.execute(_SELECT):
        if row[0] != seq + 1:
            return bad(f"record {seq + 1} is missing: record {row[0]} follows record {seq}")
        if link(head, row) != stored:
            return bad(f"record {row[0]} is not what was written, or record {seq} before it")
        if row[0] == anchor_seq and stored != anchor_hash:
            return bad(f"record {row[0]} is not the one that the anchor names: rewritten")
        seq, head = row[0], stored
    if seq < anchor_seq:
        return bad(
            f"record {seq + 1} is missing: the journal ends at record {seq}, and the anchor names "
            f"record {anchor_seq}: cut off, or an older copy was put back"
        )
    return Verification(ok=True, records=seq, head=f"{seq}:{head}")
