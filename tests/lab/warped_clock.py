"""A clock that runs too fast or too slow, or is set while it runs."""

from dataclasses import dataclass, field

from watchdog.adapters.clock import SystemClock
from watchdog.domain.moment import Moment
from watchdog.ports import Clock


@dataclass(frozen=True, slots=True)
class Warp:
    """From `since` (elapsed seconds) on time goes by `rate` times as fast.

    From `steps_at` on (0: never) the wall clock alone is `step` seconds ahead.
    """

    since: float = 0.0
    rate: float = 1.0
    steps_at: float = 0.0
    step: float = 0.0


STEADY = Warp()


@dataclass(frozen=True, slots=True)
class WarpedClock:
    """The same for every process that is given the same warp."""

    warp: Warp = STEADY
    clock: Clock = field(default_factory=SystemClock)

    def now(self) -> Moment:
        """The present moment, by this clock."""
        now, warp = self.clock.now(), self.warp
        ahead = max(now.elapsed - warp.since, 0.0) * (warp.rate - 1.0) if warp.since else 0.0
        stepped = warp.step if warp.steps_at and now.elapsed >= warp.steps_at else 0.0
        return Moment(now.elapsed + ahead, now.wall + ahead + stepped)
