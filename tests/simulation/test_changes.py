"""Days of releases, good and bad, with outages, noise and crashes: when a version is undone."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest

from tests.builders import a_plan, a_step, a_target, a_trigger
from tests.process import Process
from watchdog.domain.change import News
from watchdog.domain.events import Decided, LatchCleared, RunStarted
from watchdog.domain.moment import Moment
from watchdog.domain.observation import Observation
from watchdog.domain.plan import Return
from watchdog.domain.target import ChangeRules, Limits, Target
from watchdog.domain.versions import ROLLBACK, VersionBook, Versions
from watchdog.engine.change_watcher import ChangeRecorder
from watchdog.testing.doubles import MemoryJournal
from watchdog.testing.virtual_time import VirtualClock, run_virtually
from watchdog.testing.world import World, observation

SEEDS = range(12)
HOURS = 8
RULES = ChangeRules(within=3600.0, bake=600.0)
# What a breach may be older than its first bad look, where looks before it told nothing.
UNSEEN = 3 * 15.0


@dataclass
class Releases:
    """The truth: which version runs, which are bad, and when nothing works whatever runs."""

    chance: random.Random
    clock: VirtualClock
    running: str = "v0"
    bad: set[str] = field(default_factory=set)
    outage: float = 0.0
    breached_since: float | None = None
    began: dict[str, float] = field(default_factory=dict)

    def errors(self, at: Moment) -> Observation:
        broken = self.running in self.bad or at.elapsed < self.outage
        if not broken:
            self.breached_since = None
        elif self.breached_since is None:
            self.breached_since = at.wall
        if self.chance.random() < 0.15:
            return observation("err")
        return observation("1" if broken else "0")


def a_shop() -> Target:
    plan = replace(a_plan(a_step(), verify=[]), returns_to=Return.LAST_GOOD.value)
    limits = Limits(per_hour=99, per_day=99, cooldown=0)
    return replace(a_target(a_trigger(), plans=[plan], limits=limits), changes=RULES)


async def live(seed: int) -> tuple[MemoryJournal, Releases]:
    chance = random.Random(seed)
    world = World(VirtualClock())
    truth = Releases(chance, VirtualClock())
    world.signals["errors"] = truth.errors
    journal: MemoryJournal | None = None
    number = 0
    while world.clock.now().elapsed < HOURS * 3600:
        process = Process(world, a_shop(), journal=journal)
        async with process.running():

            def undone(_: str, process: Process = process) -> None:
                start = process.told(RunStarted)[-1]
                truth.running = start.to_version
                if truth.breached_since is not None:
                    truth.began[start.run] = truth.breached_since

            world.on_effect = undone
            recorder = ChangeRecorder("shop", process.shared)
            for _ in range(chance.randint(2, 6)):
                await asyncio.sleep(chance.uniform(60, 1500))
                await process.journal.append(LatchCleared("shop", "ann", "looked"))
                what = chance.random()
                if what < 0.25:
                    truth.outage = world.clock.now().elapsed + chance.uniform(60, 900)
                    continue
                number += 1
                # Now and then somebody deploys again what was deployed before.
                again = chance.random() < 0.15 and number > 3
                truth.running = f"v{number - 2}" if again else f"v{number}"
                if chance.random() < 0.4:
                    truth.bad.add(truth.running)
                await recorder.take([News(truth.running, process.clock.now().wall)], "ci")
        journal = MemoryJournal(world.clock, survived=process.journal)
        await asyncio.sleep(chance.choice([0, 5, 60, 400]))
    assert journal is not None
    return journal, truth


def runs(journal: MemoryJournal) -> Iterator[tuple[RunStarted, Moment, Versions]]:
    """Each run with what was known of the versions right before it."""
    book = VersionBook()
    for record in journal.records:
        if isinstance(record.event, RunStarted):
            yield record.event, record.at, book.of("shop")
        book.apply(record.event, record.at)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_version_is_undone_once_at_most_and_only_for_a_breach_that_followed_it(
    seed: int,
) -> None:
    journal, truth = run_virtually(live(seed))

    found = list(runs(journal))
    assert max(Counter(start.from_version for start, _, _ in found).values(), default=0) <= 1
    for start, at, known in found:
        assert start.to_version in known.good, f"seed {seed}"
        assert start.to_version not in known.quarantined
        assert start.from_version == known.running != start.to_version
        told = [one for one in known.changes if one.source != ROLLBACK and one.at <= at.wall]
        cause = told[-1]
        assert cause.version == start.from_version
        assert at.wall - cause.at <= RULES.within
        if start.run in truth.began:
            assert cause.at <= truth.began[start.run] + UNSEEN, f"seed {seed}"


def test_the_seeds_between_them_see_what_they_are_for() -> None:
    started, refused = 0, Counter[str]()
    for seed in SEEDS:
        journal, _ = run_virtually(live(seed))
        started += sum(isinstance(event, RunStarted) for event in journal.events)
        refused.update(event.refusal for event in journal.events if isinstance(event, Decided))

    assert started >= 5
    wanted = ("breach_before_change", "no_recent_change", "version_had_its_run")
    assert [why for why in wanted if not refused[why]] == [], refused
