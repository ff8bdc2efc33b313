"""A beat follows from whole rounds: what stops them stops it, and nothing else starts it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.bed.statuses import service_of
from tests.builders import a_signal, a_target, a_trigger
from tests.process import EVERY, Process, a_world
from watchdog.domain.errors import TransientError
from watchdog.domain.heartbeat import Heartbeat
from watchdog.domain.target import Target
from watchdog.engine.heart import Heart
from watchdog.testing.virtual_time import virtually

BEAT = 60.0
# After that long without rounds no further beat may come.
STALL = 3 * EVERY + 1


def two_sources() -> Target:
    slow = a_trigger("latency", signal=a_signal("latency", source="health"))
    return a_target(a_trigger(), slow)


class Beating(Process):
    """A process with a heart. `fault` is what the other side does to a beat."""

    def __init__(self, *targets: Target) -> None:
        super().__init__(a_world(), *targets)
        self.service = service_of(self)
        self.sent: list[float] = []
        self.tried = 0
        self.fault: Exception | None = None
        self.silent = False
        self.ready = True
        settings = Heartbeat("https://dead-man/", BEAT, 10.0)
        self.heart = Heart(settings, self.service, lambda: self.ready, self.beat)
        self.round_taken = self.heart.took

    async def beat(self) -> None:
        self.tried += 1
        if self.silent:
            await asyncio.sleep(3600)
        if self.fault is not None:
            raise self.fault
        self.sent.append(self.clock.now().elapsed)

    async def tick(self) -> None:
        await self._ticker().run()

    @asynccontextmanager
    async def alive(self) -> AsyncIterator[None]:
        async with self.running(), asyncio.TaskGroup() as tasks:
            beating = tasks.create_task(self.heart.run())
            try:
                yield
            finally:
                beating.cancel()


@virtually
async def test_it_beats_as_long_as_rounds_go_on() -> None:
    process = Beating(two_sources())
    async with process.alive():
        await asyncio.sleep(600)

    assert process.sent[:3] == [EVERY, EVERY + BEAT, EVERY + 2 * BEAT]
    assert len(process.sent) == 10
    assert process.heart.status()["sent"] == 10


@virtually
async def test_it_does_not_beat_before_the_first_whole_round() -> None:
    process = Beating(two_sources())
    async with process.alive():
        (watchers,) = process.watchers.values()
        watchers[1].retired = True
        await asyncio.sleep(300)

    assert process.sent == []
    assert "shop/health" in process.heart.status()["withheld"]


@virtually
async def test_the_beat_stops_within_three_intervals_after_one_source_has_no_rounds() -> None:
    process = Beating(two_sources())
    async with process.alive():
        await asyncio.sleep(125)
        (watchers,) = process.watchers.values()
        watchers[1].retired = True
        stopped = process.clock.now().elapsed
        await asyncio.sleep(600)

        assert process.sent
        assert process.sent[-1] <= stopped + STALL
        # The other source, the lane and the loop go on all the same.
        assert process.clock.now().since(process.lane.taken["prometheus"]) < EVERY
        assert "no round for" in process.heart.status()["withheld"]


@virtually
async def test_the_beat_stops_within_three_intervals_when_one_lane_hangs() -> None:
    shop, bank = a_target(name="shop"), a_target(name="bank")
    process = Beating(shop, bank)
    async with process.alive(), asyncio.TaskGroup() as tasks:
        await asyncio.sleep(125)
        hung = tasks.create_task(process.lanes["bank"].order(lambda: asyncio.sleep(7200)))
        stopped = process.clock.now().elapsed
        await asyncio.sleep(600)

        assert process.sent[-1] <= stopped + STALL
        assert process.clock.now().since(process.lanes["shop"].taken["prometheus"]) < EVERY
        hung.cancel()


@virtually
async def test_the_beat_stops_at_once_when_the_ticker_stops() -> None:
    process = Beating()
    async with process.running(ticking=False), asyncio.TaskGroup() as tasks:
        ticking = tasks.create_task(process.tick())
        beating = tasks.create_task(process.heart.run())
        await asyncio.sleep(100)
        ticking.cancel()
        stopped = process.clock.now().elapsed
        await asyncio.sleep(600)
        beating.cancel()

    # No round, no beat: the loop lives, and nobody is left who could send one.
    assert process.sent[-1] <= stopped


@virtually
async def test_no_beat_while_the_journal_cannot_be_written() -> None:
    process = Beating()
    async with process.alive():
        await asyncio.sleep(100)
        before = len(process.sent)
        process.journal.fault = "disk full"
        process.world.says("errors", 1)
        await asyncio.sleep(600)
        assert not process.journal.healthy
        assert len(process.sent) == before
        assert process.heart.status()["withheld"] == "the journal cannot be written"

        process.journal.fault = ""
        await process.journal.probe()
        await asyncio.sleep(BEAT)
        assert len(process.sent) > before


@virtually
async def test_no_beat_before_it_is_ready_or_while_it_stops() -> None:
    process = Beating()
    process.ready = False
    async with process.alive():
        await asyncio.sleep(100)
        assert process.sent == []
        process.ready = True
        await asyncio.sleep(100)
        assert process.sent
        before = len(process.sent)
        process.service.stop("SIGTERM")
        await asyncio.sleep(300)
        assert len(process.sent) == before


@virtually
async def test_a_beat_that_is_not_taken_is_tried_again_and_holds_nothing_back() -> None:
    process = Beating()
    process.fault = TransientError("it answered 500 Internal Server Error")
    async with process.alive():
        await asyncio.sleep(100)
        status = process.heart.status()
        assert (status["sent"], status["last"]) == (0, None)
        assert status["failed"] == status["failures_in_a_row"] == process.tried >= 5
        assert status["failure"] == "it answered 500 Internal Server Error"
        assert process.clock.now().since(process.lane.taken["prometheus"]) < EVERY

        process.fault = None
        await asyncio.sleep(20)
        assert process.heart.status()["failures_in_a_row"] == 0
        assert len(process.sent) == 1


@virtually
async def test_a_beat_that_nobody_answers_is_cut_off_and_holds_nothing_back() -> None:
    process = Beating()
    process.silent = True
    async with process.alive():
        await asyncio.sleep(100)

        assert process.tried >= 3
        assert process.heart.status()["failure"] == "no answer within 10 s"
        assert process.clock.now().since(process.lane.taken["prometheus"]) < EVERY


@virtually
async def test_a_mistake_in_the_sending_ends_nothing() -> None:
    process = Beating()
    process.fault = RuntimeError("a mistake")
    async with process.alive():
        await asyncio.sleep(100)

        assert process.tried >= 5
        assert "RuntimeError" in process.heart.status()["failure"]


@virtually
async def test_a_source_that_a_reload_dropped_is_waited_for_no_more() -> None:
    process = Beating(two_sources())
    async with process.alive():
        await asyncio.sleep(80)
        (watchers,) = process.watchers.values()
        watchers[1].retired = True
        # The next beat is due, and lacks only this.
        await asyncio.sleep(2 * EVERY)
        before = len(process.sent)
        del watchers[1]
        await asyncio.sleep(2 * BEAT)

        assert len(process.sent) > before
