import math
import multiprocessing
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from aiohttp import web

from tests.bed.backfilled import backfilled_prometheus
from tests.bed.wire import free_port, web_server
from watchdog.adapters.backtest import asking
from watchdog.adapters.backtest.asking import Server, Task, load, pieces, requests_of
from watchdog.adapters.backtest.history import Column, History, Wanted
from watchdog.adapters.backtest.loading import load_history
from watchdog.domain.errors import ConfigError, WatchdogError
from watchdog.domain.grid import Grid, grid_between

START = 1_767_225_600.0
PAUSES = (0.0, 0.01)


def wanted(hours: float = 1, *, query: str = "x", volume: str = "", offset: float = 0.0) -> Wanted:
    grid = grid_between(START, START + hours * 3600, 15.0)
    return Wanted("shop/errors@15s", query, volume, grid, offset)


def task(url: str, *some: Wanted) -> Task:
    return Task(Server(url, 5.0, {"Authorization": "Bearer hush"}), some)


async def loaded(url: str, path: Path, one: Wanted) -> Column:
    await load_history([task(url, one)], path, lambda _done, _all: None, PAUSES)
    history = History(path)
    try:
        return history.column(one.name)
    finally:
        history.close()


def matrix(*series: Sequence[Sequence[object]], warnings: Sequence[str] = ()) -> web.Response:
    result = [{"metric": {"n": str(n)}, "values": values} for n, values in enumerate(series)]
    answer: dict[str, object] = {"status": "success", "data": {"result": result}}
    if warnings:
        answer["warnings"] = list(warnings)
    return web.json_response(answer)


def asked(request: web.Request) -> list[float]:
    """The times that a range query is for."""
    start, end, step = (float(request.query[key]) for key in ("start", "end", "step"))
    return [start + n * step for n in range(int((end - start) / step) + 1)]


async def test_a_month_is_asked_in_pieces_that_prometheus_accepts(tmp_path: Path) -> None:
    lengths: list[int] = []

    async def answer(request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == "Bearer hush"
        times = asked(request)
        lengths.append(len(times))
        return matrix([[at, str(at - START)] for at in times])

    async with web_server(answer) as url:
        column = await loaded(url, tmp_path / "history", wanted(30 * 24))

    assert len(lengths) == 18
    assert max(lengths) < 11_000
    assert sum(lengths) == column.grid.count == 172_801
    [line] = column.query.lines
    assert line.seen.all()
    assert line.values.tolist() == [15.0 * n for n in range(172_801)]


@pytest.mark.parametrize(("every", "start"), [(15.0, 7.0), (0.5, 7.25), (2.5, 7.0), (60.0, 1.0)])
def test_pieces_cover_every_slot_once_and_begin_on_whole_seconds(
    every: float, start: float
) -> None:
    grid = grid_between(START + start, START + 90_000, every)

    found = pieces(grid)

    covered = [index for first, last in found for index in range(first, last + 1)]
    assert covered == list(range(grid.count))
    assert all(last - first + 1 < 11_000 for first, last in found)
    assert all(grid.wall(first) == int(grid.wall(first)) for first, _ in found)
    assert grid.start >= START + start


async def test_what_is_no_number_and_what_is_missing_stay_two_things(tmp_path: Path) -> None:
    async def answer(request: web.Request) -> web.Response:
        times = asked(request)
        return matrix([[times[0], "NaN"], [times[1], "+Inf"], [times[3], "2"]])

    async with web_server(answer) as url:
        column = await loaded(url, tmp_path / "history", wanted(0.0125))

    [line] = column.query.lines
    assert line.seen.tolist() == [True, True, False, True]
    assert math.isnan(line.values[0])
    assert line.values[1:].tolist() == [math.inf, 0.0, 2.0]


async def test_a_warning_makes_every_slot_of_its_piece_doubtful(tmp_path: Path) -> None:
    async def answer(request: web.Request) -> web.Response:
        times = asked(request)
        is_first = times[0] == START
        return matrix([[at, "1"] for at in times], warnings=["one store is down"] * is_first)

    async with web_server(answer) as url:
        column = await loaded(url, tmp_path / "history", wanted(48))

    assert column.query.doubtful[:10_000].all()
    assert not column.query.doubtful[10_000:].any()


async def test_a_source_that_asks_late_is_replayed_late(tmp_path: Path) -> None:
    async def answer(request: web.Request) -> web.Response:
        return matrix([[at, str(at)] for at in asked(request)])

    async with web_server(answer) as url:
        column = await loaded(url, tmp_path / "history", wanted(0.1, offset=30.0))

    [line] = column.query.lines
    assert column.grid.start == START
    assert line.values[0] == START - 30
    assert line.seen.all()


async def test_a_server_that_dies_half_way_leaves_no_history(tmp_path: Path) -> None:
    answers = 0

    async def answer(request: web.Request) -> web.Response:
        nonlocal answers
        answers += 1
        if answers > 2:
            return web.Response(status=503, text="dying")
        return matrix([[at, "1"] for at in asked(request)])

    async with web_server(answer) as url:
        with pytest.raises(WatchdogError, match=r"HTTP Status Code 503.*nothing was tested"):
            await loaded(url, tmp_path / "history", wanted(30 * 24))

    assert list(tmp_path.iterdir()) == []
    assert answers == 2 + 1 + len(PAUSES)


async def test_a_loader_that_is_killed_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    async def answer(_: web.Request) -> web.Response:
        for child in multiprocessing.active_children():
            child.kill()
        return web.Response(status=500)

    async with web_server(answer) as url:
        with pytest.raises(WatchdogError, match="the loader ended by itself, exit code -9"):
            await loaded(url, tmp_path / "history", wanted(0.1))

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("status", "tries"), [(500, 2), (422, 1)])
async def test_a_stumble_is_tried_again_and_a_refusal_is_not(
    tmp_path: Path, status: int, tries: int
) -> None:
    answers = 0

    async def answer(request: web.Request) -> web.Response:
        nonlocal answers
        answers += 1
        if answers == 1:
            return web.Response(status=status, text="no")
        return matrix([[at, "1"] for at in asked(request)])

    async with web_server(answer) as url:
        if tries > 1:
            assert (await loaded(url, tmp_path / "history", wanted(0.1))).query.lines
        else:
            with pytest.raises(WatchdogError, match="422"):
                await loaded(url, tmp_path / "history", wanted(0.1))
    assert answers == tries


