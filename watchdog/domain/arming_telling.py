"""What people are told of arming: a new mode, and one that came before its bar was met."""

from watchdog.domain.arming import ArmedEarly, ModeChanged
from watchdog.domain.target import Mode
from watchdog.domain.topics import Topic
from watchdog.domain.trigger import Severity
from watchdog.domain.wording import Telling, fields, numbered, text, title

ArmingTold = ModeChanged | ArmedEarly


def of_arming(event: ArmingTold) -> Telling:
    """What to tell of it."""
    return _mode(event) if isinstance(event, ModeChanged) else _early(event)


def _mode(event: ModeChanged) -> Telling:
    armed = event.mode == Mode.AUTO
    before = f", was {event.before}" if event.before else ""
    by = f", by {event.armed_by}" if armed else ""
    word = "ARMED" if armed else "asks first" if event.mode == Mode.APPROVE else "disarmed"
    asks = event.mode == Mode.APPROVE
    does = "From now on it only tells, and changes nothing."
    if armed:
        does = "From now on it rolls back by itself when a trigger fires."
    elif asks:
        does = "From now on it asks people when a trigger fires, and rolls back once they agree."
    return Telling(
        topics=(Topic.CONFIG,),
        severity=Severity.WARNING,
        target=event.target,
        title=title(f"{event.target}: {word}: mode {event.mode}{before}{by}"),
        text=text(
            does,
            f"{event.file} says so.",
            then="nothing, if you know of it; otherwise set the mode back in that file.",
        ),
        fields=fields(
            [
                ("Mode", event.mode),
                ("Before", event.before),
                ("Armed by", event.armed_by),
                ("File", event.file),
                ("Hash", event.hash[:12]),
            ]
        ),
    )


def _early(event: ArmedEarly) -> Telling:
    count = len(event.short)
    what = "1 trigger falls" if count == 1 else f"{count} triggers fall"
    return Telling(
        topics=(Topic.CONFIG,),
        severity=Severity.WARNING,
        target=event.target,
        title=title(
            f"{event.target}: armed by {event.armed_by} before its bar: {what} short of it"
        ),
        text=text(
            f"{event.target} rolls back by itself, and its record does not bear that out yet:",
            numbered(event.short),
            then=f"look at `rollback-watchdog scorecard FILE`; if {event.armed_by} did not mean to"
            " be early, set `mode: alert-only` until the bar is met.",
        ),
        fields=fields([("Armed by", event.armed_by), ("Triggers", str(count))]),
    )
