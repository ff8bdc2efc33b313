"""The changes that lapse by themselves, and when: folded from the journal, for all targets."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from watchdog.domain.expiry import Expiry
from watchdog.domain.moment import Moment
from watchdog.domain.plan import Plan, Step, WatchPlan
from watchdog.domain.progress import (
    Outcome,
    RunEnded,
    RunStarted,
    Stage,
    StepEnded,
    StepIntended,
    StepResult,
)
from watchdog.domain.trigger import Severity

_KEY_LENGTH = 16


class Lapse(StrEnum):
    """What became of a change whose time was over.

    OVER: what it was done for no longer breaches, and it lapsed. FOR_PEOPLE: nothing is done, and
    a person must look. HOLDS: it does not lapse by itself, and a person must take it back; it stays
    in force until then. One that is made once more has a run of its own instead.
    """

    OVER = "over"
    FOR_PEOPLE = "for_people"
    HOLDS = "holds"


@dataclass(frozen=True, slots=True)
class ExpiryWarned:
    """The change of step `name` of `by_run` lapses at `until` (Unix seconds).

    `renews`: the machine will look whether it must be renewed. `holds`: it does not lapse by
    itself, and should be taken back by then.
    """

    target: str
    incident: str
    by_run: str
    plan: str
    name: str
    key: str
    until: float
    trigger: str = ""
    severity: Severity = Severity.WARNING
    renews: bool = False
    holds: bool = False


@dataclass(frozen=True, slots=True)
class ChangeExpired:
    """The change of step `name` of `by_run` lapsed at `until` (Unix seconds); `detail`: why so."""

    target: str
    incident: str
    by_run: str
    plan: str
    name: str
    key: str
    until: float
    lapse: Lapse
    detail: str
    trigger: str = ""
    severity: Severity = Severity.WARNING


@dataclass(frozen=True, slots=True)
class ExpiringChange:
    """A change that is in force until it lapses. `key` names it, whichever run makes it.

    `run` made it last; `plan`, `incident`, `trigger` and `severity` are those of that run.
    `paged`: when people last heard that it holds although its time is over.
    """

    target: str
    run: str
    plan: str
    incident: str
    trigger: str
    severity: Severity
    step: Step
    expiry: Expiry
    key: str
    since: Moment
    warned: bool = False
    paged: Moment | None = None

    @property
    def until(self) -> float:
        """The Unix second at which it lapses."""
        return self.since.wall + self.expiry.after

    def left(self, now: Moment) -> float:
        """Seconds until it lapses; negative afterwards."""
        return self.expiry.after - now.since(self.since)

    def is_over(self, now: Moment) -> bool:
        """Whether its end is to be dealt with now; of what holds on, once in `after`."""
        if self.paged is not None:
            return now.since(self.paged) >= self.expiry.after
        return self.left(now) <= 0

    def is_to_warn(self, now: Moment) -> bool:
        """Whether people are to hear now that it is about to lapse."""
        early = self.expiry.warn_before
        return not self.warned and early > 0 and 0 < self.left(now) <= early


def renewal(change: ExpiringChange) -> Plan:
    """The plan that makes `change` once more, and proves by its `done_when` that it is made."""
    left = replace(change.expiry, renewals=change.expiry.renewals - 1)
    step = replace(change.step, expires=left, look_first=False)
    return Plan(
        name=change.plan,
        steps=(step,),
        verify=() if step.done_when is None else (step.done_when,),
        watch=WatchPlan(short=0.0, long=0.0),
        title=f"renewal of: {step.name}",
        verify_trigger=False,
    )


@dataclass(slots=True)
class ExpiringBook:
    """What is in force and will lapse, by target and key. Changed by `apply` alone."""

    KINDS = (RunStarted, StepIntended, StepEnded, RunEnded, ExpiryWarned, ChangeExpired)

    changes: dict[str, Mapping[str, ExpiringChange]] = field(default_factory=dict)
    _starts: dict[str, RunStarted] = field(default_factory=dict)
    _targets: dict[str, str] = field(default_factory=dict)
    _sent: dict[str, tuple[StepIntended, Moment]] = field(default_factory=dict)

    def of(self, target: str) -> list[ExpiringChange]:
        """What is in force on `target`, the next to lapse first."""
        return sorted(self.changes.get(target, {}).values(), key=lambda one: one.until)

    def apply(self, event: object, at: Moment) -> None:
        """Take one journalled fact into account."""
        match event:
            case RunStarted():
                self._started(event)
            case StepIntended():
                self._sent[self._targets.get(event.run, "")] = event, at
            case StepEnded(result=StepResult.OK, found=False):
                self._done(event, at)
            case RunEnded(outcome=Outcome.SUCCEEDED):
                self._ended(event)
            case ExpiryWarned():
                self._warned(event)
            case ChangeExpired(lapse=Lapse.HOLDS):
                self._held(event, at)
            case ChangeExpired(target=target, key=key):
                self._drop(target, key)
            case _:
                pass

    def _started(self, event: RunStarted) -> None:
        # A target has one run at a time; the last one may be taken up again by a person.
        before = self._starts.get(event.target)
        if before is not None:
            self._targets.pop(before.run, None)
        self._starts[event.target] = event
        self._targets[event.run] = event.target
        if event.renews:
            self._renewing(event)

    def _start_of(self, run: str) -> RunStarted | None:
        return self._starts.get(self._targets.get(run, ""))

    def _ended(self, event: RunEnded) -> None:
        start = self._start_of(event.run)
        if start is not None and start.plan.reverses:
            self._reversed(start.target, start.plan.reverses)

    def _warned(self, event: ExpiryWarned) -> None:
        known = self.changes.get(event.target, {}).get(event.key)
        if known is not None:
            self._put(replace(known, warned=True))

    def _held(self, event: ChangeExpired, at: Moment) -> None:
        known = self.changes.get(event.target, {}).get(event.key)
        if known is not None:
            self._put(replace(known, paged=at))

    def _done(self, event: StepEnded, at: Moment) -> None:
        start = self._start_of(event.run)
        if start is None:
            return
        # Its end may have been found out long after, such as after a crash.
        sent, since = self._sent_as(start.target, event) or (None, at)
        if event.stage is Stage.UNDO and sent is not None:
            self._undone(start, sent.number)
        item = start.plan.steps[event.index] if event.stage is Stage.STEPS else None
        if not isinstance(item, Step) or item.expires is None:
            return
        change = ExpiringChange(
            target=start.target,
            run=start.run,
            plan=start.plan.name,
            incident=start.incident,
            trigger=start.trigger,
            severity=start.severity,
            step=item,
            expiry=item.expires,
            key=key_of(item),
            since=since,
        )
        self._put(change)

    def _sent_as(self, target: str, event: StepEnded) -> tuple[StepIntended, Moment] | None:
        last = self._sent.get(target)
        if last is None:
            return None
        sent, _ = last
        one, other = (sent.run, sent.stage, sent.index), (event.run, event.stage, event.index)
        return last if one == other else None

    def _renewing(self, start: RunStarted) -> None:
        """Should it come to nothing, that run says so: the old change has lapsed by now."""
        for item in start.plan.steps:
            if isinstance(item, Step):
                self._drop(start.target, key_of(item))

    def _undone(self, start: RunStarted, number: int) -> None:
        step = start.plan.steps[number]
        for one in self.of(start.target):
            if one.run == start.run and isinstance(step, Step) and one.key == key_of(step):
                self._drop(start.target, one.key)

    def _reversed(self, target: str, plan: str) -> None:
        for one in self.of(target):
            if one.plan == plan:
                self._drop(target, one.key)

    def _put(self, change: ExpiringChange) -> None:
        mine = self.changes.get(change.target, {})
        self.changes[change.target] = {**mine, change.key: change}

    def _drop(self, target: str, key: str) -> None:
        mine = self.changes.get(target, {})
        self.changes[target] = {name: one for name, one in mine.items() if name != key}


def key_of(step: Step) -> str:
    """Names what a step changes: the same whichever plan it stands in."""
    text = json.dumps([step.use, step.options], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:_KEY_LENGTH]
