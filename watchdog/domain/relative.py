"""Comparisons with what the same signal was before: what is measured, and against what."""

from dataclasses import dataclass
from enum import StrEnum

from watchdog.domain.words import duration


class Move(StrEnum):
    """What became of a value. DROP, RISE and SPIKE are against a reference value.

    DROP and RISE are shares of the reference (0.6: 60 % less, or more), SPIKE is how many times
    the reference it is; GROWS and FALLS are the rate at which it changes.
    """

    DROP = "drop"
    RISE = "rise"
    SPIKE = "spike"
    GROWS = "grows"
    FALLS = "falls"


class Against(StrEnum):
    """Where the reference comes from."""

    WINDOW = "window"
    YESTERDAY = "yesterday"
    LAST_WEEK = "last-week"
    BEFORE_CHANGE = "before-change"


_RATES = frozenset({Move.GROWS, Move.FALLS})
_WORDS = {Move.DROP: "down by", Move.RISE: "up by", Move.SPIKE: "a factor"}
_REFERENCES = {
    Against.YESTERDAY: "against the same hour yesterday",
    Against.LAST_WEEK: "against the same hour a week ago",
}


@dataclass(frozen=True, slots=True)
class Relative:
    """What is compared instead of the value itself. Times in seconds.

    `over`: how long the window is that the reference is the median of, or that the rate is
    measured in. `per`: the time that a rate is given for.
    """

    move: Move
    over: float = 600.0
    against: Against = Against.WINDOW
    per: float = 60.0

    @property
    def is_rate(self) -> bool:
        """Whether it is a rate of change, which has no reference."""
        return self.move in _RATES

    def unit_of(self, unit: str) -> str:
        """The unit of what is compared, of a signal in `unit`."""
        if self.is_rate:
            return unit
        return "" if self.move is Move.SPIKE else "ratio"

    @property
    def reference(self) -> str:
        """Against what, as a person would say it."""
        if self.is_rate:
            return f"over the last {duration(self.over)}"
        if self.against is Against.BEFORE_CHANGE:
            return f"against the median of {duration(self.over)} before the last change"
        window = f"against the median of the last {duration(self.over)}"
        return _REFERENCES.get(self.against, window)

    def __str__(self) -> str:
        """What stands before the limit: `against the median of the last 10m, down by`."""
        if not self.is_rate:
            return f"{self.reference}, {_WORDS[self.move]}"
        word = "growing" if self.move is Move.GROWS else "falling"
        return f"{self.reference}, {word} per {duration(self.per)} by"
