"""What a target sees, as plain JSON values: its triggers and its sources."""

from collections.abc import Sequence
from typing import Any

from watchdog.domain.expression import Expression, Tally
from watchdog.domain.moment import Moment
from watchdog.domain.signal import Judgement
from watchdog.domain.trigger import Firing, Inactive, Pending, Trigger, TriggerStatus
from watchdog.domain.words import utc, value
from watchdog.engine.evaluator import Evaluator
from watchdog.engine.lane import Lane
from watchdog.engine.watcher import Watcher

NOT_YET = "not_yet"


def triggers(evaluator: Evaluator, now: Moment) -> list[dict[str, Any]]:
    """Every trigger, in the order written; then those of the values of a label, as they came."""
    return [
        {
            "trigger": trigger.name,
            "plan": trigger.plan,
            "severity": trigger.severity.name.lower(),
            "source": trigger.source,
            "signal": ", ".join(dict.fromkeys(term.signal.name for term in trigger.terms)),
            "condition": condition(trigger),
            **_state(trigger, evaluator.statuses[trigger.name], now),
            **last_look(trigger, evaluator.judgements.get(trigger.name)),
        }
        for trigger in (one.trigger for one in evaluator.instances.values())
    ]


def condition(trigger: Trigger) -> str:
    """When it fires, as a person would say it: `above 1 % for 300 s`, `fails 3 times`."""
    if trigger.looks:
        return f"{_breach(trigger)} in {trigger.fails} of {trigger.looks} looks"
    if trigger.fails:
        return f"fails {trigger.fails} times"
    held = f" for {trigger.hold:g} s" if trigger.hold else f" in {trigger.confirm} looks"
    return _breach(trigger) + held


def _breach(trigger: Trigger) -> str:
    return in_words(trigger.watches, named=False)


def in_words(expression: Expression, *, named: bool = True) -> str:
    """`expression` as a person would say it: `errors above 1 %`, `all of (…)`."""
    if isinstance(expression, Tally):
        return expression.in_words(in_words)
    breach, signal = expression.breach_when, expression.signal
    limit = "" if breach.yes_or_no else f" {value(breach.limit, expression.unit)}"
    before = f"{expression.relative} " if expression.relative else ""
    said = before + breach.op.value.replace("_", " ") + limit
    return f"{signal.name} {said}" if named else said


def _state(trigger: Trigger, status: TriggerStatus, now: Moment) -> dict[str, Any]:
    state = status.state
    since = None if isinstance(state, Inactive) else state.since
    shown: dict[str, Any] = {
        "state": type(state).__name__.lower(),
        "since": utc(since.wall) if since else None,
        "held_seconds": round(now.since(since), 3) if since else None,
        "for_seconds": trigger.hold,
        "failed_looks": state.breaches if isinstance(state, Pending) else None,
        "fails": trigger.fails or None,
        "coverage": _coverage(trigger, state) if isinstance(state, Pending) else None,
        "coverage_needed": trigger.coverage,
        "confirmed": state.confirmed if isinstance(state, Firing) else None,
        "blind": status.blind,
        "unknown_for_seconds": None,
    }
    if status.dark_since is not None:
        shown["unknown_for_seconds"] = round(now.elapsed - status.dark_since, 3)
    return shown


def _coverage(trigger: Trigger, state: Pending) -> float | None:
    """The share of the window's slots that were decided; None where only breaches count."""
    if trigger.fails:
        return None
    return round(state.decided.bit_count() / trigger.window_slots, 3)


def last_look(trigger: Trigger, judgement: Judgement | None) -> dict[str, Any]:
    """What the last look at the trigger's signal said; None: there was none yet."""
    if judgement is None:
        return {"verdict": NOT_YET, "value": None, "value_text": "", "reason": "", "note": ""}
    known = judgement.value is not None
    return {
        "verdict": judgement.verdict.value,
        "value": judgement.value,
        "value_text": _in_words(trigger, judgement.value) if judgement.value is not None else "",
        "unit": trigger.plain.unit if trigger.plain else "",
        "reason": judgement.reason.value if judgement.reason else "",
        "note": judgement.note if judgement.note or known else "",
    }


def _in_words(trigger: Trigger, number: float) -> str:
    if trigger.plain is None:
        return f"{number:g} of the conditions"
    if trigger.plain.breach_when.yes_or_no:
        return "yes" if number else "no"
    return value(number, trigger.plain.unit)


def sources(
    watchers: Sequence[Watcher], lane: Lane, late: Sequence[str], now: Moment
) -> list[dict[str, Any]]:
    """Every source that is asked. `late` names those whose rounds stopped."""
    blind, taken = lane.evaluator.blind_sources, lane.taken
    return [
        {
            "source": watcher.name,
            "every_seconds": watcher.every,
            **_last_round(taken.get(watcher.name), now),
            "stalled": watcher.name in late,
            "blind_since": utc(blind[watcher.name]) if watcher.name in blind else None,
        }
        for watcher in watchers
    ]


def _last_round(taken: Moment | None, now: Moment) -> dict[str, Any]:
    """When the last one was evaluated: that it was asked proves nothing."""
    return {
        "last_round": utc(taken.wall) if taken else None,
        "last_round_unix": taken.wall if taken else None,
        "last_round_seconds_ago": round(now.since(taken), 3) if taken else None,
    }
