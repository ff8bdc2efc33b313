"""A case: what a target's signals say over time, and what must become of its triggers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from watchdog.domain.change import ChangeKind
from watchdog.domain.observation import Gap, Observation, Sample
from watchdog.domain.signal import Signal, Verdict
from watchdog.domain.target import Mode

# Nobody has to write a volume for a case that is not about it.
PLENTY = 1000.0
# What becomes of a firing that had its run, and of a trigger that does not fire.
ACT = "act"
NOTHING = "none"


@dataclass(frozen=True, slots=True)
class Told:
    """What one series of a signal says (or, as `volume`, how many requests stand behind it)."""

    signal: str
    values: tuple[Observation, ...]
    labels: Mapping[str, str] = field(default_factory=dict)
    volume: bool = False


@dataclass(frozen=True, slots=True)
class Restart:
    """The process dies at `at` and is back `downtime` seconds later."""

    at: float
    downtime: float = 0.0


@dataclass(frozen=True, slots=True)
class ClockStep:
    """The wall clock steps `by` seconds; the other one goes on as if nothing were."""

    at: float
    by: float


@dataclass(frozen=True, slots=True)
class Changed:
    """A change of the target, told at `at`; before the start where that is below zero.

    `good`: what runs from then on has proven itself.
    """

    at: float
    version: str
    previous: str = ""
    kind: ChangeKind = ChangeKind.APP
    good: bool = False


@dataclass(frozen=True, slots=True)
class Expected:
    """What must be true of a trigger at `at`, seconds from the start; None is not asked for.

    `decision` is ACT, NOTHING or a reason not to act. `line` is where it was written.
    """

    at: float
    trigger: str
    state: str | None = None
    verdict: Verdict | None = None
    reason: str | None = None
    blind: bool | None = None
    decision: str | None = None
    plan: str | None = None
    line: int = 0


@dataclass(frozen=True, slots=True)
class Case:
    """One story. `interval`: seconds between two values; None: as often as the source is asked."""

    name: str
    told: tuple[Told, ...]
    expected: tuple[Expected, ...] = ()
    interval: float | None = None
    mode: Mode | None = None
    restarts: tuple[Restart, ...] = ()
    clock_steps: tuple[ClockStep, ...] = ()
    changes: tuple[Changed, ...] = ()
    line: int = 0

    @property
    def signals(self) -> frozenset[str]:
        """The signals that it speaks of."""
        return frozenset(told.signal for told in self.told)

    def ends(self, every: Mapping[str, float]) -> float:
        """The second of the last thing in it; `every`: seconds between two values of a signal."""
        values = ((len(one.values) - 1) * self.between(one.signal, every) for one in self.told)
        moments = [*(one.at for one in self.expected), *(one.at for one in self.clock_steps)]
        moments += [one.at for one in self.changes]
        back = (one.at + one.downtime for one in self.restarts)
        return max((0.0, *values, *moments, *back))

    def between(self, signal: str, every: Mapping[str, float]) -> float:
        """Seconds between two values of `signal`."""
        return self.interval or every[signal]

    def observed(self, signal: Signal, at: float, every: float) -> Observation:
        """What `signal` says at `at`; after the last value nothing is known."""
        index = int(at / (self.interval or every) + 1e-6)
        told = [one for one in self.told if one.signal == signal.name]
        said = [(one, _value(one, index)) for one in told if not one.volume]
        gap = next((one for _, one in said if isinstance(one, Gap)), None)
        if gap is not None:
            return gap
        series = [(one.labels, seen) for one, seen in said if isinstance(seen, Sample)]
        volumes = [one for one in told if one.volume]
        whole = _together(signal, series, volumes, index)
        if not signal.for_each or isinstance(whole, Gap):
            return whole
        labels = dict.fromkeys(
            labels[signal.for_each] for labels, _ in series if signal.for_each in labels
        )
        parts = {label: _part(signal, label, series, volumes, index) for label in labels}
        seen = {label: part for label, part in parts.items() if part is not None}
        return Sample(whole.values, whole.age, whole.volume, whole.warnings, parts=seen)


def _value(told: Told, index: int) -> Observation:
    return told.values[index] if index < len(told.values) else Sample(())


_Series = Sequence[tuple[Mapping[str, str], Sample]]


def _part(
    signal: Signal, label: str, series: _Series, volumes: Sequence[Told], index: int
) -> Sample | None:
    """What is seen of one value of the signal's label; None where it has no series.

    Without one it is seen all the same where its traffic alone is enough to be good.
    """
    mine = [one for one in series if one[0].get(signal.for_each) == label]
    if not any(sample.values for _, sample in mine) and not signal.nodata_is_ok:
        return None
    counted = [one for one in volumes if one.labels.get(signal.for_each) in (label, None)]
    seen = _together(signal, mine, counted, index)
    return seen if isinstance(seen, Sample) else None


def _together(signal: Signal, series: _Series, volumes: Sequence[Told], index: int) -> Observation:
    volume: float | None = max(PLENTY, PLENTY * signal.min_volume)
    if volumes:
        said = [_value(one, index) for one in volumes]
        gap = next((one for one in said if isinstance(one, Gap)), None)
        if gap is not None:
            return gap
        numbers = [value for one in said if isinstance(one, Sample) for value in one.values]
        volume = sum(numbers) if numbers else None
    return Sample(
        values=tuple(value for _, sample in series for value in sample.values),
        age=_newest([sample for _, sample in series if sample.values]),
        volume=volume if signal.has_volume else None,
        warnings=tuple(word for _, sample in series for word in sample.warnings),
    )


def _newest(samples: Sequence[Sample]) -> float | None:
    """How old the newest of them is; None where one was measured just now."""
    ages = [one.age for one in samples if one.age is not None]
    return min(ages) if ages and len(ages) == len(samples) else None
