"""The journal of several pods, in objects of their namespace: whoever acts next finds it there."""

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from watchdog.adapters.chain import COLUMNS
from watchdog.adapters.kubernetes.api import ConflictError, KubeApi, MissingError, Object
from watchdog.adapters.kubernetes.journal_parts import EPOCH, LIMIT, Part, Parts, within
from watchdog.adapters.kubernetes.kinds import CONFIG_MAP
from watchdog.adapters.kubernetes.packed_rows import (
    Row,
    lists,
    merged,
    packed,
    pieces,
    unpacked,
    without,
)
from watchdog.adapters.kubernetes.rights import to
from watchdog.adapters.kubernetes.workloads import annotations, metadata
from watchdog.adapters.snapshot import beside as snapshot_of
from watchdog.adapters.sqlite_file import as_journal_errors, open_for_reading, open_for_writing
from watchdog.adapters.watermark import NOTE, objection, refusal
from watchdog.adapters.watermark import beside as watermark_of
from watchdog.domain.errors import JournalError, StepError
from watchdog.plugins import Right

# Bytes, packed. A fuller object is left as it is, and a new one begun: an object may have 1 MiB,
# and what grows is written whole with each record.
FULL = 64 << 10
_OURS = "rollback-watchdog.io"
# Where it stands in a row.
_OF_EPOCH = 4
_ROWS = f"SELECT {COLUMNS}, hash FROM events WHERE seq > ? ORDER BY seq"  # noqa: S608 (constants)
_GAPS = "SELECT first, last, hash FROM gaps ORDER BY last"
_NOTES = "SELECT name, body, wall, elapsed, boot FROM notes WHERE name <> ? ORDER BY name"
_INSERT_ROW = "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_INSERT_GAP = "INSERT INTO gaps (first, last, hash) VALUES (?, ?, ?)"
_INSERT_NOTE = "INSERT INTO notes (name, body, wall, elapsed, boot) VALUES (?, ?, ?, ?, ?)"


def rights_to_share() -> tuple[Right, ...]:
    """What it takes to keep a journal there. It grows under names that nobody knows beforehand."""
    return to(CONFIG_MAP, "create", "get", "update")


@dataclass(slots=True)
class _Held:
    """The object that is written now, as the API server last showed it to us.

    `rows` are those of the file that are in no part; it may hold some that never came there.
    `size` is that of all its records, packed.
    """

    object: Object
    epoch: int
    sealed: int = 0
    rows: list[Row] = field(default_factory=list)
    gaps: list[Row] = field(default_factory=list)
    notes: list[Row] = field(default_factory=list)
    size: int = field(default=0, kw_only=True)


