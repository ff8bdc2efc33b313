"""The scorecard as a person reads it, in ten seconds."""

from collections.abc import Iterator
from typing import Any

from watchdog.cli.output import columns
from watchdog.domain.words import duration

Part = dict[str, Any]
SHOWN = 10
_HEAD = ["trigger", "would act", "right", "wrong", "unknown", "open", "a week", "bar"]


def text(card: Part, since: str) -> str:
    """`since`: the window as it was asked for, such as 30d."""
    parts = ["\n".join(_target(one, since)) for one in card["targets"]]
    return "\n\n".join(parts) if parts else "none of these files is a target's"


def _target(one: Part, since: str) -> Iterator[str]:
    armed = f", armed by {one['armed_by']}" if one["armed_by"] else ""
    yield f"{one['target']}  ({one['mode']}{armed})  {one['file']}"
    triggers = one["triggers"]
    if not triggers:
        yield "  no trigger starts a plan"
        return
    met = sum(trigger["bar_met"] for trigger in triggers)
    yield f"  {met} of {len(triggers)} triggers meet the bar: {_bar(one['bar'])}"
    rows = [_row(trigger) for trigger in triggers]
    yield columns([_HEAD, *rows])
    yield from _decisions(one["decisions"], since)


def _bar(bar: Part) -> str:
    return f"{bar['decisions']} decisions, {bar['right']:.0%} right, {bar['days']:g} days"


def _row(one: Part) -> list[str]:
    share = one["right_share"]
    right = f"{one['right']} ({share:.0%})" if share is not None else str(one["right"])
    week = "-" if one["a_week"] is None else f"{one['a_week']:.1f}"
    counts = [str(one[key]) for key in ("wrong", "unknown", "open")]
    bar = "met" if one["bar_met"] else f"NOT MET: {one['note'] or '; '.join(one['short_of'])}"
    return [one["trigger"], str(one["would_act"]), right, *counts, week, bar]


def _decisions(decisions: list[Part], since: str) -> Iterator[str]:
    if not decisions:
        yield f"  nothing would have been done in the last {since}"
        return
    yield ""
    yield f"  the last decisions, of {len(decisions)} in the last {since}"
    yield columns(_decision(one) for one in decisions[-SHOWN:])
    yield "  to overrule one: rollback-watchdog judge NUMBER right|wrong --by NAME --reason WHY"


def _decision(one: Part) -> list[str]:
    said = "?" if one["right"] is None else "right" if one["right"] else "WRONG"
    if one["judged_by"]:
        said += f", says {one['judged_by']}: {one['reason']}"
    if not one["counts"]:
        said += " (before the trigger was changed: does not count)"
    return [f"#{one['number']}", one["at"], one["trigger"], one["plan"], _what(one), said]


def _what(one: Part) -> str:
    after = duration(round(one["after_seconds"] or 0))
    match one["what"]:
        case "recovered":
            return f"recovered by itself in {after}"
        case "person_rolled_back":
            return f"a person rolled back after {after}"
        case "still_bad":
            return f"still bad after {after}"
        case "open":
            return "not over yet"
        case _:
            return f"nobody can tell: {one['note'] or 'no daemon saw its end'}"
