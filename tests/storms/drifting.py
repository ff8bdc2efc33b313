"""Clocks that go wrong, and a kill file that is nowhere: what a daemon has of its machine."""

import asyncio

from watchdog.domain.moment import Moment
from watchdog.testing.virtual_time import EPOCH, VirtualClock

# There on any machine; and one that is nowhere.
_THERE = "/dev/null"
_NOWHERE = "/proc/no-such-kill-file"


class DriftingClock(VirtualClock):
    """A machine's clocks: they run `rate` times as fast as time does, and the wall clock steps.

    `boot` counts the boots; `elapsed` begins anew with each.
    """

    def __init__(self) -> None:
        super().__init__()
        self.boot = 1
        self._rate = 1.0
        self._since = 0.0
        self._at = Moment(1000.0, EPOCH)

    def now(self) -> Moment:
        """What the machine takes for the present moment."""
        return self._at.after((asyncio.get_running_loop().time() - self._since) * self._rate)

    def runs(self, rate: float) -> None:
        """From now on it goes that fast."""
        self._at, self._since = self.now(), asyncio.get_running_loop().time()
        self._rate = rate

    def step(self, seconds: float) -> None:
        """Step the wall clock, as NTP or a person may."""
        self._at = Moment(self._at.elapsed, self._at.wall + seconds)

    def reboot(self) -> None:
        """The machine starts anew; its wall clock has gone on."""
        now, self._since = self.now(), asyncio.get_running_loop().time()
        self._at = Moment(5.0, now.wall)
        self.boot += 1


class KillFile:
    """The path of a kill file that is `there` or not, without a disk."""

    def __init__(self) -> None:
        self.there = False

    def __fspath__(self) -> str:
        return _THERE if self.there else _NOWHERE

    def __str__(self) -> str:
        return "the kill file"
