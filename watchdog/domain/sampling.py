"""What the looks of one check have come to so far."""

from dataclasses import dataclass, replace

from watchdog.domain.events import CheckSampled
from watchdog.domain.moment import Moment
from watchdog.domain.plan import Check
from watchdog.domain.signal import Verdict


@dataclass(frozen=True, slots=True)
class Sampling:
    """The looks of one check so far. `good` and `bad` count those in a row, newest last.

    `anew`: nobody looked for longer than its whole time, and it was begun once more after that.
    """

    first: Moment
    last: Moment
    looks: int = 0
    breaches: int = 0
    decided: int = 0
    good: int = 0
    bad: int = 0
    verdict: Verdict = Verdict.UNKNOWN
    value: float | None = None
    note: str = ""
    anew: bool = False


def sampled(
    before: Sampling | None, check: Check | None, event: CheckSampled, at: Moment
) -> Sampling:
    """What they come to with one more. `check` is None in a watch, which counts all it saw."""
    seen = before or Sampling(at, at)
    if check is not None and not seen.anew and _slept(check, seen.last, at):
        # As after a restart: what was seen before proves nothing now.
        seen = Sampling(at, at, anew=True)
    breach = event.verdict is Verdict.BREACH
    decided = event.verdict is not Verdict.UNKNOWN
    return replace(
        seen,
        last=at,
        looks=seen.looks + 1,
        breaches=seen.breaches + breach,
        decided=seen.decided + decided,
        good=seen.good + 1 if event.verdict is Verdict.OK else 0,
        bad=seen.bad + 1 if breach else seen.bad if not decided else 0,
        verdict=event.verdict,
        value=event.value,
        note=event.note,
    )


def _slept(check: Check, last: Moment, at: Moment) -> bool:
    """Whether nobody looked for longer than the check has: its time must not end by that.

    A process that was stopped, or whose machine slept, has not seen that nothing got better.
    """
    return at.since(last) >= check.within + check.pause
