"""A run under way, as plain JSON values: how far it is, and how much of its budget is gone."""

from typing import Any

from watchdog.domain import recovering
from watchdog.domain.moment import Moment
from watchdog.domain.plan import Step, level_word
from watchdog.domain.run import WATCHES, Flight, Run
from watchdog.domain.sampling import Sampling
from watchdog.domain.words import utc, value


def current_run(run: Run, now: Moment) -> dict[str, Any]:
    """The run that holds a target, in its steps or in its watch."""
    start = run.start
    item = run.item
    return {
        "run": run.id,
        "incident": start.incident,
        "plan": start.plan.name,
        "title": start.plan.title,
        "level": level_word(start.plan.level),
        "follows": start.follows,
        "renews": start.renews,
        "plan_hash": start.plan_hash,
        "trigger": start.trigger,
        "by": start.by,
        "reason": start.reason,
        "started": utc(run.started.wall),
        "stage": run.stage.value,
        "number": run.index + 1 if item is not None else None,
        "of": len(run.items),
        "item": item.name if item is not None else "",
        "kind": "step" if isinstance(item, Step) else "check",
        "in_flight": _flight(run.flight, now),
        "samples": None if run.stage in WATCHES else _sampling(run, run.index),
        "applied_steps": run.applied,
        "problems": list(run.problems),
        "outcome": run.outcome.value if run.outcome else None,
        "elapsed_seconds": round(now.since(run.started), 3),
        "budget_seconds": start.plan.within,
        "over_budget": run.over_budget,
        "stopping": run.stop.detail if run.stop else "",
        "taken_up_again": run.resumes,
    }


def stopped_run(run: Run | None) -> dict[str, Any] | None:
    """The run that stopped on the way, what of it holds, and what a person may type; None: none."""
    if run is None or not recovering.commands(run):
        return None
    return {
        "run": run.id,
        "plan": run.start.plan.name,
        "outcome": run.outcome.value if run.outcome else "",
        "why": run.stop.detail if run.stop else run.broken or run.proof_detail,
        "done": recovering.standing(run),
        "in_doubt": recovering.in_doubt(run),
        "commands": recovering.commands(run),
    }


def _flight(flight: Flight | None, now: Moment) -> dict[str, Any] | None:
    if flight is None:
        return None
    return {
        "attempt": flight.attempt,
        "sent_seconds_ago": round(now.since(flight.intended), 3),
        "answered": flight.answered,
        "detail": flight.detail,
        "looks": flight.looks,
    }


def _sampling(run: Run, index: int) -> dict[str, Any] | None:
    seen = run.sampling.get(index)
    if seen is None or index >= len(run.items):
        return None
    item = run.items[index]
    unit = "" if isinstance(item, Step) else item.signal.unit
    return {"name": item.name, **_looks(seen, unit)}


def _looks(seen: Sampling, unit: str) -> dict[str, Any]:
    return {
        "looks": seen.looks,
        "good_in_a_row": seen.good,
        "verdict": seen.verdict.value,
        "value": seen.value,
        "value_text": "" if seen.value is None else value(seen.value, unit),
        "note": seen.note,
    }


def watch(run: Run, now: Moment) -> dict[str, Any] | None:
    """Which tier of the watch the run is in, until when, and what it sees; None: in none."""
    if run.stage not in WATCHES:
        return None
    since = run.watch_since
    return {
        "tier": run.stage.value.removeprefix("watch_"),
        "since": utc(since.wall) if since else None,
        "until": utc(run.watch_until) if since else None,
        "left_seconds": round(max(0.0, run.watch_until - now.wall), 3) if since else None,
        "checks": [_sampling(run, index) for index in range(len(run.items))],
    }
