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


def age(then: Moment, now: Moment) -> float:
    """Seconds from `then` to `now` as limits count them: at least zero.

    The lesser of what the two clocks say: `elapsed` of an earlier boot is as right as the wall
    clock was when it was translated, and a wrong clock must not forget a run.
    """
    return max(min(now.since(then), now.wall - then.wall), 0.0)


def is_over(until: float | None, said: Moment | None, now: Moment) -> bool:
    """Whether what a person said at `said` holds no longer; `until`: Unix seconds, None: for ever.

    By whichever clock says later: one that steps lifts nothing.
    """
    if until is None:
        return False
    return now.wall >= until if said is None else until - said.wall - age(said, now) <= 0
