"""Which records of a journal may go once they are old: no fold and no report needs them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from watchdog.domain.claims import InboundIncomplete, SignalReceived
from watchdog.domain.decision import Reason
from watchdog.domain.events import (
    ConfigRefused,
    Decided,
    Event,
    NotificationDelivered,
    NotificationGivenUp,
    SourceSeesAgain,
    SourceWentBlind,
    TriggerChanged,
)
from watchdog.domain.inbound import FORGET
from watchdog.domain.keeping import SnapshotKept

# What happened all the time. All else, whatever people did among it, is kept for good.
REMOVABLE: tuple[type[Event], ...] = (
    ConfigRefused,
    Decided,
    InboundIncomplete,
    NotificationDelivered,
    NotificationGivenUp,
    SignalReceived,
    SnapshotKept,
    SourceSeesAgain,
    SourceWentBlind,
    TriggerChanged,
)
# Records between one and what came of telling people of it.
LOOK_BACK = 50_000


@dataclass(frozen=True, slots=True)
class Span:
    """Records `first` to `last`: an incident with a run, or one that is open."""

    target: str
    first: int
    last: int


@dataclass(slots=True)
class Sparing:
    """What reports on runs rest on is spared, with whatever befell their targets meanwhile.

    `kept` are records by which the newest snapshot is proved. `spared` are those that an earlier
    pass left there. `now` is in Unix seconds: a signal that still counts is needed.
    """

    spans: Mapping[str, tuple[Span, ...]] = field(default_factory=dict)
    kept: frozenset[int] = frozenset()
    spared: set[int] = field(default_factory=set)
    now: float = 0.0

    def removes(self, seq: int, target: str | None, event: Event) -> bool:
        """Whether record `seq` may go; every other one was said to stay, in order."""
        if isinstance(event, REMOVABLE) and not self._needed(seq, target, event):
            return True
        self.keep(seq)
        return False

    def keep(self, seq: int) -> None:
        """Record `seq` stays, and with it what came of telling people of it."""
        self.spared.add(seq)
        if len(self.spared) > 2 * LOOK_BACK:
            self.spared = {one for one in self.spared if one > seq - LOOK_BACK}

    def _needed(self, seq: int, target: str | None, event: Event) -> bool:
        match event:
            case _ if seq in self.kept:
                return True
            case SignalReceived(valid_until=until):
                return until >= self.now - FORGET
            case InboundIncomplete() | ConfigRefused() | SnapshotKept():
                return False
            case NotificationDelivered(about=about) | NotificationGivenUp(about=about):
                # It is told in the report with what it delivered.
                return about in self.spared
            case Decided(refusal=refusal) if refusal in ("", Reason.ALERT_ONLY.value):
                # A scorecard counts these.
                return True
            case _:
                spans = self.spans.get(target or "", ())
                return any(span.first <= seq <= span.last for span in spans)
