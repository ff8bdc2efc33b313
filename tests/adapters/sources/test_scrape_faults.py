import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from aiohttp import web
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.bed.metrics_page import metrics_page
from tests.bed.scraped import (
    ERROR_RATIO,
    P95,
    RATE,
    ScrapeBed,
    bed_on,
    serving,
)
from tests.bed.wire import free_port, raw_server, read_request, web_server
from watchdog.domain.condition import Condition, Op
from watchdog.domain.observation import Sample, Unknown
from watchdog.domain.signal import Signal, judge


@pytest.fixture
async def resources() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
async def bed(resources: AsyncExitStack) -> ScrapeBed:
    page = await resources.enter_async_context(metrics_page())
    return await bed_on(resources, page.url, page)


@pytest.mark.parametrize("ask", [{"gauge": "x"}, RATE, ERROR_RATIO, P95])
async def test_nobody_listening_is_an_error(resources: AsyncExitStack, ask: dict[str, Any]) -> None:
    bed = await bed_on(resources, f"http://127.0.0.1:{await free_port()}/metrics?token=hush-9c41")

    gap = await bed.gap(ask)

    assert gap.reason is Unknown.ERROR
    assert "cannot connect" in gap.note
    assert "hush" not in gap.note


async def test_a_silent_page_is_a_time_out(bed: ScrapeBed, resources: AsyncExitStack) -> None:
    bed.page.silent = True
    hasty = await bed_on(resources, bed.page.url, timeout="50ms")

    gap = await hasty.gap(RATE)

    assert gap.reason is Unknown.TIMEOUT
    assert "no whole answer within 0.05 s" in gap.note


async def test_waiting_for_a_turn_counts_as_waiting(
    bed: ScrapeBed, resources: AsyncExitStack
) -> None:
    bed.page.silent = True
    hasty = await bed_on(resources, bed.page.url, timeout="100ms")
    loop = asyncio.get_running_loop()
    started = loop.time()
    async with asyncio.TaskGroup() as tasks:
        asking = [tasks.create_task(hasty.gap(RATE)) for _ in range(20)]

    assert {task.result().reason for task in asking} == {Unknown.TIMEOUT}
    assert loop.time() - started < 1.5


@pytest.mark.parametrize("status", [204, 401, 404, 500, 503])
async def test_another_status_than_200_is_an_http_gap(bed: ScrapeBed, status: int) -> None:
    bed.page.status = status

    gap = await bed.gap(RATE)

    assert gap.reason is Unknown.HTTP
    assert f"/metrics: {status} " in gap.note


async def test_a_redirect_is_not_followed_and_names_its_host(resources: AsyncExitStack) -> None:
    def away(_: web.Request) -> str:
        raise web.HTTPFound("https://login.example/?secret=hush-9c41")

    gap = await (await serving(resources, away)).gap(RATE)

    assert gap.reason is Unknown.HTTP
    assert "302 Found, to login.example; name the page itself" in gap.note


@pytest.mark.parametrize("text", ["<html>Welcome</html>", '{"a": 1}', "x 1\nx_total one\n", "OK"])
async def test_what_is_no_metrics_page_is_a_parse_gap(resources: AsyncExitStack, text: str) -> None:
    bed = await serving(resources, lambda _: text)

    gap = await bed.gap(RATE)

    assert gap.reason is Unknown.PARSE
    assert "not a page of metrics" in gap.note


async def test_a_page_that_is_too_long_is_a_parse_gap(resources: AsyncExitStack) -> None:
    bed = await serving(resources, lambda _: "x_total 1\n" * 500, max_bytes=4096)

    gap = await bed.gap(RATE)

    assert gap.reason is Unknown.PARSE
    assert "longer than 4096 bytes (max_bytes)" in gap.note


