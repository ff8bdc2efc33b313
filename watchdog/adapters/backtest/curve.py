"""A month of numbers as a curve of a few hundred points: the least and the greatest of each."""

import numpy as np

from watchdog.adapters.backtest.history import Column
from watchdog.domain.backtest import Curve

POINTS = 480


def curve_of(column: Column, points: int = POINTS) -> Curve:
    """The lowest and the highest number in each of at most `points` equal stretches of time."""
    grid = column.grid
    each = max(1, -(-grid.count // points))
    lows = np.full(grid.count, np.inf)
    highs = np.full(grid.count, -np.inf)
    for line in column.query.lines:
        known = line.seen & np.isfinite(line.values)
        np.minimum(lows, line.values, out=lows, where=known)
        np.maximum(highs, line.values, out=highs, where=known)
    starts = np.arange(0, grid.count, each)
    low, high = np.minimum.reduceat(lows, starts), np.maximum.reduceat(highs, starts)
    known = np.isfinite(low)
    return Curve(
        start=grid.start,
        step=each * grid.every,
        lows=tuple(float(v) if k else None for v, k in zip(low, known, strict=True)),
        highs=tuple(float(v) if k else None for v, k in zip(high, known, strict=True)),
    )


def peak_of(column: Column, first: int, last: int, *, low_is_bad: bool) -> float | None:
    """The worst number from slot `first` to slot `last`, indices of the grid; None without any."""
    found = [
        values[np.isfinite(values)]
        for line in column.query.lines
        for values in (line.values[first : last + 1][line.seen[first : last + 1]],)
    ]
    numbers = np.concatenate(found) if found else np.zeros(0)
    if not len(numbers):
        return None
    return float(numbers.min() if low_is_bad else numbers.max())
