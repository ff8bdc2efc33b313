"""A person closes the breaker, or takes a decision into their hands, in a running daemon."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bed.command_line import called, daemon
from tests.bed.patience import until
from tests.bed.shop import Shop, a_shop, write_files
from tests.bed.shop_at_work import at_work
from watchdog.adapters.secrets import EnvAndFileSecrets
from watchdog.app.loading import Files
from watchdog.app.opening import Opened, open_daemon
from watchdog.domain.errors import ConfigError, WatchdogError
from watchdog.domain.events import (
    Acknowledged,
    BreakerClosed,
    BreakerOpened,
    CommandReceived,
)
from watchdog.domain.outcomes import Outcomes

UID = 4711
CLOSE = {"by": "Ann", "reason": "a broken switch"}
TABLE = """
decisions:
  - {name: it is down, when: {down: firing}, then: investigate, within: 10m}
"""


@pytest.fixture
def shop() -> Iterator[Shop]:
    with a_shop() as shop:
        yield shop


def with_table(folder: Path, shop: Shop) -> Path:
    """The shop's file, with a table in the place of its trigger's plan."""
    file = write_files(folder, shop)
    path = folder / "shop.yaml"
    text = path.read_text()
    (trigger,) = [line for line in text.splitlines() if line.lstrip().startswith("down:")]
    path.write_text(text.replace(trigger, trigger.replace(", plan: undo", "")) + TABLE)
    return file


def asked(opened: Opened) -> Outcomes:
    return opened.daemon.shared.ledger.account("shop").outcomes


async def test_the_breaker_is_closed_by_a_name_with_a_reason(shop: Shop, tmp_path: Path) -> None:
    async with at_work(write_files(tmp_path, shop)) as opened:
        control = opened.control
        with pytest.raises(ConfigError, match="close-breaker: reason: is missing"):
            await control.obey("close-breaker", {"by": "Ann"}, UID)
        with pytest.raises(WatchdogError, match="the breaker is not open: nothing to close"):
            await control.obey("close-breaker", CLOSE, UID)

        await opened.journal.append(BreakerOpened("2 plans failed within 24h"))
        status = await control.status()
        assert [one["reason"] for one in status["targets"][0]["refusals"]] == ["breaker_open"]

        answer = await control.obey("close-breaker", CLOSE, UID)
        assert answer["done"] == "the breaker (2 plans failed within 24h) is closed by Ann"
        assert answer["notes"] == ["target shop would act now"]
        records = await opened.journal.read(kinds=[CommandReceived, BreakerClosed])
        assert [one.event for one in records][-2:] == [
            CommandReceived("close-breaker", UID, "Ann", "a broken switch"),
            BreakerClosed("Ann", "a broken switch"),
        ]


async def test_a_decision_is_acknowledged_by_a_name_with_a_reason(
    shop: Shop, tmp_path: Path
) -> None:
    async with at_work(with_table(tmp_path, shop)) as opened:
        said = {"target": "shop", "by": "Ann", "reason": "on it"}
        with pytest.raises(WatchdogError, match="shop waits for no decision"):
            await opened.control.obey("ack", said, UID)

        shop.bad = True
        await until(lambda: bool(asked(opened)), "people are asked")
        answer = await opened.control.obey("ack", said, UID)

        assert answer["done"] == "target shop: Ann has it in hand: it is down"
        (record,) = await opened.journal.read(kinds=[Acknowledged])
        assert isinstance(record.event, Acknowledged)
        assert record.event.by == "Ann"
        with pytest.raises(WatchdogError, match="waits for no decision"):
            await opened.control.obey("ack", said, UID)


async def test_what_people_were_asked_is_known_to_the_next_process(
    shop: Shop, tmp_path: Path
) -> None:
    file = with_table(tmp_path, shop)
    shop.bad = True
    async with at_work(file) as opened:
        await until(lambda: bool(asked(opened)), "people are asked")
        await opened.journal.append(BreakerOpened("2 plans failed within 24h"))
        (before,) = asked(opened)

    async with open_daemon(Files([file]), EnvAndFileSecrets({})) as again:
        (after,) = asked(again)
        assert (after.row, after.standing, after.within) == (before.row, before.standing, 600.0)
        assert abs(after.opened.elapsed - before.opened.elapsed) < 0.01
        assert again.daemon.shared.ledger.breaker.why == "2 plans failed within 24h"


def test_the_commands_reach_a_daemon(shop: Shop, tmp_path: Path) -> None:
    file = write_files(tmp_path, shop)
    with daemon(file):
        closed = called("close-breaker", file, "--by", "Ann", "--reason", "nothing")
        acknowledged = called("ack", file, "--target", "shop", "--by", "Ann", "--reason", "x")

    assert closed.code == acknowledged.code != 0
    assert "the breaker is not open: nothing to close" in closed.err
    assert "target shop waits for no decision: nothing to acknowledge" in acknowledged.err
