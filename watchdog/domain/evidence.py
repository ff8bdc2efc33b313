"""A signal over an incident: what was known of it when, how bad it was, and for how long."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from watchdog.domain.condition import Condition, Op
from watchdog.domain.progress import Point
from watchdog.domain.signal import Verdict

# One look that is missing makes a gap of twice the usual; a slow one makes a little more than one.
GAP = 1.9
TOGETHER = 0.1


@dataclass(frozen=True, slots=True)
class Spell:
    """A time in which the verdict stayed the same, in Unix seconds. UNKNOWN: nobody could tell."""

    verdict: Verdict
    start: float
    end: float

    @property
    def seconds(self) -> float:
        """How long it lasted."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Series:
    """A signal, and the condition under which it is in breach. Points are oldest first.

    `looked`: the looks that decisions rested on. `recalled`: what the source's own history says
    of the same time, where it was asked; `trigger` is empty for a signal that only checks read.
    `pace`: seconds between two looks as planned; what is within it is no gap.
    """

    trigger: str
    signal: str
    query: str
    breach_when: Condition
    unit: str = ""
    looked: tuple[Point, ...] = ()
    recalled: tuple[Point, ...] = ()
    pace: float = 0.0

    @property
    def name(self) -> str:
        """What a person calls it."""
        return self.trigger or self.signal

    @property
    def points(self) -> tuple[Point, ...]:
        """The history where there is one, and the looks before and after it."""
        known = [point.at for point in self.recalled if point.verdict is not Verdict.UNKNOWN]
        if not known:
            return self.looked
        before = (point for point in self.looked if point.at < known[0])
        after = (point for point in self.looked if point.at > known[-1])
        within = (point for point in self.recalled if known[0] <= point.at <= known[-1])
        return (*before, *within, *after)

    @property
    def worst(self) -> Point | None:
        """The known point farthest on the bad side; None when nothing is known."""
        known = [point for point in self.points if point.verdict is not Verdict.UNKNOWN]
        sign = -1.0 if self.breach_when.op in (Op.BELOW, Op.AT_MOST, Op.FAILING) else 1.0
        # An OK without a number (no errors yet, and the traffic proves it) counts as zero.
        return max(known, key=lambda point: sign * (point.value or 0.0), default=None)

    @property
    def spells(self) -> tuple[Spell, ...]:
        """The time from the first point to the last, by verdict."""
        return spells(self.points, self.pace)

    def lasted(self, verdict: Verdict) -> float:
        """Seconds that the signal is known to have spent in `verdict`."""
        return sum(spell.seconds for spell in self.spells if spell.verdict is verdict)


def spells(points: Sequence[Point], pace: float = 0.0) -> tuple[Spell, ...]:
    """What each point says until the next; where looks are missing nobody could tell."""
    found: list[Spell] = []
    for (earlier, later), seen in zip(pairwise(points), joined(points, pace), strict=True):
        verdict = earlier.verdict if seen else Verdict.UNKNOWN
        if found and found[-1].verdict is verdict:
            found[-1] = Spell(verdict, found[-1].start, later.at)
        else:
            found.append(Spell(verdict, earlier.at, later.at))
    return tuple(found)


def joined(points: Sequence[Point], pace: float = 0.0) -> list[bool]:
    """For each two neighbours, whether no look is missing between them.

    Looks come at different paces in the course of a run, so that a distance is judged by the
    distances beside it, and by the `pace` that was planned.
    """
    widths = [later.at - earlier.at for earlier, later in pairwise(points)]
    # Two looks that fell together, of a trigger and of a check, say nothing of the pace.
    least = TOGETHER * sorted(widths)[len(widths) // 2] if widths else 0.0
    beside = [
        (
            _first((widths[each] for each in range(place - 1, -1, -1)), least),
            _first((widths[each] for each in range(place + 1, len(widths))), least),
        )
        for place in range(len(widths))
    ]
    return [
        width <= GAP * max(pace, *(one for one in pair if one is not None))
        if any(one is not None for one in pair)
        else True
        for width, pair in zip(widths, beside, strict=True)
    ]


def _first(widths: Iterable[float], least: float) -> float | None:
    return next((width for width in widths if width >= least), None)


def breach_began(points: Sequence[Point]) -> float | None:
    """Unix seconds of the first BREACH with no OK between it and the newest point."""
    began = None
    for point in reversed(points):
        if point.verdict is Verdict.OK:
            break
        if point.verdict is Verdict.BREACH:
            began = point.at
    return began


def condition(text: str, limit: float) -> Condition:
    """The condition that was written down as `text` (see `Condition.__str__`)."""
    words, _, _ = text.rpartition(" ")
    try:
        return Condition(Op((words or text).replace(" ", "_")), limit)
    except ValueError:
        # Written by a version with more words than this one: only the limit is certain.
        return Condition(Op.ABOVE, limit)


def merged(points: Iterable[Point]) -> tuple[Point, ...]:
    """`points` in order of time, each once."""
    return tuple(sorted(dict.fromkeys(points), key=lambda point: point.at))
