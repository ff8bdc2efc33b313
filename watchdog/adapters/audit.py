"""The proof that no record of the journal was touched."""

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from watchdog.adapters.chain import BrokenChainError, Gap, Tail, Walk
from watchdog.adapters.journal_archive import archived
from watchdog.adapters.sqlite_file import open_for_reading
from watchdog.domain.errors import ConfigError

_ANCHOR = re.compile(r"(\d+):([0-9a-f]{64})")
_REWRITTEN = "record {} is not the one that the anchor names: rewritten"
# Records, and steps of SQLite, between two questions whether to stop.
_PACE, _STEPS = 200, 200_000


class StoppedError(Exception):
    """Nobody waits for the verdict any longer."""


@dataclass(frozen=True, slots=True)
class Verification:
    """Whether the journal is as it was written. `problem` says what is wrong, and where.

    `records` were found good; `head` is the last of them as `seq:hash`, to be kept elsewhere
    as an anchor. `removed` is how many more retention took away.
    """

    ok: bool
    records: int
    head: str
    problem: str = ""
    removed: int = 0


def verify(
    path: Path,
    anchor: str = "",
    archive: Path | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Verification:
    """Check the file's structure and every record of it, also beside a running daemon.

    `anchor` is an earlier `head`: with it, a journal cut off or put back to an older state is
    found as well. With the folder of its `archive`, what retention removed is proved too. `stop`
    is asked again and again whether to give up: StoppedError then. Raises JournalError when `path`
    is no readable journal, and ConfigError when `anchor` is malformed. Takes seconds for a million
    records: not for the event loop.
    """
    expected = _parsed(anchor) if anchor else Tail()
    with closing(open_for_reading(path)) as connection:
        try:
            connection.execute("BEGIN")
            found = _walk(connection, expected, archive, stop)
            connection.set_progress_handler(lambda: int(stop()), _STEPS)
            (structure,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        except (sqlite3.Error, UnicodeDecodeError) as error:
            if getattr(error, "sqlite_errorname", "") == "SQLITE_INTERRUPT":
                raise StoppedError from error
            return Verification(ok=False, records=0, head="", problem=f"{path}: {error}")
    if found.ok and structure != "ok":
        return replace(found, ok=False, problem=f"{path} is damaged: {structure.splitlines()[-1]}")
    return found


def _parsed(anchor: str) -> Tail:
    match = _ANCHOR.fullmatch(anchor.strip())
    if match is None:
        raise ConfigError(
            f"{anchor!r} is no anchor; it is SEQ:HASH, as `audit verify` prints the head"
        )
    return Tail(int(match[1]), match[2])


def _walk(
    connection: sqlite3.Connection, anchor: Tail, archive: Path | None, stop: Callable[[], bool]
) -> Verification:
    removed = 0

    def check(gap: Gap, before: str) -> None:
        nonlocal removed
        removed += len(gap)
        hashes = archived(archive, gap, before) if archive else {gap.last: gap.hash}
        if gap.first <= anchor.seq <= gap.last:
            _compare(anchor, hashes.get(anchor.seq), gap)

    walk = Walk(connection, check=check)
    try:
        _go_through(walk, anchor, stop)
    except BrokenChainError as error:
        return Verification(
            ok=False, records=walk.records, head=str(walk.at), problem=str(error), removed=removed
        )
    return Verification(ok=True, records=walk.records, head=str(walk.at), removed=removed)


def _go_through(walk: Walk, anchor: Tail, stop: Callable[[], bool]) -> None:
    for _ in walk:
        if walk.at.seq == anchor.seq and walk.at != anchor:
            raise BrokenChainError(_REWRITTEN.format(anchor.seq))
        if walk.records % _PACE == 0 and stop():
            raise StoppedError
    walk.finish()
    if walk.at.seq < anchor.seq:
        raise BrokenChainError(
            f"record {walk.at.seq + 1} is missing: the journal ends at record {walk.at.seq}, "
            f"and the anchor names record {anchor.seq}: cut off, or an older copy was put back"
        )


def _compare(anchor: Tail, stored: str | None, gap: Gap) -> None:
    if stored is None:
        raise BrokenChainError(
            f"record {anchor.seq}, which the anchor names, was removed with records {gap.first} to "
            f"{gap.last}: name the folder of the archive, or a later anchor"
        )
    if stored != anchor.hash:
        raise BrokenChainError(_REWRITTEN.format(anchor.seq))
