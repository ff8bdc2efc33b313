"""A cumulative level: what a lower one did already is looked at, and not sent again."""

import asyncio
from dataclasses import replace

from tests.builders import a_check, a_plan, a_step, a_target, a_trigger, below
from tests.process import Process, a_world
from watchdog.domain.events import Effect, Outcome, RunEnded, StepEnded, StepObserved
from watchdog.domain.plan import OnError, Step
from watchdog.domain.target import Target
from watchdog.testing.doubles import MemoryJournal
from watchdog.testing.virtual_time import virtually
from watchdog.testing.world import Reply


def flag_off(undo: Step | None = None) -> Step:
    step = a_step("flag off", done_when=a_check("flag", expect=below(0.5)))
    return replace(step, look_first=True, undo=undo)


def a_case(*steps: Step) -> Target:
    plan = a_plan(*steps, a_step("reroute"), verify_trigger=False)
    return a_target(a_trigger("errors"), plans=[plan])


@virtually
async def test_what_is_done_already_is_not_sent() -> None:
    world = a_world()
    world.says("flag", 0)
    async with Process(world, a_case(flag_off())).running() as process:
        await process.see(errors="obb")
        await asyncio.sleep(60)

        assert world.names == ["reroute"]
        first = process.told(StepEnded)[0]
        assert (first.found, first.detail) == (True, "found done; not sent")
        assert process.told(RunEnded)[0].outcome is Outcome.SUCCEEDED


@virtually
async def test_what_is_not_done_or_cannot_be_seen_is_sent() -> None:
    for token in ("1", "err"):
        world = a_world()
        world.says("flag", token)
        world.on_effect = lambda name, world=world: world.says("flag", 0)  # type: ignore[misc]
        async with Process(world, a_case(flag_off())).running() as process:
            await process.see(errors="obb")
            await asyncio.sleep(60)

            assert world.names == ["flag off", "reroute"]
            assert process.told(StepEnded)[0].found is False


@virtually
async def test_what_it_did_not_do_itself_is_not_taken_back() -> None:
    world = a_world()
    world.says("flag", 0)
    world.will("reroute", Reply.DENIED)
    target = a_case(flag_off(undo=a_step("flag on")))
    steps = tuple(replace(one, on_error=OnError.COMPENSATE) for one in target.plans["undo"].steps)
    target = replace(target, plans={"undo": replace(target.plans["undo"], steps=steps)})
    async with Process(world, target).running() as process:
        await process.see(errors="obb")
        await asyncio.sleep(60)

        assert world.names == []
        assert process.told(RunEnded)[0].outcome is Outcome.FAILED


@virtually
async def test_after_a_crash_it_is_looked_at_anew() -> None:
    world = a_world()
    world.says("flag", 1)
    process = Process(world, a_case(flag_off()))
    async with process.running():
        await process.see(errors="obb")
    # It crashed between the look and the intent, and somebody did it by hand.
    seen = next(n for n, e in enumerate(process.journal.events, 1) if isinstance(e, StepObserved))
    journal = MemoryJournal(world.clock, survived=process.journal)
    del journal.disk.records[seen:]
    del world.effects[:]
    world.says("flag", 0)
    again = Process(world, a_case(flag_off()), journal=journal)
    async with again.running():
        await asyncio.sleep(60)

        observed = [one.effect for one in again.told(StepObserved)][:2]
        assert observed == [Effect.NOT_APPLIED, Effect.APPLIED]
        assert "flag off" not in world.names
