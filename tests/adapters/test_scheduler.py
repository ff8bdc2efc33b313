"""The ticker on APScheduler: fixed slots on the elapsed clock, whatever the wall clock does."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.bed.patience import until
from watchdog.adapters.clock import SystemClock
from watchdog.adapters.scheduler import SchedulerTicker
from watchdog.domain.moment import Moment

PATIENCE = 10.0
LIBFAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"


@dataclass(slots=True)
class Ticks:
    """What the ticker called."""

    slots: list[int] = field(default_factory=list)
    moments: list[Moment] = field(default_factory=list)
    hold: float = 0.0

    async def call(self, slot: int, at: Moment) -> None:
        self.slots.append(slot)
        self.moments.append(at)
        await asyncio.sleep(self.hold)

    async def until(self, count: int) -> None:
        await until(lambda: len(self.slots) >= count, f"{count} ticks", PATIENCE)


async def test_the_first_look_does_not_wait_for_the_next_slot() -> None:
    ticker, ticks = SchedulerTicker(SystemClock()), Ticks()
    ticker.every("slow", 3600.0, ticks.call)
    ticker.start()

    await ticks.until(1)

    ticker.stop()


async def test_each_slot_is_looked_at_once_and_named_by_its_start() -> None:
    ticker, ticks = SchedulerTicker(SystemClock()), Ticks()
    ticker.every("quick", 0.1, ticks.call)
    ticker.start()

    await ticks.until(8)
    ticker.stop()

    assert ticks.slots == sorted(set(ticks.slots))
    for slot, at in zip(ticks.slots, ticks.moments, strict=True):
        assert abs(at.elapsed - slot * 0.1) < 1e-6


@asynccontextmanager
async def ticking_process(step_file: Path, *words: str) -> AsyncIterator[asyncio.StreamReader]:
    """A process that prints its slots, under a wall clock that `step_file` offsets."""
    environ = {
        **os.environ,
        "LD_PRELOAD": LIBFAKETIME,
        "FAKETIME_TIMESTAMP_FILE": str(step_file),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }
    argv = [sys.executable, str(Path(__file__).with_name("ticking_process.py")), *words]
    process = await asyncio.create_subprocess_exec(
        *argv, stdout=asyncio.subprocess.PIPE, env=environ
    )
    assert process.stdout is not None
    try:
        yield process.stdout
    finally:
        process.kill()
        await process.wait()


async def _wall_times(lines: asyncio.StreamReader, count: int, within: float) -> list[float]:
    walls: list[float] = []
    try:
        async with asyncio.timeout(within):
            while len(walls) < count:
                walls.append(float((await lines.readline()).split()[1]))
    except TimeoutError:
        pass
    return walls


@pytest.mark.parametrize("words", [(), ("--unguarded",)], ids=["guarded", "unguarded"])
async def test_a_wall_clock_stepped_back_an_hour_silences_only_an_unguarded_ticker(
    words: tuple[str, ...], tmp_path: Path, require_program: Callable[[str], str]
) -> None:
    require_program("faketime")
    step_file = tmp_path / "offset"
    step_file.write_text("+0")
    async with ticking_process(step_file, *words) as lines:
        before = await _wall_times(lines, 3, PATIENCE)
        step_file.write_text("-3600")
        # A slot or two may have been printed before the step was seen.
        after = await _wall_times(lines, 12, PATIENCE if not words else 3.0)

    stepped = [wall for wall in after if wall < before[0] - 3000]
    assert bool(len(stepped) > 3) is not bool(words)


@pytest.mark.parametrize("hour", ["+3600", "-3600"], ids=["forward", "back"])
async def test_a_wall_clock_stepped_there_and_back_at_once_silences_nothing(
    hour: str, tmp_path: Path, require_program: Callable[[str], str]
) -> None:
    require_program("faketime")
    step_file = tmp_path / "offset"
    step_file.write_text("+0")
    async with ticking_process(step_file) as lines:
        await _wall_times(lines, 3, PATIENCE)
        # Both between two looks of the guard, most of the time.
        for _ in range(4):
            step_file.write_text(hour)
            await _wall_times(lines, 2, 0.3)
            step_file.write_text("+0")
            # The first of them may have been on their way before.
            after = await _wall_times(lines, 5, PATIENCE)

            assert len(after) == 5


async def test_a_slow_round_skips_slots_and_counts_them() -> None:
    ticker, ticks = SchedulerTicker(SystemClock()), Ticks(hold=0.35)
    ticker.every("slow", 0.1, ticks.call)
    ticker.start()

    await ticks.until(3)
    ticker.stop()

    assert ticker.skipped > 0
    assert ticks.slots == sorted(set(ticks.slots))


async def test_a_dropped_job_is_not_called_again() -> None:
    ticker, ticks = SchedulerTicker(SystemClock()), Ticks()
    ticker.every("quick", 0.05, ticks.call)
    ticker.start()
    await ticks.until(2)

    ticker.drop("quick")
    seen = len(ticks.slots)
    await asyncio.sleep(0.15)
    ticker.stop()

    assert len(ticks.slots) <= seen + 1


async def test_a_slow_first_look_is_not_overtaken_by_the_second() -> None:
    at_once, most = 0, 0

    async def call(_: int, __: Moment) -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.15)
        at_once -= 1
        ticks.slots.append(0)

    ticker, ticks = SchedulerTicker(SystemClock()), Ticks()
    ticker.every("slow", 0.1, call)
    ticker.start()

    await ticks.until(3)
    ticker.stop()

    assert most == 1


async def test_a_job_dropped_and_taken_up_again_at_once_looks_at_once() -> None:
    ticker, before, after = SchedulerTicker(SystemClock()), Ticks(hold=0.15), Ticks()
    ticker.every("slow", 3600.0, before.call)
    ticker.start()
    await before.until(1)

    ticker.drop("slow")
    ticker.every("slow", 3600.0, after.call)

    await after.until(1)
    ticker.stop()


async def test_an_offset_moves_the_slots_and_keeps_their_distance() -> None:
    ticker, ticks = SchedulerTicker(SystemClock()), Ticks()
    ticker.every("quick", 0.1, ticks.call, offset=0.04)
    ticker.start()

    await ticks.until(8)
    ticker.stop()

    assert ticks.slots == sorted(set(ticks.slots))
    for slot, at in zip(ticks.slots, ticks.moments, strict=True):
        assert abs(at.elapsed - (slot * 0.1 + 0.04)) < 1e-6
