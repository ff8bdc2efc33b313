"""What people are told of each fact: what, where, since when, what is done, what to do next."""

from typing import assert_never, get_args

from watchdog.domain.ailing_telling import AilmentTold, of_ailment
from watchdog.domain.approval_telling import of_approval
from watchdog.domain.arming_telling import ArmingTold, of_arming
from watchdog.domain.events import (
    Acknowledged,
    AilmentFound,
    AilmentOver,
    ArmedEarly,
    BreakerClosed,
    BreakerOpened,
    ChangeExpired,
    ChangeSeen,
    ClockStepped,
    CommandAnswered,
    CommandReceived,
    CommandRefused,
    ConfigLoaded,
    ConfigRefused,
    DaemonStarted,
    DaemonStopped,
    Decided,
    DecisionJudged,
    Event,
    ExpiryWarned,
    InboundIncomplete,
    IncidentClosed,
    IncidentOpened,
    KillSwitchChanged,
    LatchCleared,
    ModeChanged,
    NotificationDelivered,
    NotificationGivenUp,
    OutcomeClosed,
    OutcomeEscalated,
    OutcomeOpened,
    Paused,
    Record,
    Resumed,
    ShadowOutcome,
    SignalReceived,
    SourceSeesAgain,
    SourceWentBlind,
    TriggerChanged,
    TriggerJoined,
    TriggersDefined,
    VersionGood,
    VersionQuarantined,
    VersionReleased,
    WindowBegan,
    WindowEnded,
    WindowLifted,
    WindowSet,
)
from watchdog.domain.expiry_telling import ExpiryTold, of_expiry
from watchdog.domain.inbound_telling import of_inbound
from watchdog.domain.keeping import OlderJournalAccepted, RecordsRemoved, SnapshotKept
from watchdog.domain.keeping_telling import of_keeping
from watchdog.domain.progress import Progress
from watchdog.domain.requests import ApprovalEvent
from watchdog.domain.run import Run
from watchdog.domain.run_telling import RunTold, of_run
from watchdog.domain.standing_telling import StandingTold, of_standing
from watchdog.domain.target import Mode
from watchdog.domain.topics import Topic
from watchdog.domain.trigger import Severity
from watchdog.domain.trouble_telling import TroubleTold, of_trouble
from watchdog.domain.version_telling import VersionTold, of_version
from watchdog.domain.window_telling import WindowTold, kept_low, of_window
from watchdog.domain.wording import Telling, fields, text, title
from watchdog.domain.words import utc

# The kinds of which `message` ever makes something.
TOLD: tuple[type[Event], ...] = (
    ConfigLoaded,
    ConfigRefused,
    LatchCleared,
    Paused,
    Resumed,
    KillSwitchChanged,
    InboundIncomplete,
    *get_args(TroubleTold),
    *get_args(RunTold),
    *get_args(ArmingTold),
    *get_args(VersionTold),
    *get_args(StandingTold),
    *get_args(AilmentTold),
    *get_args(WindowTold),
    *get_args(ExpiryTold),
    *get_args(ApprovalEvent),
    OlderJournalAccepted,
)
# Nobody is told of these. A new kind of event must be placed here, or be told: mypy insists.
NotTold = (
    DaemonStarted
    | DaemonStopped
    | IncidentOpened
    | TriggerJoined
    | ClockStepped
    | CommandReceived
    | CommandAnswered
    | CommandRefused
    | SignalReceived
    | NotificationDelivered
    | NotificationGivenUp
    | ShadowOutcome
    | DecisionJudged
    | TriggersDefined
    | VersionGood
    | SnapshotKept
    | RecordsRemoved
)


_DOES = {
    Mode.AUTO.value: "It rolls back by itself.",
    Mode.APPROVE.value: "It rolls back once people agree, and asks them each time.",
    Mode.ALERT_ONLY.value: "It only tells, and changes nothing.",
}


