"""The real journal in its real file, without a thread: in virtual time nothing may wait for one."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TypeVar

from watchdog.adapters.journals.sqlite import SqliteJournal, _Waiting, _Writer
from watchdog.adapters.one_thread import OneThread
from watchdog.adapters.sqlite_file import open_for_reading
from watchdog.adapters.sqlite_reader import SqliteReader
from watchdog.adapters.sqlite_records import Present, kept, select
from watchdog.domain.errors import JournalError
from watchdog.domain.events import Event, Record
from watchdog.ports import Clock

BOOT = "boot"
T = TypeVar("T")


class _InStep(OneThread):
    """Does each call at once; others run before the caller goes on, as with a thread."""

    def __init__(self) -> None:
        """There is no pool."""

    async def run(self, call: Callable[[], T], *, limit: float) -> T:
        """As a thread does, but at once."""
        try:
            return call()
        finally:
            # Twice: what a thread returns comes by a future, so listeners hear of a commit before
            # its caller goes on.
            await asyncio.sleep(0)
            await asyncio.sleep(0)


class _FullDisk(_Writer):
    fault = ""

    def commit(self, batch: Sequence[_Waiting]) -> None:
        """As the writer does, where there is room."""
        if self.fault:
            raise JournalError(self.fault)
        super().commit(batch)


class DiskJournal(SqliteJournal):
    """As `MemoryJournal`, for those who use it: `fault`, `records`, and boundaries to crash at."""

    def __init__(self, path: Path, clock: Clock, boundary: Callable[[object], None]) -> None:
        self._files = ExitStack()
        self._on_disk = _FullDisk(path, lambda: clock.now().wall)
        self._on_disk.open(clock.now(), BOOT, None)
        self._reading = self._files.enter_context(closing(open_for_reading(path)))
        thread = _InStep()
        reader = SqliteReader(path, self._reading, thread, clock, BOOT)
        super().__init__(self._on_disk, thread, reader, clock, epoch=0, boot=BOOT, write_limit=30.0)
        self._boundary = boundary
        self._all: list[Record] = []

    @property
    def fault(self) -> str:
        """Why nothing can be written; empty: all can."""
        return self._on_disk.fault

    @fault.setter
    def fault(self, why: str) -> None:
        self._on_disk.fault = why

    async def append(self, *events: Event) -> Sequence[Record]:
        """As a journal does, between two boundaries."""
        if not self._on_disk.fault and not self._problem:
            self._boundary(events)
        records = await super().append(*events)
        self._boundary(records)
        return records

    @property
    def records(self) -> Sequence[Record]:
        """All there is, proved against the chain as it is read."""
        after = self._all[-1].seq if self._all else 0
        self._all += select(
            self._reading, Present(self._clock.now(), BOOT), kinds=None, run=None, after=after
        )
        return self._all

    def note(self, name: str) -> str | None:
        """One note as it stands on the disk."""
        found = kept(self._reading, name, Present(self._clock.now(), BOOT))
        return None if found is None else found[0]

    def close(self) -> None:
        """As the kernel does for a process that is gone."""
        self._files.close()
        self._on_disk.close()
