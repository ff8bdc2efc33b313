"""The file that a loaded history is kept in: numpy's own format, one column a signal."""

import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from watchdog.domain.errors import ConfigError
from watchdog.domain.grid import Grid

# Numbers hardly shrink, and a month of them is waited for.
_COMPRESSION = 1
_INDEX = "index.json"
_VERSION = 1
Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Line:
    """One series on the slots of its column; `values` count only where it was `seen`."""

    labels: Mapping[str, str]
    values: Numbers
    seen: Flags


@dataclass(frozen=True, slots=True)
class Told:
    """What one query answered. `doubtful`: slots whose answer came with a warning."""

    lines: tuple[Line, ...]
    doubtful: Flags


@dataclass(frozen=True, slots=True)
class Column:
    """What was answered for one signal, slot by slot."""

    grid: Grid
    query: Told
    volume: Told | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """One signal's history: what to ask, and for which slots. `name` is unique in a file.

    `offset`: whole seconds that the source is asked later than its data.
    """

    name: str
    query: str
    volume: str
    grid: Grid
    offset: float = 0.0

    @property
    def queries(self) -> tuple[str, ...]:
        return (self.query, self.volume) if self.volume else (self.query,)


class HistoryWriter:
    """Writes a file column by column, so that no more than one of them is held."""

    def __init__(self, path: Path) -> None:
        self._zip = zipfile.ZipFile(
            path, "w", zipfile.ZIP_DEFLATED, allowZip64=True, compresslevel=_COMPRESSION
        )
        self._columns: dict[str, Any] = {}
        self._arrays = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: object, __: TracebackType | None
    ) -> None:
        # Without its index, a file that was left half-way is not taken for a whole one.
        if kind is None:
            index = {"version": _VERSION, "columns": self._columns}
            self._zip.writestr(_INDEX, json.dumps(index))
        self._zip.close()

    def add(self, wanted: Wanted, told: Sequence[Told]) -> None:
        """Write what the queries of `wanted` answered, in their order."""
        self._columns[wanted.name] = {
            "grid": [wanted.grid.first, wanted.grid.every, wanted.grid.count],
            "queries": list(wanted.queries),
            "offset": wanted.offset,
            "told": [self._told(one) for one in told],
        }

    def _told(self, told: Told) -> dict[str, Any]:
        lines = [
            {
                "labels": dict(line.labels),
                "values": self._array(line.values),
                "seen": self._array(np.packbits(line.seen)),
            }
            for line in told.lines
        ]
        return {"lines": lines, "doubtful": self._array(np.packbits(told.doubtful))}

    def _array(self, array: NDArray[Any]) -> str:
        name = f"{self._arrays}.npy"
        self._arrays += 1
        with self._zip.open(name, "w", force_zip64=True) as stream:
            np.lib.format.write_array(stream, array, allow_pickle=False)
        return name


class History:
    """A file that was loaded before. Columns are read when they are asked for. Close it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._zip = zipfile.ZipFile(path)
            index = json.loads(self._zip.read(_INDEX))
        except (OSError, zipfile.BadZipFile, KeyError, ValueError) as error:
            raise ConfigError(
                f"{path} is no whole history that backtest kept: {error}; name another file, or "
                "remove it, and it is loaded anew"
            ) from error
        if index.get("version") != _VERSION:
            raise ConfigError(f"{path} was kept by another version; remove it, and load it anew")
        self._columns: dict[str, Any] = index["columns"]

    def close(self) -> None:
        self._zip.close()

    @property
    def span(self) -> tuple[float, float] | None:
        """From which Unix second to which it reaches; None where it holds nothing."""
        grids = [Grid(*one["grid"]) for one in self._columns.values()]
        if not grids:
            return None
        return min(one.start for one in grids), max(one.end for one in grids)

    def lacks(self, wanted: Wanted) -> str:
        """Why this file does not answer `wanted`; empty where it does."""
        column = self._columns.get(wanted.name)
        if column is None:
            return "it holds nothing of this signal"
        if column["queries"] != list(wanted.queries) or column["offset"] != wanted.offset:
            return "it holds the answers to another query"
        return ""

    def column(self, name: str) -> Column:
        """The column `name`. Raises KeyError where there is none."""
        column = self._columns[name]
        grid = Grid(*column["grid"])
        told = [self._told(one, grid.count) for one in column["told"]]
        return Column(grid, told[0], told[1] if len(told) > 1 else None)

    def grid(self, name: str) -> Grid:
        """The slots of the column `name`."""
        return Grid(*self._columns[name]["grid"])

    def _told(self, told: Mapping[str, Any], count: int) -> Told:
        lines = tuple(
            Line(one["labels"], self._array(one["values"]), self._bits(one["seen"], count))
            for one in told["lines"]
        )
        return Told(lines, self._bits(told["doubtful"], count))

    def _bits(self, name: str, count: int) -> Flags:
        return np.unpackbits(self._array(name), count=count).astype(np.bool_)

    def _array(self, name: str) -> NDArray[Any]:
        with self._zip.open(name) as stream:
            array: NDArray[Any] = np.lib.format.read_array(stream, allow_pickle=False)
            return array
