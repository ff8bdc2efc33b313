"""Row `kills`: `kill -9` of the engine process at random moments through a plan on four levels."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.bed.recoveries import recoveries
from tests.lab.gang import gang
from tests.lab.judging import done_twice, lost, outcomes, wrong
from tests.lab.nursery import Child, Nursery, a_nursery
from tests.lab.row import Row, percentile
from tests.lab.rungs import Rungs, rungs
from tests.lab.sizes import command
from tests.lab.trial import Trial, a_trial, removed
from watchdog.domain.events import Record
from watchdog.domain.next_action import MAX_RESUMES
from watchdog.domain.progress import Outcome, RunResumed

RECOVERY_LIMIT = 5.0
# Of ten runs, one is killed more often than the machine may take it up.
_KILLS_A_RUN = (1, 2, 2, 3, 3, 3, 3, 3, 3, 6)


@dataclass(slots=True)
class Loop:
    """Kills until there were enough. With `look_up` False, what is in doubt is sent again."""

    kills: int
    seed: int
    look_up: bool = True
    together: int = 8
    made: int = 0
    survived: int = 0
    runs: int = 0
    duplicates: int = 0
    losses: int = 0
    recovered: list[float] = field(default_factory=list)
    ended: Counter[Outcome] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    async def run(self, folder: Path) -> None:
        """Several runs beside each other, each with a journal and a room of its own."""
        async with rungs() as service, a_nursery() as nursery:

            async def one(number: int) -> None:
                await self._one(service, nursery, folder, number)

            await gang(self.together, self._wanted(), one)

    def _wanted(self) -> Iterator[int]:
        number = 0
        while self.made < self.kills:
            yield number
            number += 1

    async def _one(self, service: Rungs, nursery: Nursery, folder: Path, number: int) -> None:
        chance = random.Random(f"{self.seed}/{number}")
        name = f"run-{number}"
        async with a_trial(service, nursery, folder, name, chance.randrange(2**32)) as trial:
            trial.room.troubled = True
            for _ in range(chance.choice(_KILLS_A_RUN)):
                child = await trial.start(look_up=self.look_up)
                await _a_random_moment(trial, chance, child)
                if not await trial.kill(child):
                    break
            await trial.to_the_end(look_up=self.look_up)
            await trial.room.settled()
            self._judge(trial, await trial.records(), f"seed {self.seed}, run {number}")
        removed(trial.folder)

    def _judge(self, trial: Trial, records: Sequence[Record], where: str) -> None:
        self.runs += 1
        self.made += trial.killed
        self.ended.update(outcomes(records))
        self.duplicates += len(done_twice(trial.room))
        self.recovered += recoveries(records, trial.begun)
        problems = wrong(records, trial.room)
        missing = lost(trial.room)
        if outcomes(records) == [Outcome.SUCCEEDED] and missing:
            problems.append(f"it succeeded without {missing}")
        resumes = sum(isinstance(record.event, RunResumed) for record in records)
        if resumes <= MAX_RESUMES and outcomes(records) == [Outcome.INTERRUPTED]:
            problems.append(f"taken up {resumes} times only, and interrupted")
        self.losses += len(missing) if outcomes(records) == [Outcome.SUCCEEDED] else 0
        self.survived += 0 if problems else trial.killed
        self.problems += [f"{where}: {problem}" for problem in problems]


async def _a_random_moment(trial: Trial, chance: random.Random, child: Child) -> None:
    """Anywhere; or, more often, around a step, where most can go wrong."""
    if chance.random() < 0.2:
        await trial.first(child, chance.uniform(0.0, 0.8))
        return
    came = asyncio.Event()
    left = chance.randint(1, 3)

    def arrived(_: str) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            came.set()

    trial.room.arrived = arrived
    async with asyncio.TaskGroup() as tasks:
        waits = [tasks.create_task(came.wait()), tasks.create_task(trial.first(child, 10.0))]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for one in waits:
            one.cancel()
    await trial.first(child, chance.uniform(0.0, 0.06))


async def engine_kills(folder: Path, kills: int, seed: int, together: int) -> Row:
    """The row of the table."""
    loop = Loop(kills, seed, together=together)
    await loop.run(folder)
    row = Row(
        "kills",
        f"`kill -9` of the engine process, in {loop.runs} runs of a plan on four levels",
        command("kills", "KILLS", "SEED"),
        str(seed),
    )
    row.injected = loop.made
    row.problems = loop.problems
    row.survived = loop.survived
    p99 = percentile(loop.recovered, 0.99)
    if p99 > RECOVERY_LIMIT:
        row.problems.append(f"recovery p99 is {p99:.2f} s")
    ended = ", ".join(f"{count} {outcome.value}" for outcome, count in loop.ended.most_common())
    row.notes = [
        f"{loop.duplicates} done twice, {loop.losses} lost",
        ended,
        f"recovery p50 {percentile(loop.recovered, 0.5):.2f} s, p99 {p99:.2f} s",
    ]
    return row
