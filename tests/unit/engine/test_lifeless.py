"""What /livez says: it fails once something has stopped for three intervals, and not before."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.bed.statuses import service_of
from tests.builders import a_signal, a_target, a_trigger
from tests.process import EVERY, Process, a_world
from watchdog.domain.target import Target
from watchdog.engine.service import GUARD_LATE
from watchdog.testing.doubles import MemoryJournal
from watchdog.testing.virtual_time import virtually


class HangingJournal(MemoryJournal):
    """One whose disk answers nothing any more when it is asked whether it is well."""

    async def probe(self) -> None:
        await asyncio.sleep(36000)


class Served(Process):
    """A process whose lanes are run by the service, with its guard."""

    def __init__(self, *targets: Target, journal: MemoryJournal | None = None) -> None:
        super().__init__(a_world(), *targets, journal=journal)
        self.journal.listen(self._keep_ledger)
        self.service = service_of(self)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as tasks:
            loops = [
                tasks.create_task(self.service.run(_nothing)),
                tasks.create_task(self._ticker().run()),
            ]
            try:
                yield
            finally:
                for loop in loops:
                    loop.cancel()

    @property
    def stopped(self) -> list[str]:
        """The beginnings of what has stopped."""
        return [one.split(":")[0] for one in self.service.lifeless()]


async def _nothing() -> None:
    """Nothing to do once it is ready."""


@virtually
async def test_all_is_alive_while_rounds_and_the_guard_go_on() -> None:
    process = Served()
    async with process.serving():
        await asyncio.sleep(600)
        assert process.stopped == []


@virtually
async def test_a_slow_source_has_three_of_its_own_intervals() -> None:
    slow = a_trigger("latency", signal=a_signal("latency", source="health"), every="5m")
    process = Served(a_target(a_trigger(), slow))
    async with process.serving():
        await asyncio.sleep(301)
        for watcher in process.watchers["shop"]:
            watcher.retired = True
        await asyncio.sleep(4 * EVERY)
        assert process.stopped == ["shop/prometheus"]

        await asyncio.sleep(3 * 300)
        assert process.stopped == ["shop/prometheus", "shop/health"]


@virtually
async def test_a_guard_that_hangs_is_seen_for_nobody_looks_at_the_clock_and_the_journal() -> None:
    process = Served(journal=HangingJournal(a_world().clock))
    async with process.serving():
        await asyncio.sleep(10)
        assert process.stopped == []
        process.journal.fault = "disk gone"
        process.world.says("errors", 1)
        await asyncio.sleep(GUARD_LATE + 60)

        (said,) = process.stopped
        assert said.startswith("nobody has looked at the clock and the journal for ")
