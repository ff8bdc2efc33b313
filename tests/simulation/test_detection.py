"""True breaches seen through sources that fail: how late they fire, and what an outage does."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from tests.builders import a_target, a_trigger, at
from watchdog.domain.events import Event, SourceWentBlind, TriggerChanged
from watchdog.domain.moment import Moment
from watchdog.domain.observation import Gap, Observation, Sample, Unknown
from watchdog.domain.trigger import Change
from watchdog.engine.evaluator import Evaluator, Looked
from watchdog.engine.watcher import Watcher
from watchdog.ports import Question
from watchdog.testing.doubles import ManualClock
from watchdog.testing.virtual_time import virtually

EVERY = 15
HOLD = 20  # slots: 5 m
BREACHES = 1000
HOUR = 240


@dataclass(slots=True)
class FailingSource:
    """In breach from slot `begins` on; fails when asked as `fails` says, a retry anew."""

    begins: int
    fails: Iterator[bool]
    asked: int = 0

    async def observe(self, questions: Sequence[Question], at: Moment) -> Mapping[str, Observation]:
        """What every question is answered."""
        self.asked += 1
        if next(self.fails):
            return {one.id: Gap(Unknown.TIMEOUT, "no answer") for one in questions}
        bad = at.elapsed >= self.begins * EVERY
        return {one.id: Sample((1.0 if bad else 0.0,)) for one in questions}

    async def close(self) -> None:
        """There is nothing to close."""


@dataclass(slots=True)
class Told:
    """What a run of slots came to: the events, each with its slot."""

    events: list[tuple[int, Event]] = field(default_factory=list)

    def slot_of(self, change: Change) -> int | None:
        """When that happened first."""
        found = (
            slot
            for slot, event in self.events
            if isinstance(event, TriggerChanged) and event.change is change
        )
        return next(found, None)


async def watched(source: FailingSource, slots: int, *, until: Change | None = None) -> Told:
    """`slots` rounds through the real watcher and its one retry."""
    evaluator, told = Evaluator(a_target(a_trigger("errors", hold="5m"))), Told()
    rounds: list[Looked] = []
    clock = ManualClock(0.0)
    watcher = Watcher(
        "prometheus",
        EVERY,
        source,
        [Question("errors", {"signal": "errors"})],
        clock,
        rounds.append,
    )
    for slot in range(slots):
        await watcher.tick(slot, at(slot * EVERY))
        told.events += [(slot, event) for event in evaluator.take(rounds.pop())]
        clock.advance(EVERY)
        if until is not None and told.slot_of(until) is not None:
            break
    return told


def independent(chance: random.Random, share: float) -> Iterator[bool]:
    while True:
        yield chance.random() < share


@virtually
async def test_with_every_fifth_query_failing_a_true_breach_is_seen_in_time() -> None:
    chance = random.Random(0)
    late = []
    for _ in range(BREACHES):
        begins = chance.randint(2, 12)
        source = FailingSource(begins, independent(chance, 0.2))
        told = await watched(source, begins + HOUR, until=Change.FIRING)
        fired = told.slot_of(Change.FIRING)
        assert fired is not None, "not within an hour"
        late.append(fired - begins - HOLD)

    assert min(late) >= 0, "before `for` had passed"
    assert sum(slots <= 2 for slots in late) >= 0.99 * BREACHES
    # One in a thousand has three failed slots in a row, and is watched anew from there.
    assert sum(slots <= 8 for slots in late) >= 0.999 * BREACHES


@virtually
async def test_with_two_times_as_many_it_is_late_so_that_the_numbers_above_can_fail() -> None:
    chance = random.Random(3)
    late = []
    for _ in range(200):
        source = FailingSource(2, independent(chance, 0.45))
        fired = (await watched(source, 2 + HOUR, until=Change.FIRING)).slot_of(Change.FIRING)
        late.append(HOUR if fired is None else fired - 2 - HOLD)

    assert sum(slots <= 2 for slots in late) < 0.99 * len(late)


def burst(begins: int, slots: int) -> Iterator[bool]:
    """Every query of these slots fails, and the retry with it."""
    yield from [False] * begins
    yield from [True] * (2 * slots)
    while True:
        yield False


@pytest.mark.parametrize("begins", [4, 11, 19])
@pytest.mark.parametrize("slots", [3, 5, 19, 20, 40])
def test_an_outage_longer_than_two_slots_loses_what_was_pending_and_says_so(
    begins: int, slots: int
) -> None:
    _burst(begins, slots)


@virtually
async def _burst(begins: int, slots: int) -> None:
    told = await watched(FailingSource(2, burst(begins, slots)), begins + slots + HOLD + 4)

    assert told.slot_of(Change.PENDING_LOST) == begins + 2
    # Afterwards it is watched for the whole time anew.
    assert told.slot_of(Change.FIRING) == begins + slots + HOLD
    # `blind_after` is five minutes, of which the first unknown look is the beginning.
    blind = [slot for slot, event in told.events if isinstance(event, SourceWentBlind)]
    assert blind == ([begins + 20] if slots > 20 else [])


@pytest.mark.parametrize("begins", [4, 11, 19])
@pytest.mark.parametrize("slots", [1, 2])
def test_an_outage_of_one_or_two_slots_delays_nothing(begins: int, slots: int) -> None:
    _blip(begins, slots)


@virtually
async def _blip(begins: int, slots: int) -> None:
    told = await watched(FailingSource(2, burst(begins, slots)), 2 + HOLD + 1)

    assert told.slot_of(Change.PENDING_LOST) is None
    assert told.slot_of(Change.FIRING) == 2 + HOLD
