"""A point in time, on the two clocks that matter."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Moment:
    """One instant.

    `elapsed` is seconds on a clock that never steps (BOOTTIME): every duration is a
    difference of two of them. `wall` is Unix seconds, for display and for queries only.
    """

    elapsed: float
    wall: float

    def since(self, earlier: "Moment") -> float:
        """Seconds from `earlier` to here, by the clock that never steps."""
        return self.elapsed - earlier.elapsed

    def after(self, seconds: float) -> "Moment":
        """The moment `seconds` from here."""
        return Moment(self.elapsed + seconds, self.wall + seconds)
