"""One room and one journal, and the lives that the engine lives in them until its run is over."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.lab.engine_process import JOURNAL, LOG, Life
from tests.lab.failpoints import HIT
from tests.lab.nursery import Child, Nursery
from tests.lab.rungs import Room, Rungs
from watchdog.adapters.audit import verify
from watchdog.adapters.clock import SystemClock
from watchdog.adapters.sqlite_reader import open_reader
from watchdog.domain.events import Record
from watchdog.domain.progress import RunStarted, Stage
from watchdog.domain.run import fold

# Seconds. Far more than any life takes that does not hang.
PATIENCE = 90.0
MOST_LIVES = 8


class HungError(AssertionError):
    """An engine did not come to its end."""


@dataclass(slots=True)
class Trial:
    """`begun` are the moments (elapsed seconds) at which its processes were asked for."""

    folder: Path
    room: Room
    nursery: Nursery
    life: Life
    begun: list[float] = field(default_factory=list)
    killed: int = 0
    child: Child | None = None

    @property
    def log(self) -> str:
        """What its processes wrote to their log: why they ended by themselves."""
        path = self.folder / LOG
        return path.read_text() if path.exists() else ""

    @property
    def hits(self) -> list[str]:
        """The failpoints that were reached, in order."""
        path = self.folder / HIT
        return path.read_text().splitlines() if path.exists() else []

    async def start(self, **changes: object) -> Child:
        """The next life, like the others but for `changes`."""
        self.begun.append(SystemClock().now().elapsed)
        life = replace(self.life, **changes)  # type: ignore[arg-type]
        self.child = await self.nursery.born(life.words())
        return self.child

    async def kill(self, child: Child) -> bool:
        """Kill it in the middle; False where it had come to its end by itself."""
        code = await child.kill()
        if code == -signal.SIGKILL:
            self.killed += 1
            return True
        assert code == 0, f"it ended by itself ({code}): {self.folder}\n{self.log[-3000:]}"
        return False

    async def first(self, child: Child, seconds: float) -> None:
        """Until it has died, or for so long."""
        await asyncio.wait([child.died], timeout=seconds)

    async def end(self, child: Child) -> int:
        """Let it come to its end: its exit code. Raises HungError where it never does."""
        try:
            async with asyncio.timeout(PATIENCE):
                return await asyncio.shield(child.died)
        except TimeoutError:
            child.send(signal.SIGUSR1)
            await asyncio.sleep(1.0)
            await child.kill()
            raise HungError(
                f"no end after {PATIENCE:g} s: {self.folder}\n{self.log[-6000:]}"
            ) from None

    async def to_the_end(self, **changes: object) -> None:
        """Live, once more after each death, until the run is over."""
        for _ in range(MOST_LIVES):
            code = await self.end(await self.start(**changes))
            if code == 0:
                return
            changes = {}
        raise HungError(f"{MOST_LIVES} lives did not end it: {self.folder}\n{self.log[-3000:]}")

    @property
    def journal(self) -> Path:
        return self.folder / JOURNAL

    async def is_over(self) -> bool:
        """Whether a run was begun, and its watch has ended."""
        records = await self.records()
        begun = [r.event.run for r in records if isinstance(r.event, RunStarted)]
        runs = (fold([r for r in records if getattr(r.event, "run", "") == run]) for run in begun)
        return bool(begun) and all(run.stage is Stage.ENDED for run in runs)

    async def records(self) -> Sequence[Record]:
        """All of its journal, whose chain must be whole."""
        found = await asyncio.to_thread(verify, self.journal)
        assert found.ok, f"{self.folder}: {found.problem}"
        async with open_reader(self.journal, SystemClock()) as reader:
            return await reader.read()


@asynccontextmanager
async def a_trial(
    service: Rungs, nursery: Nursery, folder: Path, name: str, seed: int
) -> AsyncIterator[Trial]:
    """An empty folder, and a room in which nothing has happened."""
    place = folder / name
    await asyncio.to_thread(place.mkdir)
    room = service.room(name, seed)
    try:
        yield Trial(place, room, nursery, Life(str(place), room.base))
    finally:
        await room.settled()
        service.forget(room)


def removed(folder: Path) -> None:
    """Delete what a trial left behind: thousands of them fill a disk."""
    for path in folder.iterdir():
        path.unlink()
    os.rmdir(folder)  # noqa: PTH106 -- Path.rmdir does the same; the two stand together
