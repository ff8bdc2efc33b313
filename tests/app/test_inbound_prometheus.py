"""A real Prometheus tells a real Alertmanager, and that the daemon: whatever of them dies."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.app.test_inbound_alertmanager import a_daemon, alertmanagers, received, until
from tests.bed.alertmanager import Alertmanager
from tests.bed.command_line import Running
from tests.bed.metrics_page import MetricsPage, metrics_page
from tests.bed.prometheus import Prometheus, start_prometheus
from tests.bed.shop import Shop, a_free_port, a_shop

RULES = """
groups:
  - name: shop
    rules:
      - {{alert: ShopBurns, expr: shop_trouble > 5, for: {hold}, labels: {{service: shop}}}}
"""
PENDING = 'ALERTS{alertname="ShopBurns", alertstate="pending"}'


@dataclass
class Chain:
    """From the page that Prometheus scrapes to the daemon that is told."""

    page: MetricsPage
    prometheus: Prometheus
    alertmanager: Alertmanager
    running: Running

    def runs(self) -> int:
        return len(self.running.logged("run_started"))

    def breaches(self) -> bool:
        return bool(self.running.target["triggers"][0]["verdict"] == "breach")

    def outcomes(self) -> list[str]:
        return [line["outcome"] for line in self.running.logged("run_ended")]


# With how long the alert must hold before it fires.
Built = Callable[[str], AbstractAsyncContextManager[Chain]]


@pytest.fixture
def shop() -> Iterator[Shop]:
    with a_shop() as shop:
        yield shop


@pytest.fixture
def chain(require_program: Callable[[str], str], shop: Shop, tmp_path: Path) -> Built:
    @asynccontextmanager
    async def built(hold: str) -> AsyncIterator[Chain]:
        listen = f"127.0.0.1:{a_free_port()}"
        (tmp_path / "prometheus").mkdir()
        manager = require_program("prometheus-alertmanager")
        async with metrics_page() as page, alertmanagers(manager, tmp_path, listen) as (one,):
            page.gauge("shop_trouble", 0)
            program, told = require_program("prometheus"), one.url.removeprefix("http://")
            rules, folder = RULES.format(hold=hold), tmp_path / "prometheus"
            async with start_prometheus(
                program, folder, [page.target], rules=rules, alertmanager=told
            ) as server:
                await server.until_number("shop_trouble")
                with a_daemon(tmp_path, shop, listen) as running:
                    yield Chain(page, server, one, running)

    return built


async def test_a_false_resolve_by_a_dead_scrape_target_cancels_and_proves_nothing(
    chain: Built, shop: Shop
) -> None:
    shop.hold()
    shop.cures = False
    async with chain("0s") as here:
        shop.bad = True
        here.page.gauge("shop_trouble", 9)
        await until(lambda: shop.undone == 1, "the step is under way")

        here.page.status = 500
        await until(lambda: "resolved" in received(here.running), "Alertmanager says it is over")
        assert here.outcomes() == []
        shop.released.set()
        await until(here.outcomes, "the run goes on to its end")
        assert here.outcomes() == ["failed"]

        here.page.status = 200
        await until(lambda: received(here.running)[-1] == "firing", "it burns, as it did before")
        await until(here.breaches, "that is seen")
        assert (here.runs(), shop.undone) == (1, 1)


async def test_a_prometheus_that_restarts_while_an_alert_is_pending_starts_exactly_one_plan(
    chain: Built, shop: Shop
) -> None:
    async with chain("2s") as here:
        shop.bad = True
        here.page.gauge("shop_trouble", 9)
        await here.prometheus.until_number(PENDING)
        await here.prometheus.stop()
        await here.prometheus.start()
        assert received(here.running) == []

        await until(here.outcomes, "the plan runs")
        assert here.outcomes() == ["succeeded"]
        sent = here.alertmanager.log.count("Notify success")
        await until(
            lambda: here.alertmanager.log.count("Notify success") > sent + 1, "it is repeated"
        )
        assert (here.runs(), shop.undone) == (1, 1)


async def test_an_alertmanager_that_restarts_repeats_what_is_known_and_starts_nothing_more(
    chain: Built, shop: Shop
) -> None:
    async with chain("0s") as here:
        shop.bad = True
        here.page.gauge("shop_trouble", 9)
        await until(here.outcomes, "the plan runs")
        assert here.outcomes() == ["succeeded"]

        await here.alertmanager.stop()
        sent = here.alertmanager.log.count("Notify success")
        await here.alertmanager.start()
        await until(
            lambda: here.alertmanager.log.count("Notify success") > sent, "it says it again"
        )
        shop.bad = True
        await until(here.breaches, "both say that it burns")

        assert received(here.running) == ["firing"]
        assert (here.runs(), shop.undone) == (1, 1)
