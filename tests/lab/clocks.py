"""Row `clock`: the engine is stopped in every stage and goes on; its clocks run wrong."""

import asyncio
import random
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.lab.gang import gang
from tests.lab.judging import lost, outcomes, wrong
from tests.lab.nursery import Nursery, a_nursery
from tests.lab.row import Row
from tests.lab.rungs import FINISHED, HEALTH, STEPS, Rungs, rungs
from tests.lab.sizes import command
from tests.lab.trial import Trial, a_trial, removed
from tests.lab.warped_clock import Warp, WarpedClock
from watchdog.adapters.clock import SystemClock
from watchdog.domain.progress import Outcome

LENGTHS = (5.0, 20.0)
# A paused process waits, and does nothing: many do so beside each other.
TOGETHER = 16
HOUR = 3600.0
# Seconds for which a healthy service is watched while clocks are set: nothing may happen.
_HEALTHY = 3.0


@dataclass(frozen=True, slots=True)
class Fault:
    """Stop for `length` seconds at the `when`; or warp the clock; `healthy`: nothing is to do."""

    what: str
    when: str = ""
    count: int = 1
    length: float = 0.0
    rate: float = 1.0
    step: float = 0.0
    healthy: bool = False


def moments() -> Iterator[tuple[str, int]]:
    """Every stage: while pending, at each step and each look at it, in the proof, in the watch."""
    yield HEALTH, 2
    for step in STEPS:
        yield f"POST {step}", 1
        yield f"GET {step}", 1
    yield f"POST {FINISHED}", 1
    for looks in (1, 2):
        yield f"{HEALTH} at the end", looks
    yield "watch", 1


def faults(each: int, lengths: tuple[float, ...]) -> Iterator[Fault]:
    for _ in range(each):
        for length in lengths:
            for when, count in moments():
                yield Fault(f"stopped for {length:g} s at {when}", when, count, length)
        for rate in (0.9, 1.1):
            yield Fault(f"a clock at {rate:g} of its rate", rate=rate)
        for step in (HOUR, -HOUR, 7.0, -7.0):
            yield Fault(f"the wall clock set by {step:+g} s in a run", step=step)
            yield Fault(f"the wall clock set by {step:+g} s, all well", step=step, healthy=True)


async def clocks(
    folder: Path, each: int, seed: int, lengths: tuple[float, ...] = LENGTHS, only: int = 0
) -> Row:
    """The row of the table; with `only`, that many faults, chosen at random."""
    row = Row("clock", "", command("clock", "PAUSES", "SEED"), str(seed))
    wanted = list(enumerate(faults(each, lengths)))
    if only:
        wanted = random.Random(seed).sample(wanted, only)
    async with rungs() as service, a_nursery() as nursery:

        async def one(item: tuple[int, Fault]) -> None:
            number, fault = item
            problems = await _one(service, nursery, folder, seed + number, fault)
            row.judge(1, problems, f"seed {seed}, fault {number}: {fault.what}")

        await gang(TOGETHER, wanted, one)
    stopped = sum(fault.length > 0 for _, fault in wanted)
    seconds = " and ".join(f"{length:g}" for length in lengths)
    row.what = (
        f"{stopped} times SIGSTOP for {seconds} s, in every stage; "
        f"{len(wanted) - stopped} wrong clocks"
    )
    return row


async def _one(
    service: Rungs, nursery: Nursery, folder: Path, seed: int, fault: Fault
) -> list[str]:
    chance = random.Random(seed)
    async with a_trial(service, nursery, folder, f"clock-{seed}", seed) as trial:
        if fault.healthy:
            trial.room.needed = ()
        now = SystemClock().now().elapsed
        steps_at = now + chance.uniform(0.5, 1.0) if fault.step else 0.0
        warp = Warp(now if fault.rate != 1.0 else 0.0, fault.rate, steps_at, fault.step)
        trial.room.clock = WarpedClock(warp)
        async with asyncio.TaskGroup() as tasks:
            if fault.length:
                tasks.create_task(_pause(trial, fault), name=fault.what)
            child = await trial.start(warp=warp, lasts=_HEALTHY if fault.healthy else 120.0)
            code = await trial.end(child)
        problems = [] if code == 0 else [f"it ended with {code}: {trial.log[-2000:]}"]
        records = await trial.records()
        if fault.healthy:
            problems += [f"sent {sent.name}" for sent in trial.room.sends]
        else:
            problems += wrong(records, trial.room)
            ended = outcomes(records)
            if ended != [Outcome.SUCCEEDED] or lost(trial.room):
                problems.append(f"it ended {ended}, without {lost(trial.room)}")
    if not problems:
        removed(trial.folder)
    return problems


async def _pause(trial: Trial, fault: Fault) -> None:
    """Stop the process at that moment, and let it go on later."""
    came = asyncio.Event()
    left = fault.count
    room = trial.room

    def happened(what: str) -> None:
        nonlocal left
        if what == fault.when:
            left -= 1
            if left == 0 and trial.child is not None:
                # At once: once it has its answer it is elsewhere.
                trial.child.send(signal.SIGSTOP)
                came.set()

    def looked(what: str) -> None:
        if what != HEALTH:
            happened(f"GET {what}")
        elif room.done[FINISHED]:
            happened("watch")
        elif room.healthy:
            happened(f"{HEALTH} at the end")
        else:
            happened(HEALTH)

    room.arrived = lambda step: happened(f"POST {step}")
    room.looked = looked
    async with asyncio.timeout(60.0):
        await came.wait()
    await asyncio.sleep(fault.length)
    assert trial.child is not None
    trial.child.send(signal.SIGCONT)
