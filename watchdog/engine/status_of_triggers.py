"""What a target sees, as plain JSON values: its triggers and its sources."""

from collections.abc import Sequence
from typing import Any

from watchdog.domain.moment import Moment
from watchdog.domain.signal import Judgement
from watchdog.domain.target import Target
from watchdog.domain.trigger import Firing, Inactive, Pending, Trigger, TriggerStatus
from watchdog.domain.words import utc, value
from watchdog.engine.evaluator import Evaluator
from watchdog.engine.watcher import Watcher

NOT_YET = "not_yet"


def triggers(target: Target, evaluator: Evaluator, now: Moment) -> list[dict[str, Any]]:
    """Every trigger of `target`, in the order written."""
    return [
        {
            "trigger": trigger.name,
            "plan": trigger.plan,
            "severity": trigger.severity.name.lower(),
            "source": trigger.signal.source,
            "signal": trigger.signal.name,
            "condition": condition(trigger),
            **_state(trigger, evaluator.statuses[trigger.name], now),
            **last_look(trigger, evaluator.judgements.get(trigger.name)),
        }
        for trigger in target.triggers
    ]


def condition(trigger: Trigger) -> str:
    """When it fires, as a person would say it: `above 1 % for 300 s`, `fails 3 times`."""
    if trigger.fails:
        return f"fails {trigger.fails} times"
    breach = trigger.breach_when
    limit = "" if breach.yes_or_no else f" {value(breach.limit, trigger.signal.unit)}"
    held = f" for {trigger.hold:g} s" if trigger.hold else f" in {trigger.confirm} looks"
    return breach.op.value.replace("_", " ") + limit + held


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
        "unit": trigger.signal.unit,
        "reason": judgement.reason.value if judgement.reason else "",
        "note": judgement.note if judgement.note or known else "",
    }


def _in_words(trigger: Trigger, number: float) -> str:
    if trigger.breach_when.yes_or_no:
        return "yes" if number else "no"
    return value(number, trigger.signal.unit)


def sources(
    watchers: Sequence[Watcher], evaluator: Evaluator, late: Sequence[str], now: Moment
) -> list[dict[str, Any]]:
    """Every source that is asked. `late` names those whose rounds stopped."""
    return [
        {
            "source": watcher.name,
            "every_seconds": watcher.every,
            "last_round": utc(watcher.last_round.wall) if watcher.last_round else None,
            "last_round_unix": watcher.last_round.wall if watcher.last_round else None,
            "last_round_seconds_ago": (
                round(now.since(watcher.last_round), 3) if watcher.last_round else None
            ),
            "stalled": watcher.name in late,
            "blind_since": (
                utc(evaluator.blind_sources[watcher.name])
                if watcher.name in evaluator.blind_sources
                else None
            ),
        }
        for watcher in watchers
    ]
