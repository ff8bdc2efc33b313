"""How much counters grew within a window: a small memory of one number a look, resets included."""

import math
from collections import defaultdict, deque
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field

# How far what was seen may be shorter or longer than the window that was asked for.
LEAST_SHARE = 0.8
MOST_SHARE = 1.25
# Looks closer together than this share of the window are put into one.
_FINEST = 1 / 200


@dataclass(frozen=True, slots=True)
class Counter:
    """One series as a look saw it. `part` is what its growth is added to, such as a bucket."""

    series: Hashable
    part: float
    value: float


@dataclass(frozen=True, slots=True)
class Growth:
    """What grew in `span` seconds, by part. `is_seen`: whether any series was there at all."""

    parts: Mapping[float, float]
    span: float
    is_seen: bool

    @property
    def total(self) -> float:
        return sum(self.parts.values())


@dataclass(frozen=True, slots=True)
class Unfilled:
    """The looks within the window cover only `span` seconds; `pause` is between the last two."""

    span: float
    pause: float


@dataclass(frozen=True, slots=True)
class _Look:
    """What grew since the look before, which ended at another `time`."""

    time: float
    grown: Mapping[float, float]


@dataclass(slots=True)
class GrowthRing:
    """The counters of one selector over the last `window` seconds.

    A counter that is lower than before began anew, so that all of it is growth. A series that
    was not there before, or not for a whole window, counts from its first sample.
    """

    window: float
    _last_seen: float = field(default=-math.inf, init=False)
    _pause: float = field(default=0.0, init=False)
    _values: dict[Hashable, tuple[float, float]] = field(default_factory=dict, init=False)
    _looks: deque[_Look] = field(default_factory=deque, init=False)

    def add(self, time: float, counters: Iterable[Counter]) -> None:
        """What a look at `time` (seconds, later than the look before) saw; finite values only."""
        if self._looks:
            self._pause = time - self._looks[-1].time
        self._forget(time - self.window * MOST_SHARE)
        grown: dict[float, float] = defaultdict(float)
        for counter in counters:
            before, _ = self._values.get(counter.series, (counter.value, time))
            is_reset = counter.value < before
            grown[counter.part] += counter.value - (0.0 if is_reset else before)
            self._values[counter.series] = (counter.value, time)
            self._last_seen = time
        self._looks.append(_Look(time, grown))
        self._put_close_ones_together()

    def grown(self) -> Growth | Unfilled:
        """What grew between the newest look and the one a window before it."""
        if not self._looks:
            return Unfilled(0.0, 0.0)
        newest = self._looks[-1].time
        start = self._start(newest)
        if start is None:
            least = self.window * LEAST_SHARE
            spans = (newest - look.time for look in self._looks)
            return Unfilled(max(span for span in spans if span < least), self._pause)
        parts: dict[float, float] = defaultdict(float)
        for look in self._looks:
            if look.time > start:
                for part, growth in look.grown.items():
                    parts[part] += growth
        return Growth(dict(parts), newest - start, is_seen=self._last_seen > start)

    def _start(self, newest: float) -> float | None:
        """When the look was that is the nearest to a window ago, if one is near enough."""
        least, most = self.window * LEAST_SHARE, self.window * MOST_SHARE
        fitting = [look.time for look in self._looks if least <= newest - look.time <= most]
        return min(fitting, key=lambda time: abs(newest - time - self.window), default=None)

    def _forget(self, before: float) -> None:
        while self._looks and self._looks[0].time < before:
            self._looks.popleft()
        gone = [series for series, (_, seen) in self._values.items() if seen < before]
        for series in gone:
            del self._values[series]

    def _put_close_ones_together(self) -> None:
        if len(self._looks) < 3:  # noqa: PLR2004 (a beginning, and two that may become one)
            return
        last, middle = self._looks.pop(), self._looks.pop()
        if last.time - self._looks[-1].time >= self.window * _FINEST:
            self._looks += (middle, last)
            return
        grown = dict(middle.grown)
        for part, growth in last.grown.items():
            grown[part] = grown.get(part, 0.0) + growth
        self._looks.append(_Look(last.time, grown))
