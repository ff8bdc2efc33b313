"""What is remembered of one target: the runs that limits count, what holds it, what stops it."""

from dataclasses import dataclass

from watchdog.domain.events import Paused, Proof, Stage
from watchdog.domain.ladder import Ladder
from watchdog.domain.moment import Moment, is_over
from watchdog.domain.outcomes import Outcomes
from watchdog.domain.plan import WatchPlan
from watchdog.domain.requests import Requests
from watchdog.domain.trigger import Severity


@dataclass(frozen=True, slots=True)
class Past:
    """An automatic run, together with those it gave way to: what limits count.

    `superseded`: it gives way to a graver one, which belongs to the same count.
    """

    incident: str
    severity: Severity
    started: Moment
    ended: Moment | None = None
    superseded: bool = False


@dataclass(frozen=True, slots=True)
class Current:
    """The run that holds the target. `proof`: whether it helped, once that was looked at.

    `ladder`: what may follow it; None for a run that a person started.
    """

    run: str
    incident: str
    plan: str
    severity: Severity
    by: str
    watch: WatchPlan
    stage: Stage = Stage.STEPS
    stopped: bool = False
    trigger: str = ""
    proof: Proof | None = None
    ladder: Ladder | None = None
    level: int = 1


@dataclass(frozen=True, slots=True)
class Account:
    """What is remembered of one target.

    `half_way`: the run that gave way, as long as no other has begun after it. It latches, but
    not for the graver run that takes its place. `broken_off`: the last run, where it did not
    succeed and a person may still go on with it. `ladder`: the run that did not help, as a
    breach has shown, while its next level may follow; it latches, but not for that level. `noted`:
    the pause by an annotation, beside that of a person.
    """

    past: tuple[Past, ...] = ()
    current: Current | None = None
    latched: str = ""
    half_way: Current | None = None
    paused: Paused | None = None
    episodes: frozenset[str] = frozenset()
    incident: str = ""
    outcomes: Outcomes = ()
    broken_off: Current | None = None
    ladder: Ladder | None = None
    requests: Requests = ()
    paused_at: Moment | None = None
    noted: Paused | None = None

    def pause(self, now: Moment) -> Paused | None:
        """What pauses it: what a person said, while that lasts, or an annotation."""
        if self.paused is not None and not is_over(self.paused.until, self.paused_at, now):
            return self.paused
        return self.noted
