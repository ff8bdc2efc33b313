"""A whole day of polling three sources in virtual time: what a calm and a bad day come to."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.builders import a_check, a_plan, a_step, a_target, a_trigger, a_watch
from tests.process import Process, a_world
from watchdog.domain.events import (
    IncidentClosed,
    IncidentOpened,
    Outcome,
    Proof,
    RunEnded,
    RunStarted,
    SourceSeesAgain,
    SourceWentBlind,
    TriggerChanged,
    WatchEnded,
)
from watchdog.domain.moment import Moment
from watchdog.domain.observation import Gap, Observation, Sample
from watchdog.domain.plan import Plan
from watchdog.domain.trigger import Change
from watchdog.engine.watcher import Watcher
from watchdog.ports import Question
from watchdog.testing.virtual_time import VirtualClock, VirtualTicker, virtually
from watchdog.testing.world import World, observation

DAY = 86_400.0
INTERVALS = {"prometheus": 15.0, "health": 10.0, "page": 30.0}
# Of a hundred looks, what so many of them come to.
NOISE = ["err"] * 8 + ["timeout"] * 4 + ["_"] * 3 + ["nan"] * 2 + ["inf", "stale", "two", "parse"]


@dataclass
class NoisySource:
    """The world seen through a source that errs in one look of five, and is out for a while.

    `seen` counts what it answered. An outage is from one second of the day to another.
    """

    world: World
    chance: random.Random
    outages: Sequence[tuple[float, float]]
    seen: Counter[str] = field(default_factory=Counter)

    async def observe(self, questions: Sequence[Question], at: Moment) -> Mapping[str, Observation]:
        """An answer for every question, or none for any."""
        if any(begins <= at.elapsed < ends for begins, ends in self.outages):
            self.seen["out"] += 1
            return {one.id: observation("err") for one in questions}
        await asyncio.sleep(self.chance.uniform(0.005, 0.4))
        return {one.id: self._answer(one.id, at) for one in questions}

    def _answer(self, signal: str, at: Moment) -> Observation:
        token = self.chance.choice([*NOISE, *[""] * (100 - len(NOISE))])
        answer = observation(token) if token else self.world.observe(signal, at)
        self.seen["gap" if isinstance(answer, Gap) else "answer"] += 1
        return answer

    async def close(self) -> None:
        """There is nothing to close."""


class Day:
    """One target, three sources, five triggers, for as long as the block lasts."""

    def __init__(self, seed: int, *, plan: Plan | None = None) -> None:
        self.world = a_world()
        self.world.says("up", 1)
        self.world.says("cost", 0)
        target = a_target(
            a_trigger("errors", hold="5m", every=15),
            a_trigger("latency", hold="10m", every=15),
            a_trigger("up", fails=3, every=10, source="health", breach_when=a_check().expect),
            a_trigger("cost", hold=0, every=30, source="page"),
            plans=[plan or a_plan(watch=a_watch(short="15m", long="4h", every=15))],
        )
        self.process = Process(self.world, target)
        chance = random.Random(seed)
        outages = {
            "prometheus": [(8 * 3600.0, 8 * 3600 + 600), (20 * 3600.0, 20 * 3600 + 45)],
            "health": [(8 * 3600.0, 8 * 3600 + 600)],
            "page": [(3 * 3600.0, 3 * 3600 + 120)],
        }
        self.sources = {name: NoisySource(self.world, chance, outages[name]) for name in INTERVALS}
        self.rounds: Counter[str] = Counter()

    async def pass_by(self) -> Process:
        """Live through the day."""
        async with self.process.running(ticking=False), asyncio.TaskGroup() as tasks:
            ticking = tasks.create_task(self._ticker().run())
            await asyncio.sleep(DAY + 1)
            ticking.cancel()
        return self.process

    def _ticker(self) -> VirtualTicker:
        assert isinstance(self.world.clock, VirtualClock)
        ticker = VirtualTicker(self.world.clock)
        lane = self.process.lane
        for name, every in INTERVALS.items():
            questions = [
                Question(signal, spec.ask)
                for signal, spec in lane.target.signals.items()
                if spec.signal.source == name
            ]
            source = self.sources[name]
            watcher = Watcher(name, every, source, questions, self.world.clock, lane.post)
            ticker.every(name, every, self._counted(watcher))
        return ticker

    def _counted(self, watcher: Watcher) -> Callable[[int, Moment], Awaitable[None]]:
        async def tick(slot: int, at: Moment) -> None:
            self.rounds[watcher.name] += 1
            await watcher.tick(slot, at)

        return tick


@virtually
async def test_a_day_of_noise_and_outages_starts_nothing() -> None:
    day = Day(seed=1)

    process = await day.pass_by()

    assert day.rounds == {name: DAY / every for name, every in INTERVALS.items()}
    evaluations = process.lane.evaluator.evaluations
    assert sum(evaluations.values()) == DAY / 15 * 2 + DAY / 10 + DAY / 30
    assert evaluations["unknown"] > 0.1 * sum(evaluations.values())
    assert evaluations["breach"] == 0
    assert process.told(RunStarted) == []
    assert process.told(TriggerChanged) == []
    # Ten minutes are told once a source, two minutes are not told at all.
    blind = [one.source for one in process.told(SourceWentBlind)]
    assert sorted(blind) == ["health", "prometheus"]
    assert len(process.told(SourceSeesAgain)) == 2
    assert process.alarms == []


@virtually
async def test_one_true_breach_in_the_day_comes_to_one_run() -> None:
    day = Day(seed=2)
    breaks = 12 * 3600.0
    loop = asyncio.get_running_loop()
    loop.call_later(breaks, day.world.says, "errors", 1)
    day.world.on_effect = lambda _: day.world.says("errors", 0)

    process = await day.pass_by()

    (started,) = [r for r in process.journal.records if isinstance(r.event, RunStarted)]
    (ended,) = process.told(RunEnded)
    assert 300 <= started.at.elapsed - breaks <= 300 + 4 * 15
    assert ended.outcome is Outcome.SUCCEEDED
    assert day.world.names == ["flag off"]
    assert [end.proof for end in process.told(WatchEnded)] == [Proof.PASSED, Proof.PASSED]
    firing = [e for e in process.told(TriggerChanged) if e.change is Change.FIRING]
    assert [event.trigger for event in firing] == ["errors"]
    assert len(process.told(IncidentOpened)) == len(process.told(IncidentClosed)) == 1


@virtually
async def test_a_dead_service_comes_to_a_run_through_its_health_though_its_ratios_are_silent() -> (
    None
):
    day = Day(seed=3, plan=a_plan(a_step("restart"), watch=a_watch(short="15m", long=0)))
    loop = asyncio.get_running_loop()
    dead: dict[str, str | float] = {"up": 0, "errors": "_", "latency": "_"}
    for signal, token in dead.items():
        loop.call_later(12 * 3600.0, day.world.says, signal, token)

    def restarted(_: str) -> None:
        for signal, token in {"up": 1, "errors": 0, "latency": 0}.items():
            day.world.says(signal, token)

    day.world.on_effect = restarted

    process = await day.pass_by()

    (started,) = process.told(RunStarted)
    assert started.trigger == "up"
    assert process.run().outcome is Outcome.SUCCEEDED


@virtually
async def test_a_breach_that_comes_and_goes_all_day_is_held_by_the_limits() -> None:
    day = Day(seed=4, plan=a_plan(watch=a_watch(short="5m", long=0)))
    loop = asyncio.get_running_loop()
    for hour in range(1, 24):
        loop.call_later(hour * 3600.0, day.world.says, "errors", 1)
        loop.call_later(hour * 3600.0 + 1200, day.world.says, "errors", 0)
    day.world.on_effect = lambda _: day.world.says("errors", 0)

    process = await day.pass_by()

    assert len(process.told(RunStarted)) == 2
    assert process.run().outcome is Outcome.SUCCEEDED
    assert Sample((0.0,)) == day.world.observe("errors", day.world.clock.now())