@pytest.mark.parametrize(
    ("head", "body", "reason"),
    [
        (b"HTTP/1.0 200 OK\r\n\r\n", b"x_total 12", Unknown.PARSE),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n", b"x_total 12\n", Unknown.ERROR),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"3\r\nx_t\r\n", Unknown.ERROR),
        (b"SSH-2.0-server\r\n", b"", Unknown.PARSE),
        (b"", b"", Unknown.ERROR),
    ],
)
async def test_a_page_that_was_cut_off_is_a_gap(
    resources: AsyncExitStack, head: bytes, body: bytes, reason: Unknown
) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(head + body)
        await writer.drain()

    bed = await bed_on(resources, await resources.enter_async_context(raw_server(talk)))

    assert (await bed.gap({"gauge": "x_total"})).reason is reason


async def test_a_page_without_its_length_that_ends_with_a_line_is_whole(
    resources: AsyncExitStack,
) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.0 200 OK\r\n\r\nx_total 12\n")
        await writer.drain()

    bed = await bed_on(resources, await resources.enter_async_context(raw_server(talk)))

    assert await bed.one({"gauge": "x_total"}) == Sample((12.0,))


async def test_credentials_are_sent_and_a_missing_one_is_an_error(
    resources: AsyncExitStack,
) -> None:
    asked: list[web.Request] = []

    def text(request: web.Request) -> str:
        asked.append(request)
        return "x 1\n"

    auth = {"bearer": {"env": "TOKEN"}}
    bed = await serving(resources, text, auth=auth, headers={"X-Scope": "a"})
    assert await bed.one({"gauge": "x"}) == Sample((1.0,))
    assert asked[0].headers["Authorization"] == "Bearer hush-9c41"
    assert asked[0].headers["X-Scope"] == "a"
    assert asked[0].headers["Accept"].startswith("text/plain;version=0.0.4,")

    bed = await serving(resources, text, auth={"bearer": {"env": "GONE"}})
    assert (await bed.gap({"gauge": "x"})).reason is Unknown.ERROR
    assert len(asked) == 1


async def test_open_metrics_is_understood(resources: AsyncExitStack) -> None:
    def text(_: web.Request) -> str:
        return '# TYPE x counter\nx_total 5 # {trace="}"} 0.5\n# EOF\n'

    kind = "application/openmetrics-text; version=1.0.0"
    bed = await serving(resources, text, kind)

    assert await bed.one({"gauge": "x_total"}) == Sample((5.0,))


ASKS: list[dict[str, Any]] = [
    {"gauge": "x"},
    {"rate": "x", "window": "10s"},
    {"ratio": {"of": 'x{a="1"}', "to": "x"}, "window": "10s"},
    {"quantile": {"q": 0.5, "of": "x"}, "window": "10s"},
]
NUMBERS = ["0", "5", "7.5", "1e308", "-1", "NaN", "+Inf", "-Inf", "9" * 400, "1 1", "1 -5e20"]
NAMES = ["x", 'x{a="1"}', 'x{a="2"}', 'x_bucket{le="1"}', 'x_bucket{le="+Inf"}', 'x_bucket{le=""}']


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    bodies=st.lists(
        st.binary(max_size=60)
        | st.lists(
            st.tuples(st.sampled_from(NAMES), st.sampled_from(NUMBERS)).map(" ".join), max_size=8
        ).map(lambda lines: "\n".join([*lines, ""]).encode()),
        min_size=1,
        max_size=6,
    )
)
async def test_whatever_the_pages_hold_there_is_a_verdict(bodies: list[bytes]) -> None:
    left = iter(bodies)

    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=next(left))

    async with AsyncExitStack() as resources:
        url = await resources.enter_async_context(web_server(answer))
        bed = await bed_on(resources, url)
        for _ in bodies:
            for seen in await bed.ask(*ASKS):
                for signal in (
                    Signal("a", "b"),
                    Signal("a", "b", has_volume=True, inf_counts=True),
                ):
                    judge(signal, Condition(Op.ABOVE, 1.0), seen)
            bed.clock.advance(5)
