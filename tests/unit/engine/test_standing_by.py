"""What systemd hears: signs of life only while rounds go on, however alive the loop is."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.bed.statuses import service_of
from tests.builders import a_target
from tests.process import EVERY, Process, a_world
from watchdog.domain.events import BreakerOpened, KillSwitchChanged
from watchdog.engine.standing_by import STATUS_EVERY, stand_by
from watchdog.testing.virtual_time import virtually

ALIVE = "WATCHDOG=1"


class HeardManager:
    """Writes down what it is told, and when."""

    def __init__(self, every: float = 30.0) -> None:
        self.every = every
        self.heard: list[tuple[float, str]] = []

    def tell(self, *words: str) -> None:
        now = asyncio.get_running_loop().time()
        self.heard += [(now, word) for word in words]

    def times(self, word: str) -> list[float]:
        return [at for at, heard in self.heard if heard == word]

    @property
    def status(self) -> str:
        return [heard for _, heard in self.heard if heard.startswith("STATUS=")][-1]


class Managed(Process):
    """A process that a manager started."""

    def __init__(self, every: float = 30.0) -> None:
        super().__init__(a_world(), a_target())
        self.service = service_of(self)
        self.manager = HeardManager(every)
        self.ready = asyncio.Event()

    @asynccontextmanager
    async def managed(self) -> AsyncIterator[HeardManager]:
        async with self.running(), asyncio.TaskGroup() as tasks:
            standing = tasks.create_task(stand_by(self.manager, self.service, self.ready))
            self.ready.set()
            try:
                yield self.manager
            finally:
                standing.cancel()


@virtually
async def test_it_is_told_once_that_the_daemon_is_ready_and_then_that_it_lives() -> None:
    process = Managed()
    async with process.managed() as manager:
        await asyncio.sleep(95)

        assert manager.times("READY=1") == [0]
        assert manager.times(ALIVE) == [0, 30, 60, 90]
        assert manager.status == "STATUS=watching 1 target"


@virtually
async def test_nothing_is_said_before_the_daemon_is_ready() -> None:
    process = Managed()
    process.ready = asyncio.Event()
    async with process.running(), asyncio.TaskGroup() as tasks:
        standing = tasks.create_task(stand_by(process.manager, process.service, process.ready))
        await asyncio.sleep(100)
        standing.cancel()

    assert process.manager.heard == []


@virtually
async def test_signs_of_life_end_when_rounds_stop_although_the_loop_lives() -> None:
    process = Managed(every=10)
    async with process.managed() as manager:
        await asyncio.sleep(100)
        (watcher,) = process.watchers["shop"]
        watcher.retired = True
        stopped = process.clock.now().elapsed
        await asyncio.sleep(600)

        assert manager.times(ALIVE)[-1] <= stopped + 3 * EVERY + 1
        # The loop that could have said so went on all the time.
        assert manager.heard[-1][0] > stopped + 580
        assert manager.status.startswith("STATUS=rounds have stopped: shop/prometheus")


@virtually
async def test_signs_of_life_end_when_a_lane_hangs() -> None:
    process = Managed(every=10)
    async with process.managed() as manager, asyncio.TaskGroup() as tasks:
        await asyncio.sleep(100)
        hung = tasks.create_task(process.lane.order(lambda: asyncio.sleep(7200)))
        await asyncio.sleep(600)
        hung.cancel()

        assert manager.times(ALIVE)[-1] <= 100 + 3 * EVERY + 1


@virtually
async def test_an_unwritable_journal_is_told_and_is_no_reason_to_be_killed() -> None:
    process = Managed()
    async with process.managed() as manager:
        process.journal.fault = "disk full"
        process.world.says("errors", 1)
        await asyncio.sleep(300)

        assert manager.status == "STATUS=the journal cannot be written: nothing is rolled back"
        assert manager.times(ALIVE)[-1] >= 270


@virtually
async def test_who_asks_for_no_signs_of_life_gets_none_and_hears_how_it_goes() -> None:
    process = Managed(every=0)
    async with process.managed() as manager:
        await process.journal.append(KillSwitchChanged(on=True, how="a drill"))
        await asyncio.sleep(2 * STATUS_EVERY + 1)
        assert manager.status == "STATUS=the kill switch is on: a drill"

        await process.journal.append(
            KillSwitchChanged(on=False, how="over"), BreakerOpened("too much is unknown")
        )
        await asyncio.sleep(STATUS_EVERY)
        assert manager.status == "STATUS=the breaker is open: nothing begins by itself"
        assert manager.times(ALIVE) == []


@virtually
async def test_it_is_told_at_once_that_the_daemon_stops() -> None:
    process = Managed()
    async with process.managed() as manager:
        await asyncio.sleep(100)
        process.service.stop("SIGTERM")
        await asyncio.sleep(300)

        assert manager.times("STOPPING=1") == [100]
        assert manager.times(ALIVE)[-1] < 100
