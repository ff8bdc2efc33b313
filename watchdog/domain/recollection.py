"""All that a start needs to know of the past, as one fold of the journal."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import get_args

from watchdog.domain.events import (
    ChangeSeen,
    DaemonStarted,
    DaemonStopped,
    Decided,
    Event,
    IncidentClosed,
    Record,
    RunStarted,
    SignalReceived,
    TriggerChanged,
)
from watchdog.domain.inbound import Board
from watchdog.domain.ledger import Ledger
from watchdog.domain.moment import Moment
from watchdog.domain.progress import Progress
from watchdog.domain.recent import Recent
from watchdog.domain.scorecard import Scorecard
from watchdog.domain.shadow_book import ShadowBook

Life = tuple[Moment, DaemonStarted | DaemonStopped]


@dataclass(slots=True)
class Recollection:
    """Every fold that outlives a process. Changed by `apply` alone, in the order of the journal.

    `told`: by target, the refusals that people were told of in the incident that is open.
    `changed`: by target, the Unix second of its newest change. `lengths`: how many records each
    run has that goes on, or may. `life`: how the last daemon began or ended, and when.
    """

    ledger: Ledger = field(default_factory=Ledger)
    recent: Recent = field(default_factory=Recent)
    board: Board = field(default_factory=Board)
    card: Scorecard = field(default_factory=Scorecard)
    shadows: dict[str, ShadowBook] = field(default_factory=dict)
    told: dict[str, tuple[Decided, ...]] = field(default_factory=dict)
    changed: dict[str, float] = field(default_factory=dict)
    lengths: dict[str, int] = field(default_factory=dict)
    life: Life | None = None

    def replay(self, records: Iterable[Record]) -> "Recollection":
        """Apply `records` in order; returns itself."""
        for record in records:
            self.apply(record)
        return self

    def apply(self, record: Record) -> None:
        """Take one journalled fact into account."""
        event = record.event
        self.ledger.apply(event, record.at)
        self.recent.apply(record)
        self.board.take(record.seq, record.at, event)
        self.card.apply(record)
        if type(event) in _OF_SHADOWS:
            self.shadows.setdefault(getattr(event, "target", ""), ShadowBook()).apply(record)
        if isinstance(event, Progress):
            self._count(event)
        match event:
            case Decided(refusal=refusal) if refusal:
                self.told[event.target] = (*self.told.get(event.target, ()), event)
            case IncidentClosed(target=target):
                # No trigger fires any longer: what comes is another episode.
                self.told.pop(target, None)
            case ChangeSeen(target=target, at=at):
                self.changed[target] = max(at, self.changed.get(target, 0.0))
            case DaemonStarted() | DaemonStopped():
                self.life = (record.at, event)
            case _:
                pass

    def wants(self, kind: str, target: str | None) -> bool:
        """Whether a record of `kind` about `target` can change anything: most of them cannot."""
        if kind not in _NAMES:
            return False
        if kind == TriggerChanged.__name__:
            book = self.shadows.get(target or "")
            return book is not None and bool(book.open)
        return True

    def _count(self, event: Progress) -> None:
        """How many records the run has by now; forgotten once nobody may go on with it."""
        if isinstance(event, RunStarted):
            open_ones = self._open_runs()
            self.lengths = {run: one for run, one in self.lengths.items() if run in open_ones}
            self.lengths[event.run] = 0
        if event.run in self.lengths:
            self.lengths[event.run] += 1

    def _open_runs(self) -> set[str]:
        accounts = self.ledger.accounts.values()
        held = (one for account in accounts for one in (account.current, account.broken_off))
        return {one.run for one in held if one is not None}


_OF_SHADOWS = frozenset({*ShadowBook.DECISIONS, *ShadowBook.ENDS})
# What has to be read for it.
KINDS: frozenset[type[Event]] = frozenset(
    {
        *Ledger.KINDS,
        *Recent.KINDS,
        *Scorecard.KINDS,
        *_OF_SHADOWS,
        *get_args(Progress),
        DaemonStarted,
        DaemonStopped,
        SignalReceived,
    }
)
_NAMES = frozenset(kind.__name__ for kind in KINDS)
