"""Acceptance on the shipped file: the latency ladder and the cost plan."""

from itertools import pairwise
from pathlib import Path

from tests.bed.end_block import assert_end_block
from tests.bed.hybrid import EVERY, P95, SLACK, here, scene
from tests.bed.patience import until
from tests.bed.scenarios import scenario
from watchdog.domain.events import RunEnded, TriggerChanged
from watchdog.domain.progress import Outcome
from watchdog.domain.trigger import Change
from watchdog.testing.hybrid_service import (
    CACHE,
    COSTS,
    DISABLE,
    NOTIFY,
    OVERRIDE,
    PREFERENCE,
    ROUTING,
    THROTTLING,
)
from watchdog.testing.hybrid_system import Conditions

P95_LOOKS = "/admin/metrics/p95-latency"
COST_LOOKS = "/admin/metrics/cost"
COST_EVERY = 60.0


@scenario
async def test_e0_2_p95_above_2_s_for_ten_minutes_is_eased_step_by_step(
    folder: Path, prometheus: str
) -> None:
    async with scene(folder, prometheus) as on:
        on.service.system.p95_answers = [1900.0, 1600.0, 1400.0]
        slow = on.clock.now().elapsed
        on.service.worsen(Conditions(error_ratio=0.006, p95=2500))
        first = await on.until_called(CACHE)
        start = await on.first_over(P95, 2.0, slow)
        await on.until_event(RunEnded)

        assert start + here(600) - 0.06 <= first.at <= start + here(600 + EVERY + 2) + SLACK
        assert on.calls == [CACHE, ROUTING]
        second = on.service.journal.to(ROUTING)[0]
        assert first.body == {"cache_ttl_multiplier": 2.0, "cache_aggressive_mode": True}
        assert second.body == {"routing_complexity": "low", "fallback_threshold_ms": 1000}
        looks = on.service.journal.to(P95_LOOKS, "GET")
        assert len(looks) == 3
        for before, after in pairwise(looks):
            assert here(30) - 0.02 <= after.at - before.at <= here(30) + SLACK
        await assert_end_block(on, Outcome.SUCCEEDED)


@scenario
async def test_e0_2_p95_above_3_s_takes_the_immediate_plan_and_never_the_milder_one(
    folder: Path, prometheus: str
) -> None:
    async with scene(folder, prometheus) as on:
        slow = on.clock.now().elapsed
        on.service.worsen(Conditions(error_ratio=0.006, p95=3500))
        first = await on.until_called(DISABLE)
        start = await on.first_over(P95, 3.0, slow)
        await on.until_event(RunEnded)
        await on.until_event(
            TriggerChanged,
            lambda e: e.trigger == "getting-slow" and e.change is Change.PENDING_CLEARED,
        )

        assert start + here(300) - 0.06 <= first.at <= start + here(300 + EVERY + 2) + SLACK
        assert on.calls == [DISABLE, OVERRIDE, NOTIFY]


@scenario
async def test_e0_2_p95_of_exactly_2_s_never_fires(folder: Path, prometheus: str) -> None:
    # A quantile beyond the last bound of a histogram is that bound, to the last bit.
    bounds = (0.1, 0.25, 0.5, 1.0, 1.25, 1.5, 2.0)
    async with scene(folder, prometheus, bounds=bounds) as on:
        on.service.worsen(Conditions(error_ratio=0.006, p95=2000))
        start = await on.first_over(P95, 1.999, on.clock.now().elapsed)
        past = start + here(600 + 4 * EVERY)
        await until(lambda: on.clock.now().elapsed >= past, "more than ten minutes", here(1200))

        seen = {value for at, value in await on.series(P95, start) if at > start + here(60)}
        assert seen == {2.0}
        assert await on.events(TriggerChanged) == []
        assert on.calls == []


@scenario
async def test_e0_3_a_budget_of_95_percent_is_left_alone_and_of_96_percent_is_cut(
    folder: Path, prometheus: str
) -> None:
    async with scene(folder, prometheus) as on:
        looks = on.service.journal
        on.service.system.cost_percent = 95.0
        seen = len(looks.to(COST_LOOKS))
        await until(lambda: len(looks.to(COST_LOOKS)) >= seen + 4, "four looks at 95 %")
        assert on.calls == []
        assert await on.events(TriggerChanged) == []

        seen = len(looks.to(COST_LOOKS))
        on.service.system.cost_percent = 96.0
        await until(lambda: len(looks.to(COST_LOOKS)) > seen, "a look at 96 %")
        start = looks.to(COST_LOOKS)[seen].at
        last = await on.until_called(THROTTLING)
        await on.until_event(RunEnded)

        assert last.at <= start + here(COST_EVERY + 5) + SLACK
        assert on.calls == [COSTS, PREFERENCE, THROTTLING]
        assert [asked.body for asked in looks.mutating] == [
            {"cost_control_mode": "aggressive", "budget_limit_percent": 95},
            {"cache_preference": "aggressive", "cache_ttl_hours": 24},
            {"throttle_background_tasks": True, "priority_operations_only": True},
        ]
        assert isinstance(looks.mutating[0].body["budget_limit_percent"], int)
        assert looks.mutating[2].body["throttle_background_tasks"] is True
        await assert_end_block(on, Outcome.SUCCEEDED)
