"""Triggers that compare with what was before, in a real lane and virtual time."""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial

import pytest

from tests.builders import a_signal, a_target, a_trigger, at
from tests.process import EVERY, Process, a_world
from watchdog.domain.condition import Condition, Op
from watchdog.domain.events import ChangeSeen, RunStarted, TriggerChanged
from watchdog.domain.expression import Term
from watchdog.domain.moment import Moment
from watchdog.domain.observation import Sample
from watchdog.domain.relative import Against, Move, Relative
from watchdog.domain.signal import Verdict
from watchdog.domain.target import Mode, Target
from watchdog.domain.trigger import Change
from watchdog.engine.memories import Memories
from watchdog.engine.status_of_triggers import condition
from watchdog.testing.doubles import MemoryJournal
from watchdog.testing.virtual_time import virtually

HOUR = 3600.0
# Slots of the window that all of these compare with.
WINDOW = 10
OPS = {Move.SPIKE: Op.ABOVE}


def watching(
    move: Move,
    limit: float,
    *,
    against: Against = Against.WINDOW,
    unit: str = "requests/s",
    hold: str = "1m",
    every: float = EVERY,
) -> Target:
    relative = Relative(move, WINDOW * every, against, per=60.0)
    term = Term(a_signal("rps", unit=unit), Condition(OPS.get(move, Op.AT_LEAST), limit), relative)
    return a_target(a_trigger("moved", watches=term, hold=hold, every=every), mode=Mode.ALERT_ONLY)


async def see(process: Process, *values: float | str, times: int = 1) -> None:
    for value in values * times:
        process.world.says("rps", value)
        await process.slots(1)


def parted(parts: Mapping[str, Sample], _: Moment) -> Sample:
    return Sample((), parts=parts)


def fired(process: Process) -> list[TriggerChanged]:
    return [one for one in process.told(TriggerChanged) if one.change is Change.FIRING]


def resolved(process: Process) -> list[TriggerChanged]:
    return [one for one in process.told(TriggerChanged) if one.change is Change.RESOLVED]


@pytest.mark.parametrize(
    ("move", "limit", "calm", "bad"),
    [
        (Move.DROP, 0.6, [*[90, 100, 110] * 3, 100, 41], [40]),
        (Move.RISE, 0.5, [*[90, 100, 110] * 3, 100, 149], [150]),
        (Move.SPIKE, 3.0, [*[90, 100, 110] * 3, 100, 300], [301]),
        (Move.GROWS, 80.0, [100], [100 + 20.1 * n for n in range(1, 30)]),
        (Move.FALLS, 80.0, [900], [900 - 20.1 * n for n in range(1, 30)]),
    ],
    ids=lambda value: str(value) if isinstance(value, Move) else "",
)
@virtually
async def test_it_fires_on_what_moves_that_far_and_on_nothing_less(
    move: Move, limit: float, calm: Sequence[float], bad: Sequence[float]
) -> None:
    async with Process(a_world(), watching(move, limit)).running() as process:
        await see(process, *calm, times=1 if len(calm) > 1 else 12)
        assert fired(process) == []
        assert process.lane.evaluator.judgements["moved"].verdict is Verdict.OK

        await see(process, *bad, times=1 if len(bad) > 1 else 10)

        (one,) = fired(process)
        assert (one.limit, one.trigger) == (limit, "moved")
        await see(process, calm[0], times=20)
        assert len(resolved(process)) == 1


@virtually
async def test_what_people_are_told_says_against_what() -> None:
    async with Process(a_world(), watching(Move.DROP, 0.6)).running() as process:
        await see(process, 100.0, times=12)
        await see(process, 25.0, times=10)

        (one,) = fired(process)
        assert one.condition == "against the median of the last 2m 30s, down by at least 0.6"
        assert (one.unit, one.note) == ("ratio", "25 now, 100 before")
        assert one.query == "query of rps, against the median of the last 2m 30s"
        (trigger,) = process.lane.target.triggers
        assert condition(trigger) == (
            "against the median of the last 2m 30s, down by at least 60 % for 60 s"
        )


@virtually
async def test_without_a_baseline_nothing_is_known_and_nobody_is_in_the_dark() -> None:
    async with Process(a_world(), watching(Move.DROP, 0.6)).running() as process:
        await see(process, 100.0, times=WINDOW - 1)
        await see(process, 1.0)

        judgement = process.lane.evaluator.judgements["moved"]
        assert (judgement.verdict, judgement.reason) == (Verdict.UNKNOWN, "no_baseline")
        assert process.lane.evaluator.statuses["moved"].dark_since is None


@virtually
async def test_a_long_breach_is_compared_with_what_was_before_it_to_its_end() -> None:
    async with Process(a_world(), watching(Move.DROP, 0.6)).running() as process:
        await see(process, 100.0, times=12)
        # Many times the window: the breach would long be what is normal.
        await see(process, 30.0, times=10 * WINDOW)
        assert len(fired(process)) == 1
        assert resolved(process) == []

        await see(process, 95.0, times=9)
        assert len(resolved(process)) == 1
        # And the next one is seen at once.
        await see(process, 30.0, times=6)
        assert len(fired(process)) == 2


async def next_life(process: Process, downtime: float = 5.0) -> Process:
    await asyncio.sleep(downtime)
    world = process.world
    journal = MemoryJournal(world.clock, survived=process.journal)
    return Process(world, process.lane.target, journal=journal)


