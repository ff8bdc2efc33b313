"""What people are told of each fact: what, where, since when, what is done, what to do next."""

from typing import assert_never, get_args

from watchdog.domain.decision import REASONS, Reason
from watchdog.domain.events import (
    ClockStepped,
    CommandReceived,
    ConfigLoaded,
    ConfigRefused,
    DaemonStarted,
    DaemonStopped,
    Decided,
    Event,
    IncidentClosed,
    IncidentOpened,
    KillSwitchChanged,
    LatchCleared,
    NotificationDelivered,
    NotificationGivenUp,
    Paused,
    Record,
    Resumed,
    SourceSeesAgain,
    SourceWentBlind,
    TriggerChanged,
    TriggerJoined,
)
from watchdog.domain.evidence import breach_began
from watchdog.domain.progress import Progress
from watchdog.domain.run import Run
from watchdog.domain.run_telling import RunTold, of_run
from watchdog.domain.run_wording import STOP, clear_command
from watchdog.domain.target import Mode
from watchdog.domain.topics import Topic
from watchdog.domain.trigger import Change, Severity
from watchdog.domain.wording import Telling, clock, fields, numbered, text, title
from watchdog.domain.words import duration, utc, value

# The kinds of which `message` ever makes something.
TOLD: tuple[type[Event], ...] = (
    TriggerChanged,
    SourceWentBlind,
    SourceSeesAgain,
    Decided,
    ConfigLoaded,
    ConfigRefused,
    LatchCleared,
    Paused,
    Resumed,
    KillSwitchChanged,
    IncidentClosed,
    *get_args(RunTold),
)
# Nobody is told of these. A new kind of event must be placed here, or be told: mypy insists.
NotTold = (
    DaemonStarted
    | DaemonStopped
    | IncidentOpened
    | TriggerJoined
    | ClockStepped
    | CommandReceived
    | NotificationDelivered
    | NotificationGivenUp
)
# A refusal that a person asked for, or that ends by itself in a moment, wakes nobody up.
_CALM = (Reason.PAUSED, Reason.UNCONFIRMED)


def message(record: Record, run: Run | None = None) -> Telling | None:
    """What to tell of `record`; None where it is not told.

    `run` is the run that the record is of, as it was just before it; for `RunStarted`, the run
    that begins.
    """
    event = record.event
    if isinstance(event, Progress):
        return of_run(event, run, record.at)
    match event:
        case TriggerChanged():
            return _firing(event) if event.change is Change.FIRING else None
        case SourceWentBlind():
            return _blind(event, record.at.wall)
        case SourceSeesAgain():
            return _seeing(event, record.at.wall)
        case Decided(refusal="" | Reason.ALERT_ONLY.value):
            return _decided(event)
        case Decided():
            return _refused(event)
        case ConfigLoaded() | ConfigRefused():
            return _config(event)
        case IncidentClosed():
            return _closed(event)
        case LatchCleared() | Paused() | Resumed() | KillSwitchChanged():
            return _hold(event)
        case _:
            _: NotTold = event
            return None


def _firing(event: TriggerChanged) -> Telling:
    began = breach_began(event.evidence) or event.since
    held = duration(max(event.since - began, 0.0))
    limit, seen = _limit(event), _seen(event)
    what = f"{seen} ({limit})" if seen else limit
    return Telling(
        topics=(Topic.FIRING,),
        severity=event.severity,
        target=event.target,
        title=title(f"{event.target}: {event.trigger} fires: {what} since {clock(began)}"),
        text=text(
            f"{event.trigger} is {what}, and has been in breach for {held}.",
            event.note and f"The last look said: {event.note}.",
            "What is done about it comes in a message of its own.",
            then="wait for that message.",
        ),
        fields=fields(
            [
                ("Trigger", event.trigger),
                ("Value", seen),
                ("Breach when", limit),
                ("Since", utc(began)),
                ("Query", event.query),
            ]
        ),
    )


def _closed(event: IncidentClosed) -> Telling:
    return Telling(
        topics=(Topic.CLOSED,),
        severity=Severity.INFO,
        target=event.target,
        title=title(f"{event.target}: over: nothing fires any longer"),
        text=text(
            "Every trigger that fired has been good again for as long as `keep_firing_for` says.",
            then="find the cause before the next change.",
        ),
        fields=fields([("Incident", event.incident)]),
    )


