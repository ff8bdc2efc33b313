"""How sure a share is that was counted on so many requests: Wilson's score interval."""

import math
from functools import cache
from statistics import NormalDist


def lower_bound(share: float, count: float, confidence: float) -> float:
    """The share (0 to 1) that the true one exceeds with `confidence`, seen on `count` requests."""
    return _bound(share, count, -_deviations(confidence)) if count >= 1 else 0.0


def upper_bound(share: float, count: float, confidence: float) -> float:
    """The share (0 to 1) that the true one stays below with `confidence`."""
    return _bound(share, count, _deviations(confidence)) if count >= 1 else 1.0


@cache
def _deviations(confidence: float) -> float:
    return NormalDist().inv_cdf(confidence)


def _bound(share: float, count: float, deviations: float) -> float:
    share = min(max(share, 0.0), 1.0)
    squared = deviations * deviations
    spread = math.sqrt((share * (1 - share) + squared / (4 * count)) / count)
    centre = share + squared / (2 * count)
    return min(max((centre + deviations * spread) / (1 + squared / count), 0.0), 1.0)
