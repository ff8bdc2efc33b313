"""Doubles of the ports: in memory, deterministic, and made to fail on cue."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from watchdog.domain.errors import JournalError
from watchdog.domain.events import Event, Record
from watchdog.domain.moment import Moment
from watchdog.ports import Clock


class Crash(BaseException):
    """`kill -9`, as far as memory can tell: nothing in the program may catch it."""


def crash_after(calls: int) -> Callable[[object], None]:
    """A hook that lets `calls` calls pass and crashes at the next."""
    left = calls

    def hook(_: object) -> None:
        nonlocal left
        if left <= 0:
            raise Crash
        left -= 1

    return hook


class ManualClock:
    """Stands still until told otherwise."""

    def __init__(self, elapsed: float = 1000.0, wall: float = 1_767_225_600.0) -> None:
        self._now = Moment(elapsed, wall)

    def now(self) -> Moment:
        """The present moment."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Let time go by on both clocks."""
        self._now = self._now.after(seconds)

    def step(self, seconds: float) -> None:
        """Step the wall clock alone, as NTP or a person may."""
        self._now = replace(self._now, wall=self._now.wall + seconds)


@dataclass(slots=True)
class Disk:
    """What a MemoryJournal leaves behind: records, notes, and the boot each was written in."""

    records: list[tuple[Record, str]] = field(default_factory=list)
    notes: dict[str, tuple[str, Moment, str]] = field(default_factory=dict)

    def copy(self) -> "Disk":
        """As it is now, whatever is written to this one later."""
        return Disk(list(self.records), dict(self.notes))


class MemoryJournal:
    """A journal that survives a Crash: hand it to the next one as `survived`.

    `before_append` sees the events and may crash before they are recorded; `after_append` sees
    the records, and a crash in it is one that the caller of `append` never heard of. With
    `through` (a codec there and back) each event is stored as it would be read from a disk.
    While `fault` is not empty, every write fails with it.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        epoch: int = 0,
        boot_id: str = "boot",
        survived: "MemoryJournal | None" = None,
        through: Callable[[Event], Event] | None = None,
        before_append: Callable[[Sequence[Event]], None] | None = None,
        after_append: Callable[[Sequence[Record]], None] | None = None,
    ) -> None:
        self.fault = ""
        self.disk: Disk = survived.disk.copy() if survived else Disk()
        self._clock = clock
        self._epoch = epoch
        self._boot = boot_id
        self._through = through
        self._before_append = before_append
        self._after_append = after_append
        self._listeners: list[Callable[[Sequence[Record]], None]] = []
        self._problem = ""

    @property
    def records(self) -> Sequence[Record]:
        """All there is, with the times as they were written."""
        return [record for record, _ in self.disk.records]

    @property
    def events(self) -> Sequence[Event]:
        """The events of all there is."""
        return [record.event for record in self.records]

    @property
    def healthy(self) -> bool:
        """Whether the last write succeeded."""
        return not self._problem

    @property
    def problem(self) -> str:
        """Why it refuses; empty when it does not."""
        return self._problem

    async def append(self, *events: Event) -> Sequence[Record]:
        """Record `events` together. Raises JournalError from a fault on until a note is kept."""
        if not events:
            return ()
        self._problem = self._problem or self.fault
        if self._problem:
            raise JournalError(self._problem)
        if self._before_append:
            self._before_append(events)
        records = [self._record(number, event) for number, event in enumerate(events, 1)]
        self.disk.records += [(record, self._boot) for record in records]
        if self._after_append:
            self._after_append(records)
        for call in self._listeners:
            asyncio.get_running_loop().call_soon(call, records)
        # A disk lets others run meanwhile, and the wait for it can be cancelled.
        await asyncio.sleep(0)
        return records

    async def read(
        self, *, kinds: Iterable[type] | None = None, run: str | None = None, after: int = 0
    ) -> Sequence[Record]:
        """Records in order, with `at.elapsed` translated to this boot's clock."""
        wanted = None if kinds is None else {kind.__name__ for kind in kinds}
        now = self._clock.now()
        await asyncio.sleep(0)
        return [
            replace(record, at=self._here(record.at, boot, now))
            for record, boot in self.disk.records
            if record.seq > after
            and (wanted is None or type(record.event).__name__ in wanted)
            and (run is None or getattr(record.event, "run", None) == run)
        ]

    async def keep(self, name: str, body: str) -> None:
        """Overwrite one named note; one that succeeds ends a refusal."""
        self._problem = self.fault
        if self._problem:
            raise JournalError(self._problem)
        self.disk.notes[name] = (body, self._clock.now(), self._boot)
        await asyncio.sleep(0)

    async def kept(self, name: str) -> tuple[str, Moment] | None:
        """The note and when it was kept, or None."""
        await asyncio.sleep(0)
        if name not in self.disk.notes:
            return None
        body, at, boot = self.disk.notes[name]
        return body, self._here(at, boot, self._clock.now())

    def listen(self, call: Callable[[Sequence[Record]], None]) -> None:
        """Have `call` told what every append recorded, in order, on the event loop."""
        self._listeners.append(call)

    async def probe(self) -> None:
        """Try to write. Raises JournalError when that fails; otherwise it is healthy again."""
        await self.keep("journal.probe", "")

    def _record(self, number: int, event: Event) -> Record:
        seq = len(self.disk.records) + number
        stored = self._through(event) if self._through else event
        return Record(seq, self._clock.now(), stored, self._epoch)

    def _here(self, at: Moment, boot: str, now: Moment) -> Moment:
        if boot == self._boot:
            return at
        return replace(at, elapsed=now.elapsed - (now.wall - at.wall))
