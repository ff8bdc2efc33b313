"""Each question to a metrics page: what it remembers of the page, and what it makes of that."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from watchdog.adapters.growth_ring import GrowthRing
from watchdog.adapters.histogram import quantile
from watchdog.adapters.scrape_ask import Ask
from watchdog.adapters.scraped_counters import Counters, Page, silence
from watchdog.adapters.series_selector import SeriesSelector, parse_selector
from watchdog.domain.observation import Gap, Observation, Sample


class Inquiry(Protocol):
    """One question. `names` are the series that it has to see of every page."""

    @property
    def names(self) -> Sequence[str]: ...

    def take(self, page: Page) -> None:
        """Remember what matters of `page`, which is newer than all before."""
        ...

    def answer(self, page: Page) -> Observation:
        """What there is to say as of `page`, which was the last one taken."""
        ...


def inquiry(ask: Ask) -> Inquiry:
    """The inquiry that `ask` describes."""
    if ask.gauge is not None:
        return _Gauge(parse_selector(ask.gauge))
    window = ask.window or 0.0
    if ask.rate is not None:
        return _Rate(_counters(ask.rate, window))
    if ask.ratio is not None:
        return _Ratio(_counters(ask.ratio.of, window), _counters(ask.ratio.to, window))
    if ask.quantile is not None:
        histogram = parse_selector(ask.quantile.of)
        buckets = histogram.renamed(f"{histogram.name}_bucket")
        return _Quantile(ask.quantile.q, Counters(buckets, GrowthRing(window), by_bound=True))
    raise ValueError("asked for nothing")


def _counters(selector: str, window: float) -> Counters:
    return Counters(parse_selector(selector), GrowthRing(window))


@dataclass(frozen=True, slots=True)
class _Gauge:
    """The values that stand on the page."""

    selector: SeriesSelector

    @property
    def names(self) -> Sequence[str]:
        return (self.selector.name,)

    def take(self, page: Page) -> None:
        """Remembers nothing."""

    def answer(self, page: Page) -> Observation:
        found = page.matching(self.selector)
        if not found:
            return silence(self.selector)
        return Sample(tuple(reading.value for reading in found), age=page.age(found) or None)


@dataclass(frozen=True, slots=True)
class _Rate:
    """How much the counters grow a second, summed."""

    counters: Counters

    @property
    def names(self) -> Sequence[str]:
        return (self.counters.selector.name,)

    def take(self, page: Page) -> None:
        self.counters.take(page)

    def answer(self, page: Page) -> Observation:
        growth = self.counters.certainly_grown()
        if isinstance(growth, Gap):
            return growth
        return Sample((growth.total / growth.span,), age=self.counters.age(page))


@dataclass(frozen=True, slots=True)
class _Ratio:
    """How much `of` grew for each by which `to` grew."""

    of: Counters
    to: Counters

    @property
    def names(self) -> Sequence[str]:
        return (self.of.selector.name, self.to.selector.name)

    def take(self, page: Page) -> None:
        self.of.take(page)
        self.to.take(page)

    def answer(self, page: Page) -> Observation:
        whole, share = self.to.certainly_grown(), self.of.grown()
        if isinstance(whole, Gap):
            return whole
        if isinstance(share, Gap):
            return share
        age = self.to.age(page)
        if not share.is_seen:
            note = silence(self.of.selector).note
            return Sample((), age=age, volume=whole.total, note=note)
        # Those that vanished from a page that still shows the whole did not grow any more.
        if self.of.is_on_page:
            age = max(age or 0.0, self.of.age(page) or 0.0) or None
        value = share.total / whole.total if whole.total else math.nan
        return Sample((value,), age=age, volume=whole.total)


@dataclass(frozen=True, slots=True)
class _Quantile:
    """The quantile `rank` of what the histogram observed."""

    rank: float
    buckets: Counters

    @property
    def names(self) -> Sequence[str]:
        return (self.buckets.selector.name,)

    def take(self, page: Page) -> None:
        self.buckets.take(page)

    def answer(self, page: Page) -> Observation:
        growth = self.buckets.certainly_grown()
        if isinstance(growth, Gap):
            return growth
        # The bucket without a limit holds them all: it is `_count` by definition.
        volume = growth.parts.get(math.inf)
        note = "" if volume is not None else f"{self.buckets.selector} has no bucket up to +Inf"
        value = quantile(self.rank, growth.parts)
        return Sample((value,), age=self.buckets.age(page), volume=volume, note=note)
