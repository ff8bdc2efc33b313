"""Freezes and planned work on a lane: what is not begun, what is told, across restarts."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.bed.statuses import status_of
from tests.builders import EPOCH, a_plan, a_step, a_target, a_trigger
from tests.process import Process, a_world
from watchdog.domain.decision import Reason
from watchdog.domain.events import (
    Decided,
    Event,
    Outcome,
    RunEnded,
    RunStarted,
    SourceWentBlind,
    TriggerChanged,
)
from watchdog.domain.target import Target
from watchdog.domain.telling import message
from watchdog.domain.topics import Topic
from watchdog.domain.trigger import Change, Severity
from watchdog.domain.windows import (
    EVERYWHERE,
    Spared,
    Window,
    WindowBegan,
    WindowEnded,
    WindowKind,
    WindowLifted,
    WindowSet,
)
from watchdog.domain.wording import Telling
from watchdog.testing.doubles import MemoryJournal
from watchdog.testing.virtual_time import VirtualClock, virtually

FREEZE, WORK = WindowKind.FREEZE, WindowKind.MAINTENANCE
HOUR = 3600.0


def frozen(*, until: float = HOUR, spared: Spared | None = None, target: str = "shop") -> WindowSet:
    return WindowSet(target, FREEZE, "ann", "fair", EPOCH + until, spared or Spared())


def working(*, until: float = HOUR, target: str = "shop") -> WindowSet:
    return WindowSet(target, WORK, "ann", "disks", EPOCH + until)


def written(kind: WindowKind, begins: float, ends: float) -> Window:
    return Window(kind, "weekend", begins=EPOCH + begins, ends=EPOCH + ends)


def held_by(*windows: Window) -> Target:
    return replace(a_target(), windows=windows)


def refusals(process: Process) -> list[str]:
    return [decided.refusal for decided in process.told(Decided)]


def tellings(process: Process, *kinds: type[Event]) -> list[Telling]:
    records = [one for one in process.journal.records if isinstance(one.event, kinds)]
    return [telling for telling in map(message, records) if telling is not None]


def runs(process: Process) -> int:
    return len(process.told(RunStarted))


# -- freeze


@virtually
async def test_nothing_begins_in_a_freeze_and_people_are_paged_once() -> None:
    async with Process(a_world()).running() as process:
        await process.journal.append(frozen())
        await process.see(errors="obbbbbb")

        (decided,) = process.told(Decided)
        assert (decided.refusal, decided.detail) == (Reason.FROZEN, "fair, by ann")
        assert decided.until == EPOCH + HOUR
        assert process.world.sends == []
        (told,) = tellings(process, Decided)
        assert (told.severity, Topic.PAGED in told.topics) == (Severity.WARNING, True)


@virtually
async def test_the_freeze_over_what_still_breaches_is_acted_on() -> None:
    async with Process(a_world()).running() as process:
        await process.journal.append(frozen(until=120.0))
        await process.see(errors="ob")
        await process.slots(5)
        assert runs(process) == 0

        await process.slots(3)
        assert refusals(process) == [Reason.FROZEN, ""]
        assert process.told(RunStarted)[0].target == "shop"


@virtually
async def test_a_run_that_is_under_way_goes_on_when_a_freeze_begins() -> None:
    plan = a_plan(a_step("one", timeout="3m"), a_step("two"), verify_trigger=False)
    world = a_world()
    world.takes["one"] = 60.0
    async with Process(world, a_target(plans=[plan])).running() as process:
        await process.see(errors="obb")
        await process.journal.append(frozen(target=EVERYWHERE))
        await process.see(errors="oooooooo")

        assert world.names == ["one", "two"]
        (ended,) = process.told(RunEnded)
        assert ended.outcome is Outcome.SUCCEEDED


@virtually
async def test_a_freeze_lets_through_what_it_spares() -> None:
    target = a_target(
        a_trigger("latency", plan="undo"),
        a_trigger("outage", plan="undo", severity=Severity.CRITICAL),
    )
    async with Process(a_world(), target).running() as process:
        await process.journal.append(frozen(spared=Spared(Severity.CRITICAL)))
        await process.see(latency="obbb", outage="ooob")
        assert refusals(process) == [Reason.FROZEN]

        await process.see(latency="bb", outage="bb")
        assert refusals(process) == [Reason.FROZEN, ""]
        assert process.told(RunStarted)[0].trigger == "outage"


@virtually
async def test_a_freeze_that_does_not_spare_it_denies_what_another_lets_through() -> None:
    async with Process(a_world()).running() as process:
        await process.journal.append(frozen(spared=Spared(Severity.INFO)))
        await process.journal.append(frozen(until=600.0, target=EVERYWHERE))
        await process.see(errors="obbb")

        assert refusals(process) == [Reason.FROZEN]


@virtually
async def test_a_cause_passes_a_freeze() -> None:
    leak = replace(a_trigger("leak"), cause="security")
    async with Process(a_world(), a_target(leak)).running() as process:
        await process.journal.append(frozen(spared=Spared(causes=("security",))))
        await process.see(leak="obbb")

        assert runs(process) == 1


@virtually
async def test_a_graver_trigger_supersedes_nothing_in_a_freeze() -> None:
    low = a_plan(a_step("one", timeout="9m"), name="cache", verify=[], verify_trigger=False)
    target = a_target(
        a_trigger("latency", plan="cache"),
        a_trigger("outage", plan="cut", severity=Severity.CRITICAL),
        plans=[low, a_plan(a_step("cut"), name="cut", verify=[])],
    )
    world = a_world()
    world.takes["one"] = 300.0
    async with Process(world, target).running() as process:
        await process.see(latency="obb", outage="ooo")
        await process.journal.append(frozen())
        await process.see(latency="bbbb", outage="bbbb")

        assert [sent.name for sent in world.sends] == ["one"]
        assert Reason.FROZEN in refusals(process)
        assert process.run().stop is None


@virtually
async def test_a_person_starts_a_plan_in_a_freeze() -> None:
    async with Process(a_world()).running() as process:
        await process.journal.append(frozen())
        await process.slots(1)
        lane = process.lanes["shop"]
        await lane.order(
            lambda: lane.start_by_hand(
                lane.target.plans["undo"], "bob", "I know", lambda: process.hands
            )
        )
        await process.slots(1)

        assert process.world.names == ["flag off"]


@virtually
async def test_written_windows_open_and_close_by_the_clock() -> None:
    target = held_by(written(FREEZE, 60.0, 120.0))
    async with Process(a_world(), target).running() as process:
        await process.see(errors="o" * 3)
        assert process.told(WindowBegan) == []
        await process.see(errors="bbbb")
        assert refusals(process) == [Reason.FROZEN]

        await process.see(errors="bbb")
        assert refusals(process) == [Reason.FROZEN, ""]
        (began,), (over,) = process.told(WindowBegan), process.told(WindowEnded)
        assert (began.kind, began.reason, began.until) == (FREEZE, "weekend", EPOCH + 120)
        assert (over.kind, over.since, over.firing) == (FREEZE, began.since, ("errors",))


@virtually
async def test_windows_of_the_daemon_hold_every_target() -> None:
    both = [a_target(a_trigger(f"errors{n}"), name=f"shop{n}") for n in range(2)]
    window = written(FREEZE, 0.0, HOUR)
    async with Process(a_world(), *both, windows=(window,)).running() as process:
        await process.see(errors0="obb", errors1="obb")

        assert refusals(process) == [Reason.FROZEN, Reason.FROZEN]


# -- planned work


@virtually
async def test_in_planned_work_nothing_begins_and_all_is_told_as_information() -> None:
    async with Process(a_world()).running() as process:
        await process.journal.append(working())
        await process.see(errors="obbbbbb")

        (decided,) = process.told(Decided)
        assert decided.refusal == Reason.MAINTENANCE
        assert process.world.sends == []
        fired = [one for one in process.told(TriggerChanged) if one.change is Change.FIRING]
        assert [one.planned for one in fired] == ["disks, by ann"]
        told = tellings(process, Decided, TriggerChanged)
        assert [(one.severity, Topic.PAGED in one.topics) for one in told] == [
            (Severity.INFO, False),
            (Severity.INFO, False),
        ]


@virtually
async def test_a_source_that_goes_dark_in_planned_work_pages_when_it_is_over_and_still_dark() -> (
    None
):
    async with Process(a_world()).running() as process:
        await process.journal.append(working(until=600.0))
        await process.see(errors="o" + "?" * 30)
        (blind,) = tellings(process, SourceWentBlind)
        assert (blind.severity, blind.topics) == (Severity.INFO, (Topic.BLIND,))

        await process.see(errors="?" * 12)
        (over,) = process.told(WindowEnded)
        assert over.blind == ("errors",)
        (told,) = tellings(process, WindowEnded)
        assert told.severity is Severity.CRITICAL
        assert {Topic.PAGED, Topic.BLIND} < {*told.topics}


@virtually
async def test_a_trigger_for_people_that_fired_in_planned_work_is_told_when_it_is_over() -> None:
    target = a_target(a_trigger(plan="", severity=Severity.CRITICAL))
    async with Process(a_world(), target).running() as process:
        await process.journal.append(working(until=120.0))
        await process.see(errors="obbbbb")
        assert refusals(process) == [Reason.MAINTENANCE]

        await process.see(errors="bbbb")
        assert refusals(process) == [Reason.MAINTENANCE, Reason.NO_PLAN]
        (over,) = tellings(process, WindowEnded)
        assert (over.severity, over.topics) == (Severity.CRITICAL, (Topic.WINDOW, Topic.FIRING))
        assert tellings(process, Decided)[-1].severity is Severity.CRITICAL


@virtually
async def test_planned_work_that_ends_with_all_well_wakes_nobody() -> None:
    async with Process(a_world()).running() as process:
        await process.journal.append(working(until=120.0))
        await process.see(errors="o" * 10)

        (told,) = tellings(process, WindowEnded)
        assert (told.severity, told.topics) == (Severity.INFO, (Topic.WINDOW,))


@virtually
async def test_a_status_says_what_holds_and_until_when() -> None:
    async with Process(a_world()).running() as process:
        await process.journal.append(frozen(spared=Spared(Severity.CRITICAL)), working())
        await process.slots(1)

        (shown,) = status_of(process)["targets"]
        assert [one["reason"] for one in shown["refusals"]] == ["maintenance", "frozen"]
        assert [(one["kind"], one["by"], one["except"]) for one in shown["windows"]] == [
            ("freeze", "ann", "critical"),
            ("maintenance", "ann", ""),
        ]


# -- a restart, and clocks


async def lives(
    letters: Sequence[str], *first: Event, target: Target | None = None, step: float = 0.0
) -> Process:
    """One process after the other over the same journal; the last one, at its end."""
    world = a_world()
    journal: MemoryJournal | None = None
    process = None
    for number, seen in enumerate(letters):
        clock = world.clock
        assert isinstance(clock, VirtualClock)
        survived = MemoryJournal(clock, epoch=number, boot_id=f"boot {number}", survived=journal)
        process = Process(world, *([target] if target else []), journal=survived)
        async with process.running():
            if not number:
                await survived.append(*first)
            await process.see(errors=seen)
        journal = survived
        clock.step(step)
    assert process is not None
    return process


@pytest.mark.parametrize("held", [frozen(), frozen(target=EVERYWHERE), working()])
@pytest.mark.parametrize("step", [0.0, 20.0])
def test_what_a_person_set_outlives_every_restart(held: WindowSet, step: float) -> None:
    @virtually
    async def several_lives() -> None:
        process = await lives(["o", "obb", "bb", "bbb"], held, step=step)
        assert {*refusals(process)} == {
            Reason.FROZEN if held.kind is FREEZE else Reason.MAINTENANCE
        }
        assert process.world.sends == []

    several_lives()


@virtually
async def test_what_a_person_lifted_stays_lifted_after_a_restart() -> None:
    process = await lives(["o", "obbb"], frozen(), WindowLifted("shop", FREEZE, "bob"))

    assert runs(process) == 1


@virtually
async def test_a_window_that_ended_while_nobody_looked_ends_at_the_next_start() -> None:
    target = held_by(written(FREEZE, 0.0, 60.0))
    world = a_world()
    first = Process(world, target)
    async with first.running():
        await first.see(errors="oo")
    await asyncio.sleep(300)
    second = Process(world, target, journal=MemoryJournal(world.clock, survived=first.journal))
    async with second.running():
        await second.see(errors="o")

    assert len(second.told(WindowBegan)) == len(second.told(WindowEnded)) == 1


@virtually
async def test_a_wall_clock_set_forward_thaws_nothing() -> None:
    async with Process(a_world()).running() as process:
        await process.journal.append(frozen())
        clock = process.world.clock
        assert isinstance(clock, VirtualClock)
        await process.see(errors="oo")
        clock.step(2 * HOUR)
        await process.see(errors="obbbb")

        assert {*refusals(process)} == {Reason.FROZEN}
