"""What must go together where a value is compared with what it was before."""

from collections.abc import Iterator, Mapping
from typing import Any

from watchdog.config.problems import Path
from watchdog.config.relative_schema import MOVES
from watchdog.config.walking import Content, conditions, entries
from watchdog.domain.baseline import FEWEST, MOST
from watchdog.domain.relative import Against
from watchdog.domain.target import Target

_EACH = ("any", "all")


def relative_conditions(content: Content) -> Iterator[tuple[Path, str]]:
    """Everything that a comparison with before cannot be made of."""
    signals = {str(path[-1]): signal for path, signal in entries(content, "signals")}
    for path, part in conditions(content):
        move = next((move.value for move in MOVES if move.value in part), None)
        if move is None:
            continue
        yield from _of_signal((*path, move), signals.get(str(part.get("signal")), {}))
        if part.get("against") == Against.BEFORE_CHANGE and not content.get("changes"):
            text = "nothing says what is changed, and when: declare `changes`"
            yield (*path, "against"), text


def _of_signal(path: Path, signal: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    if signal.get("series") in _EACH:
        yield path, "compares one number with before: give the signal `series: worst` or `sum`"
    if signal.get("confidence") is not None:
        yield path, "is no share of requests: leave `confidence` out of its signal"


def lint_windows(target: Target) -> Iterator[tuple[Path, str]]:
    """Windows of too few looks to tell what is normal, or of more than are kept."""
    for trigger in target.triggers:
        for term in trigger.terms:
            relative = term.relative
            if relative is None or relative.against in (Against.YESTERDAY, Against.LAST_WEEK):
                continue
            looks = relative.over / trigger.every
            if looks < FEWEST:
                text = f"is {looks:.3g} looks, and {FEWEST} are taken: give `over` more time"
                yield ("triggers", trigger.name), f"compares with a window that {text}"
            elif looks > MOST:
                text = f"is {looks:.0f} looks, and the last {MOST} are taken: look less often"
                yield ("triggers", trigger.name), f"compares with a window that {text}"
