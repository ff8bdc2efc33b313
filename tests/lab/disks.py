"""Row `disk`: full, read-only and failing disks, damaged and old journals."""

import asyncio
import random
import shutil
import sqlite3
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.faults.small_disk import a_small_disk
from tests.lab.engine_process import JOURNAL, REFUSED
from tests.lab.failpoints import AT_SYNC, AT_WRITE, How
from tests.lab.gang import gang
from tests.lab.judging import outcomes, wrong
from tests.lab.nursery import Nursery, a_nursery
from tests.lab.row import Row
from tests.lab.rungs import STEPS, Fate, Rungs, rungs
from tests.lab.sizes import command
from tests.lab.trial import Trial, a_trial, removed
from watchdog.adapters.watermark import beside
from watchdog.domain.progress import Outcome

# Seconds: enough to look twice, to fire and to send, where anything would be sent.
_LOOKS = 0.8
_FAILING = {"boundary": "append StepIntended | ", "how": How.FAIL.value}


@dataclass(slots=True)
class Disks:
    """`latched`: a journal whose run failed, of a service still down; `mark` stands beside it.

    `old`: the same journal, as it was in the middle of that run.
    """

    service: Rungs
    nursery: Nursery
    folder: Path
    seed: int
    latched: Path = field(init=False)
    old: Path = field(init=False)
    mark: Path = field(init=False)
    seen: Counter[str] = field(default_factory=Counter)

    async def prepare(self) -> None:
        """Make the journals that are damaged later."""
        self.latched, self.old = self.folder / "latched.db", self.folder / "old.db"
        self.mark = self.folder / "mark"
        async with self._trial("prepare") as trial:
            trial.room.script = {STEPS[2]: [Fate.DENIED]}
            trial.room.arrived = lambda step: self._keep_old(trial) if step == STEPS[1] else None
            await trial.to_the_end()
            records = await trial.records()
            assert outcomes(records) == [Outcome.PARTIALLY_APPLIED], outcomes(records)
            shutil.copy(trial.journal, self.latched)
            shutil.copy(beside(trial.journal), self.mark)

    def _keep_old(self, trial: Trial) -> None:
        with (
            closing(sqlite3.connect(trial.journal)) as source,
            closing(sqlite3.connect(self.old)) as copy,
        ):
            source.backup(copy)

    def _trial(self, name: str) -> AbstractAsyncContextManager[Trial]:
        return a_trial(self.service, self.nursery, self.folder, name, self.seed)

    # -- journals that were damaged while nobody looked

    async def flipped(self, chance: random.Random, trial: Trial) -> list[str]:
        """One bit of it."""
        content = bytearray(self.latched.read_bytes())
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        trial.journal.write_bytes(content)
        return await self._does_nothing(trial)

    async def cut(self, chance: random.Random, trial: Trial) -> list[str]:
        """Its end is missing."""
        content = self.latched.read_bytes()
        trial.journal.write_bytes(content[: chance.randrange(1, len(content))])
        return await self._does_nothing(trial)

    async def zeroed(self, chance: random.Random, trial: Trial) -> list[str]:
        """One sector of it was never written."""
        content = bytearray(self.latched.read_bytes())
        place = chance.randrange(len(content) // 512) * 512
        content[place : place + 512] = bytes(512)
        trial.journal.write_bytes(content)
        return await self._does_nothing(trial)

    async def older(self, chance: random.Random, trial: Trial) -> list[str]:
        """A copy from the middle of its run was put back."""
        del chance
        shutil.copy(self.old, trial.journal)
        return await self._does_nothing(trial, must_refuse=True)

    async def read_only(self, chance: random.Random, trial: Trial) -> list[str]:
        """It may be read, and not be written."""
        del chance
        disk = trial.folder / "disk"
        disk.mkdir()
        with a_small_disk(disk) as small:
            shutil.copy(self.latched, disk / JOURNAL)
            shutil.copy(self.mark, beside(disk / JOURNAL))
            small.make_read_only()
            code = await trial.end(await trial.start(journal=str(disk / JOURNAL), lasts=_LOOKS))
        disk.rmdir()
        return self._sent_nothing(trial, code, must_refuse=True)

    async def _does_nothing(self, trial: Trial, *, must_refuse: bool = False) -> list[str]:
        shutil.copy(self.mark, beside(trial.journal))
        code = await trial.end(await trial.start(lasts=_LOOKS))
        return self._sent_nothing(trial, code, must_refuse=must_refuse)

    def _sent_nothing(self, trial: Trial, code: int, *, must_refuse: bool) -> list[str]:
        self.seen["refused at the start"] += code == REFUSED
        problems = [f"sent {sent.name}" for sent in trial.room.sends]
        if code not in (0, REFUSED) or (must_refuse and code != REFUSED):
            problems.append(f"it ended with {code}: {trial.log[-2000:]}")
        return problems

    # -- disks that fail while a run is under way

    async def no_room(self, chance: random.Random, trial: Trial) -> list[str]:
        """From some record on nothing can be written; the next life has room again."""
        limit = chance.randrange(20_000, 260_000)
        await trial.end(await trial.start(file_limit=limit, lasts=_LOOKS))
        sent = len(trial.room.sends)
        self.seen["stopped half-way by a full disk"] += 0 < sent < len(STEPS)
        await trial.to_the_end()
        problems = wrong(await trial.records(), trial.room)
        return problems if sent < len(STEPS) else [*problems, f"no limit was met at {limit}"]

    async def filled(self, chance: random.Random, trial: Trial) -> list[str]:
        """A real disk is full for a while, and the same process goes on once it is not."""
        disk = trial.folder / "disk"
        disk.mkdir()
        step = chance.choice(STEPS)
        times = 0
        with a_small_disk(disk) as small:
            loop = asyncio.get_running_loop()

            def full(name: str) -> None:
                nonlocal times
                if name == step and trial.room.done[step] == 0:
                    times += 1
                    small.fill()
                    loop.call_later(_LOOKS, small.make_room)

            trial.room.arrived = full
            place = disk / JOURNAL
            await trial.to_the_end(journal=str(place))
            await trial.room.settled()
            shutil.copy(place, trial.journal)
            with suppress(FileNotFoundError):
                shutil.copy(place.with_name(f"{JOURNAL}-wal"), trial.folder)
        disk.rmdir()
        problems = wrong(await trial.records(), trial.room)
        return problems if times else [*problems, "the disk was never full"]

    async def failing(self, chance: random.Random, trial: Trial) -> list[str]:
        """From some intent on, writes or their sync are answered with an I/O error."""
        where = chance.choice([AT_WRITE, AT_SYNC])
        fault = _FAILING | {"boundary": f"append StepIntended | {where}"}
        await trial.to_the_end(**fault, nth=chance.randint(1, len(STEPS)))
        problems = wrong(await trial.records(), trial.room)
        return problems if trial.hits else [*problems, "not reached"]


Kind = Callable[[Disks, random.Random, Trial], Awaitable[list[str]]]
KINDS: tuple[tuple[str, Kind], ...] = (
    ("a flipped bit", Disks.flipped),
    ("a cut-off end", Disks.cut),
    ("an unwritten sector", Disks.zeroed),
    ("an older copy", Disks.older),
    ("a read-only disk", Disks.read_only),
    ("no more room, by a limit", Disks.no_room),
    ("a full disk, for a while", Disks.filled),
    ("I/O errors of write and sync", Disks.failing),
)


async def disks(folder: Path, each: int, seed: int, together: int) -> Row:
    """The row of the table."""
    row = Row("disk", "", command("disk", "DISKS", "SEED"), str(seed))
    counted: Counter[str] = Counter()
    async with rungs() as service, a_nursery() as nursery:
        lab = Disks(service, nursery, folder, seed)
        await lab.prepare()

        async def one(item: tuple[int, str, Kind]) -> None:
            number, name, kind = item
            where = f"seed {seed}, {name} {number}"
            trial_name = f"{name.replace(' ', '-').replace('/', '-')}-{number}"
            async with a_trial(service, nursery, folder, trial_name, seed + number) as trial:
                try:
                    problems = await kind(lab, random.Random(f"{seed}/{name}/{number}"), trial)
                except pytest.skip.Exception:
                    counted[f"skipped: {name}"] += 1
                    return
                except AssertionError as error:
                    problems = [str(error)]
            row.judge(1, problems, where)
            counted[name] += 1
            if not problems:
                removed(trial.folder)

        await gang(together, list(_all(each)), one)
    row.what = "faults of the disk and of the journal's file"
    row.notes = [f"{count} {name}" for name, count in (*counted.items(), *lab.seen.items())]
    return row


def _all(each: int) -> Iterator[tuple[int, str, Kind]]:
    for name, kind in KINDS:
        for number in range(each):
            yield number, name, kind
