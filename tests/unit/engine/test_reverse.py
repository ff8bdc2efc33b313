"""Taking a rollback back: by a person, once it lasts, a gate after each step."""

import asyncio
from dataclasses import replace
from itertools import pairwise

import pytest

from tests.builders import a_check, a_plan, a_step, a_target, a_trigger, a_watch
from tests.process import Process, a_world
from watchdog.domain.errors import WatchdogError
from watchdog.domain.events import Outcome, RunEnded, RunStarted, WatchEnded
from watchdog.domain.plan import Check, OnError, Plan, Step
from watchdog.domain.target import Target
from watchdog.testing.virtual_time import virtually
from watchdog.testing.world import World

GAP = 300.0
FEATURES = ("search", "ads", "reviews", "chat")


def disable() -> Plan:
    return a_plan(
        a_step("disable all"), name="disable", verify_trigger=False, watch=a_watch(short="5m")
    )


def a_gate(name: str) -> Check:
    gate = a_check("healthy", pause=15, samples=3, within="5m")
    return replace(gate, name=f"{name} holds", wait=GAP, fails=2, on_error=OnError.UNDO_LAST)


def enable() -> Plan:
    """One feature after the other, each followed by a gate."""
    items: list[Step | Check] = []
    for feature in FEATURES:
        step = replace(a_step(f"{feature} on"), undo=a_step(f"{feature} off"))
        items += [step, a_gate(feature)]
    plan = a_plan(*items, name="enable", within="1h", verify_trigger=False)
    return replace(plan, reverses="disable")


def a_case() -> Target:
    return a_target(a_trigger("errors", plan="disable"), plans=[disable(), enable()])


def a_world_that_heals() -> World:
    world = a_world()

    def effect(name: str) -> None:
        if name == "disable all":
            world.says("errors", 0)

    world.on_effect = effect
    return world


async def disabled(process: Process) -> None:
    """The rollback has run, and has lasted."""
    await process.see(errors="obb")
    await asyncio.sleep(600)
    assert process.told(RunEnded)[0].outcome is Outcome.SUCCEEDED
    assert process.told(WatchEnded)


async def take_back(process: Process) -> None:
    plan = process.lane.target.plans["enable"]
    await process.lane.order(
        lambda: process.lane.start_by_hand(plan, "ann", "all is well", lambda: process.hands)
    )


def switched_on(process: Process) -> list[tuple[str, float]]:
    effects = process.world.effects
    return [(one.name, one.at.elapsed) for one in effects if one.name.endswith((" on", " off"))]


@virtually
async def test_features_come_back_one_by_one_each_after_its_gap_and_a_good_gate() -> None:
    world = a_world_that_heals()
    async with Process(world, a_case()).running() as process:
        await disabled(process)
        await take_back(process)
        await asyncio.sleep(3600)

        names = [name for name, _ in switched_on(process)]
        times = [at for _, at in switched_on(process)]
        assert names == [f"{feature} on" for feature in FEATURES]
        gaps = [later - earlier for earlier, later in pairwise(times)]
        assert min(gaps) >= GAP
        assert process.told(RunEnded)[1].outcome is Outcome.SUCCEEDED
        # It is no rollback: no limit counts it.
        assert len(process.account.past) == 1


@virtually
async def test_a_relapse_takes_back_the_last_feature_and_stops() -> None:
    world = a_world_that_heals()

    def effect(name: str) -> None:
        world.says("errors", 0)
        if name in ("reviews on", "reviews off"):
            world.says("healthy", int(name == "reviews on"))

    world.on_effect = effect
    async with Process(world, a_case()).running() as process:
        await disabled(process)
        await take_back(process)
        await asyncio.sleep(3600)

        names = [name for name, _ in switched_on(process)]
        assert names == ["search on", "ads on", "reviews on", "reviews off"]
        assert process.told(RunEnded)[1].outcome is Outcome.PARTIALLY_APPLIED
        assert process.account.latched
        # It failed at the second bad look, and did not wait for the end of the gate.
        on, off = switched_on(process)[-2:]
        assert off[1] - on[1] < GAP + 60


@virtually
async def test_a_restart_in_the_middle_of_a_gap_waits_for_the_rest_of_it() -> None:
    world = a_world_that_heals()
    process = Process(world, a_case())
    async with process.running():
        await disabled(process)
        await take_back(process)
        await asyncio.sleep(100)
    again = Process(world, a_case(), journal=process.journal)
    async with again.running():
        await asyncio.sleep(400)

        (first, on), (second, then) = switched_on(again)
        assert (first, second) == ("search on", "ads on")
        assert GAP <= then - on < GAP + 60


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ("never ran", "no run of plan disable is known that lasted"),
        ("fires", "errors fires, or is about to"),
        ("is watched", "is not over, or not watched for long enough"),
        ("taken back", "no run of plan disable is known that lasted and was not taken back"),
    ],
)
@virtually
async def test_it_is_refused_while_it_may_do_harm(when: str, said: str) -> None:
    world = a_world_that_heals()
    async with Process(world, a_case()).running() as process:
        if when == "is watched":
            await process.see(errors="obb")
            await asyncio.sleep(250)
        elif when != "never ran":
            await disabled(process)
        if when == "fires":
            await process.see(errors="bbb")
        if when == "taken back":
            await take_back(process)
            await asyncio.sleep(3600)
        before = len(process.told(RunStarted))

        with pytest.raises(WatchdogError, match=said):
            await take_back(process)
        assert len(process.told(RunStarted)) == before
