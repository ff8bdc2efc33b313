"""A beat against real servers: what is taken, what is not, and that its address stays a secret."""

import asyncio

import pytest
from aiohttp import web

from tests.bed.deps import real_deps
from tests.bed.wire import free_port, web_server
from watchdog.adapters.dead_man import DeadMan
from watchdog.domain.errors import WatchdogError
from watchdog.domain.heartbeat import Heartbeat

SECRET = "c4n4ry-of-the-dead-man"


async def beaten(status: int = 200, *, by_reference: bool = False) -> list[web.Request]:
    """The requests that one beat made of a server that answers `status`."""
    asked: list[web.Request] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request)
        return web.Response(status=status, headers={"Location": "/elsewhere"})

    async with web_server(answer) as base:
        url = f"{base}/{SECRET}"
        async with real_deps(DEAD_MAN=url) as deps:
            await DeadMan(Heartbeat({"env": "DEAD_MAN"} if by_reference else url), deps).beat()
    return asked


@pytest.mark.parametrize("by_reference", [False, True])
async def test_a_beat_is_one_get_of_the_whole_address(by_reference: bool) -> None:
    (asked,) = await beaten(by_reference=by_reference)

    assert (asked.method, asked.path) == ("GET", f"/{SECRET}")


@pytest.mark.parametrize("status", [301, 404, 429, 500, 503])
async def test_what_does_not_answer_2xx_has_not_taken_it(status: int) -> None:
    with pytest.raises(WatchdogError) as refused:
        await beaten(status)

    assert str(status) in str(refused.value)
    assert SECRET not in repr(refused.value)


async def test_a_server_that_is_not_there_is_said_without_its_address() -> None:
    url = f"http://127.0.0.1:{await free_port()}/{SECRET}"
    async with real_deps() as deps:
        with pytest.raises(WatchdogError) as refused:
            await DeadMan(Heartbeat(url), deps).beat()

    assert str(refused.value) == "the connection was refused"
    assert refused.value.__cause__ is None


async def test_a_server_that_says_nothing_is_waited_for_as_long_as_it_may_take() -> None:
    async def silent(_: web.Request) -> web.Response:
        await asyncio.sleep(60)
        return web.Response()

    async with web_server(silent) as base, real_deps() as deps:
        with pytest.raises(WatchdogError) as refused:
            await DeadMan(Heartbeat(f"{base}/{SECRET}", timeout=0.05), deps).beat()

    assert str(refused.value) == "no answer in time"


@pytest.mark.parametrize(
    "url", [f"http://me:{SECRET}@host/", f"http://host/{SECRET} x", f"ftp://host/{SECRET}"]
)
async def test_an_address_that_may_not_be_asked_is_refused_without_quoting_it(url: str) -> None:
    async with real_deps() as deps:
        with pytest.raises(WatchdogError) as refused:
            await DeadMan(Heartbeat(url), deps).beat()

    assert SECRET not in str(refused.value)


async def test_a_missing_secret_is_named_by_its_reference() -> None:
    async with real_deps() as deps:
        with pytest.raises(WatchdogError, match="DEAD_MAN"):
            await DeadMan(Heartbeat({"env": "DEAD_MAN"}), deps).beat()
