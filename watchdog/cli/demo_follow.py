"""Reads the daemon's journal while the daemon writes it, and says when something has happened."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from watchdog.adapters.sqlite_reader import open_reader
from watchdog.domain.errors import JournalError, WatchdogError
from watchdog.domain.events import Record
from watchdog.ports import Clock

LOOK_EVERY = 0.05
OPENS_WITHIN = 30.0

E = TypeVar("E")


class Follower:
    """Every record of the journal at `path`, as it comes; `tell` is called with each."""

    def __init__(self, path: Path, clock: Clock, tell: Callable[[Record], None]) -> None:
        self.records: list[Record] = []
        self._path = path
        self._clock = clock
        self._tell = tell
        self._more = asyncio.Event()

    async def run(self) -> None:
        """Read until cancelled. Raises JournalError when there is nothing to read for long."""
        await self._wait_for_file()
        async with open_reader(self._path, self._clock) as reader:
            while True:
                after = self.records[-1].seq if self.records else 0
                for record in await reader.read(after=after):
                    self.records.append(record)
                    self._tell(record)
                self._more.set()
                await asyncio.sleep(LOOK_EVERY)

    async def _wait_for_file(self) -> None:
        waited = 0.0
        while True:
            try:
                async with open_reader(self._path, self._clock) as reader:
                    await reader.head()
            except JournalError:
                if waited >= OPENS_WITHIN:
                    raise
            else:
                return
            await asyncio.sleep(LOOK_EVERY)
            waited += LOOK_EVERY

    async def until(
        self,
        kind: type[E],
        is_it: Callable[[E], bool],
        *,
        within: float,
        after: int = 0,
        what: str,
    ) -> Record:
        """The first record of `kind` behind number `after` for which `is_it` holds.

        Raises WatchdogError, naming `what`, when there is none `within` seconds.
        """
        try:
            async with asyncio.timeout(within):
                while True:
                    found = self.first(kind, is_it, after=after)
                    if found is not None:
                        return found
                    self._more.clear()
                    await self._more.wait()
        except TimeoutError as error:
            raise WatchdogError(f"after {within:.0f} s still not seen: {what}") from error

    def first(self, kind: type[E], is_it: Callable[[E], bool], *, after: int = 0) -> Record | None:
        return next(iter(self.all(kind, is_it, after=after)), None)

    def all(
        self, kind: type[E], is_it: Callable[[E], bool] = lambda _: True, *, after: int = 0
    ) -> list[Record]:
        """Every record so far of `kind` behind number `after` for which `is_it` holds."""
        return [
            record
            for record in self.records
            if record.seq > after and isinstance(record.event, kind) and is_it(record.event)
        ]
