"""How a backtest is told, alike on the terminal and on the page."""

from datetime import UTC, datetime

from watchdog.domain.backtest import ACT, Firing
from watchdog.domain.trigger import Trigger
from watchdog.domain.words import duration, value


def shown_at(wall: float) -> str:
    """Unix seconds as `2026-11-22 16:20:05`, UTC."""
    return datetime.fromtimestamp(wall, UTC).strftime("%Y-%m-%d %H:%M:%S")


def condition_of(trigger: Trigger) -> str:
    """`errors above 1 %, for 5m`."""
    term = trigger.plain
    if term is None:
        what = str(trigger.watches)
    elif term.breach_when.yes_or_no:
        what = f"{term.signal.name} {term.breach_when}"
    else:
        words = term.breach_when.op.value.replace("_", " ")
        what = f"{term.signal.name} {words} {value(term.breach_when.limit, term.signal.unit)}"
    if trigger.looks:
        return f"{what}, in {trigger.fails} of {trigger.looks} looks"
    if trigger.fails:
        return f"{what}, {trigger.fails} times"
    return f"{what}, for {duration(trigger.hold)}" if trigger.hold else what


def outcome_of(firing: Firing) -> str:
    """What would have been decided first, and when it would have acted after all."""
    if not firing.rulings:
        return "not decided"
    first = firing.rulings[0]
    if first.outcome == ACT:
        return ACT
    acted = firing.acted
    later = f", then {ACT} at {shown_at(acted.at)}" if acted else ""
    return f"{first.outcome}{later}"


def shown_value(number: float | None, unit: str) -> str:
    """A number in its unit; a dash where there is none."""
    return "-" if number is None else value(number, unit)
