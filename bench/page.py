"""A metrics page under steady load: many routes, so that every trigger selects other series."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from bench.matrix import ROUTES
from tests.bed.wire import web_server

STEP = 0.1


@dataclass(slots=True)
class Page:
    """`target` is how a scrape configuration names it; `load` is a gauge to set."""

    target: str = ""
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    requests: Counter = field(init=False)
    load: Gauge = field(init=False)

    def __post_init__(self) -> None:
        labels = ["route", "code"]
        self.requests = Counter("http_requests", "Answered", labels, registry=self.registry)
        self.load = Gauge("bench_load", "Set by the benchmark", registry=self.registry)

    async def show(self, _: web.Request) -> web.Response:
        """The page, in the text format."""
        return web.Response(body=generate_latest(self.registry))

    async def serve_traffic(self) -> None:
        """Count requests for ever: 1 % of them fail."""
        while True:
            for route in range(ROUTES):
                self.requests.labels(f"r{route}", "200").inc(99)
                self.requests.labels(f"r{route}", "500").inc(1)
            await asyncio.sleep(STEP)


@asynccontextmanager
async def page_under_load() -> AsyncIterator[Page]:
    """The page on a free loopback port."""
    page = Page()
    async with web_server(page.show) as url, asyncio.TaskGroup() as tasks:
        page.target = url.removeprefix("http://")
        traffic = tasks.create_task(page.serve_traffic())
        yield page
        traffic.cancel()
