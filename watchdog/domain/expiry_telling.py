"""What people are told of changes that lapse by themselves."""

from watchdog.domain.expiring import ChangeExpired, ExpiryWarned, Lapse
from watchdog.domain.topics import Topic
from watchdog.domain.trigger import Severity
from watchdog.domain.wording import Telling, clock, fields, text, title
from watchdog.domain.words import utc

ExpiryTold = ExpiryWarned | ChangeExpired


def of_expiry(event: ExpiryTold) -> Telling:
    """What to tell of it."""
    return _warned(event) if isinstance(event, ExpiryWarned) else _expired(event)


def _warned(event: ExpiryWarned) -> Telling:
    until = clock(event.until)
    if event.holds:
        return _of(
            event,
            (Topic.EXPIRING,),
            Severity.WARNING,
            f"{event.name}: still holds, to be taken back by {until}",
            f"What run {event.by_run} of plan {event.plan} changed does not lapse by itself.",
            then=f"{_take_back(event)} People are paged at {until}.",
        )
    then = (
        f"nothing, if {event.trigger} is over by then; else it is renewed by itself, and told."
        if event.renews
        else f"renew it by hand before {until}, or let it lapse."
    )
    return _of(
        event,
        (Topic.EXPIRING,),
        Severity.INFO if event.renews else Severity.WARNING,
        f"{event.name}: LAPSES at {until}",
        f"What run {event.by_run} of plan {event.plan} changed lapses by itself at {until}.",
        then=then,
    )


def _expired(event: ChangeExpired) -> Telling:
    over = event.lapse is Lapse.OVER
    if event.lapse is Lapse.HOLDS:
        return _of(
            event,
            (Topic.EXPIRING, Topic.PAGED),
            Severity.WARNING,
            f"{event.name}: STILL HOLDS, nobody took it back",
            f"What run {event.by_run} of plan {event.plan} changed was to be taken back by"
            f" {clock(event.until)}, and does not lapse by itself.",
            then=f"{_take_back(event)} People are paged again until then.",
        )
    return _of(
        event,
        (Topic.EXPIRING,) if over else (Topic.EXPIRING, Topic.PAGED),
        Severity.INFO if over else Severity.CRITICAL,
        f"{event.name}: " + ("has lapsed, as it should" if over else "HAS LAPSED, not renewed"),
        f"What run {event.by_run} of plan {event.plan} changed lapsed at {clock(event.until)}.",
        f"{event.detail}." if over else f"Why nothing was done: {event.detail}.",
        then="nothing."
        if over
        else f"look at {event.target} now: is it still needed? `rollback-watchdog rollback FILE"
        f" {event.plan} --reason WHY` does all of the plan again.",
    )


def _take_back(event: ExpiryTold) -> str:
    way = f"by the plan that reverses {event.plan}, or by hand"
    broken = f"a run that broke off: `rollback-watchdog recover {event.by_run} --compensate`"
    return f"take it back once its cause is mended: {way}; {broken}."


def _of(
    event: ExpiryTold,
    topics: tuple[Topic, ...],
    severity: Severity,
    what: str,
    *sentences: str,
    then: str,
) -> Telling:
    return Telling(
        topics=topics,
        severity=severity,
        target=event.target,
        title=title(f"{event.target}: {what}"),
        text=text(*sentences, then=then),
        fields=fields(
            [
                ("Change", event.name),
                ("Lapses", utc(event.until)),
                ("Run", event.by_run),
                ("Plan", event.plan),
                ("Trigger", event.trigger),
                ("Incident", event.incident),
            ]
        ),
    )
