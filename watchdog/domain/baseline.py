"""What one signal was before, for one condition of one trigger: captured look by look."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf, isfinite, isnan
from statistics import median
from typing import Any

from watchdog.domain.moment import Moment
from watchdog.domain.relative import Against, Move, Relative

# Of the looks of a reference, this share must have been decided.
COVERAGE = 0.8
# A window is made of at least and at most so many looks.
FEWEST, MOST = 4, 1440
HOUR = 3600
HOURS_AGO = {Against.YESTERDAY: 24, Against.LAST_WEEK: 7 * 24}
HOURS_KEPT = 8 * 24
# Values of the hour under way; of a source that is asked more often, evenly chosen ones.
MOST_AN_HOUR = 360
# Seconds after which what it has become is the new normal, bad as it may be.
HELD_FOR = 86_400.0
_ROUNDING = 1e-9
_HISTORIC = frozenset(HOURS_AGO)


def window_looks(over: float, every: float) -> int:
    """How many looks `over` seconds are, one `every` seconds, as far as that is kept."""
    return min(max(round(over / every), FEWEST), MOST)


@dataclass(slots=True)
class _Hour:
    """The hour under way, since the epoch: how many looks were decided, and their values."""

    hour: int
    decided: int = 0
    values: list[float] = field(default_factory=list)


@dataclass(slots=True)
class Memory:
    """Learns from looks while the trigger is calm, and holds still while it is not.

    While the trigger is pending or firing, the looks tell of the breach and not of what is
    normal: none is kept, and the reference stays what it was when the breach began. For each
    look: `measure` (at most once), then `settle`.
    """

    relative: Relative
    every: float
    held: float | None = None
    hours: dict[int, float] = field(default_factory=dict)
    before: float | None = None
    changed_at: float = 0.0
    dirty: bool = False
    _looks: deque[tuple[float, float | None]] = field(default_factory=deque)
    _hour: _Hour | None = None
    _seen: float | None = None
    _used: float | None = None
    _last: Moment | None = None
    _since: Moment | None = None

    # -- comparing

    def measure(self, value: float, now: Moment) -> float | None:
        """What `value` has become, to be compared; None where nothing to compare with is known."""
        self._seen = value
        self._catch_up(now)
        if self.relative.is_rate:
            return self._rate(value)
        self._used = self._reference(now)
        return _moved(self.relative.move, value, self._used)

    @property
    def used(self) -> float | None:
        """What the look since the last `settle` was compared with; None where with nothing."""
        return None if self._seen is None or self.relative.is_rate else self._used

    @property
    def _size(self) -> int:
        return window_looks(self.relative.over, self.every)

    def _reference(self, now: Moment) -> float | None:
        match self.relative.against:
            case Against.WINDOW:
                if self.held is not None:
                    return self.held
                # Not a part of it: after a restart nothing may fire that would not have.
                whole = list(self._looks)[-self._size :]
                return _median(whole, self._size) if len(whole) == self._size else None
            case Against.BEFORE_CHANGE:
                return self.before
            case Against.YESTERDAY | Against.LAST_WEEK as ago:
                return self.hours.get(int(now.wall // HOUR) - HOURS_AGO[ago])

    def _rate(self, value: float) -> float | None:
        looks = list(self._looks)[-self._size :]
        # The slope of what is known: a look that failed leaves a hole, and nothing moves.
        known = [(number, one) for number, (_, one) in enumerate(looks) if one is not None]
        if len(looks) < self._size or not _covered(len(known), self._size):
            return None
        slope = _slope([*known, (len(looks), value)]) * self.relative.per / self.every
        if not isfinite(slope):
            return None
        return slope if self.relative.move is Move.GROWS else -slope

    # -- learning

    def settle(self, now: Moment, *, calm: bool) -> None:
        """The look of `now` is judged, and the trigger is `calm` (neither pending nor firing)."""
        self._catch_up(now)
        self._last = now
        seen, self._seen = self._seen, None
        if calm or self.relative.is_rate or self._is_held_too_long(now):
            self._since, self.held = (None, None) if calm else (self._since, None)
            self._learn(seen, now)
            return
        if self._since is None:
            self._since = now
            self.held = self._reference(now)

    def _is_held_too_long(self, now: Moment) -> bool:
        return self._since is not None and now.since(self._since) > HELD_FOR

    def _catch_up(self, now: Moment) -> None:
        """Slots in which nobody looked are looks that failed, unless it holds still."""
        if self._last is None:
            return
        missed = round(now.since(self._last) / self.every) - 1
        self._last = now.after(-self.every)
        if self._since is None or self.relative.is_rate:
            for number in range(min(missed, 2 * self._size), 0, -1):
                self._learn(None, now.after(-number * self.every))

    def _learn(self, value: float | None, now: Moment) -> None:
        if self.relative.against in _HISTORIC:
            self._learn_hour(value, now)
            return
        self._looks.append((now.wall, value))
        while len(self._looks) > 2 * self._size:
            self._looks.popleft()

    def _learn_hour(self, value: float | None, now: Moment) -> None:
        hour = int(now.wall // HOUR)
        if self._hour is None or self._hour.hour != hour:
            self._close_hour()
            self._hour = _Hour(hour)
        if value is None:
            return
        self._hour.decided += 1
        stride = max(round(HOUR / self.every / MOST_AN_HOUR), 1)
        if self._hour.decided % stride == 0:
            self._hour.values.append(value)

    def _close_hour(self) -> None:
        """The hour is over: what it was is captured, if enough of it was seen."""
        ended, self._hour = self._hour, None
        if ended is None:
            return
        for old in [hour for hour in self.hours if hour <= ended.hour - HOURS_KEPT]:
            del self.hours[old]
        if ended.values and _covered(ended.decided, HOUR / self.every):
            self.hours[ended.hour] = median(ended.values)
        self.dirty = True

    # -- news

    def changed(self, at: float) -> None:
        """Something was changed at Unix second `at`: what was before that is the reference.

        A change in the middle of a breach, such as the one that ends it, moves nothing.
        """
        if self.relative.against is not Against.BEFORE_CHANGE or at <= self.changed_at:
            return
        self.changed_at, self.dirty = at, True
        if self._since is not None and at > self._since.wall:
            return
        begin = at - self.relative.over
        window = [look for look in self._looks if begin <= look[0] < at]
        self.before = _median(window, self._size)

    def clock_stepped(self) -> None:
        """The wall clock jumped: looks no longer tell at which hour, or before what, they were."""
        self._hour = None
        if self.relative.against is Against.BEFORE_CHANGE:
            self._looks.clear()

    # -- over a restart

    def saved(self) -> dict[str, Any]:
        """What is kept for good, as JSON values."""
        self.dirty = False
        hours = {str(hour): value for hour, value in self.hours.items()}
        return {"hours": hours, "before": self.before, "changed_at": self.changed_at}

    def restore(self, kept: Mapping[str, Any]) -> None:
        """Take over what `saved` gave."""
        self.hours = {int(hour): value for hour, value in kept["hours"].items()}
        self.before, self.changed_at = kept["before"], kept["changed_at"]

    def hold(self, reference: float | None, now: Moment) -> None:
        """The trigger was pending or firing before a restart, with that reference."""
        self.held, self._since = reference, now


def _moved(move: Move, value: float, reference: float | None) -> float | None:
    # A share of nothing, or of less, says nothing.
    if reference is None or not 0 < reference < inf:
        return None
    times = value / reference
    if isnan(times):
        return None
    match move:
        case Move.DROP:
            return 1 - times
        case Move.RISE:
            return times - 1
        case _:
            return times


def _slope(points: Sequence[tuple[int, float]]) -> float:
    """The slope of the line through `points` that is the best by least squares."""
    middle = sum(at for at, _ in points) / len(points)
    mean = sum(value for _, value in points) / len(points)
    spread = sum((at - middle) ** 2 for at, _ in points)
    return sum((at - middle) * (value - mean) for at, value in points) / spread


def _median(looks: Sequence[tuple[float, float | None]], size: int) -> float | None:
    known = [value for _, value in looks if value is not None]
    return median(known) if known and _covered(len(known), size) else None


def _covered(decided: int, looks: float) -> bool:
    return decided >= COVERAGE * looks - _ROUNDING
