"""Changes that lapse by themselves: warned about, renewed once where still needed, or closed."""

import asyncio
from dataclasses import replace

import pytest

from tests.builders import a_check, a_plan, a_step, a_target, a_trigger, a_watch, below
from tests.process import Process, a_world
from watchdog.domain.approval import Approval
from watchdog.domain.events import (
    ChangeExpired,
    ExpiryWarned,
    Outcome,
    Paused,
    RunEnded,
    RunStarted,
)
from watchdog.domain.expiring import Lapse
from watchdog.domain.expiry import Expiry, OnExpiry
from watchdog.domain.plan import OnError, Plan, Step
from watchdog.domain.target import Limits, Target
from watchdog.testing.doubles import MemoryJournal
from watchdog.testing.virtual_time import virtually
from watchdog.testing.world import Reply, World

HOUR = 3600.0
LASTS = Expiry(after=HOUR, warn_before=600)


def override(expires: Expiry | None = LASTS, undo: Step | None = None) -> Step:
    """Isolates for an hour; the world forgets it by itself."""
    step = a_step("override", done_when=a_check("isolated", expect=below(0.5)))
    return replace(step, expires=expires, undo=undo)


def isolate(*steps: Step) -> Plan:
    """The trouble goes on while it is isolated: what proves it is the isolation itself."""
    return a_plan(
        *(steps or (a_step("flag off"), override())),
        name="isolate",
        verify=[a_check("isolated", expect=below(0.5))],
        verify_trigger=False,
        watch=a_watch(short="5m"),
    )


def a_case(*plans: Plan, limits: Limits | None = None) -> Target:
    plans = plans or (isolate(),)
    trigger = a_trigger("errors", plan=plans[0].name)
    return a_target(trigger, plans=plans, limits=limits or Limits(1, 1, 24 * HOUR))


def lapses(world: World, after: float = HOUR) -> None:
    """As the other side does: the override is gone after its time."""

    def effect(name: str) -> None:
        if name == "override":
            world.says("isolated", 0)
            asyncio.get_running_loop().call_later(after, world.says, "isolated", 1)

    world.says("isolated", 1)
    world.on_effect = effect


def a_troubled_world() -> World:
    world = a_world()
    lapses(world)
    return world


def expired(process: Process) -> list[tuple[Lapse, str]]:
    return [(one.lapse, one.detail) for one in process.told(ChangeExpired)]


async def isolated(process: Process) -> None:
    await process.see(errors="obb")
    await asyncio.sleep(600)
    assert process.told(RunEnded)[0].outcome is Outcome.SUCCEEDED


@virtually
async def test_people_are_warned_once_before_a_change_lapses() -> None:
    world = a_troubled_world()
    async with Process(world, a_case()).running() as process:
        await isolated(process)
        assert process.told(ExpiryWarned) == []
        await asyncio.sleep(HOUR - 600 - 60)

        (warned,) = process.told(ExpiryWarned)
        (first,) = process.told(RunStarted)
        assert (warned.by_run, warned.name, warned.renews) == (first.run, "override", True)
        lasts = warned.until - world.effects[-1].at.wall
        assert HOUR <= lasts < HOUR + 10


@virtually
async def test_what_is_still_needed_is_renewed_once_by_a_run_of_its_own() -> None:
    world = a_troubled_world()
    async with Process(world, a_case(), global_per_hour=1).running() as process:
        await isolated(process)
        await asyncio.sleep(HOUR)

        first, second = process.told(RunStarted)
        assert world.names == ["flag off", "override", "override"]
        assert second.renews == first.run
        assert second.incident == first.incident
        assert [item.name for item in second.plan.steps] == ["override"]
        assert process.told(RunEnded)[1].outcome is Outcome.SUCCEEDED
        assert len(process.account.past) == 1
        assert process.account.latched == ""


@virtually
async def test_it_is_renewed_no_more_often_than_may_be_and_then_people_are_paged() -> None:
    world = a_troubled_world()
    async with Process(world, a_case()).running() as process:
        await isolated(process)
        await asyncio.sleep(3 * HOUR)

        assert world.names == ["flag off", "override", "override"]
        assert expired(process) == [
            (Lapse.FOR_PEOPLE, "errors still breaches, and it was renewed as often as may be")
        ]


@virtually
async def test_what_is_no_longer_needed_lapses() -> None:
    world = a_troubled_world()
    async with Process(world, a_case()).running() as process:
        await isolated(process)
        world.says("errors", 0)
        await asyncio.sleep(HOUR)

        assert world.names == ["flag off", "override"]
        assert expired(process) == [(Lapse.OVER, "errors does not breach any longer")]
        assert process.ledger.expiring.of("shop") == []


@virtually
async def test_what_nobody_can_tell_is_for_people() -> None:
    world = a_troubled_world()
    async with Process(world, a_case()).running() as process:
        await isolated(process)
        world.says("errors", "err")
        await asyncio.sleep(HOUR + 600)

        assert world.names == ["flag off", "override"]
        assert expired(process) == [
            (Lapse.FOR_PEOPLE, "nobody can tell whether errors still breaches")
        ]


