"""Which answers to an HTTP look tell nothing of a step, though they tell of a service."""

import pytest
from aiohttp import web

from tests.bed.deps import now, real_deps
from tests.bed.wire import free_port, web_server
from watchdog.adapters.sources.http import plugin
from watchdog.domain.observation import Observation, Sample
from watchdog.ports import Question


async def look(url: str) -> Observation:
    async with real_deps() as deps:
        source = plugin.build(plugin.options.model_validate({"url": url}), deps)
        ask = plugin.ask.model_validate({"expect": {"json": {"done": True}}})
        seen = await source.observe([Question("it", ask)], now())
        await source.close()
    return seen["it"]


@pytest.mark.parametrize(
    ("status", "silent"),
    [(200, False), (404, False), (408, True), (429, True), (500, True), (503, True)],
)
async def test_an_answer_of_a_server_that_fails_tells_nothing(status: int, silent: bool) -> None:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.json_response({"done": False}, status=status)

    async with web_server(answer) as base:
        seen = await look(base)

    assert isinstance(seen, Sample)
    assert (seen.values, seen.silent) == ((0.0,), silent)


async def test_no_answer_tells_nothing() -> None:
    seen = await look(f"http://127.0.0.1:{await free_port()}")

    assert isinstance(seen, Sample)
    assert (seen.values, seen.silent) == ((0.0,), True)
