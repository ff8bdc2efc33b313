"""The next level: after a failure that a breach proved, never otherwise, each level once."""

import asyncio
from dataclasses import replace

import pytest

from tests.builders import a_check, a_plan, a_step, a_target, a_trigger
from tests.process import Process, a_world
from watchdog.domain.decision import Reason
from watchdog.domain.events import (
    Decided,
    IncidentClosed,
    LatchCleared,
    Outcome,
    Paused,
    Resumed,
    RunEnded,
    RunStarted,
)
from watchdog.domain.ladder import AfterFailure, OnFailure
from watchdog.domain.plan import Level, Plan
from watchdog.domain.target import Limits, Target
from watchdog.domain.trigger import Severity
from watchdog.testing.virtual_time import virtually
from watchdog.testing.world import Reply, World

AUTO = AfterFailure.AUTO_NEXT
OFFER = AfterFailure.OFFER_NEXT
# More than a level needs until its verification has failed.
LEVEL = 300.0


def a_level(
    name: str,
    level: Level,
    *plans: str,
    then: AfterFailure = AUTO,
    verify_trigger: bool = True,
) -> Plan:
    """One step of the level's own name; its proof fails after a minute of breach."""
    plan = a_plan(
        a_step(name), name=name, verify=[], verify_within="1m", verify_trigger=verify_trigger
    )
    return replace(plan, level=level, on_failure=OnFailure(then, plans))


def flags(*plans: str, then: AfterFailure = AUTO) -> Plan:
    return a_level("flags", Level.FLAGS, *plans, then=then)


def routing(*plans: str, then: AfterFailure = AUTO) -> Plan:
    return a_level("routing", Level.ROUTING, *plans, then=then)


def application(*plans: str, then: AfterFailure = AUTO) -> Plan:
    return a_level("application", Level.APPLICATION, *plans, then=then)


def a_ladder(*plans: Plan, limits: Limits | None = None) -> Target:
    """A target whose trigger starts the first of `plans`."""
    plans = plans or (flags("routing", "application"), routing(), application())
    return a_target(a_trigger("errors", plan=plans[0].name), plans=plans, limits=limits)


def heals(world: World, by: str) -> None:
    def effect(name: str) -> None:
        if name == by:
            world.says("errors", 0)

    world.on_effect = effect


def plans_run(process: Process) -> list[str]:
    return [started.plan.name for started in process.told(RunStarted)]


def refusals(process: Process) -> list[tuple[str, str]]:
    return [(one.refusal, one.plan) for one in process.told(Decided) if one.refusal]


async def breach(process: Process, seconds: float = LEVEL) -> None:
    await process.see(errors="obb")
    await asyncio.sleep(seconds)


# -- up the ladder


@virtually
async def test_the_next_level_starts_once_a_breach_has_shown_that_the_former_did_not_help() -> None:
    world = a_world()
    heals(world, by="application")
    async with Process(world, a_ladder()).running() as process:
        await breach(process, 3 * LEVEL)

        assert world.names == ["flags", "routing", "application"]
        outcomes = [ended.outcome for ended in process.told(RunEnded)]
        assert outcomes == [Outcome.FAILED, Outcome.FAILED, Outcome.SUCCEEDED]
        assert process.account.latched == ""


@virtually
async def test_a_level_names_the_run_that_it_follows_and_belongs_to_its_incident() -> None:
    world = a_world()
    async with Process(world, a_ladder()).running() as process:
        await breach(process, 2 * LEVEL)

        first, second, *_ = process.told(RunStarted)
        assert (first.follows, second.follows) == ("", first.run)
        assert (second.incident, second.episode) == (first.incident, first.episode)
        assert second.rest.plans == ("application",)
        decided = [one for one in process.told(Decided) if not one.refusal]
        assert [one.follows for one in decided][:2] == ["", first.run]


@virtually
async def test_a_ladder_counts_once_in_every_limit_and_in_the_breaker() -> None:
    world = a_world()
    limits = Limits(per_hour=1, per_day=1, cooldown=3600)
    process = Process(world, a_ladder(limits=limits), global_per_hour=1)
    async with process.running():
        await breach(process, 4 * LEVEL)

        assert plans_run(process) == ["flags", "routing", "application"]
        assert len(process.account.past) == 1
        assert process.ledger.starts_since(process.clock.now(), 3600) == 1
        assert len(process.ledger.breaker.failures) == 1
        assert process.ledger.breaker.why == ""


