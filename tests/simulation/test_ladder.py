"""A crash at any boundary of a ladder: no level twice, none skipped, none out of order."""

import asyncio
from collections import Counter
from dataclasses import replace

import pytest

from tests.builders import a_plan, a_step, a_target, a_trigger
from tests.process import Parts, Process, a_world
from watchdog.domain.events import Event, Outcome, RunEnded, RunStarted
from watchdog.domain.ladder import AfterFailure, Ladder, OnFailure
from watchdog.domain.ledger import Ledger
from watchdog.domain.moment import Moment
from watchdog.domain.plan import Level, Plan
from watchdog.domain.target import Limits, Target
from watchdog.testing.doubles import Crash, MemoryJournal
from watchdog.testing.virtual_time import run_virtually
from watchdog.testing.world import World

LEVELS = ("flags", "routing", "application")
# Longer than three levels and the restarts between them take.
ENDS = 1200.0
DOWN = 3.0
# An append has two boundaries, an effect two; a ladder of three levels has more than these.
LEAST_BOUNDARIES = 90


def a_ladder() -> Target:
    """The first level fires by itself; each is proven useless in a minute; the last one heals."""
    follow = OnFailure(AfterFailure.AUTO_NEXT, LEVELS[1:])

    def plan(name: str, level: Level) -> Plan:
        made = a_plan(a_step(name), name=name, verify=[], verify_within="1m")
        return replace(made, level=level, on_failure=follow if name == LEVELS[0] else OnFailure())

    plans = [plan(name, level) for name, level in zip(LEVELS, Level, strict=False)]
    trigger = a_trigger("errors", plan=LEVELS[0])
    return a_target(trigger, plans=plans, limits=Limits(per_hour=1, per_day=1, cooldown=3600))


class Boundaries:
    """Counts them, and crashes at one of them."""

    def __init__(self, crash_at: int | None) -> None:
        self.count = 0
        self._crash_at = crash_at

    def __call__(self, _: object) -> None:
        self.count += 1
        if self.count == self._crash_at:
            raise Crash


async def _life(
    world: World, journal: MemoryJournal | None, boundary: Boundaries, parts: Parts
) -> MemoryJournal:
    """Until it crashes, or the end."""
    world.boundary = boundary
    mine = MemoryJournal(
        world.clock, survived=journal, before_append=boundary, after_append=boundary
    )
    process = Process(world, a_ladder(), journal=mine, parts=parts, global_per_hour=1)
    try:
        async with process.running():
            await asyncio.sleep(ENDS - world.clock.now().elapsed)
    except BaseException as error:
        if not _only_crashes(error):
            raise
    return mine


def _only_crashes(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return all(map(_only_crashes, error.exceptions))
    return isinstance(error, Crash)


async def _play(crash_at: int | None, parts: Parts) -> tuple[World, MemoryJournal, int]:
    world = a_world()
    loop = asyncio.get_running_loop()
    loop.call_later(20, world.says, "errors", 1)
    world.on_effect = lambda name: world.says("errors", int(name != LEVELS[-1]))
    boundary = Boundaries(crash_at)
    journal = await _life(world, None, boundary, parts)
    if crash_at is not None:
        await asyncio.sleep(DOWN)
        journal = await _life(world, journal, Boundaries(None), parts)
    return world, journal, boundary.count


def play(crash_at: int | None, parts: Parts | None = None) -> tuple[World, MemoryJournal, int]:
    """A ladder with a crash at that boundary; how many there were."""
    return run_virtually(_play(crash_at, parts or Parts()))


def problems(crash_at: int, parts: Parts | None = None) -> list[str]:
    """What is wrong after a crash at that boundary."""
    world, journal, _ = play(crash_at, parts)
    plans = [one.plan.name for one in journal.events if isinstance(one, RunStarted)]
    ends = [one.outcome for one in journal.events if isinstance(one, RunEnded)]
    found = []
    if tuple(world.names) != LEVELS:
        found.append(f"at boundary {crash_at} the world saw {world.names}")
    if tuple(plans) != LEVELS:
        found.append(f"at boundary {crash_at} there ran {plans}")
    if ends != [Outcome.FAILED, Outcome.FAILED, Outcome.SUCCEEDED]:
        found.append(f"at boundary {crash_at} they ended {ends}")
    account = Ledger().replay(journal.records).account("shop")
    if len(account.past) != 1 or account.latched:
        found.append(f"at boundary {crash_at}: {account}")
    return found


def test_a_crash_at_any_boundary_neither_repeats_nor_skips_a_level() -> None:
    _, _, boundaries = play(None)

    assert boundaries > LEAST_BOUNDARIES
    broken = [text for number in range(1, boundaries + 1) for text in problems(number)]
    assert broken == []


class ForgetsTheLadder(Ledger):
    """A ledger that keeps what may follow in memory alone, as long as the process lives."""

    def __init__(self) -> None:
        super().__init__()
        self._born = asyncio.get_running_loop().time()

    def apply(self, event: Event, at: Moment) -> None:
        """As the ledger does, but for the levels of before."""
        super().apply(event, at)
        for name, account in self.accounts.items():
            if at.elapsed < self._born:
                self.accounts[name] = replace(account, ladder=None)


class NeverForgetsTheLadder(Ledger):
    """A ledger in which a level that began may begin again."""

    def apply(self, event: Event, at: Moment) -> None:
        """As the ledger does, but for the levels."""
        ladders: dict[str, Ladder | None] = {n: a.ladder for n, a in self.accounts.items()}
        super().apply(event, at)
        for name, ladder in ladders.items():
            account = self.accounts[name]
            if isinstance(event, RunStarted) and ladder is not None:
                self.accounts[name] = replace(account, ladder=ladder, current=None)


@pytest.mark.parametrize("bug", [ForgetsTheLadder, NeverForgetsTheLadder])
def test_a_planted_bug_is_found(bug: type[Ledger]) -> None:
    _, _, boundaries = play(None)

    found: Counter[str] = Counter()
    for number in range(1, boundaries + 1):
        found.update(problems(number, Parts(ledger=bug)))
        if found:
            return
    pytest.fail(f"no boundary found {bug.__name__}")
