"""How late the event loop is: what blocks it keeps everything back, the kill switch included."""

import asyncio
from collections import deque

from watchdog.domain.moment import Moment
from watchdog.ports import Clock

PERIOD = 0.25
# Seconds for which the worst is remembered: longer than most scrape intervals.
REMEMBERED = 60.0


class LoopLag:
    """Wakes up four times a second, and notes how late that was."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._asleep_since: Moment | None = None
        self._seen: deque[tuple[float, float]] = deque()

    async def run(self) -> None:
        """Measure until cancelled."""
        while True:
            self._asleep_since = self._clock.now()
            await asyncio.sleep(PERIOD)
            now = self._clock.now()
            self._seen.append((now.elapsed, self._late(now)))
            while now.elapsed - self._seen[0][0] > REMEMBERED:
                self._seen.popleft()

    def worst(self) -> float:
        """Seconds: the worst of the last minute."""
        return max((late for _, late in self._seen), default=0.0)

    def _late(self, now: Moment) -> float:
        since = self._asleep_since
        return max(0.0, now.since(since) - PERIOD) if since else 0.0
