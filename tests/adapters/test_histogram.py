import math
import random

import pytest

from watchdog.adapters.histogram import quantile

INF = math.inf


@pytest.mark.parametrize(
    ("rank", "buckets", "expected"),
    [
        (0.5, {1.0: 0.0, 2.0: 10.0, INF: 10.0}, 1.5),
        (0.95, {1.0: 90.0, 2.0: 100.0, INF: 100.0}, 1.5),
        (0.5, {1.0: 10.0, INF: 10.0}, 0.5),
        (0.9, {1.0: 90.0, 2.0: 100.0, INF: 100.0}, 1.0),
        (0.99, {1.0: 90.0, 2.0: 95.0, INF: 100.0}, 2.0),
        (0.5, {-2.0: 10.0, 1.0: 10.0, INF: 10.0}, -2.0),
        (0.5, {-2.0: 0.0, 0.0: 10.0, INF: 10.0}, -1.0),
        # Torn between two writes: the middle bucket is behind.
        (0.6, {1.0: 5.0, 2.0: 3.0, 3.0: 10.0, INF: 10.0}, 2.2),
    ],
)
def test_between_two_bounds_observations_are_spread_evenly(
    rank: float, buckets: dict[float, float], expected: float
) -> None:
    assert quantile(rank, buckets) == pytest.approx(expected)


@pytest.mark.parametrize(
    "buckets", [{}, {INF: 5.0}, {1.0: 5.0}, {1.0: 5.0, 2.0: 9.0}, {1.0: 0.0, INF: 0.0}]
)
def test_without_observations_or_bounds_there_is_no_quantile(buckets: dict[float, float]) -> None:
    assert math.isnan(quantile(0.5, buckets))


def test_the_estimate_lies_in_the_bucket_of_the_true_quantile() -> None:
    chance = random.Random(7)
    bounds = [0.1, 0.5, 1.0, 5.0, INF]
    for _ in range(300):
        seen = sorted(chance.expovariate(1.0) for _ in range(chance.randint(1, 60)))
        rank = chance.uniform(0.01, 0.99)
        buckets = {bound: float(sum(each <= bound for each in seen)) for bound in bounds}
        true = seen[math.ceil(rank * len(seen)) - 1]

        place = next(n for n, bound in enumerate(bounds) if true <= bound)
        estimate = quantile(rank, buckets)

        lower = bounds[place - 1] if place else 0.0
        assert lower <= estimate <= min(bounds[place], 5.0)