@virtually
async def test_after_the_last_level_it_is_latched_and_nothing_runs_again() -> None:
    world = a_world()
    async with Process(world, a_ladder()).running() as process:
        await breach(process, 20 * LEVEL)

        assert world.names == ["flags", "routing", "application"]
        assert process.account.latched
        assert process.account.ladder is None


@virtually
async def test_each_level_may_name_the_next_one_itself() -> None:
    plans = (flags("routing"), routing("application"), application("flags"))
    world = a_world()
    async with Process(world, a_ladder(*plans)).running() as process:
        await breach(process, 10 * LEVEL)

        # What a changed file makes a circle of runs each level once all the same.
        assert world.names == ["flags", "routing", "application"]


# -- not up the ladder


@pytest.mark.parametrize("looks", ["?", "~"])
@virtually
async def test_what_is_not_known_never_starts_a_level(looks: str) -> None:
    world = a_world()
    async with Process(world, a_ladder()).running() as process:
        await process.see(errors="obb" + looks * 8)

        assert process.told(RunEnded)[0].outcome is Outcome.INCONCLUSIVE
        await process.see(errors="b" * 40)
        assert world.names == ["flags"]
        assert process.account.latched


@virtually
async def test_a_step_that_failed_never_starts_a_level() -> None:
    world = a_world()
    world.will("flags", Reply.DENIED)
    async with Process(world, a_ladder()).running() as process:
        await breach(process, 3 * LEVEL)

        assert process.told(RunEnded)[0].outcome is Outcome.FAILED
        assert plans_run(process) == ["flags"]
        assert process.account.latched


@virtually
async def test_a_run_that_was_stopped_never_starts_a_level() -> None:
    world = a_world()
    async with Process(world, a_ladder()).running() as process:
        await breach(process, 30)
        process.lane.stop_run(Outcome.STOPPED, "ann says so")
        await asyncio.sleep(3 * LEVEL)

        assert plans_run(process) == ["flags"]


@virtually
async def test_a_trigger_that_is_good_again_starts_no_level_and_that_is_told() -> None:
    # The check of the plan fails, although what fired has stopped.
    plan = replace(
        flags("routing"), verify=(a_check("healthy", pause=5, within=60),), verify_trigger=False
    )
    world = a_world()
    world.says("healthy", 1)
    heals(world, by="flags")
    async with Process(world, a_ladder(plan, routing())).running() as process:
        await breach(process, 2 * LEVEL)

        assert process.told(RunEnded)[0].outcome is Outcome.FAILED
        assert process.told(IncidentClosed)
        assert plans_run(process) == ["flags"]
        (told,) = [one for one in process.told(Decided) if one.refusal]
        assert told.refusal == Reason.LATCHED
        assert "does not follow: no trigger fires any longer" in told.detail
        assert process.account.latched


@virtually
async def test_another_trigger_never_starts_the_level_of_this_one() -> None:
    target = a_ladder(flags("routing"), routing())
    other = a_trigger("outage", plan="flags", severity=Severity.CRITICAL)
    target = replace(target, triggers=(*target.triggers, other))
    target = a_target(*target.triggers, plans=target.plans.values())
    plan = replace(
        flags("routing"), verify=(a_check("healthy", pause=5, within=60),), verify_trigger=False
    )
    target = replace(target, plans={**target.plans, "flags": plan})
    world = a_world()
    world.says("healthy", 1)
    heals(world, by="flags")
    async with Process(world, target).running() as process:
        await breach(process, 70)
        assert process.told(RunEnded)
        await process.see(outage="b" * 20, errors="o")

        assert plans_run(process) == ["flags"]


@virtually
async def test_a_level_not_begun_in_time_is_not_begun_at_all_and_that_is_told() -> None:
    world = a_world()
    async with Process(world, a_ladder(flags("routing"), routing())).running() as process:
        await breach(process, 20)
        await process.journal.append(Paused("shop", "ann", "moving house", None))
        await asyncio.sleep(1200)
        await process.journal.append(Resumed("shop", "ann"))
        await asyncio.sleep(LEVEL)

        assert plans_run(process) == ["flags"]
        assert (Reason.PAUSED.value, "routing") in refusals(process)
        last = [one for one in process.told(Decided) if one.refusal][-1]
        assert "does not follow: it was not begun within 15m" in last.detail