async def test_nobody_there_is_an_error_that_names_the_server_and_no_secret(
    tmp_path: Path,
) -> None:
    port = await free_port()
    url = f"http://user:hush@127.0.0.1:{port}"

    with pytest.raises(WatchdogError, match=f"127.0.0.1:{port}.*nothing was tested") as error:
        await loaded(url, tmp_path / "history", wanted(0.1))

    assert "hush" not in str(error.value)


async def test_progress_is_told_request_by_request(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []

    async def answer(request: web.Request) -> web.Response:
        return matrix([[at, "1"] for at in asked(request)])

    one = wanted(60, volume="y")
    async with web_server(answer) as url:
        tasks = [task(url, one)]
        await load_history(tasks, tmp_path / "history", lambda done, al: told.append((done, al)))

    assert requests_of(tasks) == 4
    assert told == [(n, 4) for n in range(5)]


def test_too_many_series_are_refused_before_they_fill_the_memory(tmp_path: Path) -> None:
    grid = Grid(0, 15.0, asking.MOST_NUMBERS // 2)
    asker = asking._Asker.__new__(asking._Asker)  # noqa: SLF001 -- needs no server
    asker.server = Server("http://127.0.0.1:9", 1.0)

    asker._make_room(Wanted("a", "x", "", grid), 2)  # noqa: SLF001
    with pytest.raises(WatchdogError, match="aggregate the query"):
        asker._make_room(Wanted("a", "x", "", grid), 3)  # noqa: SLF001


def test_a_file_that_was_left_half_way_is_not_taken_for_a_history(tmp_path: Path) -> None:
    path = tmp_path / "history"
    port = 9  # nobody answers there
    with pytest.raises(WatchdogError):
        load([task(f"http://127.0.0.1:{port}", wanted())], path, lambda _: None, pauses=())

    with pytest.raises(ConfigError, match="no whole history"):
        History(path)


@pytest.mark.parametrize("content", [b"", b"PK", b"x" * 100])
def test_a_file_of_something_else_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "history"
    path.write_bytes(content)

    with pytest.raises(ConfigError, match="no whole history"):
        History(path)


async def test_a_real_prometheus_tells_what_was_written_into_it(
    tmp_path: Path, require_program: Callable[[str], str]
) -> None:
    every = [START + 15 * n for n in range(240)]
    past = {
        'errors{route="/a"}': [(at, 0.25) for at in every],
        'errors{route="/b"}': [(at, math.nan if n % 2 else 0.5) for n, at in enumerate(every)],
        "requests": [(at, 600.0) for at in every if not START + 600 < at < START + 1800],
    }
    programs = require_program("prometheus"), require_program("promtool")
    async with backfilled_prometheus(*programs, tmp_path, past) as server:
        one = wanted(0.99, query="errors", volume="last_over_time(requests[20s])")
        column = await loaded(server.url, tmp_path / "history", one)

    by_route = {line.labels["route"]: line for line in column.query.lines}
    assert column.volume is not None
    assert by_route["/a"].values[by_route["/a"].seen].tolist() == [0.25] * column.grid.count
    assert math.isnan(by_route["/b"].values[1])
    [volume] = column.volume.lines
    gone = [n for n, seen in enumerate(volume.seen) if not seen]
    # A sample may still be seen in the slot after it, at its window's very edge.
    assert gone == list(range(gone[0], gone[-1] + 1))
    assert gone[-1] == 119
    assert gone[0] in (42, 43)
