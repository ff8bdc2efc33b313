import re
from collections.abc import Sequence
from itertools import pairwise

import pytest

from watchdog.testing.doubles import ManualClock
from watchdog.testing.simulated_load import BOUNDS, SimulatedLoad, shares


def quantile(into: Sequence[float], bounds: Sequence[float]) -> float:
    """The 95th percentile as `histogram_quantile` computes it."""
    rank, below = 0.95 * sum(into), 0.0
    for (low, high), share in zip(pairwise((0.0, *bounds)), into, strict=False):
        if below + share >= rank - 1e-12:
            return low + (high - low) * (rank - below) / share
        below += share
    return bounds[-1]


def number(page: str, series: str) -> int:
    found = re.search(rf"^{re.escape(series)} (\d+)$", page, re.MULTILINE)
    assert found, f"no {series} on the page"
    return int(found[1])


@pytest.mark.parametrize("p95", [0.06, 0.3, 0.5, 1.1, 1.4, 1.8, 2.0, 2.5, 3.5, 9.9])
def test_the_buckets_hold_the_quantile_that_was_asked_for(p95: float) -> None:
    into = shares(p95, BOUNDS)

    assert sum(into) == pytest.approx(1)
    assert min(into) >= 0
    assert quantile(into, BOUNDS) == pytest.approx(p95, rel=1e-6)


def test_a_quantile_at_the_last_bound_is_that_bound_exactly() -> None:
    assert quantile(shares(2.0, (0.5, 1.0, 2.0)), (0.5, 1.0, 2.0)) == 2.0


def test_counters_grow_with_time_and_with_the_share_that_fails() -> None:
    clock = ManualClock()
    load = SimulatedLoad(clock, per_second=100)
    load.become(0.12, 1.8)
    clock.advance(100)
    load.become(0.0, 1.8)
    clock.advance(100)

    page = load.page()

    assert number(page, 'http_requests_total{code="500"}') == 1200
    assert number(page, 'http_requests_total{code="200"}') == 20_000 - 1200
    assert number(page, "http_request_duration_seconds_count") == 20_000
    assert number(page, 'http_request_duration_seconds_bucket{le="+Inf"}') == 20_000
