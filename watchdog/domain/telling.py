"""What people are told of each fact: what, where, since when, what is done, what to do next."""

from typing import assert_never, get_args

from watchdog.domain.arming_telling import ArmingTold, of_arming
from watchdog.domain.events import (
    Acknowledged,
    ArmedEarly,
    BreakerClosed,
    BreakerOpened,
    ChangeSeen,
    ClockStepped,
    CommandReceived,
    ConfigLoaded,
    ConfigRefused,
    DaemonStarted,
    DaemonStopped,
    Decided,
    DecisionJudged,
    Event,
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
)
from watchdog.domain.inbound_telling import of_inbound
from watchdog.domain.progress import Progress
from watchdog.domain.run import Run
from watchdog.domain.run_telling import RunTold, of_run
from watchdog.domain.standing_telling import StandingTold, of_standing
from watchdog.domain.target import Mode
from watchdog.domain.topics import Topic
from watchdog.domain.trigger import Severity
from watchdog.domain.trouble_telling import TroubleTold, of_trouble
from watchdog.domain.version_telling import VersionTold, of_version
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
)
# Nobody is told of these. A new kind of event must be placed here, or be told: mypy insists.
NotTold = (
    DaemonStarted
    | DaemonStopped
    | IncidentOpened
    | TriggerJoined
    | ClockStepped
    | CommandReceived
    | SignalReceived
    | NotificationDelivered
    | NotificationGivenUp
    | ShadowOutcome
    | DecisionJudged
    | TriggersDefined
    | VersionGood
)


def message(record: Record, run: Run | None = None) -> Telling | None:
    """What to tell of `record`; None where it is not told.

    `run` is the run that the record is of, as it was just before it; for `RunStarted`, the run
    that begins.
    """
    event = record.event
    if isinstance(event, Progress):
        return of_run(event, run, record.at)
    match event:
        case (
            TriggerChanged() | SourceWentBlind() | SourceSeesAgain() | Decided() | IncidentClosed()
        ):
            return of_trouble(event, record.at.wall)
        case ConfigLoaded() | ConfigRefused():
            return _config(event)
        case InboundIncomplete():
            return of_inbound(event)
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
            return of_standing(event, record.at.wall)
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
    armed = event.mode == Mode.AUTO
    by = f", armed by {event.armed_by}" if event.armed_by else ""
    does = "It rolls back by itself." if armed else "It only tells, and changes nothing."
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
        case Paused(target=target, by=by, reason=why, until=until):
            end = "until resumed" if until is None else f"until {utc(until)}"
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
