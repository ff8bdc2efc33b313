"""What comes in from outside, from the wire to the plan, in a daemon in this process."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.bed.inbound import (
    NEXT_TOKEN,
    a_message,
    an_alert,
    bearer,
    signed,
    write_inbound_files,
)
from tests.bed.patience import until
from tests.bed.shop import Shop, a_shop
from watchdog.adapters.secrets import EnvAndFileSecrets
from watchdog.app.loading import Files
from watchdog.app.opening import Opened, open_daemon
from watchdog.domain.errors import ConfigError
from watchdog.domain.events import (
    CommandReceived,
    Decided,
    InboundIncomplete,
    RunStarted,
    SignalReceived,
)


@pytest.fixture
def shop() -> Iterator[Shop]:
    with a_shop() as shop:
        yield shop


@asynccontextmanager
async def listening(file: Path) -> AsyncIterator[Opened]:
    async with (
        open_daemon(Files([file]), EnvAndFileSecrets({})) as opened,
        asyncio.TaskGroup() as tasks,
    ):
        tasks.create_task(opened.daemon.run(opened.open_runs))
        await opened.daemon.ready.wait()
        yield opened
        opened.daemon.service.stop("the test is over")


async def posted(
    opened: Opened, path: str, body: object, headers: Mapping[str, str]
) -> tuple[int, str]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{opened.daemon.listen}{path}", data=data, headers=headers) as response,
    ):
        return response.status, await response.text()


async def alerted(opened: Opened, message: dict[str, object] | None = None, **more: str) -> int:
    message = message or a_message()
    headers = bearer(**more)
    return (await posted(opened, "/inbound/alertmanager", message, headers))[0]


async def events(opened: Opened, *kinds: type) -> list[Any]:
    return [record.event for record in await opened.journal.read(kinds=kinds)]


def ended(opened: Opened) -> list[str]:
    """The outcomes of the runs so far."""
    (incident,) = opened.daemon.status()["incidents"]
    return [run["outcome"] for run in incident["runs"] if run["outcome"]]


def trigger(opened: Opened, name: str) -> Mapping[str, Any]:
    (target,) = opened.daemon.status()["targets"]
    return next(one for one in target["triggers"] if one["trigger"] == name)


async def test_an_alert_that_our_own_look_confirms_starts_the_plan(
    shop: Shop, tmp_path: Path
) -> None:
    async with listening(write_inbound_files(tmp_path, shop)) as opened:
        shop.bad = True
        assert await alerted(opened) == 200

        await until(lambda: shop.undone == 1, "the plan runs")
        (received,) = await events(opened, SignalReceived)

    assert (received.name, received.status, received.by) == ("ShopBurns", "firing", "watchdog")
    assert received.labels == {"alertname": "ShopBurns", "service": "shop"}


async def test_an_alert_alone_starts_nothing(shop: Shop, tmp_path: Path) -> None:
    async with listening(write_inbound_files(tmp_path, shop)) as opened:
        assert await alerted(opened) == 200
        await until(
            lambda: "burning 0 breach" in trigger(opened, "burning")["note"], "the alert is seen"
        )

        assert trigger(opened, "burning")["verdict"] == "ok"
        assert await events(opened, Decided) == []
    assert shop.undone == 0


async def test_a_resolved_alert_stops_no_run_and_proves_nothing(shop: Shop, tmp_path: Path) -> None:
    shop.hold()
    async with listening(write_inbound_files(tmp_path, shop)) as opened:
        shop.bad = True
        alert = an_alert()
        await alerted(opened, a_message(alert))
        await until(lambda: shop.undone == 1, "the step is under way")

        assert await alerted(opened, a_message({**alert, "status": "resolved"})) == 200
        shop.released.set()
        await until(lambda: not shop.bad, "the step has its effect")
        await until(lambda: ended(opened) == ["succeeded"], "the run goes on to its end")
        (started,) = await events(opened, RunStarted)

    assert {check.signal.name for check in started.plan.verify} == {"healthy"}
    assert "trigger burning no longer breaches" in [check.name for check in started.plan.verify]


async def test_a_signed_signal_starts_its_plan_once_however_often_it_is_said(
    shop: Shop, tmp_path: Path
) -> None:
    body = json.dumps({"reason": "card testing", "by": "fraud team"}).encode()
    headers = signed(body)
    async with listening(write_inbound_files(tmp_path, shop)) as opened:
        assert (await posted(opened, "/inbound/signal/fraud", body, headers))[0] == 200
        replayed = await posted(opened, "/inbound/signal/fraud", body, headers)
        await until(lambda: shop.undone == 1, "the plan runs")
        again = await posted(opened, "/inbound/signal/fraud", body, signed(body + b" "))
        fresh = b" " + body
        said_again = await posted(opened, "/inbound/signal/fraud", fresh, signed(fresh))
        received = await events(opened, SignalReceived)

    assert (replayed[0], again[0], said_again[0]) == (401, 401, 200)
    assert {(one.how.value, one.by, one.reason) for one in received} == {
        ("webhook", "fraud team", "card testing")
    }
    assert len({one.starts_at for one in received}) == 1
    assert shop.undone == 1


async def test_both_tokens_count_while_they_are_exchanged(shop: Shop, tmp_path: Path) -> None:
    async with listening(write_inbound_files(tmp_path, shop)) as opened:
        answers = [
            await alerted(opened),
            await alerted(opened, token=NEXT_TOKEN),
            await alerted(opened, token="am-token-thr-4711"),
            (await posted(opened, "/inbound/alertmanager", a_message(), {}))[0],
        ]

    assert answers == [200, 200, 401, 401]


async def test_a_person_gives_a_signal_and_takes_it_back(shop: Shop, tmp_path: Path) -> None:
    async with listening(write_inbound_files(tmp_path, shop)) as opened:
        said = {"target": "shop", "name": "fraud", "by": "Ann", "reason": "a call from the bank"}
        given = await opened.control.obey("signal", said, 4711)
        await until(lambda: shop.undone == 1, "the plan runs")
        taken = await opened.control.obey("signal", {**said, "withdraw": True}, 4711)
        await until(lambda: trigger(opened, "fraud")["verdict"] == "ok", "it is over")
        commands = await events(opened, CommandReceived)

    assert given["done"].startswith("signal fraud of target shop is given by Ann for 1h")
    assert taken["done"] == "signal fraud of target shop is withdrawn by Ann"
    assert [one.detail for one in commands] == [
        "shop/fraud: a call from the bank",
        "shop/fraud withdrawn: a call from the bank",
    ]


async def test_what_is_given_for_all_is_not_taken_back_for_one_and_that_is_said(
    shop: Shop, tmp_path: Path
) -> None:
    async with listening(write_inbound_files(tmp_path, shop)) as opened:
        said = {"name": "fraud", "by": "Ann", "reason": "a call from the bank"}
        await opened.control.obey("signal", said, 4711)
        taken = await opened.control.obey(
            "signal", {**said, "target": "shop", "withdraw": True}, 4711
        )

        assert "it still counts" in taken["done"]
        assert "fraud firing" in taken["done"]
        taken = await opened.control.obey("signal", {**said, "withdraw": True}, 4711)
        assert "it still counts" not in taken["done"]


async def test_a_signal_that_nobody_asks_for_is_refused(shop: Shop, tmp_path: Path) -> None:
    async with listening(write_inbound_files(tmp_path, shop)) as opened:
        said = {"target": "shop", "name": "fire", "by": "Ann", "reason": "it burns"}
        with pytest.raises(ConfigError, match="there is no signal 'fire' that target shop asks"):
            await opened.control.obey("signal", said, 4711)


async def test_what_was_said_survives_the_daemon(shop: Shop, tmp_path: Path) -> None:
    file = write_inbound_files(tmp_path, shop)
    async with listening(file) as opened:
        await alerted(opened)
    async with listening(file) as opened:
        shop.bad = True
        await until(lambda: shop.undone == 1, "the plan runs")


async def test_a_message_that_left_alerts_out_is_told_and_once(shop: Shop, tmp_path: Path) -> None:
    async with listening(write_inbound_files(tmp_path, shop)) as opened:
        for number in range(3):
            await alerted(opened, a_message(an_alert(instance=str(number)), truncatedAlerts=7))
        incomplete = await events(opened, InboundIncomplete)

    assert [(one.by, one.missing) for one in incomplete] == [("watchdog", 7)]


async def test_a_missing_secret_is_said_before_anything_starts(shop: Shop, tmp_path: Path) -> None:
    file = write_inbound_files(tmp_path, shop)
    (tmp_path / "signing").unlink()

    with pytest.raises(ConfigError, match="signing cannot be read: No such file"):
        async with open_daemon(Files([file]), EnvAndFileSecrets({})):
            pass


@pytest.mark.parametrize(("other", "giver"), [(0, "ann"), (1, "bob")])
async def test_whoever_an_account_proves_gave_the_signal_whatever_name_they_say(
    shop: Shop, tmp_path: Path, other: int, giver: str
) -> None:
    file = write_inbound_files(tmp_path, shop)
    file.write_text(file.read_text() + f"people: {{ann: {{uids: [{os.getuid()}]}}}}\n")
    said = {"name": "fraud", "by": "bob", "reason": "a call"}
    async with listening(file) as opened:
        await opened.control.obey("signal", said, os.getuid() + other)
        (record,) = await opened.journal.read(kinds=[SignalReceived])

    # Otherwise Ann could approve what she brought about herself.
    assert isinstance(record.event, SignalReceived)
    assert record.event.by == giver
