"""Against a real Prometheus that reads the same page: on a steady load both say the same."""

import asyncio
import math
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.bed.deps import now, real_deps
from tests.bed.metrics_page import MetricsPage, metrics_page
from tests.bed.prometheus import Prometheus, start_prometheus
from tests.bed.scraped import ALL, ERRORS, SECONDS
from watchdog.adapters.scrape_ask import Ask
from watchdog.adapters.sources.scrape import Options, plugin
from watchdog.domain.observation import Sample
from watchdog.ports import Question, Source

WINDOW = "4s"
# Prometheus stretches what it saw to the window, and reads the page at other moments.
TOLERANCE = 0.05
ASKS = {
    "rate": {"rate": ALL, "window": WINDOW},
    "some": {"rate": 'http_requests_total{code!~"2..|404"}', "window": WINDOW},
    "ratio": {"ratio": {"of": ERRORS, "to": ALL}, "window": WINDOW},
    "p50": {"quantile": {"q": 0.5, "of": SECONDS}, "window": WINDOW},
    "p95": {"quantile": {"q": 0.95, "of": SECONDS}, "window": WINDOW},
}
BUCKETS = f"sum by (le) (rate({SECONDS}_bucket[{WINDOW}]))"
QUERIES = {
    "rate": f"sum(rate({ALL}[{WINDOW}]))",
    "some": f'sum(rate({ALL}{{code!~"2..|404"}}[{WINDOW}]))',
    "ratio": f"sum(rate({ERRORS}[{WINDOW}])) / sum(rate({ALL}[{WINDOW}]))",
    "p50": f"histogram_quantile(0.5, {BUCKETS})",
    "p95": f"histogram_quantile(0.95, {BUCKETS})",
    "volume of ratio": f"sum(increase({ALL}[{WINDOW}]))",
    "volume of p95": f"sum(increase({SECONDS}_count[{WINDOW}]))",
}
LOOKS = 15


@dataclass
class Pair:
    """The two that read one page."""

    source: Source
    prometheus: Prometheus

    async def differences(self) -> dict[str, float]:
        """How far they are apart, by number: the middle one of many looks, as a share."""
        looks = [await self._look() for _ in range(LOOKS)]
        return {name: median(look[name] for look in looks) for name in QUERIES}

    async def until_filled(self) -> None:
        """Until a whole window has gone by in which both saw everything."""
        every = f"min(count_over_time({ALL}[{WINDOW}]))"
        ends = now().elapsed + 4
        async with asyncio.timeout(60):
            while now().elapsed < ends or (await self.prometheus.number(every) or 0) < 17:
                await self._ours()
                await asyncio.sleep(0.1)

    async def _look(self) -> dict[str, float]:
        ours = await self._ours()
        theirs = {name: await self.prometheus.number(query) for name, query in QUERIES.items()}
        await asyncio.sleep(0.1)
        return {
            name: abs(ours[name] - number) / number if number else math.inf
            for name, number in theirs.items()
        }

    async def _ours(self) -> dict[str, float]:
        questions = [Question(name, Ask.model_validate(ask)) for name, ask in ASKS.items()]
        found = {}
        for name, seen in (await self.source.observe(questions, now())).items():
            if isinstance(seen, Sample):
                (found[name],) = seen.values
                found[f"volume of {name}"] = seen.volume or math.nan
        return found


@asynccontextmanager
async def steady_load(page: MetricsPage) -> AsyncIterator[None]:
    """The same mixture of answers, 400 a second, for as long as the block lasts."""

    async def serve() -> None:
        chance, loop = random.Random(5), asyncio.get_running_loop()
        started, served = loop.time(), 0
        while True:
            await asyncio.sleep(0.01)
            due = int((loop.time() - started) * 400)
            for _ in range(due - served):
                page.count(chance.choice([200] * 7 + [404, 500, 503]))
                page.took(chance.lognormvariate(-1.5, 0.8))
            served = due

    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(serve(), name="load")
        try:
            yield
        finally:
            serving.cancel()


async def test_on_a_steady_load_every_answer_is_that_of_prometheus(
    tmp_path: Path, require_program: Callable[[str], str]
) -> None:
    program = require_program("prometheus")
    async with (
        metrics_page() as page,
        steady_load(page),
        real_deps() as deps,
        start_prometheus(program, tmp_path, [page.target]) as prometheus,
    ):
        pair = Pair(plugin.build(Options(url=page.url), deps), prometheus)
        await prometheus.until_number("up")
        await pair.until_filled()
        steady = await pair.differences()
        page.restart()
        restarted = await pair.differences()

    assert {name: off for name, off in steady.items() if not off <= TOLERANCE} == {}
    assert {name: off for name, off in restarted.items() if not off <= 2 * TOLERANCE} == {}