def message(record: Record, run: Run | None = None) -> Telling | None:  # noqa: C901, PLR0912
    """What to tell of `record`; None where it is not told.

    `run` is the run that the record is of, as it was just before it; for `RunStarted`, the run
    that begins.
    """
    event = record.event
    if isinstance(event, Progress):
        return of_run(event, run, record.at)
    if isinstance(event, ApprovalEvent):
        return of_approval(event)
    match event:
        case (
            TriggerChanged() | SourceWentBlind() | SourceSeesAgain() | Decided() | IncidentClosed()
        ):
            telling = of_trouble(event, record.at.wall)
            return kept_low(telling, getattr(event, "planned", ""))
        case ConfigLoaded() | ConfigRefused():
            return _config(event)
        case InboundIncomplete():
            return of_inbound(event)
        case AilmentFound() | AilmentOver():
            return of_ailment(event)
        case LatchCleared() | Paused() | Resumed() | KillSwitchChanged():
            return _hold(event)
        case (
            BreakerOpened()
            | BreakerClosed()
            | OutcomeOpened()
            | OutcomeClosed()
            | OutcomeEscalated()
            | Acknowledged()
        ):
            telling = of_standing(event, record.at.wall)
            return kept_low(telling, getattr(event, "planned", ""))
        case WindowSet() | WindowLifted() | WindowBegan() | WindowEnded():
            return of_window(event)
        case ExpiryWarned() | ChangeExpired():
            return of_expiry(event)
        case OlderJournalAccepted():
            return of_keeping(event)
        case ModeChanged() | ArmedEarly():
            return of_arming(event)
        case ChangeSeen() | VersionQuarantined() | VersionReleased():
            return of_version(event)
        case _:
            _: NotTold = event
            return None


def _config(event: ConfigLoaded | ConfigRefused) -> Telling:
    if isinstance(event, ConfigRefused):
        return Telling(
            topics=(Topic.CONFIG,),
            severity=Severity.WARNING,
            target="",
            title=title(f"refused: {event.file}; what was loaded before stays in force"),
            text=text(
                f"{event.file} was changed, and cannot be used: {event.error}",
                "Nothing of it was taken over.",
                then=f"mend it; `rollback-watchdog check {event.file}` says whether it is right.",
            ),
            fields=fields([("File", event.file), ("Error", event.error)]),
        )
    by = f", armed by {event.armed_by}" if event.armed_by else ""
    does = _DOES.get(event.mode, "")
    return Telling(
        topics=(Topic.CONFIG,),
        severity=Severity.INFO,
        target=event.target,
        title=title(f"{event.target}: loaded in {event.mode} mode{by}"),
        text=text(f"From {event.file}. {does}", then="nothing."),
        fields=fields([("File", event.file), ("Mode", event.mode), ("Hash", event.hash[:12])]),
    )


def _hold(event: LatchCleared | Paused | Resumed | KillSwitchChanged) -> Telling:
    """A person holds the machine back, or lets it go on."""
    match event:
        case LatchCleared(target=target, by=by, assessment=why):
            what, held = f"cleared by {by}: the machine may act again", False
        case Resumed(target=target, by=by):
            what, why, held = f"resumed by {by}: the machine may act again", "", False
        case Paused(target=target, by=by, reason=why, until=until, place=noted):
            end = "until resumed" if until is None else f"until {utc(until)}"
            end = f"until the annotation of {noted} is removed" if noted else end
            what, held = f"paused by {by} {end}", True
        case KillSwitchChanged(on=held, how=why):
            target = ""
            what = "the kill switch is ON: no step starts" if held else "the kill switch is off"
        case _:
            assert_never(event)
    place = target or "all targets"
    return Telling(
        topics=(Topic.LATCHED,),
        severity=Severity.WARNING if held else Severity.INFO,
        target=target,
        title=title(f"{place}: {what}"),
        text=text(
            why and f"Why: {why}.",
            "Triggers go on being judged and told." if held else "",
            then="look after it yourself until this is lifted." if held else "nothing.",
        ),
        fields=fields([("Scope", place), ("Why", why)]),
    )
