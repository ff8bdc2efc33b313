"""A lane with triggers of several conditions, of a label, or without a plan."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from tests.builders import a_plan, a_signal, a_step, a_target, a_trigger, above
from tests.process import Process, a_world
from watchdog.domain.condition import Condition, Op
from watchdog.domain.decision import Reason
from watchdog.domain.events import Decided, Outcome, Proof, RunStarted, RunVerified
from watchdog.domain.expression import Term, all_of
from watchdog.domain.observation import Gap, Observation, Sample, Unknown
from watchdog.domain.target import Mode, Target
from watchdog.engine.evaluator import Looked
from watchdog.testing.virtual_time import virtually
from watchdog.testing.world import World

ERRORS, SLOW = (Term(a_signal(name), above(0.1)) for name in ("errors", "slow"))
BOTH = a_target(
    a_trigger("both", watches=all_of(ERRORS, SLOW)),
    plans=[a_plan(a_step("flag off"), verify=[])],
)
BY_ROUTE = a_target(
    a_trigger("errors", signal=a_signal("errors", for_each="route")),
    plans=[a_plan(a_step("flag off"), verify=[])],
)


def heals(world: World, bad: dict[str, float]) -> None:
    def effect(_: str) -> None:
        bad.update(dict.fromkeys(bad, 0.0))

    world.on_effect = effect


async def rounds(process: Process, target: Target, values: Mapping[str, float], count: int) -> None:
    """`count` rounds, fifteen seconds apart, of what `values` are by then."""
    for _ in range(count):
        now = process.clock.now()
        slot = round(now.elapsed / 15)
        seen: dict[str, Observation] = {name: Sample((one,)) for name, one in values.items()}
        if target is BY_ROUTE:
            parts = {name: Sample((one,)) for name, one in values.items()}
            seen = {"errors": Sample(tuple(values.values()), parts=parts)}
        process.lane.post(Looked("prometheus", slot, now, seen))
        await asyncio.sleep(15)


@virtually
async def test_two_conditions_start_one_run_that_is_proven_by_both_together() -> None:
    world, bad = a_world(), {"errors": 0.0, "slow": 0.0}
    heals(world, bad)
    async with Process(world, BOTH).running(ticking=False) as process:
        await rounds(process, BOTH, bad, 1)
        bad.update(errors=0.9)
        await rounds(process, BOTH, bad, 5)
        assert process.told(RunStarted) == []

        bad.update(slow=0.9)
        await rounds(process, BOTH, bad, 12)

        assert world.names == ["flag off"]
        assert [run.trigger for run in process.told(RunStarted)] == ["both"]
        assert len(process.told(RunVerified)) == 1
        assert process.run().outcome is Outcome.SUCCEEDED


@virtually
async def test_without_further_evaluations_nothing_is_proven() -> None:
    world, bad = a_world(), {"errors": 0.9, "slow": 0.9}
    heals(world, bad)
    async with Process(world, BOTH).running(ticking=False) as process:
        await rounds(process, BOTH, {"errors": 0.0, "slow": 0.0}, 1)
        await rounds(process, BOTH, bad, 2)
        await rounds(process, BOTH, bad, 1)
        # The step is done, all is well in the last look, and the source falls silent.
        await asyncio.sleep(1200)

        assert world.names == ["flag off"]
        (verified,) = process.told(RunVerified)
        assert verified.proof is Proof.INCONCLUSIVE
        assert "newest sample is" in verified.detail
        assert process.run().outcome is Outcome.INCONCLUSIVE


@virtually
async def test_one_route_starts_the_run_and_proves_it_for_itself() -> None:
    world, bad = a_world(), {"/a": 0.0, "/b": 0.0}
    heals(world, bad)
    async with Process(world, BY_ROUTE).running(ticking=False) as process:
        await rounds(process, BY_ROUTE, bad, 2)
        bad["/b"] = 0.9
        await rounds(process, BY_ROUTE, bad, 10)

        assert [run.trigger for run in process.told(RunStarted)] == ['errors{route="/b"}']
        assert process.run().outcome is Outcome.SUCCEEDED


@virtually
async def test_a_route_that_goes_on_breaching_is_not_proven_by_the_others() -> None:
    world, bad = a_world(), {"/a": 0.0, "/b": 0.0}
    async with Process(world, BY_ROUTE).running(ticking=False) as process:
        await rounds(process, BY_ROUTE, bad, 2)
        bad["/b"] = 0.9
        await rounds(process, BY_ROUTE, bad, 60)

        (verified,) = process.told(RunVerified)
        assert verified.proof is Proof.FAILED
        assert process.run().outcome is Outcome.FAILED


@virtually
async def test_a_route_that_vanishes_is_not_proven_to_be_mended() -> None:
    world, bad = a_world(), {"/a": 0.0, "/b": 0.0}

    def effect(_: str) -> None:
        del bad["/b"]

    world.on_effect = effect
    async with Process(world, BY_ROUTE).running(ticking=False) as process:
        await rounds(process, BY_ROUTE, bad, 2)
        bad["/b"] = 0.9
        await rounds(process, BY_ROUTE, bad, 60)

        (verified,) = process.told(RunVerified)
        assert verified.proof is Proof.INCONCLUSIVE
        assert process.run().outcome is Outcome.INCONCLUSIVE


@virtually
async def test_a_run_by_hand_is_proven_by_all_routes_together() -> None:
    world, bad = a_world(), {"/a": 0.0, "/b": 0.9}
    target = replace(BY_ROUTE, mode=Mode.ALERT_ONLY)
    async with Process(world, target).running(ticking=False) as process:
        await rounds(process, BY_ROUTE, bad, 3)
        (plan,) = target.plans.values()
        await process.lane.order(
            lambda: process.lane.start_by_hand(plan, "ann", "she says so", lambda: process.hands)
        )
        await rounds(process, BY_ROUTE, bad, 60)

        (verified,) = process.told(RunVerified)
        assert verified.proof is Proof.FAILED


@virtually
async def test_a_trigger_without_a_plan_tells_people_once_and_does_nothing() -> None:
    world, target = a_world(), a_target(a_trigger(plan=""))
    async with Process(world, target).running(ticking=False) as process:
        await rounds(process, target, {"errors": 0.0}, 1)
        await rounds(process, target, {"errors": 0.9}, 20)

        assert world.names == []
        (decided,) = process.told(Decided)
        assert (decided.refusal, decided.plan, decided.would_do) == (Reason.NO_PLAN.value, "", ())


HEARD = Term(a_signal("alert", "inbound"), Condition(Op.FAILING))
CONFIRMED = a_target(
    a_trigger("confirmed", watches=all_of(ERRORS, HEARD), hold="1m"),
    plans=[a_plan(a_step("flag off"), verify=[])],
)
RESOLVED = Gap(Unknown.RETRACTED, "said to be resolved")


async def heard(process: Process, errors: float, alert: Observation, count: int) -> None:
    for _ in range(count):
        now = process.clock.now()
        slot = round(now.elapsed / 15)
        process.lane.post(Looked("inbound", slot, now, {"alert": alert}))
        process.lane.post(Looked("prometheus", slot, now, {"errors": Sample((errors,))}))
        await asyncio.sleep(15)


@virtually
async def test_a_resolved_alert_resets_nothing_while_our_own_signal_breaches() -> None:
    world = a_world()
    async with Process(world, CONFIRMED).running(ticking=False) as process:
        await heard(process, 0.0, Sample((1.0,)), 1)
        await heard(process, 0.9, Sample((0.0,)), 3)
        # A false one: the service answers no scrapes any longer.
        await heard(process, 0.9, RESOLVED, 1)
        await heard(process, 0.9, Sample((0.0,)), 2)

        assert world.names == ["flag off"]


@virtually
async def test_a_resolved_alert_lets_go_as_soon_as_our_own_signal_is_good() -> None:
    world = a_world()
    async with Process(world, CONFIRMED).running(ticking=False) as process:
        await heard(process, 0.0, Sample((1.0,)), 1)
        await heard(process, 0.9, Sample((0.0,)), 3)
        await heard(process, 0.0, RESOLVED, 1)
        await heard(process, 0.9, Sample((0.0,)), 3)

        assert world.names == []
