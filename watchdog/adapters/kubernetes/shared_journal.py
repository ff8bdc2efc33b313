"""The journal of several pods, in objects of their namespace: whoever acts next finds it there."""

import asyncio
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from watchdog.adapters.chain import COLUMNS
from watchdog.adapters.kubernetes.api import ConflictError, KubeApi, MissingError, Object
from watchdog.adapters.kubernetes.kinds import CONFIG_MAP
from watchdog.adapters.kubernetes.packed_rows import (
    Row,
    lists,
    merged,
    packed,
    unpacked,
    without,
)
from watchdog.adapters.kubernetes.rights import to
from watchdog.adapters.kubernetes.workloads import annotations, metadata
from watchdog.adapters.snapshot import beside as snapshot_of
from watchdog.adapters.sqlite_file import as_journal_errors, open_for_reading, open_for_writing
from watchdog.adapters.watermark import NOTE
from watchdog.adapters.watermark import beside as watermark_of
from watchdog.domain.errors import JournalError, StepError
from watchdog.plugins import Right

# Bytes, packed. A fuller object is left as it is, and a new one begun: an object may have 1 MiB,
# and what grows is written whole with each record.
FULL = 64 << 10
# Seconds that the API server may take for one record.
LIMIT = 10.0
_OURS = "rollback-watchdog.io"
_EPOCH = f"{_OURS}/epoch"
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
    """The object that is written now, as the API server last showed it to us."""

    object: Object
    epoch: int
    sealed: int = 0
    rows: list[Row] = field(default_factory=list)
    gaps: list[Row] = field(default_factory=list)
    notes: list[Row] = field(default_factory=list)


