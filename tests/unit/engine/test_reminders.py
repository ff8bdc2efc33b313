"""Changes that hold until somebody takes them back, and those that were not this run's."""

import asyncio
from dataclasses import replace

import pytest

from tests.builders import a_check, a_plan, a_step, a_target, a_trigger, a_watch, below
from tests.process import Process, a_world
from watchdog.domain.events import ChangeExpired, ExpiryWarned, RunEnded, RunStarted, StepEnded
from watchdog.domain.expiring import Lapse
from watchdog.domain.expiry import Expiry, OnExpiry
from watchdog.domain.plan import OnError, Plan, Step
from watchdog.domain.target import Limits, Target
from watchdog.testing.doubles import MemoryJournal
from watchdog.testing.virtual_time import virtually
from watchdog.testing.world import Reply, World

HOUR = 3600.0
REMINDS = Expiry(after=HOUR, warn_before=600, on_expiry=OnExpiry.REMIND)


def suspended(expires: Expiry | None = REMINDS) -> Step:
    """Goes on for ever; the world sees at once that it is so."""
    step = a_step("suspend", done_when=a_check("at rest", expect=below(0.5)))
    return replace(step, expires=expires, undo=a_step("resume"))


def rests(*more: Step) -> Plan:
    return a_plan(
        suspended(),
        *more,
        name="rests",
        verify=[a_check("at rest", expect=below(0.5))],
        verify_trigger=False,
        watch=a_watch(short="5m"),
    )


def a_case(*more: Step) -> Target:
    trigger = a_trigger("errors", plan="rests")
    return a_target(trigger, plans=(rests(*more),), limits=Limits(1, 1, 24 * HOUR))


def a_restless_world() -> World:
    world = a_world()
    world.says("at rest", 0)
    return world


@pytest.mark.parametrize("errors", [0, 1, "err"])
@virtually
async def test_what_holds_is_told_of_whatever_the_trigger_says(errors: int | str) -> None:
    world = a_restless_world()
    async with Process(world, a_case()).running() as process:
        await process.see(errors="obb")
        world.says("errors", errors)
        await asyncio.sleep(1.5 * HOUR)

        assert world.names == ["suspend"]
        (warned,) = process.told(ExpiryWarned)
        assert (warned.holds, warned.renews) == (True, False)
        (expired,) = process.told(ChangeExpired)
        assert (expired.lapse, expired.detail) == (Lapse.HOLDS, "it does not lapse by itself")
        assert len(process.told(RunStarted)) == 1
        (held,) = process.ledger.expiring.of("shop")
        assert (held.step.name, held.left(world.clock.now()) < 0) == ("suspend", True)


@virtually
async def test_people_are_paged_again_until_it_is_taken_back() -> None:
    world = a_restless_world()
    takes_back = a_plan(
        a_step("resume"), name="go-on", verify=[a_check("at rest")], watch=a_watch(short="0s")
    )
    back = replace(takes_back, reverses="rests", verify_trigger=False)
    case = replace(a_case(), plans={"rests": rests(), "go-on": back})
    async with Process(world, case).running() as process:
        await process.see(errors="obb")
        world.says("errors", 0)
        await asyncio.sleep(3.5 * HOUR)
        assert [one.lapse for one in process.told(ChangeExpired)] == 3 * [Lapse.HOLDS]
        assert len(process.told(ExpiryWarned)) == 1

        await process.lane.order(
            lambda: process.lane.start_by_hand(back, "ann", "mended", lambda: process.hands)
        )
        await asyncio.sleep(3 * HOUR)
        assert process.ledger.expiring.of("shop") == []
        assert len(process.told(ChangeExpired)) == 3


@virtually
async def test_a_restart_forgets_no_reminder_and_tells_none_twice() -> None:
    world = a_restless_world()
    journal: MemoryJournal | None = None
    for sleep in (600.0, HOUR - 660, 1200.0, 600.0):
        process = Process(
            world, a_case(), journal=journal and MemoryJournal(world.clock, survived=journal)
        )
        async with process.running():
            if journal is None:
                await process.see(errors="obb")
            await asyncio.sleep(sleep)
        journal = process.journal

    assert len(process.told(ExpiryWarned)) == 1
    assert [one.lapse for one in process.told(ChangeExpired)] == [Lapse.HOLDS]


@virtually
async def test_of_what_was_so_already_nobody_is_reminded() -> None:
    world = a_restless_world()
    world.will("suspend", Reply.IDLE)
    async with Process(world, a_case()).running() as process:
        await process.see(errors="obb")
        await asyncio.sleep(600)

        (ended,) = [one for one in process.told(StepEnded) if one.name == "suspend"]
        assert (ended.found, ended.detail) == (True, "is so already")
        assert process.ledger.expiring.of("shop") == []
        assert process.told(RunEnded)[0].outcome.value == "succeeded"


@virtually
async def test_what_was_so_already_is_not_taken_back() -> None:
    world = a_restless_world()
    world.will("suspend", Reply.IDLE)
    world.will("cut", Reply.DENIED)
    cut = replace(a_step("cut"), on_error=OnError.COMPENSATE)
    async with Process(world, a_case(cut)).running() as process:
        await process.see(errors="obb")
        await asyncio.sleep(600)

        assert world.names == []
        assert process.told(RunEnded)


@virtually
async def test_an_undo_that_left_it_so_does_not_end_the_reminder() -> None:
    world = a_restless_world()
    world.will("cut", Reply.DENIED)
    world.will("resume", Reply.IDLE)
    cut = replace(a_step("cut"), on_error=OnError.COMPENSATE)
    async with Process(world, a_case(cut)).running() as process:
        await process.see(errors="obb")
        await asyncio.sleep(600)

        assert [one.name for one in process.told(StepEnded)][-1] == "resume"
        assert [one.step.name for one in process.ledger.expiring.of("shop")] == ["suspend"]
