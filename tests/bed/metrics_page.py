"""A service that shows only a metrics page, whose every number a test sets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from tests.bed.patience import until
from tests.bed.wire import web_server

BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass(slots=True)
class MetricsPage:
    """Counters by status code, a histogram of latency, and any gauges.

    `status` is what /metrics answers with, `text` overrides its content, and while `silent`
    is set it does not answer at all.
    """

    url: str = ""
    status: int = 200
    text: str | None = None
    silent: bool = False
    scrapes: int = 0
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    _gauges: dict[str, Gauge] = field(default_factory=dict)
    _requests: Counter = field(init=False)
    _seconds: Histogram = field(init=False)

    def __post_init__(self) -> None:
        self._requests = Counter(
            "http_requests", "Requests answered", ["code"], registry=self.registry
        )
        self._seconds = Histogram(
            "http_request_duration_seconds",
            "How long answers took",
            buckets=BUCKETS,
            registry=self.registry,
        )

    @property
    def target(self) -> str:
        """Where it listens, as a scrape configuration names it."""
        return self.url.removeprefix("http://").removesuffix("/metrics")

    def count(self, code: int = 200, times: float = 1) -> None:
        """`times` further requests were answered with `code`."""
        self._requests.labels(str(code)).inc(times)

    def took(self, seconds: float, times: int = 1) -> None:
        """`times` further answers took `seconds` each."""
        for _ in range(times):
            self._seconds.observe(seconds)

    def gauge(self, name: str, value: float, **labels: str) -> None:
        """The gauge `name` shows `value`."""
        if name not in self._gauges:
            self._gauges[name] = Gauge(name, name, list(labels), registry=self.registry)
        gauge = self._gauges[name]
        (gauge.labels(**labels) if labels else gauge).set(value)

    def forget_gauge(self, name: str) -> None:
        """The gauge `name` is gone from the page."""
        self.registry.unregister(self._gauges.pop(name))

    def restart(self) -> None:
        """The service starts anew: every counter begins at nothing, gauges are gone."""
        self.registry = CollectorRegistry()
        self._gauges.clear()
        self.__post_init__()

    async def answer(self, _: web.Request) -> web.Response:
        self.scrapes += 1
        await until(lambda: not self.silent, "the page speaks again", seconds=600)
        text = self.text
        if text is None:
            text = generate_latest(self.registry).decode()
        kind = "text/plain; version=0.0.4"
        return web.Response(status=self.status, text=text, headers={"Content-Type": kind})


@dataclass(slots=True)
class Load:
    """Requests that keep coming: change the numbers, and the page shows it."""

    per_second: float = 200.0
    share_of_errors: float = 0.0
    seconds: float = 0.02


@asynccontextmanager
async def metrics_page() -> AsyncIterator[MetricsPage]:
    """A page that is served for as long as the block lasts."""
    page = MetricsPage()
    async with web_server(page.answer) as url:
        page.url = f"{url}/metrics"
        try:
            yield page
        finally:
            page.silent = False


@asynccontextmanager
async def under_load(page: MetricsPage, load: Load | None = None) -> AsyncIterator[Load]:
    """`page` counts requests as `load` says for as long as the block lasts."""
    load = load or Load()
    async with asyncio.TaskGroup() as tasks:
        generating = tasks.create_task(_generate(page, load), name="load")
        try:
            yield load
        finally:
            generating.cancel()


async def _generate(page: MetricsPage, load: Load) -> None:
    loop = asyncio.get_running_loop()
    before = loop.time()
    owed = errors_owed = 0.0
    while True:
        await asyncio.sleep(0.02)
        now = loop.time()
        # In real time, so that a busy machine slows the steps but not the rate.
        owed += load.per_second * (now - before)
        before = now
        due, owed = int(owed), owed % 1
        errors_owed += due * load.share_of_errors
        errors, errors_owed = int(errors_owed), errors_owed % 1
        if errors:
            page.count(500, errors)
        page.count(200, due - errors)
        page.took(load.seconds, due)
