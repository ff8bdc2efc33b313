"""What people are told of trouble: what fires, what cannot be seen, what is decided about it."""

from typing import assert_never

from watchdog.domain.decision import REASONS, Reason
from watchdog.domain.events import (
    Decided,
    IncidentClosed,
    SourceSeesAgain,
    SourceWentBlind,
    TriggerChanged,
)
from watchdog.domain.evidence import breach_began
from watchdog.domain.ladder_telling import offered
from watchdog.domain.run_wording import STOP, clear_command
from watchdog.domain.topics import Topic
from watchdog.domain.trigger import Change, Severity
from watchdog.domain.wording import Telling, clock, fields, numbered, text, title
from watchdog.domain.words import duration, utc, value

TroubleTold = TriggerChanged | SourceWentBlind | SourceSeesAgain | Decided | IncidentClosed
# A refusal that a person asked for, or that ends by itself in a moment, wakes nobody up.
_CALM = (
    Reason.PAUSED,
    Reason.UNCONFIRMED,
    Reason.MAINTENANCE,
    Reason.GROUP_BUSY,
    Reason.GROUP_ORDER,
    Reason.DATA_PLAN_RUNNING,
)
# These are over as soon as something else is, and nobody has to do anything about it.
_BY_ITSELF = (
    Reason.MAINTENANCE,
    Reason.GROUP_BUSY,
    Reason.GROUP_ORDER,
    Reason.DATA_PLAN_RUNNING,
)
_QUIET = (Reason.UNCONFIRMED, Reason.MAINTENANCE)


def of_trouble(event: TroubleTold, now: float) -> Telling | None:
    """What to tell of `event`, recorded at `now` (Unix seconds); None where it is not told."""
    match event:
        case TriggerChanged():
            return _firing(event) if event.change is Change.FIRING else None
        case SourceWentBlind():
            return _blind(event, now)
        case SourceSeesAgain():
            return _seeing(event, now)
        case Decided(refusal="" | Reason.ALERT_ONLY.value):
            return _decided(event)
        case Decided(refusal=Reason.AWAITING_APPROVAL.value):
            # The request for it says all of that, and how to answer.
            return None
        case Decided(refusal=Reason.NO_PLAN.value):
            return _for_people(event)
        case Decided(refusal=Reason.NEXT_LEVEL_OFFERED.value):
            return offered(event)
        case Decided():
            return _refused(event)
        case IncidentClosed():
            return _closed(event)
        case _:
            assert_never(event)


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


def _for_people(event: Decided) -> Telling:
    """A trigger without a plan: nothing was refused, it is just that a person must decide."""
    return Telling(
        topics=(Topic.REFUSED, Topic.PAGED),
        severity=event.severity,
        target=event.target,
        title=title(f"{event.target}: {event.trigger} fires, and no plan answers it"),
        text=text(
            f"{event.trigger} fires. It has no plan, so that nothing is rolled back for it.",
            then=f"look at {event.target} and decide; `rollback-watchdog rollback FILE PLAN"
            " --reason WHY` runs a plan of yours.",
        ),
        fields=_decision_fields(event),
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
        severity=Severity.INFO if event.refusal in _QUIET else event.severity,
        target=event.target,
        title=title(f"{event.target}: NOT rolled back ({why}): {event.trigger} fires"),
        text=text(
            f"{event.trigger} fires, and {_plan(event)} was not started: {meaning}.",
            event.detail and f"In detail: {event.detail}.",
            until,
            then=_next(event),
        ),
        fields={**_decision_fields(event), **fields([("Reason", why), ("Detail", event.detail)])},
    )


def _plan(event: Decided) -> str:
    return f"plan {event.plan}" if event.plan else "nothing"


def _next(event: Decided) -> str:
    if event.refusal in _BY_ITSELF:
        return "nothing: it is decided anew each round."
    return (
        f"look at {event.target} now; the machine does nothing until this is lifted:"
        f" `{_lift(event)}`."
    )


def _lift(event: Decided) -> str:
    """The command that lifts a refusal, or says what would."""
    latched = event.refusal == Reason.LATCHED
    return clear_command(event.target) if latched else "rollback-watchdog status"


def _decision_fields(event: Decided) -> dict[str, str]:
    pairs = [("Plan", event.plan), ("Trigger", event.trigger), ("Incident", event.incident)]
    return dict(fields(pairs))