@virtually
async def test_all_other_guards_hold_for_the_next_level() -> None:
    world = a_world()
    async with Process(world, a_ladder(flags("routing"), routing())).running() as process:
        await breach(process, 20)
        await process.journal.append(Paused("shop", "ann", "moving house", None))
        await asyncio.sleep(LEVEL)
        assert plans_run(process) == ["flags"]
        assert (Reason.PAUSED.value, "routing") in refusals(process)

        await process.journal.append(Resumed("shop", "ann"))
        await asyncio.sleep(LEVEL)
        assert plans_run(process) == ["flags", "routing"]


@virtually
async def test_whoever_clears_the_latch_ends_the_ladder() -> None:
    world = a_world()
    async with Process(world, a_ladder(flags("routing"), routing())).running() as process:
        await breach(process, 20)
        await process.journal.append(Paused("shop", "ann", "let me look", None))
        await asyncio.sleep(LEVEL)
        await process.journal.append(LatchCleared("shop", "ann", "mended"), Resumed("shop", "ann"))
        await asyncio.sleep(LEVEL)

        assert plans_run(process) == ["flags"]


@virtually
async def test_a_run_by_hand_starts_no_level() -> None:
    world = a_world()
    world.says("errors", 1)
    async with Process(world, a_ladder()).running(ticking=False) as process:
        plan = process.lane.target.plans["flags"]
        await process.lane.order(
            lambda: process.lane.start_by_hand(plan, "ann", "it burns", lambda: process.hands)
        )
        await asyncio.sleep(2 * LEVEL)

        assert process.told(RunEnded)[0].outcome is Outcome.FAILED
        assert process.account.ladder is None


@virtually
async def test_without_a_word_it_stops_and_pages() -> None:
    world = a_world()
    async with Process(world, a_ladder(flags(), routing())).running() as process:
        await breach(process, 3 * LEVEL)

        assert plans_run(process) == ["flags"]
        assert process.account.latched


@virtually
async def test_a_lower_level_than_that_which_ran_never_follows() -> None:
    target = a_ladder(routing("application"), replace(application(), level=Level.FLAGS))
    world = a_world()
    async with Process(world, target).running() as process:
        await breach(process, 3 * LEVEL)

        assert plans_run(process) == ["routing"]
        last = [one for one in process.told(Decided) if one.refusal][-1]
        assert "plan application is of the flags level now, below routing" in last.detail


# -- offered


@virtually
async def test_an_offered_level_waits_for_a_person_and_says_how() -> None:
    target = a_ladder(flags("routing", then=OFFER), routing())
    world = a_world()
    async with Process(world, target).running() as process:
        await breach(process, 3 * LEVEL)

        assert plans_run(process) == ["flags"]
        (told,) = [one for one in process.told(Decided) if one.refusal == "next_level_offered"]
        assert (told.plan, told.follows) == ("routing", process.told(RunStarted)[0].run)
        assert "rollback-watchdog rollback FILE routing --reason WHY" in told.detail


@virtually
async def test_the_data_level_is_only_ever_offered() -> None:
    target = a_ladder(flags("restore"), a_level("restore", Level.DATA))
    world = a_world()
    async with Process(world, target).running() as process:
        await breach(process, 3 * LEVEL)

        assert plans_run(process) == ["flags"]
        assert ("next_level_offered", "restore") in refusals(process)


# -- superseding


@virtually
async def test_a_graver_trigger_supersedes_a_level_without_interleaving_steps() -> None:
    lower = replace(routing(), steps=(a_step("routing one", timeout="3m"), a_step("routing two")))
    target = a_target(
        a_trigger("errors", plan="flags"),
        a_trigger("outage", plan="application", severity=Severity.CRITICAL),
        plans=[flags("routing"), lower, application()],
    )
    world = a_world()
    world.takes["routing one"] = 60
    async with Process(world, target).running() as process:
        # The step of the second level is under way when it gets worse.
        await breach(process, 90)
        assert [sent.name for sent in world.sends] == ["flags", "routing one"]
        await process.see(errors="bbb", outage="bbb")
        await asyncio.sleep(LEVEL)

        assert world.names == ["flags", "routing one", "application"]
        assert process.run(1).outcome is Outcome.SUPERSEDED
        assert process.told(RunStarted)[2].follows == ""
        assert len(process.account.past) == 1
