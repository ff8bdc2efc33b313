"""The parts of a shared journal that are full: objects that are written once, and read together."""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from watchdog.adapters.kubernetes.api import ConflictError, KubeApi, MissingError, Object
from watchdog.adapters.kubernetes.kinds import CONFIG_MAP
from watchdog.adapters.kubernetes.packed_rows import Row, packed, unpacked
from watchdog.adapters.kubernetes.workloads import annotations, metadata
from watchdog.domain.errors import JournalError

# Seconds that the API server may take for one object.
LIMIT = 10.0
# How many are read at once: a journal may have dozens, and an API server take a second for each.
AT_ONCE = 8
EPOCH = "rollback-watchdog.io/epoch"

T = TypeVar("T")


@dataclass(slots=True)
class Part:
    """One of them, as the API server has it."""

    object: Object
    rows: list[Row] = field(default_factory=list)

    @property
    def epoch(self) -> int:
        """Of whoever wrote it; 0 where that is not to be read."""
        text = str(annotations(self.object).get(EPOCH, ""))
        return int(text) if text.isdecimal() else 0


class Parts:
    """`NAME-0`, `NAME-1` and so on of the shared journal `NAME`; `about` names it to people."""

    def __init__(self, api: KubeApi, name: str, about: str) -> None:
        self._api = api
        self._name = name
        self._about = about

    async def read(self, count: int) -> list[Part]:
        """The first `count`. Raises JournalError, with the name of one that is missing."""
        found: list[Part] = []
        while len(found) < count:
            numbers = range(len(found), min(len(found) + AT_ONCE, count))
            found += await _each([self._read(number) for number in numbers])
        return found

    async def highest_behind(self, count: int) -> int:
        """The highest epoch of those that are there behind the first `count`; 0 for none.

        They count for nothing: what shrank left them, or a head that is gone by now.
        """
        highest, at_once = 0, 1
        while True:
            found = await _each([self._found(count + more) for more in range(at_once)])
            highest = max([highest, *(part.epoch for part in found if part)])
            if None in found:
                return highest
            count, at_once = count + at_once, min(2 * at_once, AT_ONCE)

    async def put(self, number: int, epoch: int, rows: Sequence[Row]) -> None:
        """Have `rows` there. Raises JournalError where a later epoch has written it."""
        name = f"{self._name}-{number}"
        try:
            await self._create(name, epoch, rows)
        except ConflictError:
            # Left by a crash in this very moment, or left over; nobody counts it.
            left = Part(await within(self._api.get(CONFIG_MAP, name)))
            if left.epoch > epoch:
                raise JournalError(
                    f"{self._about} was taken over by another watchdog, or an older copy of it "
                    f"was put back: configmap/{name} is of epoch {left.epoch}, and ours is "
                    f"{epoch}; start this watchdog anew, which begins above what it finds, and if "
                    f"that is not enough delete configmap/{name}, which counts for nothing as "
                    "long as nobody else leads"
                ) from None
            await self.replace(left, epoch, rows)

    async def replace(self, part: Part, epoch: int, rows: Sequence[Row]) -> None:
        """Have `rows` in its place. Raises ConflictError where somebody changed it meanwhile."""
        await within(self._api.replace(CONFIG_MAP, _body(part.object, epoch, rows)))

    async def _create(self, name: str, epoch: int, rows: Sequence[Row]) -> None:
        new: Object = {"metadata": {"name": name}}
        await within(self._api.create(CONFIG_MAP, _body(new, epoch, rows)))

    async def _found(self, number: int) -> Part | None:
        try:
            return Part(await within(self._api.get(CONFIG_MAP, f"{self._name}-{number}")))
        except MissingError:
            return None

    async def _read(self, number: int) -> Part:
        name = f"{self._name}-{number}"
        try:
            found = await within(self._api.get(CONFIG_MAP, name))
            return Part(found, await asyncio.to_thread(unpacked, found, "records"))
        except (MissingError, KeyError, ValueError, OSError, EOFError) as error:
            if isinstance(error, TimeoutError):
                raise
            raise JournalError(
                f"configmap/{name}, a part of {self._about}, is missing or damaged ({error}); "
                "put a copy of it back, or remove all of them, which forgets limits and latches"
            ) from error


async def within(call: Awaitable[T]) -> T:
    """What `call` gives. Raises TimeoutError where that takes too long."""
    async with asyncio.timeout(LIMIT):
        return await call


async def _each(calls: Sequence[Awaitable[T]]) -> list[T]:
    """What all of them give, or the first error, once none is under way any more."""
    found = await asyncio.gather(*calls, return_exceptions=True)
    for one in found:
        if isinstance(one, BaseException):
            raise one
    return [one for one in found if not isinstance(one, BaseException)]


def _body(found: Object, epoch: int, rows: Sequence[Row]) -> Object:
    """Who wrote it stands on it: it is never overwritten by an earlier one."""
    meta = {**metadata(found), "annotations": {**annotations(found), EPOCH: str(epoch)}}
    return {**found, "metadata": meta, "binaryData": {"records": packed(rows)}}
