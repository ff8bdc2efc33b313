import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from aiohttp import web

from tests.bed.metrics_page import metrics_page
from tests.bed.scraped import (
    ALL,
    ERROR_RATIO,
    ERRORS,
    P95,
    RATE,
    ScrapeBed,
    bed_on,
    requests,
    serving,
)
from tests.bed.wire import web_server
from watchdog.adapters.scrape_ask import Ask
from watchdog.domain.condition import Condition, Op
from watchdog.domain.observation import Gap, Sample, Unknown
from watchdog.domain.signal import Signal, Verdict, judge
from watchdog.ports import Question


@pytest.fixture
async def resources() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
async def bed(resources: AsyncExitStack) -> ScrapeBed:
    page = await resources.enter_async_context(metrics_page())
    return await bed_on(resources, page.url, page)


# -- the four questions


async def test_a_gauge_is_what_the_page_shows_now(bed: ScrapeBed) -> None:
    bed.page.gauge("queue_length", 7, queue="mail")

    assert await bed.one({"gauge": "queue_length"}) == Sample((7.0,))
    bed.page.gauge("queue_length", 9, queue="mail")
    assert await bed.one({"gauge": 'queue_length{queue=~"m.*"}'}) == Sample((9.0,))


async def test_several_gauges_are_several_values(bed: ScrapeBed) -> None:
    for queue, length in (("mail", 7), ("print", 2)):
        bed.page.gauge("queue_length", length, queue=queue)

    assert sorted((await bed.sample({"gauge": "queue_length"})).values) == [2.0, 7.0]
    assert (await bed.sample({"gauge": 'queue_length{queue!="mail"}'})).values == (2.0,)


async def test_a_gauge_that_is_not_on_the_page_is_no_data(bed: ScrapeBed) -> None:
    assert await bed.gap({"gauge": 'gone{a="1"}'}) == Gap(
        Unknown.NODATA, 'no series gone{a="1"} on the page'
    )


async def test_a_gauge_of_no_number_is_told_as_it_is(bed: ScrapeBed) -> None:
    bed.page.gauge("share", math.nan)
    assert math.isnan((await bed.sample({"gauge": "share"})).values[0])
    bed.page.gauge("share", math.inf)
    assert await bed.one({"gauge": "share"}) == Sample((math.inf,))


async def test_a_rate_is_growth_a_second_summed_over_series(bed: ScrapeBed) -> None:
    bed.page.count(200, 10_000)
    bed.page.count(500, 50)

    def serve() -> None:
        bed.page.count(200, 27)
        bed.page.count(500, 3)

    await bed.fill(RATE, then=serve)

    assert await bed.one(RATE) == Sample((2.0,))


async def test_a_ratio_is_the_share_of_growth_and_brings_its_volume(bed: ScrapeBed) -> None:
    bed.page.count(200, 10_000)
    bed.page.count(500, 5_000)

    def serve() -> None:
        bed.page.count(200, 27)
        bed.page.count(500, 3)

    await bed.fill(ERROR_RATIO, then=serve)

    assert await bed.one(ERROR_RATIO) == Sample((0.1,), volume=120.0)


async def test_a_quantile_is_of_the_window_alone_and_brings_its_volume(bed: ScrapeBed) -> None:
    bed.page.took(9.0, 5_000)
    await bed.fill(P95, then=lambda: bed.page.took(0.2, 25))

    seen = await bed.sample(P95)

    assert seen.values == pytest.approx((0.1 + 0.15 * 0.95,))
    assert seen.volume == 100


async def test_a_quantile_sums_the_buckets_of_every_label(resources: AsyncExitStack) -> None:
    pages = iter([(0, 0, 0, 0), (60, 100, 30, 100)])

    def text(_: web.Request) -> str:
        a, b, c, d = next(pages)
        return (
            f'x_bucket{{path="/a",le="1"}} {a}\nx_bucket{{path="/a",le="+Inf"}} {b}\n'
            f'x_bucket{{path="/b",le="1.0"}} {c}\nx_bucket{{path="/b",le="+Inf"}} {d}\n'
            'x_bucket{path="/b",le="lots"} 7\nx_bucket{path="/b"} 7\n'
        )

    bed = await serving(resources, text)
    ask = {"quantile": {"q": 0.3, "of": 'x{path=~"/."}'}, "window": "10s"}
    await bed.one(ask)
    bed.clock.advance(10)

    seen = await bed.sample(ask)

    assert seen.values == pytest.approx((200 * 0.3 / 90,))
    assert seen.volume == 200


