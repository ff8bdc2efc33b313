"""When too much goes wrong at once the automation stops itself, and only then."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.bed.statuses import status_of
from tests.builders import a_plan, a_step, a_target, a_trigger
from tests.process import Parts, Process, a_world
from watchdog.domain.breaker import BreakerLimits, BreakerState, TargetSight, why_open
from watchdog.domain.condition import Condition, Op
from watchdog.domain.decision import Reason
from watchdog.domain.events import (
    BreakerClosed,
    BreakerOpened,
    Decided,
    RunStarted,
)
from watchdog.domain.ledger import Ledger
from watchdog.domain.signal import Verdict
from watchdog.domain.target import Mode, Target
from watchdog.domain.trigger import Severity
from watchdog.engine.breaker import Breaker
from watchdog.engine.service import Service
from watchdog.testing.virtual_time import run_virtually, virtually
from watchdog.testing.world import Reply

HOUR = 3600.0


def fleet(count: int, **more: Any) -> list[Target]:  # noqa: ANN401 -- as `a_target`
    """Targets that break for reasons of their own: each has its own signal."""
    return [
        a_target(a_trigger(f"errors{number}", **more), name=f"shop{number}")
        for number in range(count)
    ]


def blind_fleet() -> list[Target]:
    """Four triggers: half of them see through a source that may go dark."""
    seen = [a_target(a_trigger("seen0"), name="one"), a_target(a_trigger("seen1"), name="two")]
    dark = a_target(
        a_trigger("dark0", source="other"), a_trigger("dark1", source="other"), name="three"
    )
    return [*seen, dark]


def say(process: Process, token: str, *names: str) -> None:
    for name in names:
        process.world.says(name, token)


async def until_the_guard_looked() -> None:
    """The guard looks every few seconds."""
    await asyncio.sleep(6)


# -- many targets at once


@virtually
async def test_a_mass_failure_of_fifty_services_opens_it_after_three_runs_at_most() -> None:
    names = [f"errors{number}" for number in range(50)]
    process = Process(a_world(), *fleet(50), global_per_hour=50)
    say(process, "0", *names)
    async with process.running():
        await process.slots(1)
        # Not all in the same slot: so it begins in earnest.
        for chunk in range(0, 50, 10):
            say(process, "1", *names[chunk : chunk + 10])
            await process.slots(1)
        await asyncio.sleep(HOUR)

        assert len(process.told(RunStarted)) <= 3
        assert len(process.told(BreakerOpened)) == 1
        refused = [one.refusal for one in process.told(Decided) if one.refusal]
        assert len(refused) >= 47
        assert set(refused) == {Reason.BREAKER_OPEN}


@virtually
async def test_the_third_of_three_that_follow_each_other_does_not_begin() -> None:
    process = Process(a_world(), *fleet(3), global_per_hour=50)
    say(process, "0", "errors0", "errors1", "errors2")
    async with process.running():
        await process.slots(1)
        for number in range(3):
            say(process, "1", f"errors{number}")
            await process.slots(2)
        await process.slots(2)

        assert [one.target for one in process.told(RunStarted)] == ["shop0", "shop1"]
        (opened,) = process.told(BreakerOpened)
        assert opened.why == "triggers of 3 targets fired within 2m: shop0, shop1, shop2"


@virtually
async def test_three_targets_that_break_minutes_apart_are_rolled_back_each() -> None:
    process = Process(a_world(), *fleet(3), global_per_hour=50)
    say(process, "0", "errors0", "errors1", "errors2")
    async with process.running():
        await process.slots(1)
        for number in range(3):
            say(process, "1", f"errors{number}")
            await process.slots(12)

        assert len(process.told(RunStarted)) == 3
        assert process.told(BreakerOpened) == []


@virtually
async def test_it_opens_before_a_lower_run_gives_way_for_nothing() -> None:
    both = a_target(
        a_trigger("errors0", plan="low"),
        a_trigger("outage", plan="high", severity=Severity.CRITICAL),
        plans=[
            a_plan(a_step("one", timeout="10m"), a_step("two"), name="low"),
            a_plan(name="high"),
        ],
        name="shop0",
    )
    others = [a_target(a_trigger(f"errors{n}"), name=f"s{n}", mode=Mode.ALERT_ONLY) for n in (1, 2)]
    process = Process(a_world(), both, *others)
    process.world.takes["one"] = 300
    say(process, "0", "errors0", "errors1", "errors2")
    async with process.running():
        await process.slots(1)
        say(process, "1", "errors0")
        await process.slots(4)
        say(process, "1", "errors1", "errors2")
        await process.slots(1)
        say(process, "1", "outage")
        await process.slots(3)

        assert len(process.told(BreakerOpened)) == 1
        assert [one.plan.name for one in process.told(RunStarted)] == ["low"]
        current = process.ledger.account("shop0").current
        assert current is not None
        assert not current.stopped


# -- in the dark


@virtually
async def test_nothing_begins_while_half_of_the_triggers_are_in_the_dark() -> None:
    process = Process(a_world(), *blind_fleet())
    say(process, "0", "seen0", "seen1", "dark0", "dark1")
    async with process.running():
        await process.slots(2)
        say(process, "err", "dark0", "dark1")
        await process.slots(4)
        say(process, "1", "seen0")
        await process.slots(3)

        assert process.told(RunStarted) == []
        (opened,) = process.told(BreakerOpened)
        assert opened.why == "2 of 4 triggers are unknown, of three"
        assert [one.refusal for one in process.told(Decided)] == [Reason.BREAKER_OPEN]


@virtually
async def test_one_look_without_an_answer_is_no_darkness() -> None:
    process = Process(a_world(), *blind_fleet())
    say(process, "0", "seen0", "seen1", "dark0", "dark1")
    async with process.running():
        await process.slots(2)
        say(process, "1", "seen0")
        await process.slots(1)
        say(process, "err", "dark0", "dark1")
        await process.slots(2)

        assert len(process.told(RunStarted)) == 1
        assert process.told(BreakerOpened) == []


@virtually
async def test_a_short_outage_opens_nothing_and_a_long_one_does() -> None:
    process = Process(a_world(), *blind_fleet())
    say(process, "0", "seen0", "seen1", "dark0", "dark1")
    async with process.running():
        await process.slots(2)
        say(process, "err", "dark0", "dark1")
        await process.slots(16)
        assert process.breaker.meanwhile() == []

        await process.slots(8)
        (opened,) = process.breaker.meanwhile()
        assert opened.why == "2 of 4 triggers are unknown, of three"


@virtually
async def test_a_quiet_night_opens_nothing() -> None:
    process = Process(a_world(), *fleet(8))
    say(process, "quiet", *(f"errors{number}" for number in range(8)))
    async with process.running():
        for _ in range(8):
            await asyncio.sleep(HOUR)
            assert process.breaker.meanwhile() == []
            assert process.breaker.before_a_run() == []

        say(process, "1", "errors0")
        await process.slots(3)
        assert len(process.told(RunStarted)) == 1


@virtually
async def test_a_single_target_with_two_triggers_does_not_open_it_on_its_own() -> None:
    process = Process(a_world(), a_target(a_trigger("errors"), a_trigger("latency")))
    async with process.running():
        await process.slots(2)
        say(process, "err", "errors", "latency")
        await asyncio.sleep(HOUR)

        assert process.breaker.meanwhile() == []
        assert process.breaker.before_a_run() == []


@virtually
async def test_a_dead_service_says_nothing_and_is_rolled_back_all_the_same() -> None:
    down = a_trigger("healthy", breach_when=Condition(Op.FAILING), fails=3, source="health")
    numbers = [a_trigger(name) for name in ("errors", "latency", "outage")]
    process = Process(a_world(), a_target(down, *numbers))
    say(process, "1", "healthy")
    async with process.running():
        await process.slots(2)
        say(process, "0", "healthy")
        say(process, "err", "errors", "latency", "outage")
        await process.slots(5)

        assert [one.trigger for one in process.told(RunStarted)] == ["healthy"]
        assert process.told(BreakerOpened) == []


# -- plans that do not help


@virtually
async def test_a_third_plan_does_not_begin_after_two_that_failed() -> None:
    process = Process(a_world(), *fleet(3))
    process.world.will("flag off", *[Reply.DENIED] * 9)
    say(process, "0", "errors0", "errors1", "errors2")
    async with process.running():
        await process.slots(1)
        for number in range(3):
            say(process, "1", f"errors{number}")
            await process.slots(12)

        assert [one.target for one in process.told(RunStarted)] == ["shop0", "shop1"]
        (opened,) = process.told(BreakerOpened)
        assert opened.why == "2 plans failed within 24h"


@virtually
async def test_what_a_person_starts_does_not_count_and_is_not_held_back() -> None:
    process = Process(a_world(), *fleet(1))
    process.world.will("flag off", *[Reply.DENIED] * 9)
    async with process.running():
        lane, chosen = process.lane, process.lane.target.plans["undo"]

        async def by_hand() -> str:
            return await lane.start_by_hand(chosen, "ann", "a drill", lambda: process.hands)

        for _ in range(2):
            await lane.order(by_hand)
            await asyncio.sleep(60)
        assert process.ledger.breaker.failures == ()

        await process.journal.append(BreakerOpened("a drill"))
        name = await lane.order(by_hand)
        assert process.run().id == name


# -- open and closed


@virtually
async def test_it_stays_open_across_a_restart_until_a_named_person_closes_it() -> None:
    process = Process(a_world(), *fleet(1))
    async with process.running():
        await process.journal.append(BreakerOpened("2 plans failed within 24h"))

    again = Process(process.world, *fleet(1), journal=process.journal)
    say(again, "0", "errors0")
    async with again.running():
        assert again.ledger.breaker.why == "2 plans failed within 24h"
        await again.slots(1)
        say(again, "1", "errors0")
        await again.slots(3)
        assert again.told(RunStarted) == []

        await again.journal.append(BreakerClosed("ann", "a broken switch, replaced"))
        await again.slots(1)
        assert len(again.told(RunStarted)) == 1


@virtually
async def test_who_closes_it_while_it_is_dark_is_not_asked_again_and_again() -> None:
    process = Process(a_world(), *blind_fleet())
    say(process, "0", "seen0", "seen1")
    say(process, "err", "dark0", "dark1")
    async with process.running():
        await asyncio.sleep(600)
        await process.journal.append(*process.breaker.meanwhile())
        await process.journal.append(BreakerClosed("ann", "that source is being moved"))
        assert process.breaker.meanwhile() == []

        say(process, "1", "seen0")
        await process.slots(3)
        assert len(process.told(RunStarted)) == 1


@virtually
async def test_what_was_dark_when_a_person_closed_it_does_not_count_after_a_restart() -> None:
    process = Process(a_world(), *blind_fleet())
    say(process, "0", "seen0", "seen1")
    say(process, "err", "dark0", "dark1")
    async with process.running():
        await asyncio.sleep(600)
        await process.journal.append(*process.breaker.meanwhile())
        await process.journal.append(BreakerClosed("ann", "that source is being moved"))
        await process.slots(2)

    again = Process(process.world, *blind_fleet(), journal=process.journal)
    async with again.running():
        await again.slots(4)
        assert again.breaker.meanwhile() == []
        assert again.breaker.before_a_run() == []


@virtually
async def test_the_status_says_it_first_and_how_to_lift_it() -> None:
    process = Process(a_world(), a_target(mode=Mode.AUTO))
    async with process.running():
        await process.journal.append(BreakerOpened("2 plans failed within 24h"))
        shown = status_of(process)

        assert shown["daemon"]["breaker"] == "2 plans failed within 24h"
        assert shown["targets"][0]["would_act"] is False
        (refusal,) = shown["targets"][0]["refusals"]
        assert refusal["reason"] == "breaker_open"
        assert "`close-breaker`" in refusal["text"]


class Guarded(Process):
    """A process whose service looks after the breaker, as the real one does."""

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Service]:
        """Until the end of the block."""
        self.journal.listen(self._keep_ledger)
        service = Service(
            self.shared, self.lanes, Path("/nowhere/KILL"), 1.0, _nothing, self.breaker
        )
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(service.run(_nothing))
            ticker = tasks.create_task(self._ticker().run())
            await asyncio.sleep(0.001)
            yield service
            service.stop("the end")
            await asyncio.wait([running])
            ticker.cancel()


@virtually
async def test_a_service_opens_it_even_when_nothing_wants_to_begin() -> None:
    same = [a_target(name=f"shop{n}", mode=Mode.ALERT_ONLY) for n in "abc"]
    process = Guarded(a_world(), *same)
    async with process.serving():
        await process.see(errors="obb")
        await until_the_guard_looked()

        assert len(process.told(BreakerOpened)) == 1


@virtually
async def test_a_breaker_that_cannot_be_recorded_opens_once_it_can() -> None:
    same = [a_target(name=f"shop{n}", mode=Mode.ALERT_ONLY) for n in "abc"]
    process = Guarded(a_world(), *same)
    async with process.serving():
        await process.see(errors="ob")
        process.journal.fault = "disk full"
        await process.see(errors="b")
        await until_the_guard_looked()
        assert process.told(BreakerOpened) == []

        process.journal.fault = ""
        await until_the_guard_looked()
        await until_the_guard_looked()
        assert len(process.told(BreakerOpened)) == 1


async def _nothing() -> None:
    """Nothing to do once it is ready."""


# -- planted bugs: each is told from the right one

Planted = Callable[[Process], Process]


def right(process: Process) -> Process:
    """Nothing is wrong with it."""
    return process


def with_breaker(kind: type[Breaker]) -> Planted:
    def planted(process: Process) -> Process:
        lanes = process.lanes
        process.breaker = kind(
            BreakerLimits(),
            process.ledger,
            process.clock,
            lambda: [lane.evaluator for lane in lanes.values()],
        )
        return process

    return planted


class NeverAsked(Breaker):
    """Looks only while nothing begins."""

    def before_a_run(self) -> list[BreakerOpened]:
        """Says nothing."""
        return []


class LittleTrafficIsDarkness(Breaker):
    """Takes every unknown for darkness."""

    def before_a_run(self) -> list[BreakerOpened]:
        """As a breaker does, of all that is unknown now."""
        evaluators = list(self._evaluators())
        unknown = [
            sum(one.verdict is Verdict.UNKNOWN for one in each.judgements.values())
            for each in evaluators
        ]
        sights = [
            TargetSight(one.target.name, len(one.instances), (1.0,) * count)
            for one, count in zip(evaluators, unknown, strict=True)
        ]
        why = why_open(self._limits, self._ledger.breaker, sights, self._clock.now())
        return [BreakerOpened(why)] if why else []


def forgets_the_breaker(ledger: Ledger) -> None:
    """Forgets over a restart that the breaker is open."""
    ledger.breaker = BreakerState()


async def the_third_does_not_begin(planted: Planted) -> None:
    process = planted(Process(a_world(), *fleet(3), global_per_hour=50))
    say(process, "0", "errors0", "errors1", "errors2")
    async with process.running():
        await process.slots(1)
        for number in range(3):
            say(process, "1", f"errors{number}")
            await process.slots(2)
        assert len(process.told(RunStarted)) == 2


async def a_quiet_fleet_is_no_dark_one(planted: Planted) -> None:
    process = planted(Process(a_world(), *fleet(8)))
    say(process, "quiet", *(f"errors{number}" for number in range(8)))
    async with process.running():
        await process.slots(9)
        say(process, "1", "errors0")
        await process.slots(3)
        assert len(process.told(RunStarted)) == 1


BUGS = {
    "never asked before a run": (the_third_does_not_begin, with_breaker(NeverAsked)),
    "little traffic is darkness": (
        a_quiet_fleet_is_no_dark_one,
        with_breaker(LittleTrafficIsDarkness),
    ),
}


@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_told_from_the_right_one(name: str) -> None:
    scenario, planted = BUGS[name]

    run_virtually(scenario(right))
    with pytest.raises(AssertionError):
        run_virtually(scenario(planted))


@virtually
async def test_a_ledger_that_forgets_it_would_be_seen() -> None:
    process = Process(a_world(), *fleet(1))
    async with process.running():
        await process.journal.append(BreakerOpened("2 plans failed within 24h"))

    parts = Parts(recalled=forgets_the_breaker)
    again = Process(process.world, *fleet(1), journal=process.journal, parts=parts)
    say(again, "0", "errors0")
    async with again.running():
        await again.slots(1)
        say(again, "1", "errors0")
        await again.slots(3)
        assert len(again.told(RunStarted)) == 1
