"""Prints a line a slot. Run under libfaketime, its wall clock can be stepped from outside."""

import asyncio
import sys

from watchdog.adapters.clock import SystemClock
from watchdog.adapters.scheduler import GUARD_EVERY, SchedulerTicker
from watchdog.domain.moment import Moment


async def tick(slot: int, at: Moment) -> None:
    sys.stdout.write(f"{slot} {at.wall:.0f}\n")
    sys.stdout.flush()


async def main() -> None:
    ticker = SchedulerTicker(SystemClock())
    ticker.every("quick", 0.2, tick)
    ticker.start()
    while True:
        await asyncio.sleep(GUARD_EVERY)
        if "--unguarded" not in sys.argv:
            ticker.guard()


asyncio.run(main())
