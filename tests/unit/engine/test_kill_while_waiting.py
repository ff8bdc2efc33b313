"""The kill switch while a run waits: after it no request goes out (I17), whatever it waits for."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.builders import a_check, a_plan, a_step, a_target
from tests.process import Process, a_world
from watchdog.domain.events import KillSwitchChanged, Outcome
from watchdog.domain.plan import Repeat, Step
from watchdog.domain.target import Target
from watchdog.engine.service import Service
from watchdog.testing.virtual_time import virtually
from watchdog.testing.world import Reply, World

# Seconds: what is promised.
PROMISED = 1.0


def a_shop(first: Step) -> Target:
    return a_target(plans=[a_plan(first, a_step("never"), verify_trigger=False)])


def in_a_long_step(world: World) -> Step:
    """Its request is on its way for two minutes."""
    world.takes["one"] = 120.0
    return a_step("one", timeout="5m")


def between_two_tries(world: World) -> Step:
    """Nothing listens, and it is tried again and again."""
    world.will("one", *[Reply.REFUSED] * 50)
    return a_step("one", timeout="9m", retries=40)


def while_its_effect_is_looked_for(world: World) -> Step:
    """Its answer was lost, and what has not shown after `settle` would be sent again."""
    world.will("one", *[Reply.DROPPED] * 50)
    return a_step("one", settle="30s", timeout="5m")


def while_done_when_says_not_yet(world: World) -> Step:
    """It answered, and the check says that it has not happened."""
    world.says("applied", 1)
    world.will("one", *[Reply.DROPPED] * 50)
    return a_step("one", settle="60s", timeout="5m", done_when=a_check("applied"))


def of_an_idempotent_step(world: World) -> Step:
    """Nobody has to look: it would simply be sent again."""
    world.will("one", *[Reply.DROPPED] * 50)
    return a_step("one", repeat=Repeat.IDEMPOTENT, settle="20s", timeout="5m")


WAITS = [
    in_a_long_step,
    between_two_tries,
    while_its_effect_is_looked_for,
    while_done_when_says_not_yet,
    of_an_idempotent_step,
]


@pytest.mark.parametrize("after", [1.0, 7.0, 25.0])
@pytest.mark.parametrize("wait", WAITS, ids=lambda wait: wait.__name__)
def test_no_request_goes_out_behind_the_kill_switch(
    wait: Callable[[World], Step], after: float, tmp_path: Path
) -> None:
    kill_file = tmp_path / "kill"

    @virtually
    async def scenario() -> None:
        world = a_world()
        process = Process(world, a_shop(wait(world)))

        async def nothing() -> None:
            """Neither reloads nor takes up anything."""

        service = Service(process.shared, process.lanes, kill_file, 1.0, nothing)
        async with process.running(), asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(service.run(nothing))
            await process.see(errors="obb")
            await asyncio.sleep(after)
            kill_file.touch()
            thrown = process.clock.now()
            await asyncio.sleep(600)
            serving.cancel()

            (seen,) = [
                one.at
                for one in process.journal.records
                if isinstance(one.event, KillSwitchChanged)
            ]
            assert seen.since(thrown) < PROMISED
            assert [one for one in world.sends if one.at.since(seen) >= 0] == []
            assert {one.name for one in world.sends} == {"one"}
            assert process.run().outcome is not Outcome.SUCCEEDED
            assert process.account.latched

    scenario()
