"""A column parted by the values of a label, as a live source parts its answers."""

from collections.abc import Mapping

import numpy as np

from watchdog.adapters.backtest.history import Column, Flags, Told


def parts_of(column: Column, label: str) -> Mapping[str, Column]:
    """A column for each value of `label`, in the order in which the server told of them.

    Series without it are one part as well, of the empty value; a volume counts for its own value.
    """
    values = dict.fromkeys(line.labels.get(label, "") for line in column.query.lines)
    return {value: _part(column, label, value) for value in values}


def present(column: Column) -> Flags:
    """In which slots any series of the query was there."""
    found = np.zeros(column.grid.count, np.bool_)
    for line in column.query.lines:
        found |= line.seen
    return found


def _part(column: Column, label: str, value: str) -> Column:
    volume = column.volume
    return Column(
        column.grid,
        _of(column.query, label, value),
        None if volume is None else _of(volume, label, value),
    )


def _of(told: Told, label: str, value: str) -> Told:
    mine = (line for line in told.lines if line.labels.get(label, "") == value)
    return Told(tuple(mine), told.doubtful)
