"""A healthy service and troubled sources: whatever the sources say, nothing is rolled back.

`make soak` makes it as long as SEEDS says.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Iterable

import pytest

from tests.builders import at
from tests.process import Process, a_world
from tests.simulation.troubled_days import (
    ClockStep,
    Happening,
    Restart,
    a_guarded_target,
    a_troubled_day,
)
from watchdog.domain.account import Account
from watchdog.domain.decision import Facts, decide
from watchdog.domain.events import RunStarted, SourceWentBlind, TriggerChanged
from watchdog.domain.moment import Moment
from watchdog.domain.target import Limits, Mode
from watchdog.domain.trigger import Change
from watchdog.engine.evaluator import Evaluator
from watchdog.testing.doubles import MemoryJournal
from watchdog.testing.virtual_time import VirtualClock, virtually

SEEDS = int(os.environ.get("SOAK_SEEDS", "100"))
# Days that one test lives through, so that several run at once.
A_BLOCK = 25
# Seeds that go through the whole lane: inbox, journal, checkpoint and all.
WHOLE = max(2, SEEDS // 50)
ARMED = Facts(Mode.AUTO, Limits(), Account())


class Soaked:
    """What days came to. `plans` are those that a decision was for; there must be none."""

    def __init__(self) -> None:
        self.plans: list[str] = []
        self.changes: Counter[str] = Counter()
        self.verdicts: Counter[str] = Counter()

    def live(self, happenings: Iterable[Happening]) -> None:
        """One evaluator after the other, through all that happens."""
        target = a_guarded_target()
        evaluator = Evaluator(target)
        kept: tuple[str, Moment] | None = None
        now = at(0)
        for one in happenings:
            if isinstance(one, ClockStep):
                evaluator.clock_stepped()
            elif isinstance(one, Restart):
                back = at(one.at + one.downtime)
                self.verdicts += evaluator.evaluations
                evaluator = Evaluator(target)
                if kept is not None:
                    evaluator.restore(*kept, back)
            else:
                now = one.at
                for event in evaluator.take(one):
                    name = getattr(event, "change", type(event).__name__)
                    self.changes[str(name)] += 1
                for proposal in evaluator.proposals(now):
                    if decide(proposal, ARMED, now) is None:
                        self.plans.append(f"{proposal.plan} for {proposal.trigger} at {now}")
                body = evaluator.checkpoint(now)
                if body is not None:
                    kept = body, now
                    evaluator.was_kept()
        self.verdicts += evaluator.evaluations


@pytest.mark.parametrize("first", range(0, SEEDS, A_BLOCK))
def test_no_troubled_day_comes_to_a_plan(first: int) -> None:
    soaked = Soaked()
    days = range(first, min(first + A_BLOCK, SEEDS))

    for seed in days:
        soaked.live(a_troubled_day(seed))
        assert soaked.plans == [], f"seed {seed}"

    assert soaked.changes[Change.FIRING] == 0
    # The troubles were troubles: a third of all looks, some long enough to be told, and now and
    # then a bad look that began something and lost it again.
    assert soaked.changes[Change.PENDING] > 20 * len(days)
    assert soaked.changes[Change.PENDING_LOST] > len(days)
    assert soaked.verdicts["unknown"] > 0.2 * soaked.verdicts.total()
    assert soaked.changes[SourceWentBlind.__name__] >= len(days)


@pytest.mark.parametrize("seed", range(WHOLE))
def test_no_troubled_day_comes_to_a_plan_through_the_whole_lane(seed: int) -> None:
    _live_whole(seed)


@virtually
async def _live_whole(seed: int) -> None:
    world = a_world()
    journal = MemoryJournal(world.clock)
    happenings = iter(a_troubled_day(seed))
    over = False
    while not over:
        process = Process(world, a_guarded_target(), journal=journal)
        async with process.running(ticking=False):
            over = not await _until_it_dies(process, happenings)
        journal = MemoryJournal(world.clock, survived=journal)

    assert [event for event in journal.events if isinstance(event, RunStarted)] == []
    changes = {event.change for event in journal.events if isinstance(event, TriggerChanged)}
    assert Change.FIRING not in changes
    assert Change.PENDING in changes
    assert world.sends == world.effects == []
    assert len([event for event in journal.events if isinstance(event, SourceWentBlind)]) >= 1


async def _sleep_until(process: Process, elapsed: float) -> None:
    await asyncio.sleep(max(0.0, elapsed - process.clock.now().elapsed))


async def _until_it_dies(process: Process, happenings: Iterable[Happening]) -> bool:
    """Whether it died; False at the end of the day."""
    for one in happenings:
        assert isinstance(process.clock, VirtualClock)
        if isinstance(one, ClockStep):
            process.clock.step(one.seconds)
            process.lane.evaluator.clock_stepped()
        elif isinstance(one, Restart):
            return True
        else:
            await _sleep_until(process, one.at.elapsed)
            process.lane.post(one)
    await _sleep_until(process, process.clock.now().elapsed + 1)
    return False
