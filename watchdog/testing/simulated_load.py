"""Requests that nobody sends: counters that grow with time as those of a busy service would."""

from collections.abc import Sequence
from itertools import accumulate, pairwise

from watchdog.ports import Clock

BOUNDS = (0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 7.5, 10.0)
_QUANTILE = 0.95
_BELOW = 0.9


class SimulatedLoad:
    """`per_second` requests, of which a share fails and whose 95th percentile is as told.

    `bounds` are the upper bounds of the latency buckets, in seconds. Nothing runs: the
    counters are brought up to date whenever somebody reads or changes them.
    """

    def __init__(
        self, clock: Clock, per_second: float = 400.0, bounds: Sequence[float] = BOUNDS
    ) -> None:
        self._clock = clock
        self._per_second = per_second
        self._bounds = tuple(bounds)
        self._seen = clock.now()
        self._errors = 0.0
        self._total = 0.0
        self._seconds = 0.0
        self._buckets = [0.0] * (len(self._bounds) + 1)
        self._error_ratio = 0.0
        self._shares = shares(0.5, self._bounds)

    def become(self, error_ratio: float, p95: float) -> None:
        """From now on `error_ratio` (0 to 1) of the requests fail, and P95 is `p95` seconds."""
        self._advance()
        self._error_ratio = error_ratio
        self._shares = shares(p95, self._bounds)

    def page(self) -> str:
        """The counters now, as Prometheus reads them."""
        self._advance()
        total, errors = int(self._total), int(self._errors)
        name = "http_request_duration_seconds"
        lines = [
            "# HELP http_requests_total Requests answered, by status code.",
            "# TYPE http_requests_total counter",
            f'http_requests_total{{code="200"}} {total - errors}',
            f'http_requests_total{{code="500"}} {errors}',
            f"# HELP {name} How long requests took.",
            f"# TYPE {name} histogram",
        ]
        counts = [min(int(count), total) for count in accumulate(self._buckets)]
        for bound, count in zip(self._bounds, counts, strict=False):
            lines.append(f'{name}_bucket{{le="{bound:g}"}} {count}')
        lines += [
            f'{name}_bucket{{le="+Inf"}} {total}',
            f"{name}_sum {self._seconds:.3f}",
            f"{name}_count {total}",
        ]
        return "\n".join(lines) + "\n"

    def _advance(self) -> None:
        now = self._clock.now()
        count = self._per_second * now.since(self._seen)
        self._seen = now
        self._total += count
        self._errors += count * self._error_ratio
        for index, share in enumerate(self._shares):
            self._buckets[index] += count * share
        self._seconds += count * _mean(self._shares, self._bounds)


def shares(p95: float, bounds: Sequence[float]) -> list[float]:
    """What share of the requests falls into each bucket, so that their P95 is `p95` seconds.

    As `histogram_quantile` sees it, which takes requests to be spread evenly within a bucket.
    At the last bound and beyond, the quantile lies in +Inf, and is that last bound exactly.
    `p95` must lie above the first bound.
    """
    into = [0.0] * (len(bounds) + 1)
    if p95 >= bounds[-1]:
        into[0], into[-1] = _BELOW, 1 - _BELOW
        return into
    index = next(index for index, bound in enumerate(bounds) if p95 <= bound)
    low = bounds[index - 1]
    part = (p95 - low) / (bounds[index] - low)
    # The share up to here is `below + within * part`, which has to be 95 %.
    below, within = _BELOW, (_QUANTILE - _BELOW) / part
    if below + within > 1:
        below = (_QUANTILE - part) / (1 - part)
        within = 1 - below
    into[index - 1] = below
    into[index] = within
    into[-1] += 1 - below - within
    return into


def _mean(into: Sequence[float], bounds: Sequence[float]) -> float:
    middles = [bounds[0] / 2, *((low + high) / 2 for low, high in pairwise(bounds)), bounds[-1]]
    return sum(share * middle for share, middle in zip(into, middles, strict=True))
