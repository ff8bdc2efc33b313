import asyncio
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from aiohttp import web

from tests.bed.wire import free_port, raw_server, web_server
from watchdog.adapters.prometheus_history import PrometheusHistory
from watchdog.domain.errors import ConfigError, TransientError
from watchdog.domain.events import Point
from watchdog.domain.signal import Verdict


async def points(url: str, *, limit: float = 5, step: float = 1) -> list[Point]:
    history = PrometheusHistory(url, limit, lambda: {"Authorization": "Bearer hush"})
    try:
        return await history.points("sum(x)", 1_763_800_000, 1_763_803_600, step)
    finally:
        history.close()


def matrix(*series: list[list[object]]) -> dict[str, object]:
    result = [{"metric": {}, "values": values} for values in series]
    return {"status": "success", "data": {"resultType": "matrix", "result": result}}


async def test_what_is_no_finite_number_has_a_note_instead_of_a_value() -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response(matrix([[1.5, "2"], [2.5, "NaN"], [3.5, "+Inf"]]))

    async with web_server(answer) as url:
        told = await points(url)

    assert told == [
        Point(1.5, Verdict.UNKNOWN, 2.0),
        Point(2.5, Verdict.UNKNOWN, None, "NaN"),
        Point(3.5, Verdict.UNKNOWN, None, "+Inf"),
    ]


async def test_no_series_is_no_points() -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response(matrix())

    async with web_server(answer) as url:
        assert await points(url) == []


async def test_a_long_span_is_asked_in_steps_that_prometheus_accepts() -> None:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.query["step"])
        assert request.headers["Authorization"] == "Bearer hush"
        return web.json_response(matrix())

    async with web_server(answer) as url:
        await points(url, step=15)
        await points(url, step=0.001)

    assert asked == ["15.000", "0.360"]


Answer = Callable[[web.Request], web.Response]
LIES: list[Answer] = [
    lambda _: web.Response(status=503, text="x" * 10_000),
    lambda _: web.Response(text="<html>"),
    lambda _: web.json_response({"data": {"result": 5}}),
    lambda _: web.json_response([]),
    lambda _: web.json_response(matrix([[1, None]])),
    lambda _: web.json_response(matrix([[1, "1"]], [[1, "2"]])),
    lambda _: web.Response(status=302, headers={"Location": "/other"}),
]


@pytest.mark.parametrize("lie", LIES)
async def test_a_lie_is_an_error_that_holds_neither_the_query_nor_a_page(lie: Answer) -> None:
    requests = 0

    async def answer(request: web.Request) -> web.Response:
        nonlocal requests
        requests += 1
        return lie(request)

    async with web_server(answer) as url:
        with pytest.raises(TransientError) as caught:
            await points(url)

    assert "sum" not in str(caught.value)
    assert len(str(caught.value)) < 300
    assert requests == 1


async def test_nobody_there_is_an_error_at_once() -> None:
    port = await free_port()

    with pytest.raises(TransientError, match=f"127.0.0.1:{port}: cannot be reached"):
        await points(f"http://127.0.0.1:{port}")


async def test_a_server_that_hangs_is_an_error_in_time() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with raw_server(silent) as url:
        with pytest.raises(TransientError):
            await points(url, limit=0.1)


async def test_a_server_that_drips_does_not_hold_up_the_caller() -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n")
        for _ in range(30):
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.05)

    async with raw_server(drip) as url:
        with pytest.raises(TransientError, match=r"no answer within 0\.3 s"):
            await points(url, limit=0.1)


async def test_what_is_wrong_with_queries_is_found() -> None:
    async def answer(request: web.Request) -> web.Response:
        if request.path == "/api/v1/metadata":
            kinds = {"a_gauge": "gauge", "latency": "histogram", "requests_total": "counter"}
            kind = kinds.get(request.query["metric"])
            told = {request.query["metric"]: [{"type": kind}]} if kind else {}
            return web.json_response({"status": "success", "data": told})
        is_missing = "missing" in request.query.get("query", "")
        result = [] if is_missing else [{"metric": {}, "value": [1, "1"]}]
        data = {"resultType": "vector", "result": result}
        return web.json_response({"status": "success", "data": data})

    queries = [
        "sum(rate(requests_total[5m]))",
        "sum(rate(missing[5m])) + a_gauge",
        "sum(rate(a_gauge[5m]))",
        "histogram_quantile(0.9, sum by (le) (rate(latency_bucket[5m])))",
    ]
    async with web_server(answer) as url:
        history = PrometheusHistory(url, 5, dict)
        found = await history.facts(queries)
        history.close()

    assert [(finding.ok, finding.text.split(":")[0].split(" is ")[0]) for finding in found] == [
        (True, "http"),
        (False, "missing"),
        (False, "a_gauge"),
    ]


async def test_who_is_no_prometheus_is_one_finding() -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=404)

    async with web_server(answer) as url:
        history = PrometheusHistory(url, 5, dict)
        (finding,) = await history.facts(["sum(x)"])
        history.close()

    assert not finding.ok
    assert urlsplit(url).netloc in finding.text


async def test_a_missing_secret_is_one_finding() -> None:
    def headers() -> dict[str, str]:
        raise ConfigError("no secret in env TOKEN")

    history = PrometheusHistory("http://127.0.0.1:1", 5, headers)
    (finding,) = await history.facts(["sum(x)"])
    history.close()

    assert (finding.ok, finding.text) == (False, "no secret in env TOKEN")