async def test_a_histogram_without_its_last_bucket_has_no_quantile(
    resources: AsyncExitStack,
) -> None:
    counts = iter([5, 25])
    bed = await serving(resources, lambda _: f'x_bucket{{le="1"}} {next(counts)}\n')
    ask = {"quantile": {"q": 0.5, "of": "x"}, "window": "10s"}
    await bed.one(ask)
    bed.clock.advance(10)

    seen = await bed.sample(ask)

    assert math.isnan(seen.values[0])
    assert seen.volume is None
    assert "no bucket up to +Inf" in seen.note


async def test_no_traffic_is_no_share_and_no_quantile(bed: ScrapeBed) -> None:
    bed.page.count(200, 500)
    bed.page.count(500, 5)
    bed.page.took(0.2, 500)
    await bed.fill(ERROR_RATIO, P95)

    for seen in await bed.ask(ERROR_RATIO, P95):
        assert isinstance(seen, Sample)
        assert math.isnan(seen.values[0])
        assert seen.volume == 0


# -- the window


async def test_until_the_window_is_filled_there_is_no_answer(bed: ScrapeBed) -> None:
    bed.page.count(200, 500)
    bed.page.count(500, 5)
    bed.page.took(0.2)
    five = {**RATE, "window": "5m"}
    for _ in range(15):
        await bed.fill(five, looks=1, then=lambda: bed.page.count(200, 15))

    assert await bed.gap(five) == Gap(Unknown.NODATA, "window not yet filled: 3m 45s of 5m")
    for ask in (ERROR_RATIO, P95):
        assert (await bed.gap(ask)).note == "window not yet filled: 0s of 1m"
    bed.clock.advance(15)
    bed.page.count(200, 15)
    assert await bed.one(five) == Sample((1.0,))


async def test_a_window_too_short_for_the_looks_says_so(bed: ScrapeBed) -> None:
    bed.page.count(200)
    short = {**RATE, "window": "10s"}
    await bed.fill(short)

    assert (await bed.gap(short)).note == (
        "window not yet filled: 0s of 10s; its looks are 15s apart"
    )


async def test_the_look_itself_says_when_it_was_not_its_slot(bed: ScrapeBed) -> None:
    bed.page.count(200)
    slot = bed.clock.now()
    question = [Question("it", Ask.model_validate(RATE))]
    bed.clock.advance(14)
    await bed.source.observe(question, slot)
    for start in range(15, 75, 15):
        bed.clock.advance(1 if start == 15 else 15)
        bed.page.count(200, 1 if start == 15 else 15)
        seen = await bed.source.observe(question, slot.after(start))

    assert seen["it"] == Gap(Unknown.NODATA, "window not yet filled: 46s of 1m")


async def test_a_restart_of_the_service_goes_on_from_zero(bed: ScrapeBed) -> None:
    bed.page.count(200, 1_000_000)
    bed.page.count(500, 1_000)
    await bed.fill(ERROR_RATIO, looks=2, then=lambda: bed.page.count(200, 30))
    bed.page.restart()
    bed.page.count(200, 20)
    bed.page.count(500, 10)
    await bed.fill(ERROR_RATIO, looks=2, then=lambda: bed.page.count(200, 30))

    # 30 before the restart was seen, 20 and 10 after it, and twice 30.
    assert await bed.one(ERROR_RATIO) == Sample((10 / 120,), volume=120.0)


async def test_a_series_that_vanished_counts_until_it_leaves_the_window(
    resources: AsyncExitStack,
) -> None:
    values = {"200": 100, "500": 100}
    bed = await serving(resources, lambda _: requests(values))

    def serve() -> None:
        values["200"] += 20
        values["500"] += 10

    await bed.fill(ERROR_RATIO, then=serve)
    assert await bed.one(ERROR_RATIO) == Sample((40 / 120,), volume=120.0)
    del values["500"]
    seen = []
    for _ in range(5):
        bed.clock.advance(15)
        values["200"] += 30
        seen.append(await bed.sample(ERROR_RATIO))

    assert [each.values for each in seen] == [(0.25,), (20 / 120,), (10 / 120,), (), ()]
    assert [each.volume for each in seen] == [120.0] * 5
    assert {each.age for each in seen} == {None}


async def test_no_errors_ever_is_no_share_but_a_volume(bed: ScrapeBed) -> None:
    bed.page.count(200, 100)
    await bed.fill(ERROR_RATIO, then=lambda: bed.page.count(200, 30))

    seen = await bed.sample(ERROR_RATIO)

    assert seen == Sample((), volume=120.0, note=f"no series {ERRORS} on the page")
    signal = Signal("errors", "own", has_volume=True, nodata_is_ok=True)
    assert judge(signal, Condition(Op.ABOVE, 0.01), seen).verdict is Verdict.OK


