import asyncio
import time

import pytest

from watchdog.domain.moment import Moment
from watchdog.testing.virtual_time import (
    EPOCH,
    VirtualClock,
    VirtualTicker,
    run_virtually,
    virtually,
)


def test_a_day_takes_no_time() -> None:
    begun = time.monotonic()

    assert run_virtually(asyncio.sleep(86_400, "done")) == "done"

    assert time.monotonic() - begun < 5


@virtually
async def test_timers_and_limits_work_as_they_are() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(3600):
            await asyncio.Event().wait()

    assert asyncio.get_running_loop().time() == 3600


def test_waiting_for_nothing_is_an_error_and_no_hang() -> None:
    with pytest.raises(RuntimeError, match="deadlock"):
        run_virtually(asyncio.Event().wait())


@virtually
async def test_the_clock_goes_with_the_loop_and_its_wall_may_step() -> None:
    clock = VirtualClock()
    await asyncio.sleep(10)
    assert clock.now() == Moment(10, EPOCH + 10)

    clock.step(-60)
    assert clock.now() == Moment(10, EPOCH - 50)


async def ticks(
    *lengths: float, every: float = 10.0, until: float = 65.0
) -> list[tuple[int, float]]:
    """The slots called, and when; the calls take so long."""
    clock = VirtualClock()
    ticker = VirtualTicker(clock)
    seen: list[tuple[int, float]] = []
    left = list(lengths)

    async def call(slot: int, at: Moment) -> None:
        seen.append((slot, clock.now().elapsed))
        assert at == Moment(slot * every, EPOCH + slot * every)
        await asyncio.sleep(left.pop(0) if left else 0)

    ticker.every("it", every, call)
    async with asyncio.TaskGroup() as tasks:
        loop = tasks.create_task(ticker.run())
        await asyncio.sleep(until)
        loop.cancel()
    return seen


@virtually
async def test_a_ticker_calls_once_a_slot() -> None:
    assert await ticks() == [(n, n * 10.0) for n in range(1, 7)]


@virtually
async def test_a_slow_call_skips_slots() -> None:
    assert await ticks(25.0) == [(1, 10.0), (4, 40.0), (5, 50.0), (6, 60.0)]


@virtually
async def test_a_call_that_ends_at_a_slot_skips_it() -> None:
    assert await ticks(10.0) == [(1, 10.0), (3, 30.0), (4, 40.0), (5, 50.0), (6, 60.0)]


@virtually
async def test_slots_stay_whole_whatever_floats_do() -> None:
    seen = await ticks(every=0.1, until=100.05)

    assert [slot for slot, _ in seen] == list(range(1, 1001))