def _limit(event: TriggerChanged) -> str:
    words, space, _ = event.condition.rpartition(" ")
    return f"{words} {value(event.limit, event.unit)}" if space else event.condition


def _seen(event: TriggerChanged) -> str:
    """The last value known; empty for a yes/no signal, where the condition says it all."""
    last = next((p.value for p in reversed(event.evidence) if p.value is not None), None)
    yes_or_no = " " not in event.condition
    return "" if last is None or yes_or_no else value(last, event.unit)


def _blind(event: SourceWentBlind, now: float) -> Telling:
    dark = duration(max(now - event.since, 0.0))
    return Telling(
        topics=(Topic.BLIND, Topic.PAGED),
        severity=Severity.CRITICAL,
        target=event.target,
        title=title(f"{event.target}: blind since {clock(event.since)}: {event.source} is silent"),
        text=text(
            f"For {dark} nothing could be learned from source {event.source}: {event.reason}.",
            f"In the dark: {', '.join(event.triggers)}.",
            "Nothing is rolled back because of this. While it lasts these triggers cannot fire,"
            " however bad it gets.",
            then=f"look at {event.target} by other means, and mend {event.source}"
            " (`rollback-watchdog doctor FILE` says what it sees).",
        ),
        fields=fields(
            [
                ("Source", event.source),
                ("Since", utc(event.since)),
                ("Reason", event.reason),
                ("Triggers", ", ".join(event.triggers)),
            ]
        ),
    )


def _seeing(event: SourceSeesAgain, now: float) -> Telling:
    dark = duration(max(now - event.since, 0.0))
    return Telling(
        topics=(Topic.SEEING,),
        severity=Severity.INFO,
        target=event.target,
        title=title(f"{event.target}: {event.source} answers again after {dark}"),
        text=text(
            f"Source {event.source} had been silent since {clock(event.since)}.",
            "Its triggers are judged again; how long they must hold counts from now.",
            then="nothing.",
        ),
        fields=fields([("Source", event.source), ("Silent for", dark)]),
    )


def _decided(event: Decided) -> Telling:
    plan = numbered(event.would_do)
    if event.refusal:
        head = f"{event.target}: NOT rolled back (alert-only): {event.trigger} fires,"
        head += f" plan {event.plan} would run"
        told = text(
            f"{event.trigger} fires. {event.target} is in alert-only mode, so nothing was done.",
            f"Plan {event.plan} would have done:",
            plan,
            then="look at it. If you agree with the plan, run it yourself:"
            f" `rollback-watchdog rollback FILE {event.plan} --reason WHY`.",
        )
    else:
        head = f"{event.target}: plan {event.plan} runs now: {event.trigger} fires"
        told = text(
            f"{event.trigger} fires, and nothing speaks against acting. Plan {event.plan} does:",
            plan,
            then=f"nothing; the outcome will be told. {STOP}",
        )
    return Telling(
        (Topic.DECIDED,), event.severity, event.target, title(head), told, _decision_fields(event)
    )


def _refused(event: Decided) -> Telling:
    why = event.refusal.replace("_", " ")
    known = event.refusal in {reason.value for reason in Reason}
    meaning = REASONS[Reason(event.refusal)] if known else why
    until = "" if event.until is None else f"It ends by itself at {clock(event.until)}."
    calm = event.refusal in _CALM
    topics = (Topic.REFUSED,) if calm else (Topic.REFUSED, Topic.PAGED)
    return Telling(
        topics=topics,
        severity=Severity.INFO if event.refusal == Reason.UNCONFIRMED else event.severity,
        target=event.target,
        title=title(f"{event.target}: NOT rolled back ({why}): {event.trigger} fires"),
        text=text(
            f"{event.trigger} fires, and plan {event.plan} was not started: {meaning}.",
            event.detail and f"In detail: {event.detail}.",
            until,
            then=f"look at {event.target} now; the machine does nothing until this is lifted:"
            f" `{_lift(event)}`.",
        ),
        fields={**_decision_fields(event), **fields([("Reason", why), ("Detail", event.detail)])},
    )


def _lift(event: Decided) -> str:
    """The command that lifts a refusal, or says what would."""
    latched = event.refusal == Reason.LATCHED
    return clear_command(event.target) if latched else "rollback-watchdog status"


def _decision_fields(event: Decided) -> dict[str, str]:
    pairs = [("Plan", event.plan), ("Trigger", event.trigger), ("Incident", event.incident)]
    return dict(fields(pairs))


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
