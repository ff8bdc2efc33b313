"""Against a real Prometheus: what only the real one can tell."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass

import pytest
import pytest_asyncio
from prometheus_api_client.exceptions import PrometheusApiClientException
from prometheus_api_client.prometheus_connect import PrometheusConnect
from urllib3 import Retry

from tests.bed.deps import now, real_deps
from tests.bed.metrics_page import MetricsPage, metrics_page, under_load
from tests.bed.prometheus import Prometheus, start_prometheus
from watchdog.adapters.promql import Kind, parse_query
from watchdog.adapters.sources.prometheus import Ask, Options, PrometheusSource
from watchdog.domain.errors import WatchdogError
from watchdog.domain.observation import Gap, Observation, Sample, Unknown
from watchdog.ports import Deps, Question

ERRORS = 'sum(rate(http_requests_total{code=~"5.."}[5s]))'
ALL = "sum(rate(http_requests_total[5s]))"
DUPLICATES = "many + on() group_left() many"


@dataclass
class Bed:
    page: MetricsPage
    prometheus: Prometheus
    source: PrometheusSource

    async def ask(self, *queries: str) -> list[Observation]:
        questions = [Question(query, Ask(query=query)) for query in queries]
        return list(self.in_order(questions, await self.source.observe(questions, now())))

    def in_order(
        self, questions: list[Question], seen: Mapping[str, Observation]
    ) -> list[Observation]:
        assert set(seen) == {question.id for question in questions}
        return [seen[question.id] for question in questions]

    async def until(self, query: str, wanted: Callable[[Observation], bool]) -> Observation:
        async with asyncio.timeout(40):
            while True:
                (seen,) = await self.ask(query)
                if wanted(seen):
                    return seen
                await asyncio.sleep(0.05)


# Prometheus takes five seconds until its first scrape: one serves all tests here.
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(
    tmp_path_factory: pytest.TempPathFactory, require_program: Callable[[str], str]
) -> AsyncIterator[tuple[MetricsPage, Prometheus, Deps]]:
    program, folder = require_program("prometheus"), tmp_path_factory.mktemp("prometheus")
    async with (
        metrics_page() as page,
        start_prometheus(program, folder, [page.target]) as prometheus,
        real_deps() as deps,
    ):
        page.count(200, 10)
        page.count(500, 0)
        page.gauge("steady", 7)
        page.gauge("many", 1, color="red")
        page.gauge("many", 2, color="blue")
        await prometheus.until_number("steady")
        yield page, prometheus, deps


@pytest_asyncio.fixture(loop_scope="module")
async def bed(running: tuple[MetricsPage, Prometheus, Deps]) -> Bed:
    page, prometheus, deps = running
    page.status = 200
    await prometheus.until_number("steady")
    options = Options.model_validate({"url": prometheus.url})
    return Bed(page, prometheus, PrometheusSource(options, deps))


async def test_every_kind_of_answer_comes_back_from_one_batch(bed: Bed) -> None:
    number, scalar, many, nothing, nan, infinite = await bed.ask(
        "steady * 2", "1 + 1 # two", "many", "nowhere", "steady * NaN", "steady / 0"
    )

    assert isinstance(number, Sample)
    assert number.values == (14.0,)
    assert number.age is not None
    assert 0 <= number.age < 20
    assert scalar == Sample((2.0,), age=None)
    assert isinstance(many, Sample)
    assert sorted(many.values) == [1.0, 2.0]
    assert nothing == Sample(())
    assert isinstance(nan, Sample)
    assert str(nan.values) == "(nan,)"
    assert isinstance(infinite, Sample)
    assert infinite.values == (float("inf"),)


async def test_a_query_that_fails_does_not_spoil_the_others(bed: Bed) -> None:
    steady, bad, nothing = await bed.ask("steady", DUPLICATES, "nowhere")

    assert isinstance(steady, Sample)
    assert steady.values == (7.0,)
    assert isinstance(bad, Gap)
    assert bad.reason is Unknown.ERROR
    assert bad.note.startswith("execution: found duplicate series")
    assert nothing == Sample(())


async def test_the_volume_comes_with_the_number(bed: Bed) -> None:
    async with under_load(bed.page) as load:
        load.share_of_errors = 0.25
        ask = Ask(query=f"{ERRORS} / {ALL}", volume="sum(increase(http_requests_total[5s]))")
        question = Question("ratio", ask)

        async with asyncio.timeout(40):
            while True:
                seen = (await bed.source.observe([question], now()))["ratio"]
                assert isinstance(seen, Sample)
                if seen.values and abs(seen.values[0] - 0.25) < 0.02 and (seen.volume or 0) > 500:
                    break
                await asyncio.sleep(0.05)


async def test_each_value_of_a_label_comes_back_by_itself_with_its_own_volume(bed: Bed) -> None:
    parted = Ask(
        query="sum by (color) (many)", volume="sum by (color) (many * 100)", for_each="color"
    )
    questions = [Question("parted", parted), Question("whole", Ask(query="sum(many)"))]

    answers = await bed.source.observe(questions, now())

    parted_seen, whole = (answers[question.id] for question in questions)
    assert isinstance(parted_seen, Sample)
    assert parted_seen.parts is not None
    assert {name: (part.values, part.volume) for name, part in parted_seen.parts.items()} == {
        "red": ((1.0,), 100.0),
        "blue": ((2.0,), 200.0),
    }
    assert all(part.age == parted_seen.age for part in parted_seen.parts.values())
    assert isinstance(whole, Sample)
    assert (whole.values, whole.parts) == ((3.0,), None)


async def test_a_label_that_is_missing_counts_as_empty(bed: Bed) -> None:
    ask = Ask(query="steady or many", for_each="color")

    seen = (await bed.source.observe([Question("q", ask)], now()))["q"]

    assert isinstance(seen, Sample)
    assert seen.parts is not None
    assert {name: part.values for name, part in seen.parts.items()} == {
        "": (7.0,),
        "red": (1.0,),
        "blue": (2.0,),
    }


async def test_a_series_that_dies_is_seen_to_grow_old_while_its_rate_still_answers(
    bed: Bed,
) -> None:
    async with under_load(bed.page):
        fresh = await bed.until(ALL, lambda seen: isinstance(seen, Sample) and bool(seen.values))
        bed.page.status = 500
        old = await bed.until(
            ALL, lambda seen: isinstance(seen, Sample) and (seen.age or 0) > 2 and bool(seen.values)
        )

    assert isinstance(fresh, Sample)
    assert isinstance(old, Sample)
    assert fresh.age is not None
    assert fresh.age < 2
    # Prometheus itself says "no such series" by now, and still gives their rate.
    assert await bed.prometheus.number("time() - max(timestamp(http_requests_total))") is None


async def test_a_default_for_series_that_never_were_is_not_stale_beside_a_fresh_one(
    bed: Bed,
) -> None:
    alone, beside = await bed.ask(
        "sum(nowhere) or vector(0)", "(sum(nowhere) or vector(0)) + steady"
    )

    assert alone == Sample((0.0,), age=float("inf"))
    assert isinstance(beside, Sample)
    assert beside.age is not None
    assert beside.age < 20


async def test_a_prometheus_that_stops_hangs_or_returns_is_seen_as_that(bed: Bed) -> None:
    hasty = Options.model_validate({"url": bed.prometheus.url, "timeout": "300ms"})
    bed.source._options = hasty  # noqa: SLF001 (a second source would not know what it has seen)

    bed.prometheus.freeze()
    (frozen,) = await bed.ask("steady")
    bed.prometheus.thaw()
    thawed = await bed.until("steady", lambda seen: isinstance(seen, Sample))
    await bed.prometheus.stop()
    (stopped,) = await bed.ask("steady")
    await bed.prometheus.start()
    back = await bed.until("steady", lambda seen: isinstance(seen, Sample) and bool(seen.values))

    assert isinstance(frozen, Gap)
    assert frozen.reason is Unknown.TIMEOUT
    assert isinstance(thawed, Sample)
    assert isinstance(stopped, Gap)
    assert stopped.reason is Unknown.ERROR
    assert isinstance(back, Sample)


async def test_the_clocks_of_one_machine_agree(bed: Bed) -> None:
    await bed.ask("steady")

    assert bed.source.skew_seconds is not None
    assert abs(bed.source.skew_seconds) < 5


async def test_its_history_is_told_point_by_point(bed: Bed) -> None:
    await bed.until("steady", lambda seen: isinstance(seen, Sample))
    wall = now().wall

    points = await bed.source.points(Ask(query="steady"), wall - 10, wall, 1)
    none = await bed.source.points(Ask(query="nowhere"), wall - 10, wall, 1)
    with pytest.raises(WatchdogError, match="2 series"):
        await bed.source.points(Ask(query="many"), wall - 10, wall, 1)
    await bed.source.close()

    assert {point.value for point in points} == {7.0}
    assert all(wall - 12 <= point.at <= wall + 2 for point in points)
    assert none == []


async def test_the_doctor_hears_of_a_wrong_name_and_of_a_rate_of_a_gauge(bed: Bed) -> None:
    asks = [Ask(query=f"sum(rate(steady[5s])) / {ALL}", volume="sum(nowhere)")]

    found = await bed.source.facts(asks)
    async with asyncio.timeout(30):
        # Types are known of what was scraped since its start.
        while len(found) < 3:
            await asyncio.sleep(0.1)
            found = await bed.source.facts(asks)
    await bed.source.close()

    assert [finding.ok for finding in found] == [True, False, False]
    assert found[1].text.startswith("nowhere: no such series")
    assert found[2].text.startswith("steady is a gauge")


async def test_batches_agree_with_a_client_that_asks_one_by_one(bed: Bed) -> None:
    bed.page.count(500, 3)
    bed.page.took(0.3, 20)
    await bed.prometheus.until_number('http_requests_total{code="500"} > 2')
    chosen = random.Random(7)
    queries = list(dict.fromkeys(a_query(chosen) for _ in range(200)))
    moment = now()

    seen = await bed.source.observe([Question(q, Ask(query=q)) for q in queries], moment)

    oracle = PrometheusConnect(bed.prometheus.url, retry=Retry(0), timeout=20)
    told = [await asyncio.to_thread(tell, oracle, query, moment.wall) for query in queries]
    oracle.close()
    assert {query: as_told(seen[query]) for query in queries} == dict(
        zip(queries, told, strict=True)
    )
    assert sum(bool(values) for values in told) > len(queries) / 2


def tell(oracle: PrometheusConnect, query: str, time: float) -> list[str] | None:
    """The values of `query` in order, or None where it cannot be answered."""
    try:
        told = oracle.custom_query(query, params={"time": f"{time:.3f}"})
    except PrometheusApiClientException:
        return None
    if parse_query(query).kind is Kind.SCALAR:
        return [str(float(told[1]))]
    return sorted(str(float(series["value"][1])) for series in told)


def as_told(seen: Observation) -> list[str] | None:
    return sorted(map(str, seen.values)) if isinstance(seen, Sample) else None


LEAVES = (
    "steady",
    "many",
    "nowhere",
    "up",
    "5",
    "http_requests_total",
    'http_requests_total{code="500"}',
    "http_requests_total{code!~`2..`}",
    "count_over_time(steady[10s])",
    "histogram_quantile(0.9, http_request_duration_seconds_bucket)",
    "vector(3)",
    DUPLICATES,
)


def a_query(chosen: random.Random, depth: int = 0) -> str:
    """A query of the right types, which mostly has an answer and sometimes an error."""
    if depth == 2 or chosen.random() < 0.3:
        return chosen.choice(LEAVES)
    inner, other = a_query(chosen, depth + 1), a_query(chosen, depth + 1)
    grown = [f"({inner}) {operator} {chosen.randint(0, 5)}" for operator in "+-*/"]
    if parse_query(inner).kind is Kind.SCALAR:
        return chosen.choice([*grown, f"vector({inner})"])
    grown += [f"sum({inner})", f"max by (code) ({inner})", f"scalar({inner})", f"-({inner})"]
    if parse_query(other).kind is Kind.VECTOR:
        grown += [f"({inner}) or ({other})", f"sum({inner}) / count({other})"]
    return chosen.choice(grown)
