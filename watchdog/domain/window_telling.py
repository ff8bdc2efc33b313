"""What people are told of freezes and planned work, and what planned work keeps down."""

from dataclasses import replace
from typing import assert_never

from watchdog.domain.topics import Topic
from watchdog.domain.trigger import Severity
from watchdog.domain.windows import WindowBegan, WindowEnded, WindowKind, WindowLifted, WindowSet
from watchdog.domain.wording import Telling, fields, text, title
from watchdog.domain.words import utc

WindowTold = WindowSet | WindowLifted | WindowBegan | WindowEnded
_MEANS = {
    WindowKind.FREEZE: "No automatic run begins. One that is under way goes on, triggers go on "
    "being judged and told, and a person may start a plan.",
    WindowKind.MAINTENANCE: "Nothing is acted on, and what is seen meanwhile is recorded and told "
    "as information only: it wakes nobody up.",
}
_NOUNS = {WindowKind.FREEZE: "freeze", WindowKind.MAINTENANCE: "planned work"}


def of_window(event: WindowTold) -> Telling | None:
    """What to tell of it; None where something else told as much."""
    match event:
        case WindowSet(by=by, until=until, spared=spared):
            but = f" Except: {spared}." if str(spared) else ""
            return _held(event, f"set by {by} until {utc(until)}", but)
        case WindowBegan(by=by, until=until):
            return None if by else _held(event, f"begins, until {utc(until)}", "")
        case WindowLifted(by=by):
            return _told(event, f"what people set is lifted by {by}", "")
        case WindowEnded():
            return _ended(event)
        case _:
            assert_never(event)


def kept_low(telling: Telling | None, planned: str) -> Telling | None:
    """`telling` as what was expected of `planned` work: information, and no page."""
    if telling is None or not planned:
        return telling
    topics = tuple(one for one in telling.topics if one is not Topic.PAGED)
    why = f"Planned work is under way ({planned}), so this is information only."
    return replace(telling, topics=topics, severity=Severity.INFO, text=f"{why}\n{telling.text}")


def _held(event: WindowSet | WindowBegan, what: str, but: str) -> Telling:
    freeze = event.kind is WindowKind.FREEZE
    then = "look after it yourself until this is over." if freeze else "nothing."
    told = _told(event, what, event.reason, f"{_MEANS[event.kind]}{but}", then=then)
    return replace(told, severity=Severity.WARNING if freeze else Severity.INFO)


def _ended(event: WindowEnded) -> Telling:
    wrong = bool(event.firing or event.blind)
    told = _told(
        event,
        "is over",
        event.reason,
        f"Firing now: {', '.join(event.firing)}." if event.firing else "",
        f"Nothing is seen by: {', '.join(event.blind)}." if event.blind else "",
        then=f"look at {event.target}." if wrong else "nothing.",
    )
    if event.kind is WindowKind.FREEZE or not wrong:
        # What fires is decided about at once, and told by itself.
        return told
    firing = (Topic.FIRING,) if event.firing else ()
    blind = (Topic.BLIND, Topic.PAGED) if event.blind else ()
    severity = Severity.CRITICAL if event.blind else event.severity
    return replace(told, topics=(*told.topics, *firing, *blind), severity=severity)


def _told(event: WindowTold, what: str, why: str, *more: str, then: str = "nothing.") -> Telling:
    place, noun = event.target or "all targets", _NOUNS[event.kind]
    return Telling(
        topics=(Topic.WINDOW,),
        severity=Severity.INFO,
        target=event.target,
        title=title(f"{place}: {noun} {what}{f': {why}' if why else ''}"),
        text=text(why and f"Why: {why}.", *more, then=then),
        fields=fields([("Scope", place), ("Kind", event.kind.value), ("Why", why)]),
    )
