"""The curve of one signal in a box of 720 by 1000, its limit, and the words beside its axes."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from watchdog.adapters.backtest_report.bands import HEIGHT, WIDTH, place
from watchdog.adapters.report.scale import Scale, round_steps
from watchdog.domain.backtest import Curve, Span
from watchdog.domain.expression import Term
from watchdog.domain.words import value

_VALUES, _TIMES = 3, 7
_HOUR, _DAY = 3600, 86400
_HOURS, _DAYS = (1, 3, 6, 12), (1, 2, 3, 5, 7)
_STEPS = (60, 300, 900, *(_HOUR * n for n in _HOURS), *(_DAY * n for n in _DAYS))


@dataclass(frozen=True, slots=True)
class Tick:
    """A word beside an axis, at `at` per cent of it."""

    at: str
    text: str


@dataclass(frozen=True, slots=True)
class Plot:
    """What is drawn of one curve. `limit`: per cent from the top, or empty."""

    paths: tuple[str, ...]
    values: tuple[Tick, ...]
    limit: str


def plot_of(curve: Curve, term: Term, span: Span) -> Plot | None:
    """The picture of `curve`; None where it never was a number."""
    known = [number for number in (*curve.lows, *curve.highs) if number is not None]
    if not known:
        return None
    scale = _scale(known, term)
    has_limit = not term.breach_when.yes_or_no
    return Plot(
        paths=tuple(_paths(curve, scale, span)),
        values=tuple(_values(scale, term)),
        limit=f"{_down(term.breach_when.limit, scale) / 10:.2f}" if has_limit else "",
    )


def times_of(span: Span) -> Sequence[Tick]:
    """Round times along the axis, UTC."""
    seconds = max(span.seconds, 1.0)
    step = next((one for one in _STEPS if seconds / one <= _TIMES), 7 * _DAY)
    first = math.ceil(span.start / step)
    last = math.floor(span.end / step)
    pattern = "%d %b" if step >= _DAY else "%d %b %H:%M" if seconds > _DAY else "%H:%M"
    return [
        Tick(place(n * step, span), datetime.fromtimestamp(n * step, UTC).strftime(pattern))
        for n in range(first, last + 1)
    ]


def _scale(known: Sequence[float], term: Term) -> Scale:
    if term.breach_when.yes_or_no:
        return Scale(-0.15, 1.15, HEIGHT, 0)
    numbers = [*known, term.breach_when.limit]
    low, high = min(0.0, *numbers), max(numbers)
    top = high + 0.08 * (high - low) if high > low else low + 1.0
    return Scale(low, top, HEIGHT, 0)


def _values(scale: Scale, term: Term) -> Iterator[Tick]:
    if term.breach_when.yes_or_no:
        yield Tick(f"{_down(0.0, scale) / 10:.2f}", "failing")
        yield Tick(f"{_down(1.0, scale) / 10:.2f}", "passing")
        return
    for number in round_steps(scale.low, scale.high, _VALUES):
        if scale.holds(number):
            at = f"{_down(number, scale) / 10:.2f}"
            yield Tick(at, value(number, term.signal.unit))


def _down(number: float, scale: Scale) -> float:
    return scale.at(number)


def _paths(curve: Curve, scale: Scale, span: Span) -> Iterator[str]:
    """Unbroken stretches, each as the area between its lowest and highest numbers."""
    run: list[tuple[float, float, float]] = []
    for index, (low, high) in enumerate(zip(curve.lows, curve.highs, strict=True)):
        if low is None or high is None:
            if run:
                yield _area(run)
            run = []
            continue
        middle = curve.start + (index + 0.5) * curve.step
        x = WIDTH * min(max((middle - span.start) / max(span.seconds, 1.0), 0.0), 1.0)
        run.append((x, scale.at(low), scale.at(high)))
    if run:
        yield _area(run)


def _area(run: Sequence[tuple[float, float, float]]) -> str:
    if len(run) == 1:
        # One stretch alone has no width.
        x, low, high = run[0]
        return f"M{x - 0.4:.1f} {high:.0f}H{x + 0.4:.1f}V{low:.0f}H{x - 0.4:.1f}Z"
    there = "L".join(f"{x:.1f} {high:.0f}" for x, _, high in run)
    back = "L".join(f"{x:.1f} {low:.0f}" for x, low, _ in reversed(run))
    return f"M{there}L{back}Z"
