"""Reading the journal's SQLite file, beside the daemon that writes it or without one."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import ExitStack, asynccontextmanager, closing
from pathlib import Path
from typing import TypeVar

from watchdog.adapters.audit import Verification, verify
from watchdog.adapters.chain import tail
from watchdog.adapters.one_thread import OneThread, ThreadEndedError, one_thread
from watchdog.adapters.snapshot import Recalled, recalled
from watchdog.adapters.sqlite_file import as_journal_errors, open_for_reading
from watchdog.adapters.sqlite_records import BadRecordError, Present, kept, select
from watchdog.domain.errors import JournalError
from watchdog.domain.events import Record
from watchdog.domain.moment import Moment
from watchdog.domain.recollection import Recollection
from watchdog.ports import Clock

# Seconds.
READ_LIMIT = 120.0
# A journal of years, read whole because no snapshot of it can be used.
RECALL_LIMIT = 3600.0
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

T = TypeVar("T")


@asynccontextmanager
async def open_reader(
    path: Path, clock: Clock, *, boot_id: str | None = None
) -> AsyncIterator["SqliteReader"]:
    """What can be read of the journal at `path`, also while a daemon writes to it."""
    boot = this_boot() if boot_id is None else boot_id
    held = ExitStack()
    async with one_thread("journal-read", held.close) as thread:
        connection = await ask(
            thread, path, lambda: held.enter_context(closing(open_for_reading(path)))
        )
        yield SqliteReader(path, connection, thread, clock, boot)


class SqliteReader:
    """Reads the journal. There is no way to write through it."""

    def __init__(
        self,
        path: Path,
        connection: sqlite3.Connection,
        thread: OneThread,
        clock: Clock,
        boot: str,
    ) -> None:
        self.path = path
        self._connection = connection
        self._thread = thread
        self._clock = clock
        self._boot = boot

    async def read(
        self, *, kinds: Iterable[type] | None = None, run: str | None = None, after: int = 0
    ) -> Sequence[Record]:
        """Records in order, with `at.elapsed` translated to this boot's clock.

        Each is proved against the chain of hashes: raises JournalError at the first that was
        touched, or that this version does not understand.
        """
        present = Present(self._clock.now(), self._boot)
        wanted = None if kinds is None else tuple(kinds)
        return await self._ask(
            lambda: select(self._connection, present, kinds=wanted, run=run, after=after)
        )

    async def recollection(self) -> Recollection:
        """All that was folded, by `recalled`."""
        return (await self.recalled()).memory

    async def recalled(self) -> Recalled:
        """All that a start needs to know: from a snapshot where one proves true, else from all.

        Raises JournalError at the first record that is not as it was written.
        """
        present = Present(self._clock.now(), self._boot)
        return await ask(
            self._thread,
            self.path,
            lambda: recalled(self._connection, self.path, present),
            limit=RECALL_LIMIT,
        )

    async def kept(self, name: str) -> tuple[str, Moment] | None:
        """The note and when it was kept, or None."""
        present = Present(self._clock.now(), self._boot)
        return await self._ask(lambda: kept(self._connection, name, present))

    async def head(self) -> str:
        """The last record as `seq:hash`: kept elsewhere, an anchor for `verify`."""
        return str(await self._ask(lambda: tail(self._connection)))

    async def verify(self, anchor: str = "") -> Verification:
        """Check every record; see `watchdog.adapters.audit.verify`."""
        return await asyncio.to_thread(verify, self.path, anchor)

    async def _ask(self, call: Callable[[], T]) -> T:
        return await ask(self._thread, self.path, call)


async def ask(
    thread: OneThread, path: Path, call: Callable[[], T], *, limit: float = READ_LIMIT
) -> T:
    """What `call` says of the journal at `path`; whatever goes wrong is a JournalError."""

    def translated() -> T:
        with as_journal_errors("read", path):
            try:
                return call()
            except BadRecordError as error:
                raise JournalError(f"the journal {path}: {error}") from error

    try:
        return await thread.run(translated, limit=limit)
    except (TimeoutError, ThreadEndedError) as error:
        raise JournalError(no_answer(path, error)) from error


def no_answer(path: Path, error: Exception) -> str:
    """What to tell a person when the thread of the journal gives none."""
    if isinstance(error, TimeoutError):
        return f"the journal {path} does not answer; see the kernel's log for faults of its disk"
    return f"the journal {path} is closed; nothing can be recorded or read any more"


def this_boot() -> str:
    """What names this boot of the machine; empty where the system does not tell."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return ""
