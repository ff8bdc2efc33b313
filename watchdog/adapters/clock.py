"""The one file that reads the clock."""

import time

from watchdog.domain.moment import Moment


class SystemClock:
    """BOOTTIME for durations, so that a suspended machine counts as time gone by."""

    def now(self) -> Moment:
        return Moment(elapsed=time.clock_gettime(time.CLOCK_BOOTTIME), wall=time.time())
