"""What becomes of a decision that alert-only mode held back, in a real lane and virtual time."""

import asyncio
from dataclasses import replace

import pytest

from tests.builders import a_plan, a_target, a_trigger, a_watch, above
from tests.process import EVERY, Process, a_world
from watchdog.domain.change import ChangeKind
from watchdog.domain.events import ChangeSeen, Decided, Ending, ShadowOutcome, TriggerChanged
from watchdog.domain.shadow_book import ARMED, CHANGED, LOST, UNSEEN
from watchdog.domain.target import Mode, Target
from watchdog.domain.trigger import Change
from watchdog.testing.doubles import MemoryJournal
from watchdog.testing.virtual_time import virtually

HOUR_OF_SLOTS = 240


def shadowed(*, mode: Mode = Mode.ALERT_ONLY, limit: float = 0.1) -> Target:
    """A target that fires after two looks."""
    trigger = a_trigger("errors", breach_when=above(limit))
    return a_target(trigger, mode=mode, plans=[a_plan(watch=a_watch(short="1m"))])


async def decided(process: Process) -> Decided:
    """Break it; the decision that is made."""
    await process.see(errors="obb")
    (one,) = process.told(Decided)
    return one


async def by_hand(process: Process) -> None:
    lane = process.lane
    plan = lane.target.plans["undo"]
    await lane.order(lambda: lane.start_by_hand(plan, "ann", "bad release", lambda: process.hands))


async def reload(process: Process, target: Target) -> None:
    hands = process.hands if target.mode is Mode.AUTO else None
    lane = process.lane
    await lane.order(lambda: lane.reload(target, process.eyes, hands))


@virtually
async def test_what_resolves_within_the_hour_recovered_by_itself() -> None:
    async with Process(a_world(), shadowed()).running() as process:
        decision = await decided(process)
        await process.see(errors="b" * 20 + "o" * 12)

        (outcome,) = process.told(ShadowOutcome)
        assert outcome == ShadowOutcome(
            target="shop",
            incident=decision.incident,
            trigger="errors",
            plan="undo",
            episode=decision.episode,
            what=Ending.RECOVERED,
            after_seconds=(20 + 1 + 8) * EVERY,
        )


@virtually
async def test_what_resolves_after_another_version_came_did_not_mend_itself() -> None:
    async with Process(a_world(), shadowed()).running() as process:
        await decided(process)
        now = process.clock.now().wall
        await process.journal.append(
            ChangeSeen("shop", "v1", "v2", now - 60, "ci"),
            ChangeSeen("shop", "cart=off", "", now, "ci", kind=ChangeKind.FLAG),
        )
        await process.see(errors="bb")
        await process.journal.append(ChangeSeen("shop", "v0", "v1", now + 15, "ci"))
        await process.see(errors="o" * 12)

        (outcome,) = process.told(ShadowOutcome)
        assert (outcome.what, outcome.note) == (Ending.UNKNOWN, CHANGED)


@virtually
async def test_a_change_before_the_decision_has_no_part_in_what_came_of_it() -> None:
    async with Process(a_world(), shadowed()).running() as process:
        await decided(process)
        before = process.clock.now().wall - 60
        await process.journal.append(ChangeSeen("shop", "v1", "v2", before, "ci"))
        await process.see(errors="o" * 12)

        (outcome,) = process.told(ShadowOutcome)
        assert outcome.what is Ending.RECOVERED


@virtually
async def test_a_run_by_hand_within_the_hour_says_that_to_act_was_right() -> None:
    async with Process(a_world(), shadowed()).running() as process:
        await decided(process)
        await process.slots(4)
        await by_hand(process)
        await process.see(errors="o" * 20)

        (outcome,) = process.told(ShadowOutcome)
        assert outcome.what is Ending.PERSON_ROLLED_BACK
        assert 4 * EVERY <= outcome.after_seconds <= 5 * EVERY


@virtually
async def test_what_is_still_bad_after_an_hour_is_said_to_be_then_and_not_later() -> None:
    async with Process(a_world(), shadowed()).running() as process:
        await decided(process)
        await process.slots(HOUR_OF_SLOTS - 1)
        assert process.told(ShadowOutcome) == []

        await process.slots(1)

        (outcome,) = process.told(ShadowOutcome)
        assert (outcome.what, outcome.after_seconds) == (Ending.STILL_BAD, 3600.0)


