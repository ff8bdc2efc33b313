"""What other tools fell into, each a test of its own, through the whole lane."""

import asyncio
from collections import Counter

import pytest

from tests.builders import a_check, a_plan, a_step, a_target, a_trigger, a_watch
from tests.process import Process, a_world
from watchdog.domain.events import (
    Decided,
    IncidentClosed,
    IncidentOpened,
    Outcome,
    Proof,
    RunEnded,
    RunStarted,
    RunVerified,
    SourceWentBlind,
    StepEnded,
    StepResult,
)
from watchdog.domain.moment import Moment
from watchdog.domain.observation import Observation, Sample
from watchdog.domain.plan import OnError
from watchdog.domain.target import Limits
from watchdog.domain.trigger import Severity
from watchdog.testing.virtual_time import virtually
from watchdog.testing.world import Reply, World

HOUR = 240  # slots of 15 seconds


def breaks(world: World) -> None:
    """From the next slot on it is broken, and a rollback heals it."""
    world.says("errors", 1)
    world.on_effect = lambda _: world.says("errors", 0)


async def watch(process: Process, slots: int) -> None:
    await process.slots(slots)


@pytest.mark.parametrize("answer", ["err", "timeout", "http", "parse", "_", "nan", "inf", "stale"])
def test_five_failed_queries_are_no_reason_to_abort_anything(answer: str) -> None:
    """Elsewhere, more than four errors in a row abort a rollout that is well."""

    @virtually
    async def scenario() -> None:
        world = a_world()
        async with Process(world).running() as process:
            await watch(process, 4)
            world.says("errors", answer)
            await watch(process, 40)

            assert not process.told(RunStarted)
            assert not process.told(Decided)
            assert len(process.told(SourceWentBlind)) == 1

    scenario()


@virtually
async def test_a_proof_made_of_nothing_is_no_success() -> None:
    """Elsewhere, an analysis in which every measurement failed ended as successful."""
    world = a_world()
    world.on_effect = lambda _: world.says("errors", "err")
    world.says("healthy", "nan")
    async with Process(world).running() as process:
        await process.see(errors="obb")
        await watch(process, HOUR)

        (ended,) = process.told(RunEnded)
        assert ended.outcome is Outcome.INCONCLUSIVE
        assert [event.proof for event in process.told(RunVerified)] == [Proof.INCONCLUSIVE]
        assert process.account.latched


@virtually
async def test_the_rest_after_a_run_outlives_a_restart_and_what_it_holds_back_is_said() -> None:
    """Elsewhere, the limiter forgot at a restart, and a full queue dropped without a word."""
    world = a_world()
    breaks(world)
    first = Process(world)
    async with first.running():
        await watch(first, 12)
        assert len(first.told(RunStarted)) == 1

    second = Process(world, journal=first.journal)
    async with second.running():
        await watch(second, 12)
        world.says("errors", 1)
        await watch(second, 4)

        assert len(second.told(RunStarted)) == 1
        assert second.told(Decided)[-1].refusal == "cooling_down"


@virtually
async def test_a_lane_that_was_busy_drops_no_round() -> None:
    world = a_world()
    world.takes["flag off"] = 20
    breaks(world)
    async with Process(world).running() as process:
        await watch(process, 40)

        evaluations = process.lane.evaluator.evaluations
        assert evaluations.total() == 40


@virtually
async def test_what_is_held_back_stays_one_open_incident_and_is_told_once() -> None:
    """Elsewhere, a suppressed remediation counted as over, and each round asked for a new one."""
    world = a_world()
    breaks(world)
    target = a_target(limits=Limits(per_hour=1, cooldown=4 * 3600))
    async with Process(world, target).running() as process:
        await watch(process, 60)
        # Healed, watched, closed; and now it comes back and stays.
        world.on_effect = lambda _: None
        world.says("errors", 1)
        await watch(process, HOUR)

        assert len(process.told(IncidentOpened)) == 2
        assert len(process.told(IncidentClosed)) == 1
        refused = Counter(event.refusal for event in process.told(Decided) if event.refusal)
        assert set(refused) == {"cooling_down"}
        assert refused["cooling_down"] == 1


