"""The journal in one SQLite file: one writer thread, group commit, durable when it answers."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import ExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from watchdog.adapters.chain import Gap, Row, Tail, tail
from watchdog.adapters.lock_file import LockFile
from watchdog.adapters.one_thread import OneThread, ThreadEndedError, one_thread
from watchdog.adapters.snapshot import Recalled
from watchdog.adapters.sqlite_file import (
    as_journal_errors,
    damaged,
    open_for_writing,
    refuse_bad_place,
)
from watchdog.adapters.sqlite_reader import SqliteReader, ask, no_answer, open_reader, this_boot
from watchdog.adapters.sqlite_records import (
    Draft,
    Note,
    draft,
    insert,
    keep,
    remove,
    rows_of,
)
from watchdog.adapters.watermark import (
    NOTE,
    Acceptance,
    Watermark,
    is_noted,
    objection,
    refusal,
    write,
)
from watchdog.domain.errors import JournalError
from watchdog.domain.events import Event, Record
from watchdog.domain.keeping import OlderJournalAccepted, RecordsRemoved
from watchdog.domain.moment import Moment
from watchdog.ports import Clock

# Seconds. A disk that answers later than this does not answer at all.
WRITE_LIMIT = 30.0
_PROBE = "journal.probe"

Listener = Callable[[Sequence[Record]], None]
Copy = Callable[[Sequence[Row]], Awaitable[None]]
T = TypeVar("T")


@asynccontextmanager
async def open_journal(
    path: Path,
    clock: Clock,
    *,
    epoch: int = 0,
    boot_id: str | None = None,
    write_limit: float = WRITE_LIMIT,
    accepted: Acceptance | None = None,
    copied: Copy | None = None,
) -> AsyncIterator["SqliteJournal"]:
    """The journal at `path`, made where there is none, for this process alone.

    Every record carries `epoch`. A write that takes longer than `write_limit` seconds has failed,
    as far as its caller is concerned. Raises JournalError when another process has it open, or when
    the file is not ours, damaged or too new. All that was appended is on the disk at the end.

    Raises JournalError as well when it is not the journal that was last written here, such as
    yesterday's backup, unless a person `accepted` that, which is recorded. With `copied`, no event
    is written before that has answered: it is given the rows to come, and copies them, with all
    that the file holds, to where others find them.
    """
    boot = this_boot() if boot_id is None else boot_id
    writer = _Writer(path, lambda: clock.now().wall)
    async with one_thread("journal", writer.close) as thread:
        now = clock.now()
        missing = await ask(thread, path, lambda: writer.open(now, boot, accepted))
        async with open_reader(path, clock, boot_id=boot) as reader:
            journal = SqliteJournal(
                writer, thread, reader, clock, epoch=epoch, boot=boot, write_limit=write_limit
            )
            journal.copied = copied
            if missing and accepted:
                await journal.append(OlderJournalAccepted(accepted.by, accepted.reason, missing))
            yield journal


@dataclass(slots=True, eq=False)
class _Waiting:
    """What one caller waits to see on the disk, and in the end what became of it."""

    drafts: Sequence[Draft] = ()
    note: Note | None = None
    records: Sequence[Record] | None = None
    problem: str = ""


class SqliteJournal:
    """Satisfies `ports.Journal`. After a failed write it refuses events until a note succeeds.

    After a copy that was refused only a probe ends that, which copies as well.
    """

    def __init__(
        self,
        writer: "_Writer",
        thread: OneThread,
        reader: SqliteReader,
        clock: Clock,
        *,
        epoch: int,
        boot: str,
        write_limit: float,
    ) -> None:
        self.path = reader.path
        self.commits = 0
        self.copied: Copy | None = None
        self._reader = reader
        self._writer = writer
        self._thread = thread
        self._clock = clock
        self._epoch = epoch
        self._boot = boot
        self._write_limit = write_limit
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[_Waiting] = deque()
        self._listeners: list[Listener] = []
        self._problem = ""
        self._uncopied: deque[_Waiting] = deque()
        self._refused = ""
        # Between what is copied and what is written nothing else takes its number.
        self._turn = asyncio.Lock()

    @property
    def healthy(self) -> bool:
        """Whether the last write succeeded. Where not, no event is taken, so do nothing."""
        return not self.problem

    @property
    def problem(self) -> str:
        """Why it refuses, for a person; empty when it does not."""
        return self._problem or self._refused

    async def append(self, *events: Event) -> Sequence[Record]:
        """Record `events` together, in order; they are on the disk when this returns.

        Raises JournalError when that is impossible. To cancel the wait cancels nothing else:
        the events are recorded all the same, all of them; what is still to be copied, with
        the next.
        """
        now = self._clock.now()
        drafts = [draft(event, now, self._boot, self._epoch) for event in events]
        return await self._write(_Waiting(drafts=drafts)) if drafts else ()

    async def read(
        self, *, kinds: Iterable[type] | None = None, run: str | None = None, after: int = 0
    ) -> Sequence[Record]:
        """As `SqliteReader.read`; it keeps no append waiting."""
        return await self._reader.read(kinds=kinds, run=run, after=after)

    async def keep(self, name: str, body: str) -> None:
        """Overwrite one named note outside the chain, as durably as an event.

        A note is tried even while events are refused; one that succeeds ends that.
        """
        await self._write(_Waiting(note=Note(name, body, self._clock.now(), self._boot)))

    async def remove(self, seal: RecordsRemoved, gaps: Sequence[Gap]) -> None:
        """Remove the records of `gaps`, and record `seal`: both or neither, in one transaction.

        Raises JournalError where that is impossible; nothing else is refused because of it.
        """
        if self.problem:
            raise JournalError(self.problem)
        last = draft(seal, self._clock.now(), self._boot, self._epoch)
        async with self._turn:
            (record,) = await ask(self._thread, self.path, lambda: self._writer.remove(last, gaps))
        self._tell([record])

    async def recalled(self) -> Recalled:
        """As `SqliteReader.recalled`."""
        return await self._reader.recalled()

    async def kept(self, name: str) -> tuple[str, Moment] | None:
        """The note and when it was kept, or None."""
        return await self._reader.kept(name)

    async def head(self) -> str:
        """The last record as `seq:hash`: kept elsewhere, an anchor for an audit."""
        return await self._reader.head()

    def listen(self, call: Listener) -> None:
        """Have `call` told what every commit recorded, in order, on the event loop."""
        self._listeners.append(call)

    async def probe(self) -> None:
        """Try to write. Raises JournalError when that fails; otherwise it is healthy again."""
        await self.keep(_PROBE, "")

    async def _write(self, mine: _Waiting) -> Sequence[Record]:
        if self.copied is not None and mine.drafts:
            return await self._share(self.copied, mine)
        self._waiting.append(mine)
        written = await self._in_thread(lambda: self._settle(mine))
        if self.copied is not None and _is_probe(mine):
            async with self._turn:
                await self._copy(self.copied, ())
        return written

    async def _in_thread(self, call: Callable[[], T]) -> T:
        try:
            return await self._thread.run(call, limit=self._write_limit)
        except (TimeoutError, ThreadEndedError) as error:
            self._problem = no_answer(self.path, error)
            raise JournalError(self._problem) from error

    async def _share(self, copied: Copy, mine: _Waiting) -> Sequence[Record]:
        """Have others find what is to be written, with all else that waits for it; then write."""
        if self.problem:
            raise JournalError(self.problem)
        self._uncopied.append(mine)
        async with self._turn:
            if mine in self._uncopied:
                await self._share_all(copied)
            return await self._in_thread(lambda: self._settle(mine))

    async def _share_all(self, copied: Copy) -> None:
        batch = tuple(self._uncopied)
        refused = self.problem
        if not refused:
            try:
                await self._copy(copied, [each for one in batch for each in one.drafts])
            except JournalError as error:
                refused = str(error)
        # Only now: whoever is cancelled before this leaves them all to the next.
        for each in batch:
            self._uncopied.popleft()
            each.problem = refused
        if not refused:
            self._waiting.extend(batch)

    async def _copy(self, copied: Copy, drafts: Sequence[Draft]) -> None:
        rows = await self._in_thread(lambda: self._writer.foreseen(drafts))
        try:
            await copied(rows)
        except JournalError as error:
            self._refused = str(error)
            raise
        self._refused = ""

    def _settle(self, mine: _Waiting) -> Sequence[Record]:
        """In the thread: commit all that waits, unless an earlier caller took `mine` along."""
        if mine.records is None and not mine.problem:
            batch = []
            while self._waiting:
                batch.append(self._waiting.popleft())
            self._commit(batch)
        if mine.problem:
            raise JournalError(mine.problem)
        if mine.records is None:
            raise JournalError(f"the journal {self.path} lost a write; see the error before this")
        return mine.records

    def _commit(self, batch: Sequence[_Waiting]) -> None:
        if self._problem:
            # A record is lost already: to take a later one would tell a false story.
            for each in batch:
                each.problem = self._problem if each.drafts else ""
            batch = [each for each in batch if not each.drafts]
        if not batch:
            return
        try:
            self._writer.commit(batch)
        except JournalError as error:
            self._problem = str(error)
            for each in batch:
                each.problem = self._problem
            return
        if any(each.note for each in batch):
            self._problem = ""
        self.commits += 1
        records = [record for each in batch for record in each.records or ()]
        if records:
            self._loop.call_soon_threadsafe(self._tell, records)

    def _tell(self, records: Sequence[Record]) -> None:
        for call in self._listeners:
            # Each on its own: one that raises keeps nothing from the others.
            self._loop.call_soon(call, records)


def _is_probe(waiting: _Waiting) -> bool:
    return waiting.note is not None and waiting.note.name == _PROBE


class _Writer:
    """The lock and the one connection that writes. All but the making happens in its thread."""

    def __init__(self, path: Path, wall: Callable[[], float]) -> None:
        self._path = path
        self._wall = wall
        self._held = ExitStack()
        self._files: Sequence[tuple[int, int]] = ()

    def open(self, now: Moment, boot: str, accepted: Acceptance | None) -> str:
        """Why it is not the journal last written here; empty where it is. Then nothing is lost."""
        with as_journal_errors("open", self._path):
            # By whatever links it is reached: one file has one lock.
            self._path = self._path.resolve()
            # Before the lock, which stands in the same folder.
            refuse_bad_place(self._path)
            lock = LockFile(self._path, now)
            self._held.callback(lock.release)
            self._connection = self._held.enter_context(closing(open_for_writing(self._path)))
            # The -wal file is there from the first reading on.
            end = tail(self._connection)
            self._files = self._present_files()
            missing = objection(self._connection, self._path)
            if missing and accepted is None:
                raise JournalError(refusal(self._path, missing))
            self._mark = Watermark(self._path, self._wall)
            self._held.callback(self._mark.close)
            self._begin_to_mark(end, Note(NOTE, "", now, boot), missing)
        return missing

    def _begin_to_mark(self, end: Tail, note: Note, missing: str) -> None:
        # A journal that says that it has a watermark must have one. What a person accepts is not
        # the one last written before that is on record: until then the next start refuses it.
        if not end.hash.isascii():
            raise damaged(self._path, f"the hash of record {end.seq} is none")
        if not missing:
            write(self._path, end, self._wall())
        if not is_noted(self._connection):
            keep(self._connection, note)

    def close(self) -> None:
        with as_journal_errors("close", self._path):
            self._held.close()

    def commit(self, batch: Sequence[_Waiting]) -> None:
        """All of `batch` in one transaction, or none of it and a JournalError."""
        drafts = [each for waiting in batch for each in waiting.drafts]
        notes = [waiting.note for waiting in batch if waiting.note]
        with as_journal_errors("write to", self._path):
            written = iter(self._transaction(drafts, notes))
        for waiting in batch:
            waiting.records = [next(written) for _ in waiting.drafts]

    def foreseen(self, drafts: Sequence[Draft]) -> Sequence[Row]:
        """What `drafts` will be when they are the next that is written."""
        with as_journal_errors("read", self._path):
            return rows_of(self._connection, drafts)

    def remove(self, seal: Draft, gaps: Sequence[Gap]) -> Sequence[Record]:
        """The records of `gaps` are gone, and `seal` says so; or neither, and an error."""
        return self._transaction([seal], (), gaps)

    def _transaction(
        self, drafts: Sequence[Draft], notes: Sequence[Note], gaps: Sequence[Gap] = ()
    ) -> Sequence[Record]:
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            records = insert(connection, drafts)
            remove(connection, gaps)
            for note in notes:
                keep(connection, note)
            connection.execute("COMMIT")
        finally:
            # Some errors of COMMIT end the transaction, others leave it open.
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        after = tail(connection)
        if self._present_files() != self._files:
            raise JournalError(
                f"the journal {self._path} was removed or replaced while in use, so what is "
                "written is lost; put the file back if you can, and restart this program"
            )
        self._mark.raised(after)
        return records

    def _present_files(self) -> Sequence[tuple[int, int]]:
        files = (self._path, self._path.with_name(f"{self._path.name}-wal"))
        return [
            (status.st_dev, status.st_ino)
            for status in (file.stat() for file in files if file.exists())
        ]
