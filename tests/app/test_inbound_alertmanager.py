"""A real Alertmanager and a daemon: each word arrives, and none twice."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.bed.alertmanager import Alertmanager, start_alertmanager
from tests.bed.command_line import Running, daemon
from tests.bed.inbound import TOKEN, write_inbound_files
from tests.bed.room import no_more_room, room_again
from tests.bed.shop import Shop, a_free_port, a_shop

BURNS = {"alertname": "ShopBurns", "service": "shop"}
NOT_YET = 30.0


@pytest.fixture
def program(require_program: Callable[[str], str]) -> str:
    return require_program("prometheus-alertmanager")


@pytest.fixture
def shop() -> Iterator[Shop]:
    with a_shop() as shop:
        yield shop


@contextmanager
def a_daemon(folder: Path, shop: Shop, listen: str, *, am: str = "") -> Iterator[Running]:
    with daemon(write_inbound_files(folder, shop, am=am, listen=listen)) as running:
        yield running


@asynccontextmanager
async def alertmanagers(
    program: str, folder: Path, listen: str, *, count: int = 1, token: str = TOKEN
) -> AsyncIterator[list[Alertmanager]]:
    """`count` of them that know nothing of each other, as on two sides of a broken network."""
    url = f"http://{listen}/inbound/alertmanager"
    if count == 0:
        yield []
        return
    async with (
        start_alertmanager(program, folder / f"am{count}", url, token) as one,
        alertmanagers(program, folder, listen, count=count - 1, token=token) as others,
    ):
        yield [one, *others]


async def until(condition: Callable[[], Any], what: str) -> None:
    deadline = time.monotonic() + NOT_YET
    while not await asyncio.to_thread(condition):
        assert time.monotonic() < deadline, f"still not true: {what}"
        await asyncio.sleep(0.05)


def received(running: Running) -> list[str]:
    return [line["status"] for line in running.logged("signal_received")]


def note(running: Running, name: str = "burning") -> str:
    triggers = running.target["triggers"]
    return str(next(one["note"] for one in triggers if one["trigger"] == name))


def vetoes(running: Running) -> list[str]:
    refusals = running.target["refusals"]
    return [one["detail"] for one in refusals if "a planned move" in one["detail"]]


async def test_two_alertmanagers_that_repeat_an_alert_start_exactly_one_plan(
    program: str, shop: Shop, tmp_path: Path
) -> None:
    listen = f"127.0.0.1:{a_free_port()}"
    began = time.time() - 5
    with a_daemon(tmp_path, shop, listen) as running:
        async with alertmanagers(program, tmp_path, listen, count=2) as both:
            shop.bad = True
            for one in both:
                await one.fire(began, **BURNS)
            await until(lambda: running.logged("run_ended"), "the plan runs")
            await until(
                lambda: all(one.log.count("Notify success") >= 2 for one in both), "each repeats it"
            )
            for one in both:
                await one.resolve(began, **BURNS)
            await until(lambda: "resolved" in received(running), "it is resolved")
            runs = running.logged("run_started")

    assert len(runs) == 1
    assert shop.undone == 1
    assert received(running).count("firing") == 1


async def test_a_word_that_could_not_be_taken_in_is_said_again_until_it_is(
    program: str, shop: Shop, tmp_path: Path
) -> None:
    listen = f"127.0.0.1:{a_free_port()}"
    async with alertmanagers(program, tmp_path, listen) as (one,):
        # Nobody listens yet: as good as a 503.
        await one.fire(time.time() - 5, **BURNS)
        await until(lambda: "connection refused" in one.log, "it tries")
        with a_daemon(tmp_path, shop, listen) as running:
            await until(lambda: received(running), "it tried again")


async def test_a_wrong_token_is_not_tried_again_at_once_and_changes_nothing(
    program: str, shop: Shop, tmp_path: Path
) -> None:
    listen = f"127.0.0.1:{a_free_port()}"
    with a_daemon(tmp_path, shop, listen) as running:
        async with alertmanagers(program, tmp_path, listen, token="wrong-token-0815") as (one,):
            await one.fire(time.time() - 5, **BURNS)
            await until(lambda: "unexpected status code 401" in one.log, "it is refused")

        assert "unrecoverable error after 1 attempts" in one.log
        assert received(running) == []


async def test_a_killed_daemon_knows_what_it_was_told_and_acts_on_it_once(
    program: str, shop: Shop, tmp_path: Path
) -> None:
    listen = f"127.0.0.1:{a_free_port()}"
    began = time.time() - 5
    async with alertmanagers(program, tmp_path, listen) as (one,):
        with a_daemon(tmp_path, shop, listen) as running:
            await one.fire(began, **BURNS)
            await until(lambda: received(running), "it is told")
            os.kill(running.pid, signal.SIGKILL)
            running.end()
        await one.stop()

        with a_daemon(tmp_path, shop, listen) as running:
            await until(lambda: "burning 0 breach" in note(running), "it knows what it was told")
            shop.bad = True
            await until(lambda: running.logged("run_ended"), "the plan runs")

    assert shop.undone == 1


async def test_a_persons_silence_is_a_veto_and_its_end_lifts_it(
    program: str, shop: Shop, tmp_path: Path
) -> None:
    listen = f"127.0.0.1:{a_free_port()}"
    async with alertmanagers(program, tmp_path, listen) as (one,):
        silence = await one.silence("a planned move", service="shop")
        with a_daemon(tmp_path, shop, listen, am=one.url) as running:
            await until(lambda: vetoes(running), "the silence is seen")
            shop.bad = True
            running.ask(
                "signal", target="shop", name="fraud", by="Ann", reason="a call from the bank"
            )
            await until(lambda: running.logged("decision"), "it is decided")
            refused = running.logged("decision")[-1]
            undone = shop.undone
            await one.unsilence(silence)
            await until(lambda: running.logged("run_ended"), "the plan runs")

    assert refused["refusal"] == "vetoed"
    assert refused["detail"].startswith(f"silenced: silence {silence} by ann until ")
    assert refused["detail"].endswith(": a planned move")
    assert undone == 0


async def test_a_veto_that_cannot_be_asked_forbids(shop: Shop, tmp_path: Path) -> None:
    nowhere = f"http://127.0.0.1:{a_free_port()}"
    with a_daemon(tmp_path, shop, "127.0.0.1:0", am=nowhere) as running:
        shop.bad = True
        running.ask("signal", target="shop", name="fraud", by="Ann", reason="a call")
        await until(lambda: running.logged("decision"), "it is decided")
        decided = running.logged("decision")[-1]

    assert decided["refusal"] == "vetoed"
    assert "silenced cannot be told" in decided["detail"]
    assert shop.undone == 0


async def test_a_full_disk_is_503_and_the_word_is_kept_for_later(
    program: str, shop: Shop, tmp_path: Path
) -> None:
    listen = f"127.0.0.1:{a_free_port()}"
    with a_daemon(tmp_path, shop, listen) as running:
        no_more_room(running)
        async with alertmanagers(program, tmp_path, listen) as (one,):
            await one.fire(time.time() - 5, **BURNS)
            await until(lambda: "unexpected status code 503" in one.log, "it must wait")
            assert received(running) == []
            room_again(running)
            await until(lambda: received(running), "it is told again")
