"""The signals of one run, each brought together from all that the journal says of it."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from watchdog.domain.condition import Condition
from watchdog.domain.events import Record, TriggerChanged
from watchdog.domain.evidence import Series, condition, merged
from watchdog.domain.plan import Check, Plan
from watchdog.domain.progress import CheckSampled, EvidenceCollected, Point, RunStarted, Stage
from watchdog.domain.signal import Verdict
from watchdog.domain.trigger import Change


def series_of(records: Iterable[Record], start: RunStarted) -> tuple[Series, ...]:
    """Every signal that `records` tell of: those that fired first, then those of the checks."""
    seen = _Seen(start.plan)
    for record in records:
        match record.event:
            case TriggerChanged() as changed:
                seen.take_trigger(changed)
            case CheckSampled() as sampled if sampled.run == start.run:
                seen.take_look(sampled, record.at.wall)
            case EvidenceCollected() as collected if collected.run == start.run:
                seen.histories[collected.signal] = collected
            case _:
                pass
    return tuple(seen.series())


def trigger_check(trigger: str) -> str:
    """The name of the check that what fired no longer breaches."""
    return f"trigger {trigger} no longer breaches"


def is_trigger_check(name: str) -> bool:
    """Whether `name` is that of such a check."""
    before, after = trigger_check("\0").split("\0")
    return name.startswith(before) and name.endswith(after)


@dataclass(slots=True)
class _Seen:
    """What has been read so far. `looks` and `histories` go by the name of the signal."""

    plan: Plan
    triggers: dict[str, tuple[TriggerChanged, tuple[Point, ...]]] = field(default_factory=dict)
    looks: dict[str, list[Point]] = field(default_factory=dict)
    checks: dict[str, Check] = field(default_factory=dict)
    histories: dict[str, EvidenceCollected] = field(default_factory=dict)

    def take_trigger(self, event: TriggerChanged) -> None:
        first, points = self.triggers.get(event.trigger, (event, ()))
        if event.change is Change.FIRING or event.trigger in self.triggers:
            self.triggers[event.trigger] = (first, (*points, *event.evidence))

    def take_look(self, event: CheckSampled, wall: float) -> None:
        items = self.plan.steps if event.stage is Stage.STEPS else self.plan.verify
        check = items[event.index] if event.index < len(items) else None
        if isinstance(check, Check):
            self.checks.setdefault(check.signal.name, check)
            point = Point(wall, event.verdict, event.value, event.note)
            self.looks.setdefault(check.signal.name, []).append(point)

    def series(self) -> Iterator[Series]:
        shown = set()
        for name, (event, evidence) in self.triggers.items():
            signal = self._signal_of(event)
            shown.add(signal)
            breach_when = condition(event.condition, event.limit)
            one = Series(name, signal, event.query, breach_when, event.unit, evidence)
            yield self._completed(one)
        for signal, check in self.checks.items():
            if signal not in shown:
                query = str(check.look.ask.get("query", ""))
                breach_when = check.expect.negated()
                yield self._completed(Series("", signal, query, breach_when, check.signal.unit))

    def _signal_of(self, event: TriggerChanged) -> str:
        """The name of the trigger's signal, as far as the journal says it."""
        for item in (*self.plan.verify, *self.plan.steps):
            if isinstance(item, Check) and item.name == trigger_check(event.trigger):
                return item.signal.name
        same = (h.signal for h in self.histories.values() if event.query and h.query == event.query)
        return next(same, "")

    def _completed(self, one: Series) -> Series:
        history = self.histories.get(one.signal)
        looks = _judged(self.looks.get(one.signal, ()), one.breach_when)
        recalled = _judged(history.points if history else (), one.breach_when)
        return replace(
            one,
            query=one.query or (history.query if history else ""),
            looked=merged((*one.looked, *looks)),
            recalled=merged(recalled),
            pace=self._pace(one.signal),
        )

    def _pace(self, signal: str) -> float:
        """Seconds between two looks at `signal`, as the plan has them at the slowest."""
        items = (*self.plan.steps, *self.plan.verify)
        checks = [one for one in items if isinstance(one, Check) and one.signal.name == signal]
        return max((max(one.pause, self.plan.watch.every) for one in checks), default=0.0)


def _judged(points: Sequence[Point], breach_when: Condition) -> Iterator[Point]:
    """`points` by the trigger's own measure: a check may have asked for another."""
    for point in points:
        if point.verdict is Verdict.UNKNOWN or point.value is None:
            yield point
        elif math.isnan(point.value):
            yield replace(point, verdict=Verdict.UNKNOWN, value=None)
        else:
            breach = breach_when.holds(point.value)
            yield replace(point, verdict=Verdict.BREACH if breach else Verdict.OK)
