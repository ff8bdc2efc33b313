"""A `scrape` source at work on a page, and a clock that goes as a test wants."""

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tests.bed.deps import KnownSecrets
from tests.bed.metrics_page import MetricsPage
from tests.bed.wire import web_server
from watchdog.adapters.clock import SystemClock
from watchdog.adapters.http import AioHttpClient
from watchdog.adapters.scrape_ask import Ask
from watchdog.adapters.sources.scrape import Options, ScrapeSource, plugin
from watchdog.domain.observation import Gap, Observation, Sample
from watchdog.ports import Deps, Question
from watchdog.testing.doubles import ManualClock

ERRORS = 'http_requests_total{code=~"5.."}'
ALL = "http_requests_total"
SECONDS = "http_request_duration_seconds"
ERROR_RATIO = {"ratio": {"of": ERRORS, "to": ALL}, "window": "1m"}
RATE = {"rate": ALL, "window": "1m"}
P95 = {"quantile": {"q": 0.95, "of": SECONDS}, "window": "1m"}
TEXT = "text/plain; version=0.0.4"
SECRET = "hush-9c41"


@dataclass
class ScrapeBed:
    """A page, a source that reads it, and a clock that goes as told."""

    page: MetricsPage
    source: ScrapeSource
    clock: ManualClock

    async def ask(self, *asks: dict[str, Any]) -> list[Observation]:
        questions = [Question(str(n), Ask.model_validate(each)) for n, each in enumerate(asks)]
        seen = await self.source.observe(questions, self.clock.now())
        assert list(seen) == [question.id for question in questions]
        return list(seen.values())

    async def one(self, ask: dict[str, Any]) -> Observation:
        (seen,) = await self.ask(ask)
        return seen

    async def sample(self, ask: dict[str, Any]) -> Sample:
        seen = await self.one(ask)
        assert isinstance(seen, Sample), seen
        return seen

    async def gap(self, ask: dict[str, Any]) -> Gap:
        seen = await self.one(ask)
        assert isinstance(seen, Gap), seen
        return seen

    async def fill(
        self, *asks: dict[str, Any], looks: int = 4, then: Callable[[], None] = lambda: None
    ) -> None:
        """Look `looks` times 15 s apart; before each next look the service does `then`."""
        for _ in range(looks):
            await self.ask(*asks)
            self.clock.advance(15)
            then()


async def bed_on(
    resources: AsyncExitStack, url: str, page: MetricsPage | None = None, /, **options: object
) -> ScrapeBed:
    """A source that reads the page at `url`; its secret is {env: TOKEN}."""
    clock = ManualClock()
    http = await resources.enter_async_context(AioHttpClient(SystemClock()))
    deps = Deps(clock, http, KnownSecrets({"env:TOKEN": SECRET}))
    source = plugin.build(Options.model_validate({"url": url, **options}), deps)
    assert isinstance(source, ScrapeSource)
    return ScrapeBed(page or MetricsPage(), source, clock)


async def serving(
    resources: AsyncExitStack,
    text: Callable[[web.Request], str],
    kind: str = TEXT,
    **options: object,
) -> ScrapeBed:
    """A source that reads a page of `text`."""

    async def answer(request: web.Request) -> web.Response:
        return web.Response(text=text(request), headers={"Content-Type": kind})

    url = await resources.enter_async_context(web_server(answer))
    return await bed_on(resources, f"{url}/metrics", None, **options)


def requests(by_code: Mapping[str, int]) -> str:
    """A page that counts requests."""
    return "".join(f'{ALL}{{code="{code}"}} {count}\n' for code, count in by_code.items())
