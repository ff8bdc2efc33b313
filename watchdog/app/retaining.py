"""Keeps the journal from growing for ever: what is old and needed no longer goes, under a seal."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from watchdog.adapters.chain import BrokenChainError, digest
from watchdog.adapters.journal_archive import archive
from watchdog.adapters.journals.sqlite import SqliteJournal
from watchdog.adapters.removal import Batch, next_batch, sealed_up_to, sparing
from watchdog.adapters.sqlite_file import as_journal_errors, open_for_reading
from watchdog.adapters.sqlite_records import BadRecordError
from watchdog.domain.errors import JournalError
from watchdog.domain.keeping import RecordsRemoved
from watchdog.domain.ledger import Ledger
from watchdog.domain.retention import Sparing
from watchdog.ports import Clock

# Seconds: after a start, between two passes, and between two removals.
FIRST, EVERY, PAUSE = 60.0, 86_400.0, 0.25
# Records that one transaction looks at; it removes fewer.
AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Keeping:
    """How long records are kept, in seconds, and where they go then; None: nowhere."""

    keep: float
    folder: Path | None = None


@dataclass(slots=True)
class Retention:
    """One pass a day, oldest records first, a small transaction at a time."""

    journal: SqliteJournal
    clock: Clock
    ledger: Ledger
    keeping: Keeping
    alarm: Callable[[str], None]
    pause: float = PAUSE
    at_once: int = AT_ONCE
    removed: int = field(default=0, init=False)

    async def run(self) -> None:
        """Pass after pass, until cancelled."""
        await asyncio.sleep(FIRST)
        while True:
            try:
                await self.once()
            except JournalError as error:
                self.alarm(f"old records stay in the journal: {error}")
            await asyncio.sleep(EVERY)

    async def once(self) -> int:
        """Remove what is old enough by now; how many records. Raises JournalError."""
        before = self.clock.now().wall - self.keeping.keep
        accounts = self.ledger.accounts.items()
        open_ones = [(target, one.incident) for target, one in accounts if one.incident]
        after, spare = await asyncio.to_thread(self._begun, open_ones)
        done, more = 0, True
        while more:
            batch = await asyncio.to_thread(self._next, after, before, spare)
            if batch is None:
                break
            if batch.rows:
                await self._remove(batch, before)
                done += len(batch.rows)
                # Others have their turn at the disk.
                await asyncio.sleep(self.pause)
            after, more = batch.last, batch.more
        self.removed += done
        return done

    def _begun(self, open_ones: list[tuple[str, str]]) -> tuple[int, Sparing]:
        with self._reading() as connection:
            after = sealed_up_to(connection)
            return after, sparing(connection, open_ones, after, self.clock.now().wall)

    def _next(self, after: int, before: float, spare: Sparing) -> Batch | None:
        with self._reading() as connection:
            return next_batch(connection, after, before, spare, self.at_once)

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        path = self.journal.path
        with as_journal_errors("read", path):
            try:
                with closing(open_for_reading(path)) as connection:
                    yield connection
            except (BrokenChainError, BadRecordError) as error:
                raise JournalError(f"the journal {path}: {error}") from error

    async def _remove(self, batch: Batch, before: float) -> None:
        name, its_digest = "", ""
        folder = self.keeping.folder
        if folder is not None:
            name, its_digest = await asyncio.to_thread(
                archive, folder, batch.first, batch.last, batch.rows
            )
        seal = RecordsRemoved(
            first=batch.first,
            last=batch.last,
            count=len(batch.rows),
            digest=digest(batch.gaps),
            before=before,
            archive=name,
            archive_digest=its_digest,
        )
        await self.journal.remove(seal, batch.gaps)
