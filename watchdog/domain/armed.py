"""What is worth recording when a file is loaded: a new mode, other triggers, an early arming."""

from watchdog.domain.arming import ArmedEarly, ModeChanged, TriggersDefined
from watchdog.domain.definition import definitions
from watchdog.domain.events import Event
from watchdog.domain.moment import Moment
from watchdog.domain.scorecard import Scorecard, acting
from watchdog.domain.target import Mode, Target


def changes(target: Target, card: Scorecard, now: Moment) -> list[Event]:
    """What differs from the load before, by the `card` of all that is on record so far."""
    before = card.loaded.get(target.name)
    events: list[Event] = []
    other_mode = (before.mode if before else Mode.ALERT_ONLY) != target.mode
    if other_mode:
        events.append(
            ModeChanged(
                target=target.name,
                before=before.mode if before else "",
                mode=target.mode.value,
                armed_by=target.armed_by,
                file=target.file,
                hash=target.hash,
            )
        )
    others = _other_triggers(target, card)
    if others:
        events.append(TriggersDefined(target.name, others))
    if target.mode is Mode.AUTO:
        anew = other_mode or before is None or before.armed_by != target.armed_by
        short = _short(target, card, now, others, everything=anew)
        if short:
            events.append(ArmedEarly(target.name, target.armed_by, short))
    return events


def _other_triggers(target: Target, card: Scorecard) -> dict[str, str]:
    """The digests of the triggers that are new or another; empty ones of those that are gone."""
    known = {name: digest for (owner, name), digest in card.defined.items() if owner == target.name}
    now = definitions(target)
    gone = dict.fromkeys((name for name, digest in known.items() if digest and name not in now), "")
    return gone | {name: digest for name, digest in now.items() if known.get(name) != digest}


def _short(
    target: Target, card: Scorecard, now: Moment, others: dict[str, str], *, everything: bool
) -> tuple[str, ...]:
    """A line for each trigger that starts a plan and falls short of the bar."""
    lines, plans = [], acting(target)
    for trigger in target.triggers:
        if trigger.name not in plans or not (everything or trigger.name in others):
            continue
        score = card.score(target.name, trigger.name, now.wall)
        if trigger.name in others:
            # Its record is of another trigger.
            score = type(score)()
        reasons = score.short_of(target.arming)
        if reasons:
            lines.append(f"{trigger.name}: {', '.join(reasons)}")
    return tuple(lines)
