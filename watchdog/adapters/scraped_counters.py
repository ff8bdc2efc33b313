"""What a metrics page showed, and the counters of one selector over many pages."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from watchdog.adapters.exposition import Reading
from watchdog.adapters.growth_ring import Counter, Growth, GrowthRing, Unfilled
from watchdog.adapters.series_selector import SeriesSelector
from watchdog.domain.moment import Moment
from watchdog.domain.observation import Gap, Unknown
from watchdog.domain.words import duration

_BOUND = "le"


@dataclass(frozen=True, slots=True)
class Page:
    """What one look at the page found, by name of series. `at`: when it was asked for."""

    at: Moment
    readings: Mapping[str, Sequence[Reading]]

    def matching(self, selector: SeriesSelector) -> list[Reading]:
        found = self.readings.get(selector.name, ())
        return [reading for reading in found if selector.matches(reading.labels)]

    def age(self, readings: Sequence[Reading]) -> float:
        """Seconds since the newest of `readings`, which are some: 0 unless the page says when."""
        return min(
            0.0 if reading.written is None else max(0.0, self.at.wall - reading.written)
            for reading in readings
        )


@dataclass(slots=True)
class Counters:
    """The counters that `selector` means (`by_bound`: a bucket each), and how they grew."""

    selector: SeriesSelector
    ring: GrowthRing
    by_bound: bool = False
    is_on_page: bool = field(default=False, init=False)
    _newest: float = field(default=-math.inf, init=False)
    _trouble: Gap | None = field(default=None, init=False)

    def take(self, page: Page) -> None:
        found = page.matching(self.selector)
        if self.by_bound:
            found = [reading for reading in found if _is_bucket(reading.labels)]
        self.is_on_page = bool(found)
        if found:
            self._newest = page.at.elapsed - page.age(found)
        self._trouble = _no_counter(self.selector, found)
        if self._trouble is None:
            self.ring.add(page.at.elapsed, map(self._counter, found))

    def grown(self) -> Growth | Gap:
        """How they grew, though perhaps there were none."""
        if self._trouble is not None:
            return self._trouble
        growth = self.ring.grown()
        return _not_filled(self.ring.window, growth) if isinstance(growth, Unfilled) else growth

    def certainly_grown(self) -> Growth | Gap:
        """How they grew, or a gap where there were none."""
        growth = self.grown()
        is_silent = not growth.is_seen if isinstance(growth, Growth) else self._newest == -math.inf
        return silence(self.selector) if is_silent else growth

    def age(self, page: Page) -> float | None:
        """Seconds since the newest sample of those that grew; None when it is of just now."""
        return (page.at.elapsed - self._newest) or None

    def _counter(self, reading: Reading) -> Counter:
        series = frozenset(reading.labels.items())
        return Counter(series, _bound(reading.labels) if self.by_bound else 0.0, reading.value)


def silence(selector: SeriesSelector) -> Gap:
    """The answer where nothing is found."""
    return Gap(Unknown.NODATA, f"no series {selector} on the page")


def _bound(labels: Mapping[str, str]) -> float:
    return float(labels[_BOUND])


def _is_bucket(labels: Mapping[str, str]) -> bool:
    try:
        return not math.isnan(_bound(labels))
    except (KeyError, ValueError):
        return False


def _no_counter(selector: SeriesSelector, found: Sequence[Reading]) -> Gap | None:
    """Why `found` cannot be counters; None when they can."""
    for reading in found:
        if not math.isfinite(reading.value):
            reason = Unknown.NAN if math.isnan(reading.value) else Unknown.INF
            return Gap(reason, f"{selector} is {reading.value}, which no counter is")
    return None


def _not_filled(window: float, growth: Unfilled) -> Gap:
    text = f"window not yet filled: {duration(growth.span)} of {duration(window)}"
    if growth.pause > window / 2:
        text += f"; its looks are {duration(growth.pause)} apart"
    return Gap(Unknown.NODATA, text)
