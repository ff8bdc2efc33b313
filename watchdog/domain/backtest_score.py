"""How firings compare with the incidents that people know of: delays, misses, false alarms."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from watchdog.domain.backtest import Course, Curve, Firing, Labelled, LeftOut, Span
from watchdog.domain.trigger import Trigger

WEEK = 7 * 86400.0


@dataclass(frozen=True, slots=True)
class Detection:
    """One incident, and the first firing that belongs to it (None: missed).

    `delay`: seconds from its start to that firing; 0 where it fired before already.
    """

    incident: Labelled
    firing: Firing | None
    delay: float | None


@dataclass(frozen=True, slots=True)
class Score:
    """`false_alarms` belong to no incident. `wrong` would have been acted on in vain.

    `outside`: seconds of firing outside every incident, false alarms and late ends together.
    """

    detections: tuple[Detection, ...]
    false_alarms: tuple[Firing, ...]
    wrong: tuple[Firing, ...]
    outside: float
    span: Span

    @property
    def missed(self) -> tuple[Labelled, ...]:
        return tuple(one.incident for one in self.detections if one.firing is None)

    @property
    def detected(self) -> int:
        return len(self.detections) - len(self.missed)

    @property
    def mean_delay(self) -> float | None:
        """Seconds, over the detected incidents; None where there is none."""
        delays = [one.delay for one in self.detections if one.delay is not None]
        return sum(delays) / len(delays) if delays else None

    @property
    def false_alarms_a_week(self) -> float:
        return len(self.false_alarms) * WEEK / self.span.seconds if self.span.seconds > 0 else 0.0


def score(firings: Iterable[Firing], incidents: Sequence[Labelled], span: Span) -> Score:
    """Compare `firings` over `span` with those `incidents` that touch it.

    A firing belongs to every incident that overlaps it, from pending to cleared: so what begins
    to be seen in an incident and fires shortly after its end is no false alarm.
    """
    known = [one for one in incidents if one.end >= span.start and one.start <= span.end]
    ordered = sorted(firings, key=lambda one: one.fired)
    alarms = [one for one in ordered if not any(_meet(one, each, span) for each in known)]
    return Score(
        detections=tuple(_detection(one, ordered, span) for one in known),
        false_alarms=tuple(alarms),
        wrong=tuple(one for one in ordered if _is_wrong(one, known, span)),
        outside=sum(_outside(one, known, span) for one in ordered),
        span=span,
    )


def _meet(firing: Firing, incident: Labelled, span: Span) -> bool:
    cleared = span.end if firing.cleared is None else firing.cleared
    return firing.pending <= incident.end and cleared >= incident.start


def _detection(incident: Labelled, firings: Sequence[Firing], span: Span) -> Detection:
    first = next((one for one in firings if _meet(one, incident, span)), None)
    delay = None if first is None else max(0.0, first.fired - incident.start)
    return Detection(incident, first, delay)


def _is_wrong(firing: Firing, known: Sequence[Labelled], span: Span) -> bool:
    """Whether acting on it would have helped in no incident."""
    helped = any(one.rollback and _meet(firing, one, span) for one in known)
    return firing.acted is not None and not helped


def _outside(firing: Firing, known: Sequence[Labelled], span: Span) -> float:
    """Seconds of `firing` that lie in no incident."""
    at, end, outside = firing.fired, firing.fired + firing.lasted(span.end), 0.0
    for one in sorted(known, key=lambda one: one.start):
        if one.end <= at or one.start >= end:
            continue
        outside += max(0.0, one.start - at)
        at = min(max(at, one.end), end)
    return outside + end - at


@dataclass(frozen=True, slots=True)
class Swept:
    """What a trigger would have done with another limit or another `for` (seconds)."""

    limit: float
    hold: float
    is_now: bool
    firings: int
    score: Score


@dataclass(frozen=True, slots=True)
class Tested:
    """One trigger after its history: a course in all, or one for each value of its label."""

    target: str
    trigger: Trigger
    courses: tuple[Course, ...]
    curves: tuple[Curve | None, ...]
    score: Score
    sweep: tuple[Swept, ...] = ()

    @property
    def firings(self) -> tuple[Firing, ...]:
        """Those of all courses, in order of time."""
        found = (firing for course in self.courses for firing in course.firings)
        return tuple(sorted(found, key=lambda one: one.fired))

    def slots(self, verdict: str) -> int:
        """How many looks gave `verdict`."""
        return sum(course.slots.get(verdict, 0) for course in self.courses)


@dataclass(frozen=True, slots=True)
class Backtest:
    """All that came out. `totals`: the score of all triggers of a target together.

    `evaluated` looks went through the state machine; the rest of `looks` provably changed
    nothing. `assumed`: what history cannot tell, one sentence each.
    """

    span: Span
    incidents: tuple[Labelled, ...]
    has_labels: bool
    tested: tuple[Tested, ...]
    left_out: tuple[LeftOut, ...]
    totals: dict[str, Score]
    looks: int
    evaluated: int
    assumed: tuple[str, ...]
