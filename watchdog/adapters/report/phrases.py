"""Times, values and results as the report writes them."""

from watchdog.adapters.report.jinja import plain
from watchdog.domain.condition import Condition
from watchdog.domain.evidence import Series
from watchdog.domain.moment import Moment
from watchdog.domain.progress import Point
from watchdog.domain.signal import Verdict
from watchdog.domain.words import duration, utc, value

NONE = "–"  # noqa: RUF001 -- a dash, for a cell to which nothing belongs


def lapse(seconds: float) -> str:
    """A duration, as exact as it is short: `8 ms`, `0.41 s`, `41.2 s`, `2m 11s`."""
    if seconds < 0:
        return f"-{lapse(-seconds)}"
    if seconds < 0.1:  # noqa: PLR2004 -- below it, milliseconds read better
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.3g} s" if seconds < 100 else duration(seconds)  # noqa: PLR2004


def took(began: Moment | None, ended: Moment | None) -> str:
    """From one moment to the other, or what is missing."""
    if began is None:
        return NONE
    return "under way" if ended is None else lapse(ended.since(began))


def clock(wall: float) -> str:
    """The time of day, UTC."""
    return utc(wall)[11:]


def in_breach_when(breach_when: Condition, unit: str) -> str:
    """A condition with its limit in the unit of its signal."""
    words = str(breach_when.op).replace("_", " ")
    return words if breach_when.yes_or_no else f"{words} {value(breach_when.limit, unit)}"


def shown(number: float | None, breach_when: Condition, unit: str) -> str:
    """A value as a person reads it."""
    if number is None:
        return "none"
    if breach_when.yes_or_no:
        return "passing" if number else "failing"
    return value(number, unit)


def at_point(point: Point | None, series: Series) -> str:
    """A value and when it was so."""
    if point is None:
        return "not measured: nothing was known of it"
    if point.verdict is Verdict.UNKNOWN:
        return f"not known at {clock(point.at)}: {plain(point.note) or 'no reason given'}"
    return f"{shown(point.value, series.breach_when, series.unit)} at {clock(point.at)}"
