"""Takes a snapshot of what the journal came to, now and then, so that no start has much to read."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import structlog

from watchdog.adapters.journals.sqlite import SqliteJournal
from watchdog.adapters.snapshot import Recalled, recalled, settle, write
from watchdog.adapters.sqlite_file import as_journal_errors, open_for_reading
from watchdog.adapters.sqlite_reader import this_boot
from watchdog.adapters.sqlite_records import BadRecordError, Present
from watchdog.domain.errors import JournalError
from watchdog.domain.events import Record
from watchdog.domain.keeping import SnapshotKept
from watchdog.ports import Clock

# Records that a start may have to read behind the newest snapshot.
EVERY = 10_000
POLL = 15.0


class Snapshots:
    """Folds the journal anew, in a thread: what is kept is what a start would make of it."""

    def __init__(
        self,
        journal: SqliteJournal,
        clock: Clock,
        found: Recalled,
        alarm: Callable[[str], None],
        every: int = EVERY,
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._alarm = alarm
        self._every = every
        self._last = found.tail.seq
        self._covers = found.covers
        journal.listen(self._note)
        if found.refused:
            structlog.get_logger().warning("snapshot_not_used", why=found.refused)

    def _note(self, records: Sequence[Record]) -> None:
        self._last = records[-1].seq

    async def run(self) -> None:
        """Take one whenever there is enough that is new, until cancelled."""
        while True:
            if self._last - self._covers >= self._every:
                await self._tried()
            await asyncio.sleep(POLL)

    async def _tried(self) -> None:
        try:
            self._covers = (await take(self._journal, self._clock)).covers
        except JournalError as error:
            # Nothing is lost but time at the next start.
            self._covers = self._last
            self._alarm(f"no snapshot of the journal could be taken: {error}")


async def take(journal: SqliteJournal, clock: Clock, found: Recalled | None = None) -> SnapshotKept:
    """Take one, of what was `found` or else of all there is; what was journalled of it.

    Raises JournalError.
    """
    present = Present(clock.now(), this_boot())
    kept = await asyncio.to_thread(_written, journal.path, present, found)
    await journal.append(kept)
    await asyncio.to_thread(_settled, journal.path)
    return kept


def _written(path: Path, present: Present, found: Recalled | None) -> SnapshotKept:
    with as_journal_errors("take a snapshot of", path):
        try:
            if found is not None:
                return write(path, found, present)
            with closing(open_for_reading(path)) as connection:
                return write(path, recalled(connection, path, present), present)
        except BadRecordError as error:
            raise JournalError(f"the journal {path}: {error}") from error


def _settled(path: Path) -> None:
    with as_journal_errors("put in place the snapshot of", path):
        settle(path)
