"""Which records of a journal belong to one run and its incident."""

from collections.abc import Iterable, Sequence
from typing import get_args

from watchdog.domain.events import (
    Acknowledged,
    AilmentFound,
    AilmentOver,
    BreakerClosed,
    BreakerOpened,
    ChangeExpired,
    ChangeSeen,
    Decided,
    Event,
    ExpiryWarned,
    IncidentClosed,
    IncidentOpened,
    KillSwitchChanged,
    LatchCleared,
    NotificationDelivered,
    NotificationGivenUp,
    OutcomeClosed,
    OutcomeEscalated,
    OutcomeOpened,
    Paused,
    Record,
    ReportWritten,
    Resumed,
    RunStarted,
    SourceSeesAgain,
    SourceWentBlind,
    TriggerChanged,
    TriggerJoined,
    VersionQuarantined,
    VersionReleased,
    WindowBegan,
    WindowEnded,
    WindowLifted,
    WindowSet,
)
from watchdog.domain.progress import Progress
from watchdog.domain.requests import ApprovalEvent
from watchdog.domain.trigger import Change

# What to read of a journal beside the records of the run itself.
AROUND: tuple[type[Event], ...] = (
    *get_args(ApprovalEvent),
    Acknowledged,
    AilmentFound,
    AilmentOver,
    BreakerClosed,
    BreakerOpened,
    ChangeExpired,
    ChangeSeen,
    Decided,
    ExpiryWarned,
    IncidentClosed,
    IncidentOpened,
    KillSwitchChanged,
    LatchCleared,
    NotificationDelivered,
    NotificationGivenUp,
    OutcomeClosed,
    OutcomeEscalated,
    OutcomeOpened,
    Paused,
    Resumed,
    SourceSeesAgain,
    SourceWentBlind,
    TriggerChanged,
    TriggerJoined,
    VersionQuarantined,
    VersionReleased,
    WindowBegan,
    WindowEnded,
    WindowLifted,
    WindowSet,
)
_CALM_AGAIN = (Change.PENDING_CLEARED, Change.PENDING_LOST, Change.RESOLVED)


def related(records: Iterable[Record], run: str) -> list[Record]:
    """The records of `run` and of its incident, in order; empty where there is no such run.

    That a report was written is left out, so that writing it does not change it.
    """
    records = sorted(records, key=lambda record: record.seq)
    events = (record.event for record in records)
    start = next((e for e in events if isinstance(e, RunStarted) and e.run == run), None)
    if start is None:
        return []
    chosen = {record.seq for record in records if _is_of(record.event, start)}
    first, last = min(chosen), max(chosen)
    chosen |= {r.seq for r in records if first <= r.seq <= last and _is_about(r.event, start)}
    chosen |= _episodes(records, start.target, first, last)
    chosen |= {record.seq for record in records if _delivery_of(record.event) in chosen}
    return [record for record in records if record.seq in chosen]


def _is_of(event: Event, start: RunStarted) -> bool:
    match event:
        case ReportWritten():
            return False
        case OutcomeOpened() | OutcomeClosed() | OutcomeEscalated() | Acknowledged():
            return event.incident == start.incident and event.target == start.target
        case Decided() | IncidentOpened() | TriggerJoined() | IncidentClosed():
            return event.incident == start.incident and event.target == start.target
        case _ if isinstance(event, ApprovalEvent):
            # A person may have asked before there was an incident.
            by_hand = start.approval and getattr(event, "request", "") == start.approval
            ours = event.incident == start.incident and event.target == start.target
            return bool(ours or by_hand)
        case ExpiryWarned() | ChangeExpired():
            return event.by_run == start.run and event.target == start.target
        case _:
            return isinstance(event, Progress) and event.run == start.run


def _is_about(event: Event, start: RunStarted) -> bool:
    """What befell the target, or all of them, in the meantime."""
    match event:
        case SourceWentBlind() | SourceSeesAgain() | LatchCleared() | Paused() | Resumed():
            return event.target in ("", start.target)
        case WindowSet() | WindowLifted() | WindowBegan() | WindowEnded():
            return event.target in ("", start.target)
        case ChangeSeen() | VersionQuarantined() | VersionReleased():
            return event.target == start.target
        case AilmentFound() | AilmentOver():
            return event.target == start.target
        case _:
            return isinstance(event, KillSwitchChanged | BreakerOpened | BreakerClosed)


def _delivery_of(event: Event) -> int | None:
    if isinstance(event, NotificationDelivered | NotificationGivenUp):
        return event.about
    return None


def _episodes(records: Sequence[Record], target: str, first: int, last: int) -> set[int]:
    """The changes of triggers that fired, each from its first breach until it was calm again."""
    found: set[int] = set()
    under_way: dict[str, list[Record]] = {}
    for record in records:
        event = record.event
        if not isinstance(event, TriggerChanged) or event.target != target or record.seq > last:
            continue
        episode = under_way.setdefault(event.trigger, [])
        episode.append(record)
        if event.change in _CALM_AGAIN:
            del under_way[event.trigger]
            # One that was over before the incident began is another story.
            if record.seq > first:
                found |= _fired(episode)
    return found.union(*map(_fired, under_way.values()))


def _fired(episode: Sequence[Record]) -> set[int]:
    changes = [r.event.change for r in episode if isinstance(r.event, TriggerChanged)]
    return {record.seq for record in episode} if Change.FIRING in changes else set()