async def test_nothing_to_compare_with_is_no_data(bed: ScrapeBed) -> None:
    ask = {"ratio": {"of": ALL, "to": "gone_total"}, "window": "1m"}
    bed.page.count(200)
    await bed.fill(ask)

    assert await bed.gap(ask) == Gap(Unknown.NODATA, "no series gone_total on the page")


async def test_what_is_not_there_is_said_before_the_window_is_filled(bed: ScrapeBed) -> None:
    for ask in (
        {"rate": "gone_total", "window": "1m"},
        {"quantile": {"q": 0.5, "of": "gone"}, "window": "1m"},
    ):
        assert (await bed.gap(ask)).note.startswith("no series gone")


async def test_counters_that_are_gone_grow_old_and_then_are_no_data(
    resources: AsyncExitStack,
) -> None:
    values = {"200": 100}
    bed = await serving(resources, lambda _: requests(values))
    await bed.fill(RATE)
    assert await bed.one(RATE) == Sample((0.0,))
    values.clear()
    ages = []
    for _ in range(3):
        bed.clock.advance(15)
        ages.append((await bed.sample(RATE)).age)
    bed.clock.advance(15)

    assert ages == [15.0, 30.0, 45.0]
    assert (await bed.gap(RATE)).reason is Unknown.NODATA


@pytest.mark.parametrize("value", [math.nan, math.inf])
async def test_a_counter_that_is_no_number_is_unknown_and_spoils_nothing(
    resources: AsyncExitStack, value: float
) -> None:
    values = iter([0.0, 30.0, value, 90.0, 120.0])
    bed = await serving(resources, lambda _: f"x_total {next(values)}\n")
    ask = {"rate": "x_total", "window": "1m"}
    await bed.fill(ask, looks=2)

    reason = Unknown.NAN if math.isnan(value) else Unknown.INF
    assert (await bed.gap(ask)).reason is reason
    bed.clock.advance(15)
    await bed.fill(ask, looks=1)
    assert await bed.one(ask) == Sample((2.0,))


async def test_a_failed_look_leaves_a_hole_and_loses_no_growth(bed: ScrapeBed) -> None:
    bed.page.count(200, 100)
    await bed.fill(RATE, looks=2, then=lambda: bed.page.count(200, 30))
    bed.page.status = 503
    assert (await bed.gap(RATE)).reason is Unknown.HTTP
    await bed.fill(RATE, looks=2, then=lambda: bed.page.count(200, 30))
    bed.page.status = 200

    assert await bed.one(RATE) == Sample((2.0,))


async def test_times_on_the_page_make_its_numbers_older(resources: AsyncExitStack) -> None:
    written = 0.0
    bed = await serving(
        resources, lambda _: f"x_total 5 {written * 1000:.0f}\ny 1 {written * 1000:.0f}\n"
    )
    written = bed.clock.now().wall - 40
    ask = {"rate": "x_total", "window": "1m"}
    await bed.fill(ask, {"gauge": "y"})

    for each in (ask, {"gauge": "y"}):
        assert (await bed.sample(each)).age == pytest.approx(100, abs=0.01)
    written = bed.clock.now().wall + 3_600
    assert (await bed.sample({"gauge": "y"})).age is None


# -- one look for all


async def test_all_questions_share_one_look(bed: ScrapeBed) -> None:
    bed.page.count(200)

    await bed.ask(RATE, ERROR_RATIO, P95, {"gauge": "x"}, RATE)

    assert bed.page.scrapes == 1
    assert await bed.source.observe([], bed.clock.now()) == {}
    assert bed.page.scrapes == 1


async def test_a_question_is_remembered_though_others_ask_in_between(bed: ScrapeBed) -> None:
    bed.page.count(200)
    await bed.ask(RATE)
    for _ in range(8):
        bed.clock.advance(15)
        bed.page.count(200, 15)
        await bed.ask({"gauge": "x"})

    assert await bed.one(RATE) == Sample((1.0,))


async def test_of_looks_at_the_same_time_each_waits_for_its_turn(
    resources: AsyncExitStack,
) -> None:
    under_way = most = asked = 0

    async def answer(_: web.Request) -> web.Response:
        nonlocal under_way, most, asked
        asked += 1
        mine = asked
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.02)
        under_way -= 1
        return web.Response(text=f"x_total {mine}\n")

    url = await resources.enter_async_context(web_server(answer))
    bed = await bed_on(resources, url)
    async with asyncio.TaskGroup() as tasks:
        for _ in range(5):
            tasks.create_task(bed.one({"rate": "x_total", "window": "1m"}))

    assert (asked, most) == (5, 1)
