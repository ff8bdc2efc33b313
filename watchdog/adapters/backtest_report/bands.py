"""Stretches of time as shares of a picture's width; what lies too close together is one."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from watchdog.domain.backtest import Firing, Labelled, Span

WIDTH, HEIGHT = 720, 1000
# Of the width: nobody can tell these apart.
NEAR = 0.002


@dataclass(frozen=True, slots=True)
class Band:
    """`left` and `width` in per cent. `hint` says what it is."""

    left: str
    width: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of time, and what to say about it."""

    span: Span
    hint: str = ""


def bands(stretches: Iterable[Stretch], whole: Span, near: float = NEAR) -> Sequence[Band]:
    """`stretches` where they lie in `whole`, in order; those beyond it are left out.

    Those nearer than `near` (a share of the width) become one.
    """
    merged = _merged(stretches, whole, near)
    return [Band(_percent(first), _percent(last - first), hint) for first, last, hint in merged]


def path(stretches: Iterable[Stretch], whole: Span) -> str:
    """The same as one path of full-height boxes, 720 by 1000: many of them take little room."""
    return "".join(
        f"M{WIDTH * first:.1f} 0H{WIDTH * last:.1f}V{HEIGHT}H{WIDTH * first:.1f}Z"
        for first, last, _ in _merged(stretches, whole, NEAR)
    )


def _merged(
    stretches: Iterable[Stretch], whole: Span, near: float
) -> list[tuple[float, float, str]]:
    merged: list[tuple[float, float, str]] = []
    for one in sorted(stretches, key=lambda one: one.span.start):
        first, last = share(one.span.start, whole), share(one.span.end, whole)
        if one.span.end < whole.start or one.span.start > whole.end:
            continue
        if merged and first - merged[-1][1] < near:
            before = merged[-1]
            hint = before[2] if before[2] == one.hint else ""
            merged[-1] = (before[0], max(last, before[1]), hint)
        else:
            merged.append((first, last, one.hint))
    return merged


def share(wall: float, whole: Span) -> float:
    """Where Unix second `wall` lies in `whole`: 0 to 1."""
    if whole.seconds <= 0:
        return 0.0
    return min(max((wall - whole.start) / whole.seconds, 0.0), 1.0)


def place(wall: float, whole: Span) -> str:
    """The same, in per cent."""
    return _percent(share(wall, whole))


def of_incidents(incidents: Iterable[Labelled]) -> list[Stretch]:
    return [Stretch(Span(one.start, one.end), one.name or "incident") for one in incidents]


def of_pendings(firings: Iterable[Firing]) -> list[Stretch]:
    return [Stretch(Span(one.pending, one.fired)) for one in firings if one.fired > one.pending]


def of_firings(firings: Iterable[Firing], end: float) -> list[Stretch]:
    return [Stretch(Span(one.fired, one.fired + one.lasted(end))) for one in firings]


def _percent(part: float) -> str:
    return f"{100 * part:.2f}"
