"""What would have happened: the firings of a replayed trigger, and what would have been decided."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from watchdog.domain.trigger import Severity, Trigger

ACT = "would act"


@dataclass(frozen=True, slots=True)
class Labelled:
    """An incident that people know of. Unix seconds; `rollback`: whether one would have helped."""

    start: float
    end: float
    name: str = ""
    rollback: bool = True


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time, both ends in Unix seconds."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Ruling:
    """What would have been decided about a firing at Unix second `at`.

    `outcome` is ACT or the value of a `Reason`; `until`: Unix second at which that reason ends by
    itself, or None.
    """

    at: float
    outcome: str
    detail: str = ""
    until: float | None = None


@dataclass(frozen=True, slots=True)
class Firing:
    """One firing, in Unix seconds. `cleared` None: it still fired when the history ended.

    `peak` is the worst number between pending and cleared, where there is one number.
    """

    trigger: str
    plan: str
    severity: Severity
    pending: float
    fired: float
    cleared: float | None
    peak: float | None = None
    rulings: tuple[Ruling, ...] = ()

    def lasted(self, end: float) -> float:
        """Seconds that it fired, in a history that ends at Unix second `end`."""
        return (end if self.cleared is None else self.cleared) - self.fired

    @property
    def acted(self) -> Ruling | None:
        """When it would have been acted on, if it would."""
        return next((ruling for ruling in self.rulings if ruling.outcome == ACT), None)


@dataclass(frozen=True, slots=True)
class Course:
    """How one trigger (or one value of its label) went through the history.

    `slots` counts looks by verdict; `pendings` those times that it was in breach without firing;
    `unknown` and `blind` are the longer times in which nothing was decided.
    """

    trigger: Trigger
    of: str
    span: Span
    firings: tuple[Firing, ...]
    slots: Mapping[str, int] = field(default_factory=dict)
    pendings: int = 0
    unknown: tuple[Span, ...] = ()
    blind: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Curve:
    """What a signal was, in stretches of `step` seconds from Unix second `start`.

    The least and the greatest number of each stretch; None where there was none.
    """

    start: float
    step: float
    lows: tuple[float | None, ...]
    highs: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A trigger that was not backtested, and why."""

    target: str
    trigger: str
    why: str
