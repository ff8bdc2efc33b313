"""The slots of a stretch of the past, as a live source would have looked at them."""

import math
from dataclasses import dataclass
from fractions import Fraction

from watchdog.domain.moment import Moment


@dataclass(frozen=True, slots=True)
class Grid:
    """`count` slots of `every` seconds; the first is slot `first`, at Unix second first * every."""

    first: int
    every: float
    count: int

    def wall(self, index: int) -> float:
        """The Unix second of the slot at `index`, counted from 0."""
        return (self.first + index) * self.every

    def moment(self, index: int) -> Moment:
        """The same, with the seconds since the first slot as the clock that never steps."""
        return Moment(index * self.every, (self.first + index) * self.every)

    @property
    def start(self) -> float:
        return self.wall(0)

    @property
    def end(self) -> float:
        """The Unix second of the last slot."""
        return self.wall(max(self.count - 1, 0))

    @property
    def whole(self) -> int:
        """Each so many slots fall together with a whole second."""
        return Fraction(repr(self.every)).denominator


def grid_between(start: float, end: float, every: float) -> Grid:
    """The slots from Unix second `start` to `end`; the first one falls on a whole second."""
    if every <= 0:
        raise ValueError("slots take time")
    whole = Fraction(repr(every)).denominator
    first = math.ceil(start / every - 1e-6)
    first += -first % whole
    return Grid(first, every, max(0, math.floor(end / every + 1e-6) - first + 1))