class SharedJournal:
    """The journal at `path`, copied into ConfigMaps `NAME`, `NAME-0`, `NAME-1` and so on.

    Each write says which version of the object it replaces, so the API server itself refuses
    whoever has been replaced: what they would do next cannot be recorded, and is not done.
    """

    def __init__(self, api: KubeApi, name: str, identity: str, path: Path) -> None:
        self._api = api
        self._name = name
        self._identity = identity
        self._path = path
        self._held: _Held | None = None
        self._copied = 0
        self._turn = asyncio.Lock()

    async def take_over(self) -> int:
        """Make the journal at `path` what the objects say, and be its only writer; the epoch.

        Where there are no objects yet, the journal at `path` becomes their beginning. Raises
        JournalError where they cannot be read, or somebody else takes it in this moment.
        """
        try:
            async with asyncio.timeout(3 * LIMIT):
                return await self._taken()
        except (StepError, TimeoutError) as error:
            raise JournalError(f"{self._about} cannot be taken over: {_words(error)}") from error

    async def copied(self) -> None:
        """All that the journal holds is in the objects when this returns. Raises JournalError."""
        async with self._turn:
            try:
                async with asyncio.timeout(LIMIT):
                    await self._copy()
            except (StepError, TimeoutError) as error:
                text = f"{self._about} cannot be written: {_words(error)}"
                raise JournalError(f"{text}; nothing is done until it can") from error

    @property
    def _about(self) -> str:
        return f"the shared journal configmap/{self._name}"

    # -- taking over

    async def _taken(self) -> int:
        try:
            found = await self._api.get(CONFIG_MAP, self._name)
        except MissingError:
            held = _Held({}, epoch=1)
            held.object = await self._api.create(CONFIG_MAP, self._body(held))
            self._held = held
            return 1
        held = self._read(found)
        held.epoch += 1
        # From here on whoever had it is refused.
        held.object = await self._api.replace(CONFIG_MAP, self._body(held))
        parts = [await self._sealed(number) for number in range(held.sealed)]
        await self._shrink(held, parts)
        # By their numbers: who shrinks it and is cut off leaves some twice.
        each = {row[0]: row for _, part in parts for row in part}
        rows = [*each.values(), *held.rows]
        await asyncio.to_thread(self._rebuild, rows, held.gaps, held.notes)
        self._held, self._copied = held, rows[-1][0] if rows else 0
        return held.epoch

    def _read(self, found: Object) -> _Held:
        notes = annotations(found)
        try:
            parts = [unpacked(found, part) for part in ("records", "gaps", "notes")]
            sealed, epoch = int(notes[f"{_OURS}/sealed"]), int(notes[_EPOCH])
        except (KeyError, ValueError, OSError, EOFError) as error:
            raise JournalError(
                f"{self._about} is not as this program wrote it ({error!r}); put a copy of it back"
            ) from error
        return _Held(found, epoch, sealed, *parts)

    async def _sealed(self, number: int) -> tuple[Object, list[Row]]:
        name = f"{self._name}-{number}"
        try:
            found = await self._api.get(CONFIG_MAP, name)
            return found, unpacked(found, "records")
        except (MissingError, KeyError, ValueError, OSError, EOFError) as error:
            raise JournalError(
                f"configmap/{name}, a part of {self._about}, is missing or damaged ({error}); "
                "put a copy of it back, or remove all of them, which forgets limits and latches"
            ) from error

    async def _shrink(self, held: _Held, parts: Sequence[tuple[Object, list[Row]]]) -> None:
        """Have what retention took away out of the objects, too, and use fewer of them.

        Those left over are written over once it grows again, and count for nothing until then.
        """
        left = [without(held.gaps, rows) for _, rows in parts]
        fewer = await asyncio.to_thread(merged, left, FULL)
        if len(fewer) == len(parts):
            return
        for (found, before), rows in zip(parts, fewer, strict=False):
            if rows != before:
                await self._api.replace(CONFIG_MAP, _part(found, held.epoch, rows))
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

    async def _copy(self) -> None:
        held = self._held
        if held is None:
            raise JournalError(f"{self._about} was not taken over")
        fresh, gaps, notes = await asyncio.to_thread(self._beyond, self._copied)
        if not fresh and (gaps, notes) == (held.gaps, held.notes):
            return
        if len(packed(held.rows)) > FULL:
            await self._seal(held)
        wanted = replace(held, rows=[*held.rows, *fresh], gaps=gaps, notes=notes)
        wanted.object = await self._written(wanted)
        self._held = wanted
        self._copied = fresh[-1][0] if fresh else self._copied

    async def _written(self, wanted: _Held) -> Object:
        try:
            return await self._api.replace(CONFIG_MAP, self._body(wanted))
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
            return await self._api.replace(CONFIG_MAP, self._body(wanted))

    async def _seal(self, held: _Held) -> None:
        """What is full goes into an object of its own, before it leaves the one that is written."""
        name = f"{self._name}-{held.sealed}"
        new: Object = {"metadata": {"name": name}}
        try:
            await self._api.create(CONFIG_MAP, _part(new, held.epoch, held.rows))
        except ConflictError:
            # Left by a crash in this very moment, or left over by `_shrink`; nobody counts it.
            left = await self._api.get(CONFIG_MAP, name)
            if int(annotations(left).get(_EPOCH, 0)) > held.epoch:
                raise JournalError(f"{self._about} was taken over long ago") from None
            await self._api.replace(CONFIG_MAP, _part(left, held.epoch, held.rows))
        held.object = await self._written(replace(held, rows=[], sealed=held.sealed + 1))
        held.rows, held.sealed = [], held.sealed + 1

    def _beyond(self, seq: int) -> tuple[list[Row], list[Row], list[Row]]:
        with closing(open_for_reading(self._path)) as connection:
            rows, gaps = connection.execute(_ROWS, (seq,)), connection.execute(_GAPS)
            notes = connection.execute(_NOTES, (NOTE,))
            return lists(rows), lists(gaps), lists(notes)

    def _body(self, held: _Held) -> Object:
        said = {
            _EPOCH: str(held.epoch),
            f"{_OURS}/holder": self._identity,
            f"{_OURS}/sealed": str(held.sealed),
        }
        meta: Object = {"name": self._name, "annotations": said}
        version = metadata(held.object).get("resourceVersion")
        if version:
            meta["resourceVersion"] = version
        parts = {"records": held.rows, "gaps": held.gaps, "notes": held.notes}
        return {"metadata": meta, "binaryData": {key: packed(rows) for key, rows in parts.items()}}


def _part(found: Object, epoch: int, rows: Sequence[Row]) -> Object:
    """What is full, and who wrote it: it is never overwritten by an earlier one."""
    meta = {**metadata(found), "annotations": {**annotations(found), _EPOCH: str(epoch)}}
    return {**found, "metadata": meta, "binaryData": {"records": packed(rows)}}


def _words(error: Exception) -> str:
    return str(error) or "no answer in time"