@virtually
async def test_where_people_are_only_to_be_told_nothing_is_done() -> None:
    step = override(replace(LASTS, on_expiry=OnExpiry.TELL))
    world = a_troubled_world()
    async with Process(world, a_case(isolate(step))).running() as process:
        await isolated(process)
        await asyncio.sleep(2 * HOUR)

        assert world.names == ["override"]
        assert expired(process) == [
            (Lapse.FOR_PEOPLE, "errors still breaches, and `on_expiry` says: tell")
        ]


@pytest.mark.parametrize("how", ["pause", "kill switch", "latch"])
@virtually
async def test_whatever_holds_the_machine_back_holds_a_renewal_back(how: str) -> None:
    world = a_troubled_world()
    async with Process(world, a_case()).running() as process:
        await isolated(process)
        if how == "pause":
            await process.journal.append(Paused("shop", "ann", "moving house", None))
        elif how == "kill switch":
            process.ledger.killed = "signal"
        else:
            account = process.ledger.accounts["shop"]
            process.ledger.accounts["shop"] = replace(account, latched="ann says so")
        await asyncio.sleep(2 * HOUR)

        assert world.names == ["flag off", "override"]
        ((lapse, detail),) = expired(process)
        assert lapse is Lapse.FOR_PEOPLE
        assert "still breaches, and it was not renewed" in detail


@virtually
async def test_a_renewal_that_fails_latches() -> None:
    world = a_troubled_world()
    async with Process(world, a_case()).running() as process:
        await isolated(process)
        world.will("override", Reply.DENIED)
        await asyncio.sleep(2 * HOUR)

        assert process.told(RunEnded)[1].outcome is Outcome.FAILED
        assert process.account.latched
        assert process.ledger.expiring.of("shop") == []


@virtually
async def test_what_a_person_began_is_not_renewed() -> None:
    world = a_troubled_world()
    world.says("errors", 1)
    async with Process(world, a_case()).running() as process:
        await process.journal.append(Paused("shop", "ann", "by hand today", None))
        await process.lane.order(
            lambda: process.lane.start_by_hand(isolate(), "ann", "it burns", lambda: process.hands)
        )
        await asyncio.sleep(2 * HOUR)

        assert world.names == ["flag off", "override"]
        assert expired(process) == [(Lapse.FOR_PEOPLE, "a person began the run, and no trigger")]
        assert process.told(ExpiryWarned)[0].renews is False


@virtually
async def test_what_was_found_done_already_is_not_counted_from_now() -> None:
    step = replace(override(), look_first=True)
    world = a_troubled_world()
    world.says("isolated", 0)
    async with Process(world, a_case(isolate(step))).running() as process:
        await process.see(errors="obb")
        await asyncio.sleep(60)

        assert world.names == []
        assert process.ledger.expiring.of("shop") == []


@virtually
async def test_what_is_taken_back_is_not_followed_any_longer() -> None:
    world = a_troubled_world()
    steps = (override(undo=a_step("override off")), a_step("cut"))
    steps = (steps[0], replace(steps[1], on_error=OnError.COMPENSATE))
    world.will("cut", Reply.DENIED)
    async with Process(world, a_case(isolate(*steps))).running() as process:
        await process.see(errors="obb")
        await asyncio.sleep(600)

        assert world.names == ["override", "override off"]
        assert process.ledger.expiring.of("shop") == []
        await asyncio.sleep(HOUR)
        assert process.told(ExpiryWarned) == []


@virtually
async def test_a_restart_forgets_no_change_and_warns_no_second_time() -> None:
    world = a_troubled_world()
    journal: MemoryJournal | None = None
    for sleep in (600.0, HOUR - 660, 1200.0):
        process = Process(
            world, a_case(), journal=journal and MemoryJournal(world.clock, survived=journal)
        )
        async with process.running():
            if journal is None:
                await process.see(errors="obb")
            await asyncio.sleep(sleep)
        journal = process.journal

    assert len(process.told(ExpiryWarned)) == 1
    assert world.names == ["flag off", "override", "override"]
    assert process.told(RunStarted)[1].renews == process.told(RunStarted)[0].run


@virtually
async def test_a_renewal_waits_for_the_run_that_is_under_way() -> None:
    world = a_troubled_world()
    slow = a_plan(a_step("slow", timeout="10m"), name="slow", verify_trigger=False)
    async with Process(world, a_case(isolate(), slow)).running() as process:
        await isolated(process)
        world.takes["slow"] = 120
        await asyncio.sleep(HOUR - 640)
        await process.lane.order(
            lambda: process.lane.start_by_hand(slow, "ann", "why not", lambda: process.hands)
        )
        await asyncio.sleep(100)
        assert world.names == ["flag off", "override"]
        await asyncio.sleep(100)

        assert world.names == ["flag off", "override", "slow", "override"]
        assert process.told(RunStarted)[2].renews == process.told(RunStarted)[0].run


@virtually
async def test_a_change_of_a_plan_that_the_file_has_no_longer_is_not_made_once_more() -> None:
    world = a_troubled_world()
    async with Process(world, a_case()).running() as process:
        await isolated(process)
        other = a_case(replace(isolate(), name="other", approval=Approval(people=2)))
        lane = process.lane
        await lane.order(lambda: lane.reload(other, process.eyes, process.hands))
        await asyncio.sleep(2 * HOUR)

        assert world.names == ["flag off", "override"]
        ((lapse, _),) = expired(process)
        assert lapse is Lapse.FOR_PEOPLE
