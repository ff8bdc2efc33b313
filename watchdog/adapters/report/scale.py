"""Axes: from times and values to places in a picture, and where to put round numbers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from watchdog.domain.words import utc

_TIME_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400)


@dataclass(frozen=True, slots=True)
class Scale:
    """Maps `low`..`high` to `first`..`last`; what is beyond either end is put there."""

    low: float
    high: float
    first: float
    last: float

    def at(self, number: float) -> float:
        """The place of `number`."""
        span = self.high - self.low
        share = (min(max(number, self.low), self.high) - self.low) / span if span > 0 else 0.5
        return self.first + share * (self.last - self.first)

    def holds(self, number: float) -> bool:
        """Whether `number` is between the ends."""
        return self.low <= number <= self.high


def time_ticks(scale: Scale, most: int) -> Sequence[tuple[float, str]]:
    """At most `most` round times on `scale`, each with its time of day, UTC."""
    span = scale.high - scale.low
    step = next((step for step in _TIME_STEPS if span / step <= most), _TIME_STEPS[-1])
    first = math.ceil(scale.low / step)
    last = math.floor(scale.high / step)
    end = 19 if step < _MINUTE else 16
    return [(n * step, utc(n * step)[11:end]) for n in range(first, last + 1)]


_MINUTE = 60


def round_steps(low: float, high: float, about: int) -> Sequence[float]:
    """Some `about` round numbers that reach from `low` to `high` or beyond."""
    rough = (high - low) / about
    magnitude = 10.0 ** math.floor(math.log10(rough))
    step = next(m * magnitude for m in (1, 2, 2.5, 5, 10) if m * magnitude >= rough)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [n * step for n in range(first, last + 1)]
