"""What was seen long ago, or shows late, is no reason to act now."""

import asyncio

from tests.builders import a_plan, a_step, a_target, a_trigger
from tests.process import EVERY, Process, a_world
from watchdog.domain.events import Paused, TriggerChanged
from watchdog.domain.moment import Moment
from watchdog.domain.observation import Sample
from watchdog.domain.plan import Step
from watchdog.domain.trigger import Change, Severity
from watchdog.engine.evaluator import Looked
from watchdog.testing.virtual_time import virtually


def looked(slot: int, value: float, start: Moment, source: str = "prometheus") -> Looked:
    signal = "errors" if source == "prometheus" else "healthy"
    return Looked(source, slot, start.after(slot * EVERY), {signal: Sample((value,))})


@virtually
async def test_looks_that_waited_too_long_to_be_taken_in_are_judged_and_not_acted_on() -> None:
    world = a_world()
    target = a_target(a_trigger(hold="4m"), plans=[a_plan(a_step("one"), verify_trigger=False)])
    async with Process(world, target).running(ticking=False) as process:
        start = world.clock.now()
        await asyncio.sleep(60 * EVERY)
        for slot in range(61):
            process.lane.post(looked(slot, 1.0 if slot < 26 else 0.0, start))
        await asyncio.sleep(1)

        changes = [event.change for event in process.told(TriggerChanged)]
        assert changes == [Change.PENDING, Change.FIRING, Change.RESOLVED]
        assert not world.sends


@virtually
async def test_looks_that_end_in_a_fresh_breach_are_acted_on() -> None:
    world = a_world()
    target = a_target(a_trigger(hold="4m"), plans=[a_plan(a_step("one"), verify_trigger=False)])
    async with Process(world, target).running(ticking=False) as process:
        start = world.clock.now()
        await asyncio.sleep(60 * EVERY)
        for slot in range(61):
            process.lane.post(looked(slot, 1.0, start))
        await asyncio.sleep(1)

        assert [sent.name for sent in world.sends] == ["one"]


@virtually
async def test_after_a_suspend_the_look_of_another_source_does_not_revive_a_breach() -> None:
    world = a_world()
    target = a_target(
        a_trigger("errors"), a_trigger("healthy", source="health", severity=Severity.INFO)
    )
    async with Process(world, target).running(ticking=False) as process:
        start = world.clock.now()
        await process.journal.append(Paused("shop", "ann", "deploy", start.wall + 1800))
        for slot in (1, 2, 3):
            await asyncio.sleep(EVERY)
            process.lane.post(looked(slot, 1.0, start))
            process.lane.post(looked(slot, 0.0, start, "health"))
        await asyncio.sleep(3600)

        process.lane.post(looked(243, 0.0, start, "health"))
        await asyncio.sleep(0.1)
        process.lane.post(looked(243, 0.0, start))
        await asyncio.sleep(1)

        assert not world.sends


@virtually
async def test_a_step_whose_effect_shows_some_seconds_after_its_timeout_is_done_once() -> None:
    world = a_world()
    world.stubborn = True
    world.takes["one"] = 33
    world.late = 4.0
    step = a_step("one", settle=Step("", "", {}).settle)
    target = a_target(plans=[a_plan(step, verify_trigger=False)])
    async with Process(world, target).running() as process:
        await process.see(errors="obb")
        await asyncio.sleep(31)
        world.takes["one"] = 0
        await asyncio.sleep(30)

        assert world.names == ["one"]
