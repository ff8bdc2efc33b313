"""The scorecard of some files' targets, from the journal alone; beside a daemon or without."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from watchdog.adapters.clock import SystemClock
from watchdog.adapters.sqlite_reader import open_reader
from watchdog.domain.arming import Bar
from watchdog.domain.definition import definition
from watchdog.domain.scorecard import Score, Scorecard, ShadowDecision, acting
from watchdog.domain.target import Target
from watchdog.domain.trigger import Trigger
from watchdog.domain.words import utc

Part = dict[str, Any]
OTHER = "not loaded as it stands in this file: its record begins when it is"


async def scorecard(journal: Path, targets: Sequence[Target], window: float | None) -> Part:
    """What each trigger would have done in the last `window` seconds (None: ever).

    Whether a bar is met is told by all that is on record of the trigger as it is now. Raises
    JournalError when the journal cannot be read.
    """
    clock = SystemClock()
    async with open_reader(journal, clock) as reader:
        card = (await reader.recollection()).card
    now = clock.now().wall
    since = 0.0 if window is None else now - window
    return {
        "at": utc(now),
        "since": utc(since) if since else None,
        "targets": [_target(card, target, now, since) for target in targets],
    }


def _target(card: Scorecard, target: Target, now: float, since: float) -> Part:
    own = [one for one in card.decisions.values() if one.target == target.name and one.at >= since]
    bar, plans = target.arming, acting(target)
    return {
        "target": target.name,
        "mode": target.mode.value,
        "armed_by": target.armed_by,
        "file": target.file,
        "bar": {"decisions": bar.decisions, "right": bar.right, "days": bar.days},
        "triggers": [
            _trigger(card, target, trigger, plans[trigger.name], now, since)
            for trigger in target.triggers
            if trigger.name in plans
        ],
        "decisions": [_decision(card, one, now) for one in sorted(own, key=lambda one: one.seq)],
    }


def _trigger(  # noqa: PLR0917 -- each is one of a kind
    card: Scorecard, target: Target, trigger: Trigger, plan: str, now: float, since: float
) -> Part:
    same = card.defined.get((target.name, trigger.name)) == definition(target, trigger)
    shown = card.score(target.name, trigger.name, now, since) if same else Score()
    whole = card.score(target.name, trigger.name, now) if same else Score()
    return {
        "trigger": trigger.name,
        "plan": plan,
        **_score(shown),
        "on_record": _score(whole),
        **_met(whole, target.arming),
        "note": "" if same else OTHER,
    }


def _score(score: Score) -> Part:
    return {
        "would_act": score.decisions,
        "right": score.right,
        "wrong": score.wrong,
        "unknown": score.unknown,
        "open": score.open,
        "right_share": score.share,
        "days": score.days,
        "a_week": score.a_week,
    }


def _met(score: Score, bar: Bar) -> Part:
    short = score.short_of(bar)
    return {"bar_met": not short, "short_of": list(short)}


def _decision(card: Scorecard, one: ShadowDecision, now: float) -> Part:
    """`counts`: whether its trigger still is what it was then."""
    outcome, judged = one.outcome, one.judged
    return {
        "number": one.seq,
        "at": utc(one.at),
        "trigger": one.trigger,
        "plan": one.plan,
        "incident": one.incident,
        "episode": one.episode,
        "what": outcome.what.value if outcome else "open" if one.is_open(now) else "unknown",
        "after_seconds": outcome.after_seconds if outcome else None,
        "note": outcome.note if outcome else "",
        "right": one.right,
        "judged_by": judged.by if judged else "",
        "reason": judged.reason if judged else "",
        "counts": card.is_current(one),
    }
