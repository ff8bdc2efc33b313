"""A quantile out of the buckets of a histogram, as Prometheus estimates it."""

import math
from collections.abc import Mapping
from itertools import accumulate


def quantile(rank: float, buckets: Mapping[float, float]) -> float:
    """The value below which the share `rank` (0 to 1) of the observations lies.

    `buckets` maps each upper bound to how many observations lie at or below it. Between two
    bounds observations count as spread evenly. Above the highest finite bound nothing is
    known, so that bound is given. NaN without observations or without a bucket up to +Inf.
    """
    bounds = sorted(buckets)
    if len(bounds) < 2 or not math.isinf(bounds[-1]) or bounds[-1] < 0:  # noqa: PLR2004
        return math.nan
    # A page is not written at one instant: what grew must not fall from bucket to bucket.
    counts = list(accumulate((buckets[bound] for bound in bounds), max))
    if counts[-1] <= 0:
        return math.nan
    wanted = rank * counts[-1]
    place = next(n for n, count in enumerate(counts) if count >= wanted)
    if place == len(bounds) - 1:
        return bounds[-2]
    upper = bounds[place]
    if place == 0 and upper <= 0:
        return upper
    lower = bounds[place - 1] if place else 0.0
    below = counts[place - 1] if place else 0.0
    return lower + (upper - lower) * (wanted - below) / (counts[place] - below)