@pytest.mark.parametrize("reply", [Reply.LOST, Reply.DROPPED, Reply.REFUSED, Reply.DENIED])
def test_no_loop_of_rolling_back_and_looking_goes_on_for_ever(reply: Reply) -> None:
    """Elsewhere, a rollback and the check that starts it called each other without an end."""

    @virtually
    async def scenario() -> None:
        world = a_world()
        world.says("errors", 1)
        world.will("flag off", *[reply] * 1000)
        async with Process(world).running() as process:
            await watch(process, 24 * HOUR)

            assert len(process.told(RunStarted)) == 1
            assert len(process.told(RunEnded)) == 1
            assert len(world.sends) <= 4
            assert process.account.latched

    scenario()


@pytest.mark.parametrize("replacement", [1, "err", "_", "stale"])
def test_nothing_is_taken_away_before_what_replaces_it_is_seen_to_work(
    replacement: float | str,
) -> None:
    """Elsewhere, a rollback removed the only copy that was healthy."""

    @virtually
    async def scenario() -> None:
        world = a_world()
        world.says("healthy", replacement)
        plan = a_plan(
            a_step("start the old version"),
            a_check("healthy", samples=3, within="2m"),
            a_step("remove the new version"),
        )
        async with Process(world, a_target(plans=[plan])).running() as process:
            await process.see(errors="obb")
            await watch(process, 60)

            assert world.names == ["start the old version"]
            (ended,) = process.told(RunEnded)
            assert ended.outcome is not Outcome.SUCCEEDED

    scenario()


@virtually
async def test_a_service_that_is_up_for_a_moment_between_two_crashes_is_not_healthy() -> None:
    """Elsewhere, one look at a crash-looping build found it running."""
    world = a_world()
    looks: list[Moment] = []

    def up_in_two_looks_of_three(at: Moment) -> Observation:
        looks.append(at)
        return Sample((0.0 if len(looks) % 3 else 1.0,))

    world.signals["healthy"] = up_in_two_looks_of_three
    world.on_effect = lambda _: world.says("errors", 0)
    plan = a_plan(verify=[a_check("healthy", samples=3)], verify_within="5m")
    async with Process(world, a_target(plans=[plan])).running() as process:
        await process.see(errors="obb")
        await watch(process, HOUR)

        (ended,) = process.told(RunEnded)
        assert ended.outcome is not Outcome.SUCCEEDED
        assert len(looks) > 10


@pytest.mark.parametrize("on_error", OnError)
def test_a_step_that_failed_is_never_swallowed(on_error: OnError) -> None:
    """Elsewhere, a failed rebuild was caught, and the rollback called done."""

    @virtually
    async def scenario() -> None:
        world = a_world()
        world.on_effect = lambda name: world.says("errors", 0) if name == "two" else None
        world.will("one", *[Reply.DENIED] * 9)
        plan = a_plan(a_step("one", on_error=on_error), a_step("two"))
        async with Process(world, a_target(plans=[plan])).running() as process:
            await process.see(errors="obb")
            await watch(process, 80)

            (failed,) = [e for e in process.told(StepEnded) if e.result is StepResult.FAILED]
            assert failed.name == "one"
            (ended,) = process.told(RunEnded)
            if on_error is not OnError.CONTINUE:
                assert world.names == []
                assert ended.outcome is Outcome.FAILED
                assert "one" in ended.detail
            else:
                # Its owner said that it may fail: what counts then is the proof.
                assert world.names == ["two"]
                assert ended.outcome is Outcome.SUCCEEDED

    scenario()


@virtually
async def test_a_graver_trigger_is_not_lost_behind_a_milder_one_that_holds_the_target() -> None:
    """Elsewhere, a queue was first come, first served, and then full."""
    world = a_world()
    world.says("outage", 0)
    target = a_target(
        a_trigger("errors"),
        a_trigger("outage", plan="cut", severity=Severity.CRITICAL),
        plans=[
            a_plan(watch=a_watch(short="10m")),
            a_plan(a_step("cut off"), name="cut", verify=[a_check("healthy")]),
        ],
    )
    async with Process(world, target).running() as process:
        world.on_effect = lambda _: world.says("errors", 0)
        await process.see(errors="obb", outage="o")
        await asyncio.sleep(60)
        world.says("outage", 1)
        await watch(process, 10)

        assert world.names == ["flag off", "cut off"]