class SharedJournal:
    """The journal at `path`, copied into ConfigMaps `NAME`, `NAME-0`, `NAME-1` and so on.

    Each write says which version of the object it replaces, so the API server itself refuses
    whoever has been replaced: what they would do next cannot be recorded, and is not done.
    """

    def __init__(
        self,
        api: KubeApi,
        name: str,
        identity: str,
        path: Path,
        *,
        accepts_older: bool = False,
    ) -> None:
        self._api = api
        self._name = name
        self._identity = identity
        self._path = path
        self._held: _Held | None = None
        self._copied = 0
        self._turn = asyncio.Lock()
        self._accepts_older = accepts_older
        self._parts = Parts(api, name, self._about)

    async def take_over(self) -> int:
        """Make the journal at `path` what the objects say, and be its only writer; the epoch.

        Where there are no objects yet, the journal at `path` becomes their beginning. Raises
        JournalError where they cannot be read, or somebody else takes it in this moment. The API
        server has as long as it takes, and `LIMIT` for each object.
        """
        try:
            return await self._taken()
        # Of time that is over, and of a disk.
        except (StepError, OSError) as error:
            raise JournalError(f"{self._about} cannot be taken over: {_words(error)}") from error

    async def copied(self, coming: Sequence[Row] = ()) -> None:
        """All that the journal holds, and then `coming`, is in the objects when this returns.

        Raises JournalError. What was to come and is not in the file the next time goes out again.
        """
        async with self._turn:
            try:
                async with asyncio.timeout(LIMIT):
                    await self._copy(lists(coming))
            except (StepError, TimeoutError) as error:
                text = f"{self._about} cannot be written: {_words(error)}"
                raise JournalError(f"{text}; nothing is done until it can") from error

    @property
    def _about(self) -> str:
        return f"the shared journal configmap/{self._name}"

    # -- taking over

    async def _taken(self) -> int:
        try:
            found = await within(self._api.get(CONFIG_MAP, self._name))
        except MissingError:
            return await self._begun()
        held = self._read(found)
        held.epoch += 1
        # From here on whoever had it is refused.
        held.object = await within(self._api.replace(CONFIG_MAP, self._body(held)))
        parts = await self._parts.read(held.sealed)
        await self._rise(held, parts)
        await self._shrink(held, parts)
        # By their numbers: who shrinks it and is cut off leaves some twice.
        each = {row[0]: row for part in parts for row in part.rows}
        rows = [*each.values(), *held.rows]
        await asyncio.to_thread(self._rebuild, rows, held.gaps, held.notes)
        self._held, self._copied = held, rows[-1][0] if rows else 0
        return held.epoch

    async def _begun(self) -> int:
        """The journal at `path` is theirs from now on, and never without what it has."""
        rows, gaps, notes = await asyncio.to_thread(self._before)
        highest = await self._parts.highest_behind(0)
        epoch = 1 + max([highest, *(int(row[_OF_EPOCH]) for row in rows)])
        *full, last = await asyncio.to_thread(pieces, rows, FULL)
        for number, part in enumerate(full):
            await self._parts.put(number, epoch, part)
        held = _Held({}, epoch, len(full), last, gaps, notes)
        # Last of all: whoever is cut off before this has changed nothing.
        held.object = await within(self._api.create(CONFIG_MAP, self._body(held)))
        self._held, self._copied = held, rows[-1][0] if rows else 0
        return epoch

    async def _rise(self, held: _Held, parts: Sequence[Part]) -> None:
        """Have an epoch above all that are there: an older copy may have been put back."""
        behind = await self._parts.highest_behind(held.sealed)
        highest = max([behind, *(part.epoch for part in parts)])
        if highest >= held.epoch:
            held.epoch = highest + 1
            held.object = await within(self._api.replace(CONFIG_MAP, self._body(held)))

    def _read(self, found: Object) -> _Held:
        notes = annotations(found)
        try:
            parts = [unpacked(found, part) for part in ("records", "gaps", "notes")]
            sealed, epoch = int(notes[f"{_OURS}/sealed"]), int(notes[EPOCH])
        except (KeyError, ValueError, OSError, EOFError) as error:
            raise JournalError(
                f"{self._about} is not as this program wrote it ({error!r}); put a copy of it back"
            ) from error
        return _Held(found, epoch, sealed, *parts)

    async def _shrink(self, held: _Held, parts: Sequence[Part]) -> None:
        """Have what retention took away out of the objects, too, and use fewer of them.

        Those left over are written over once it grows again, and count for nothing until then.
        """
        left = [without(held.gaps, part.rows) for part in parts]
        fewer = await asyncio.to_thread(merged, left, FULL)
        if len(fewer) == len(parts):
            return
        for part, rows in zip(parts, fewer, strict=False):
            if rows != part.rows:
                await self._parts.replace(part, held.epoch, rows)
        held.object = await self._written(replace(held, sealed=len(fewer)))
        held.sealed = len(fewer)

    def _rebuild(self, rows: Sequence[Row], gaps: Sequence[Row], notes: Sequence[Row]) -> None:
        """The file at `path`, anew: what else stood there nobody was ever told of."""
        path = self._path
        for ending in ("", "-wal", "-shm"):
            path.with_name(path.name + ending).unlink(missing_ok=True)
        watermark_of(path).unlink(missing_ok=True)
        snapshot_of(path).unlink(missing_ok=True)
        left = without(gaps, rows)
        with as_journal_errors("restore", path), closing(open_for_writing(path)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(_INSERT_ROW, left)
            connection.executemany(_INSERT_GAP, gaps)
            connection.executemany(_INSERT_NOTE, notes)
            connection.execute("COMMIT")

    # -- copying

    async def _copy(self, coming: list[Row]) -> None:
        held = self._held
        if held is None:
            raise JournalError(f"{self._about} was not taken over")
        fresh, held.gaps, held.notes = await asyncio.to_thread(self._beyond, self._copied)
        parts = await asyncio.to_thread(pieces, fresh, FULL)
        for number, part in enumerate(parts, 1):
            # It was there once already, so there it stays, whoever is cut off in between.
            rest = [row for later in parts[number:] for row in later]
            await self._add(held, part, [*rest, *coming])

    async def _add(self, held: _Held, fresh: list[Row], behind: list[Row]) -> None:
        # Only what the file has leaves it: what is to come may not.
        if held.size > FULL and held.rows:
            await self._seal(held, [*fresh, *behind])
        wanted = replace(held, rows=[*held.rows, *fresh, *behind])
        held.object = await self._written(wanted)
        held.rows, held.size = [*held.rows, *fresh], wanted.size
        self._copied = fresh[-1][0] if fresh else self._copied

    async def _written(self, wanted: _Held) -> Object:
        try:
            body = await asyncio.to_thread(self._body, wanted)
            return await self._api.replace(CONFIG_MAP, body)
        except ConflictError as error:
            # An answer that was lost may have been our own write; anybody else's ends us.
            found = await self._api.get(CONFIG_MAP, self._name)
            now, writer = self._read(found), annotations(found).get(f"{_OURS}/holder")
            if writer != self._identity or now.epoch != wanted.epoch:
                raise JournalError(
                    f"{self._about} was taken over by {writer}: epoch {now.epoch}, and ours is "
                    f"{wanted.epoch}"
                ) from error
            wanted.object = found
            body = await asyncio.to_thread(self._body, wanted)
            return await self._api.replace(CONFIG_MAP, body)

    async def _seal(self, held: _Held, left: list[Row]) -> None:
        """What is full goes into an object of its own, before it leaves the one that is written."""
        await self._parts.put(held.sealed, held.epoch, held.rows)
        held.object = await self._written(replace(held, rows=left, sealed=held.sealed + 1))
        held.rows, held.sealed = [], held.sealed + 1

    def _beyond(self, seq: int) -> tuple[list[Row], list[Row], list[Row]]:
        with closing(open_for_reading(self._path)) as connection:
            return _content(connection, seq)

    def _before(self) -> tuple[list[Row], list[Row], list[Row]]:
        """What is at `path` before anything is shared; nothing where there is none."""
        if not self._path.exists():
            return [], [], []
        reading = as_journal_errors("share", self._path)
        with reading, closing(open_for_reading(self._path)) as connection:
            older = "" if self._accepts_older else objection(connection, self._path)
            if older:
                raise JournalError(refusal(self._path, older))
            return _content(connection, 0)

    def _body(self, held: _Held) -> Object:
        """Takes milliseconds where it is nearly full, so not on the event loop; notes the size."""
        said = {
            EPOCH: str(held.epoch),
            f"{_OURS}/holder": self._identity,
            f"{_OURS}/sealed": str(held.sealed),
        }
        meta: Object = {"name": self._name, "annotations": said}
        version = metadata(held.object).get("resourceVersion")
        if version:
            meta["resourceVersion"] = version
        parts = {"records": held.rows, "gaps": held.gaps, "notes": held.notes}
        data = {key: packed(rows) for key, rows in parts.items()}
        held.size = len(data["records"])
        return {"metadata": meta, "binaryData": data}


def _content(connection: sqlite3.Connection, seq: int) -> tuple[list[Row], list[Row], list[Row]]:
    """What a journal has behind record `seq`, its gaps and its notes."""
    rows, gaps = connection.execute(_ROWS, (seq,)), connection.execute(_GAPS)
    notes = connection.execute(_NOTES, (NOTE,))
    return lists(rows), lists(gaps), lists(notes)


def _words(error: Exception) -> str:
    return str(error) or "no answer in time"