@virtually
async def test_a_restart_in_a_breach_goes_on_with_what_it_was_compared_with() -> None:
    async with Process(a_world(), watching(Move.DROP, 0.6)).running() as process:
        await see(process, 100.0, times=12)
        await see(process, 30.0, times=10)
        assert len(fired(process)) == 1

    again = await next_life(process)
    async with again.running():
        await see(again, 30.0, times=30)
        assert again.lane.evaluator.judgements["moved"].verdict is Verdict.BREACH
        assert resolved(again) == []

        await see(again, 100.0, times=9)
        assert len(resolved(again)) == 1
        assert again.told(RunStarted) == []


@virtually
async def test_after_a_restart_it_fires_no_earlier_than_without() -> None:
    async with Process(a_world(), watching(Move.DROP, 0.6)).running() as process:
        await see(process, 100.0, times=12)

    again = await next_life(process)
    async with again.running():
        # What is normal has to be learned anew.
        await see(again, 100.0, times=5)
        await see(again, 30.0, times=20)

        assert fired(again) == []


@virtually
async def test_yesterdays_hour_is_remembered_over_a_restart() -> None:
    target = watching(Move.RISE, 0.5, against=Against.YESTERDAY)
    async with Process(a_world(), target).running() as process:
        process.world.says("rps", 100.0)
        await process.slots(245)
        assert await process.journal.kept("baseline/shop") is not None

    again = await next_life(process)
    async with again.running():
        await asyncio.sleep(22 * HOUR + 58 * 60)
        assert again.lane.evaluator.judgements["moved"].verdict is Verdict.UNKNOWN

        # An hour later it is the same hour as the one that was seen.
        await see(again, 160.0, times=12)
        assert len(fired(again)) == 1


@virtually
async def test_a_week_ago_is_a_week_ago() -> None:
    target = watching(Move.DROP, 0.5, against=Against.LAST_WEEK, hold="5m", every=300)
    async with Process(a_world(), target).running() as process:
        loop = asyncio.get_running_loop()
        for hour in range(7 * 24):
            # Weekends are quiet.
            value = 20.0 if hour >= 5 * 24 else 100.0
            loop.call_later(hour * HOUR, process.world.says, "rps", value)
        await asyncio.sleep(7 * 24 * HOUR + 60)
        assert fired(process) == []

        process.world.says("rps", 40.0)
        await asyncio.sleep(1000)

        assert len(fired(process)) == 1


@virtually
async def test_what_was_before_the_last_change_is_compared_with() -> None:
    target = watching(Move.RISE, 0.5, against=Against.BEFORE_CHANGE)
    async with Process(a_world(), target).running() as process:
        await see(process, 100.0, times=12)
        deployed = process.clock.now().wall
        # People hear of it a minute later.
        await see(process, 170.0, times=4)
        await process.journal.append(ChangeSeen("shop", "v2", "v1", deployed, "ci"))
        await see(process, 170.0, times=8)
        assert len(fired(process)) == 1

    again = await next_life(process)
    async with again.running():
        await see(again, 170.0, times=4)
        assert again.lane.evaluator.judgements["moved"].value == pytest.approx(0.7)


@virtually
async def test_a_reload_that_changes_something_else_forgets_nothing() -> None:
    target = watching(Move.DROP, 0.6)
    async with Process(a_world(), target).running() as process:
        await see(process, 100.0, times=12)
        lane = process.lane
        stricter = watching(Move.DROP, 0.8)
        await lane.order(lambda: lane.reload(stricter, process.eyes, None))
        await see(process, 15.0, times=8)

        (one,) = fired(process)
        assert one.limit == 0.8


@virtually
async def test_each_value_of_a_label_is_compared_with_what_it_was_itself() -> None:
    relative = Relative(Move.DROP, WINDOW * EVERY)
    signal = a_signal("rps", for_each="route")
    term = Term(signal, Condition(Op.AT_LEAST, 0.6), relative)
    target = a_target(a_trigger("moved", watches=term, hold="1m"), mode=Mode.ALERT_ONLY)
    async with Process(a_world(), target).running() as process:
        for cart in [100.0] * 12 + [20.0] * 8:
            parts = {"/cart": Sample((cart,)), "/home": Sample((9.0,))}
            process.world.signals["rps"] = partial(parted, parts)
            await process.slots(1)

        assert [one.trigger for one in fired(process)] == ['moved{route="/cart"}']


@virtually
async def test_a_source_that_is_silent_makes_nothing_drop() -> None:
    async with Process(a_world(), watching(Move.DROP, 0.6)).running() as process:
        await see(process, 100.0, times=12)
        await see(process, "err", "timeout", "_", "nan", times=10)

        assert fired(process) == []
        # What was seen before is too long ago to tell what is normal now.
        await see(process, 30.0, times=10)
        assert fired(process) == []


def test_what_was_before_old_changes_of_values_that_are_gone_is_forgotten() -> None:
    term = Term(
        a_signal("rss", for_each="pod"),
        Condition(Op.AT_LEAST, 0.5),
        Relative(Move.RISE, WINDOW * EVERY, Against.BEFORE_CHANGE),
    )
    memories = Memories(a_target(a_trigger("moved", watches=term)))
    for deploy in range(60):
        name, now = f'moved{{pod="{deploy}"}}', at(deploy * 24 * HOUR)
        memories.judge(name, term, Sample((1.0,)), now)
        memories.changed(now.wall)
        note = memories.note()
        assert note is not None
        memories.forget(name)

    assert len(memories.kept) <= 10
    assert any('"59"' in title for title in memories.kept)
