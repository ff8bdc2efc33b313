"""Asks a Prometheus for its past, piece by piece, through prometheus-api-client, which blocks."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from watchdog.adapters.backtest.history import HistoryWriter, Line, Told, Wanted
from watchdog.adapters.http import shown
from watchdog.adapters.prometheus_history import connected
from watchdog.domain.errors import TransientError
from watchdog.domain.grid import Grid

if TYPE_CHECKING:
    from prometheus_api_client.prometheus_connect import PrometheusConnect
    from requests import Response

# Prometheus gives 11,000 points of a series at most, both ends counted.
MOST_POINTS = 10_000
# Of one query, all its series together: 300 MB of memory.
MOST_NUMBERS = 40_000_000
# Seconds before each further try.
PAUSES = (0.5, 2.0, 5.0)
# Prometheus writes warnings after the data.
_TAIL = 65_536
_OFF_THE_GRID = 0.01


@dataclass(frozen=True, slots=True)
class Server:
    """Whom to ask. `headers` may hold a secret: they travel to the loader, never to a file."""

    url: str
    timeout: float
    headers: Mapping[str, str] = field(repr=False, default_factory=dict)


@dataclass(frozen=True, slots=True)
class Task:
    """What to load from one server."""

    server: Server
    wanted: tuple[Wanted, ...]


def pieces(grid: Grid) -> list[tuple[int, int]]:
    """First and last index of each piece of `grid` that one request may ask for."""
    # Both ends of a request are rounded to whole seconds by the library.
    most = MOST_POINTS // grid.whole * grid.whole
    if not most:
        raise ValueError(f"slots of {grid.every} s never fall on whole seconds")
    return [(at, min(at + most, grid.count) - 1) for at in range(0, grid.count, most)]


def requests_of(tasks: Sequence[Task]) -> int:
    """How many requests `tasks` take."""
    each = (wanted for task in tasks for wanted in task.wanted)
    return sum(len(wanted.queries) * len(pieces(wanted.grid)) for wanted in each)


def load(
    tasks: Sequence[Task],
    path: Path,
    tell: Callable[[int], None],
    pauses: Sequence[float] = PAUSES,
) -> None:
    """Write the answers to `tasks` into a file at `path`; `tell` how many requests are done.

    Raises TransientError, and leaves no whole file, when a server does not answer all of it.
    """
    done = 0

    def one_more() -> None:
        nonlocal done
        done += 1
        tell(done)

    with HistoryWriter(path) as writer:
        for task in tasks:
            server = task.server
            with connected(server.url, server.timeout, dict(server.headers)) as client:
                asker = _Asker(client, server, pauses, one_more)
                for wanted in task.wanted:
                    writer.add(wanted, [asker.told(wanted, query) for query in wanted.queries])


@dataclass(slots=True)
class _Asker:
    """One server, asked one request at a time."""

    client: "PrometheusConnect"
    server: Server
    pauses: Sequence[float]
    one_more: Callable[[], None]
    warned: bool = False

    def __post_init__(self) -> None:
        # The library drops warnings, and a partial answer looks like a whole one.
        self.client._session.hooks["response"].append(self._look_for_warnings)  # noqa: SLF001

    def told(self, wanted: Wanted, query: str) -> Told:
        """The answer to `query` on every slot."""
        grid = wanted.grid
        lines: dict[frozenset[tuple[str, str]], Line] = {}
        doubtful = np.zeros(grid.count, np.bool_)
        for first, last in pieces(grid):
            for series in self._piece(wanted, query, first, last):
                labels = {str(key): str(value) for key, value in series["metric"].items()}
                key = frozenset(labels.items())
                if key not in lines:
                    self._make_room(wanted, len(lines) + 1)
                    lines[key] = _empty(labels, grid.count)
                self._fill(lines[key], series.get("values", ()), wanted, (first, last))
            doubtful[first : last + 1] = self.warned
            self.one_more()
        return Told(tuple(lines.values()), doubtful)

    def _make_room(self, wanted: Wanted, series: int) -> None:
        if series * wanted.grid.count > MOST_NUMBERS:
            text = f"{wanted.name}: {series} series and more; aggregate the query, or ask for less"
            raise TransientError(f"{shown(self.server.url)}: {text}")

    def _piece(self, wanted: Wanted, query: str, first: int, last: int) -> list[dict[str, Any]]:
        """One request, tried again where the server does not answer."""
        from prometheus_api_client.exceptions import PrometheusApiClientException  # noqa: PLC0415
        from requests import RequestException  # noqa: PLC0415

        start, end = (wanted.grid.wall(index) - wanted.offset for index in (first, last))
        ends = (datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(_up(end), UTC))
        for pause in (*self.pauses, None):
            self.warned = False
            try:
                step = f"{wanted.grid.every:.3f}"
                found: list[dict[str, Any]] = self.client.custom_query_range(query, *ends, step)
            except (RequestException, PrometheusApiClientException) as error:
                # What Prometheus will not answer, it will not answer the next time either.
                if pause is None or str(error).startswith("HTTP Status Code 4"):
                    raise
            else:
                return found
            time.sleep(pause)
        raise AssertionError("unreachable")

    def _fill(
        self, line: Line, points: Sequence[Sequence[Any]], wanted: Wanted, ends: tuple[int, int]
    ) -> None:
        if not points:
            return
        grid, (first, last) = wanted.grid, ends
        times = np.array([point[0] for point in points], np.float64)
        values = np.array([float(point[1]) for point in points], np.float64)
        exact = (times + wanted.offset) / grid.every - grid.first
        places = np.rint(exact).astype(np.int64)
        if float(np.abs(exact - places).max()) > _OFF_THE_GRID:
            raise TransientError(f"{shown(self.server.url)}: answers between the slots asked for")
        inside = (places >= first) & (places <= last)
        line.values[places[inside]] = values[inside]
        line.seen[places[inside]] = True

    def _look_for_warnings(self, response: "Response", *_: object, **__: object) -> None:
        if b'"warnings"' in response.content[-_TAIL:]:
            try:
                self.warned = bool(response.json().get("warnings"))
            except (ValueError, AttributeError):
                self.warned = True


def _empty(labels: Mapping[str, str], count: int) -> Line:
    return Line(labels, np.zeros(count, np.float64), np.zeros(count, np.bool_))


def _up(seconds: float) -> float:
    """The end of a piece: a whole second at or after its last slot."""
    return float(np.ceil(seconds - 1e-6))
