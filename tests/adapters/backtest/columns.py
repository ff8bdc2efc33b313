"""Columns of history from plain lists: None where nothing was there."""

from collections.abc import Mapping, Sequence

import numpy as np

from watchdog.adapters.backtest.history import Column, Line, Told
from watchdog.domain.grid import Grid

Values = Sequence[float | None]


def a_line(values: Values, labels: Mapping[str, str] | None = None) -> Line:
    seen = np.array([value is not None for value in values], np.bool_)
    numbers = np.array([0.0 if value is None else value for value in values], np.float64)
    return Line(labels or {}, numbers, seen)


def told(*lines: Line, slots: int, doubtful: Sequence[int] = ()) -> Told:
    doubts = np.zeros(slots, np.bool_)
    doubts[list(doubtful)] = True
    return Told(lines, doubts)


def a_column(
    *lines: Line,
    volume: Sequence[Line] | None = None,
    doubtful: Sequence[int] = (),
    slots: int | None = None,
    first: int = 1000,
    every: float = 15.0,
) -> Column:
    count = len(lines[0].values) if slots is None else slots
    counted = None if volume is None else told(*volume, slots=count)
    return Column(Grid(first, every, count), told(*lines, slots=count, doubtful=doubtful), counted)