@virtually
async def test_one_failed_look_when_the_hour_is_over_waits_for_the_next() -> None:
    async with Process(a_world(), shadowed()).running() as process:
        await decided(process)
        await process.slots(HOUR_OF_SLOTS - 1)
        await process.see(errors="??b")

        (outcome,) = process.told(ShadowOutcome)
        assert outcome.what is Ending.STILL_BAD


@virtually
async def test_who_is_blind_when_the_hour_is_over_guesses_nothing() -> None:
    async with Process(a_world(), shadowed()).running() as process:
        await decided(process)
        await process.slots(HOUR_OF_SLOTS - 1)
        await process.see(errors="?" * 23)

        (outcome,) = process.told(ShadowOutcome)
        assert (outcome.what, outcome.note) == (Ending.UNKNOWN, UNSEEN)


@pytest.mark.parametrize(
    ("after", "what"), [("o" * 12, Ending.RECOVERED), ("oob", Ending.STILL_BAD)]
)
@virtually
async def test_what_is_good_again_when_the_hour_is_over_is_given_time_to_prove_it(
    after: str, what: Ending
) -> None:
    async with Process(a_world(), shadowed()).running() as process:
        await decided(process)
        await process.slots(HOUR_OF_SLOTS - 3)
        await process.see(errors="oo" + after)

        (outcome,) = process.told(ShadowOutcome)
        assert outcome.what is what


@virtually
async def test_a_reload_tells_a_decision_again_and_it_still_ends_once() -> None:
    async with Process(a_world(), shadowed()).running() as process:
        await decided(process)
        await reload(process, replace(shadowed(), hash="2"))
        await process.see(errors="bb")
        await reload(process, replace(shadowed(), hash="3"))
        await process.see(errors="b" * 5 + "o" * 12)

        assert len(process.told(Decided)) > 1
        assert [one.what for one in process.told(ShadowOutcome)] == [Ending.RECOVERED]


@virtually
async def test_of_a_trigger_that_was_changed_meanwhile_nobody_can_tell() -> None:
    async with Process(a_world(), shadowed()).running() as process:
        await decided(process)
        await reload(process, replace(shadowed(limit=7), hash="2"))
        await process.slots(2)

        (outcome,) = process.told(ShadowOutcome)
        assert (outcome.what, outcome.note) == (Ending.UNKNOWN, LOST)


@virtually
async def test_a_target_that_is_armed_meanwhile_has_no_more_to_show() -> None:
    async with Process(a_world(), shadowed()).running() as process:
        await decided(process)
        await reload(process, replace(shadowed(mode=Mode.AUTO), hash="2"))
        await process.slots(4)

        (outcome,) = process.told(ShadowOutcome)
        assert (outcome.what, outcome.note) == (Ending.UNKNOWN, ARMED)


@virtually
async def test_a_daemon_that_was_away_when_the_hour_was_over_does_not_know() -> None:
    world = a_world()
    async with Process(world, shadowed()).running() as process:
        await decided(process)
    await asyncio.sleep(2 * 3600)

    journal = MemoryJournal(world.clock, survived=process.journal)
    async with Process(world, shadowed(), journal=journal).running() as again:
        await again.slots(3)

        (outcome,) = again.told(ShadowOutcome)
        assert outcome.what is Ending.UNKNOWN


@virtually
async def test_a_resolution_that_could_not_be_written_is_no_lost_one() -> None:
    async with Process(a_world(), shadowed()).running() as process:
        await decided(process)
        process.journal.fault = "the disk is full"
        await process.see(errors="o" * 12)
        process.journal.fault = ""
        await process.journal.probe()
        await process.slots(2)

        changes = [one.change for one in process.told(TriggerChanged)]
        assert changes[-1] is Change.RESOLVED
        assert [one.what for one in process.told(ShadowOutcome)] == [Ending.RECOVERED]


@virtually
async def test_what_ended_while_it_could_not_be_written_is_written_at_the_next_start() -> None:
    world = a_world()
    async with Process(world, shadowed()).running() as process:
        await decided(process)
        await process.see(errors="o" * 9)
        assert process.told(ShadowOutcome) == []

    journal = MemoryJournal(world.clock, survived=process.journal)
    async with Process(world, shadowed(), journal=journal).running() as again:
        await again.slots(1)

        (outcome,) = again.told(ShadowOutcome)
        assert outcome.what is Ending.RECOVERED
        assert outcome.after_seconds < 10 * EVERY
