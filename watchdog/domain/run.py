"""A run is the fold of its events. Live operation and crash recovery use this same fold."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from watchdog.domain.events import (
    BudgetExceeded,
    CheckEnded,
    CheckSampled,
    Effect,
    Event,
    Outcome,
    Proof,
    Record,
    RunEnded,
    RunResumed,
    RunStarted,
    RunVerified,
    Stage,
    StageEntered,
    StepAnswered,
    StepEnded,
    StepIntended,
    StepObserved,
    StepResult,
    StopRequested,
    WatchEnded,
    WatchStarted,
)
from watchdog.domain.moment import Moment
from watchdog.domain.plan import Check, OnError, Step, WatchPlan
from watchdog.domain.signal import Verdict

WATCHES = (Stage.WATCH_SHORT, Stage.WATCH_LONG)


@dataclass(frozen=True, slots=True)
class Flight:
    """A step between its intent and its end. `answered` None: sent, and no answer yet.

    `under_way` is the last moment at which the request may still have left us: the intent, the
    lost answer, or the restart after a crash. `looks` counts the looks since the last attempt,
    `dark` those of them that saw nothing. `values` are the variables that were filled in.
    """

    attempt: int
    intended: Moment
    under_way: Moment
    answered: bool | None = None
    detail: str = ""
    effect: Effect | None = None
    looks: int = 0
    dark: int = 0
    looked: Moment | None = None
    values: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sampling:
    """The looks of one check so far. `good` and `bad` count those in a row, newest last."""

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


@dataclass(frozen=True, slots=True)
class Run:
    """One execution of a plan, as far as the journal knows it."""

    start: RunStarted
    started: Moment
    stage: Stage = Stage.STEPS
    index: int = 0
    flight: Flight | None = None
    sampling: Mapping[int, Sampling] = field(default_factory=dict)
    applied: int = 0
    broken: str = ""
    in_doubt: bool = False
    problems: tuple[str, ...] = ()
    proof: Proof | None = None
    proof_detail: str = ""
    check_ended: Proof | None = None
    stop: StopRequested | None = None
    outcome: Outcome | None = None
    over_budget: bool = False
    watch_since: Moment | None = None
    watch_until: float = 0.0
    resumes: int = 0

    @property
    def id(self) -> str:
        return self.start.run

    @property
    def items(self) -> tuple[Step | Check, ...]:
        """The steps or checks of the present stage, in order."""
        plan = self.start.plan
        match self.stage:
            case Stage.STEPS:
                return plan.steps
            case Stage.FINAL:
                return plan.final
            case Stage.ENDED:
                return ()
            case _:
                return plan.verify

    @property
    def item(self) -> Step | Check | None:
        """The step or check whose turn it is."""
        return self.items[self.index] if self.index < len(self.items) else None

    def key(self, index: int) -> str:
        """Names one step of this run: the same for every attempt, before and after a crash."""
        return f"{self.id}/{self.stage.value}/{index}"

    @property
    def outcome_so_far(self) -> Outcome:
        """What the run would be called if it ended now."""
        # A stop never hides what a person must look at.
        if self.in_doubt:
            return Outcome.INTERRUPTED
        if self.broken:
            return Outcome.PARTIALLY_APPLIED if self.applied else Outcome.FAILED
        if self.proof is Proof.FAILED:
            return Outcome.FAILED
        if self.stop is not None and self.proof is not Proof.INCONCLUSIVE:
            return self.stop.why
        return Outcome.SUCCEEDED if self.proof is Proof.PASSED else Outcome.INCONCLUSIVE


def begin(record: Record) -> Run:
    """The run that a `RunStarted` record begins."""
    if not isinstance(record.event, RunStarted):
        raise TypeError(f"a run begins with RunStarted, not {type(record.event).__name__}")
    return Run(record.event, record.at)


def fold(records: Iterable[Record]) -> Run:
    """The run that `records`, all of one run and in order, tell of."""
    first, *rest = records
    run = begin(first)
    for record in rest:
        run = apply(run, record.event, record.at)
    return run


def apply(run: Run, event: Event, at: Moment) -> Run:  # noqa: C901, PLR0912 -- one case an event
    """`run` after `event`. Events that say nothing of its progress leave it as it is."""
    match event:
        case StageEntered(stage=stage):
            return _enter(run, stage)
        case StepIntended(attempt=attempt, values=values):
            return replace(run, flight=Flight(attempt, at, at, values=values))
        case StepAnswered() | StepObserved():
            return replace(run, flight=_flown(run.flight, event, at))
        case StepEnded():
            return _step_ended(run, event)
        case CheckSampled(index=index):
            return replace(run, sampling={**run.sampling, index: _sampled(run, event, at)})
        case CheckEnded():
            return _check_ended(run, event)
        case RunVerified(proof=proof, detail=detail):
            return _enter(replace(run, proof=proof, proof_detail=detail), Stage.FINAL)
        case BudgetExceeded():
            return replace(run, over_budget=True)
        case StopRequested():
            return replace(run, stop=event)
        case RunResumed(attempt=attempt):
            flight = run.flight and replace(run.flight, under_way=at)
            return replace(run, resumes=attempt, flight=flight)
        case RunEnded(outcome=outcome):
            return _enter(replace(run, outcome=outcome), stage_after(outcome, run.start.plan.watch))
        case WatchStarted(stage=stage, until=until):
            return replace(_enter(run, stage), watch_since=at, watch_until=until)
        case WatchEnded(stage=stage, proof=proof):
            watch = run.start.plan.watch
            return _enter(run, stage_after_watch(stage, proof, watch, stopped=run.stop is not None))
        case _:
            return run


def stage_after(outcome: Outcome, watch: WatchPlan) -> Stage:
    """Where a run goes from its outcome: only a success is watched."""
    if outcome is not Outcome.SUCCEEDED:
        return Stage.ENDED
    if watch.short > 0:
        return Stage.WATCH_SHORT
    return Stage.WATCH_LONG if watch.long > 0 else Stage.ENDED


def stage_after_watch(stage: Stage, proof: Proof, watch: WatchPlan, *, stopped: bool) -> Stage:
    """Where a run goes from the end of its watch `stage`."""
    over = stage is Stage.WATCH_LONG or proof is Proof.FAILED or stopped or watch.long <= 0
    return Stage.ENDED if over else Stage.WATCH_LONG


def _enter(run: Run, stage: Stage) -> Run:
    return replace(run, stage=stage, index=0, flight=None, sampling={}, watch_since=None)


def _flown(flight: Flight | None, event: StepAnswered | StepObserved, at: Moment) -> Flight | None:
    if flight is None:
        return None
    if isinstance(event, StepAnswered):
        return replace(flight, answered=event.ok, detail=event.detail, under_way=at)
    dark = flight.dark + (event.effect is Effect.UNKNOWN)
    return replace(flight, effect=event.effect, looks=flight.looks + 1, dark=dark, looked=at)


def _step_ended(run: Run, event: StepEnded) -> Run:
    item = run.items[event.index]
    after = replace(run, flight=None, sampling={}, index=event.index + 1)
    if event.result is StepResult.OK:
        return replace(after, applied=after.applied + (run.stage is Stage.STEPS))
    if event.result is StepResult.SKIPPED:
        return after
    after = replace(after, problems=(*after.problems, f"{event.name}: {event.detail}"))
    if run.stage is Stage.FINAL:
        return after
    doubt = event.result is StepResult.IN_DOUBT
    if isinstance(item, Step) and item.on_error is OnError.CONTINUE and not doubt:
        return after
    broken = f"step {event.index + 1} ({event.name}): {event.detail}"
    return _enter(replace(after, broken=broken, in_doubt=doubt), Stage.FINAL)


def _sampled(run: Run, event: CheckSampled, at: Moment) -> Sampling:
    before = run.sampling.get(event.index) or Sampling(at, at)
    breach = event.verdict is Verdict.BREACH
    decided = event.verdict is not Verdict.UNKNOWN
    good = before.good + 1 if event.verdict is Verdict.OK else 0
    bad = before.bad + 1 if breach else before.bad if not decided else 0
    return Sampling(
        first=before.first,
        last=at,
        looks=before.looks + 1,
        breaches=before.breaches + breach,
        decided=before.decided + decided,
        good=good,
        bad=bad,
        verdict=event.verdict,
        value=event.value,
        note=event.note,
    )


def _check_ended(run: Run, event: CheckEnded) -> Run:
    if event.proof is Proof.PASSED:
        return replace(run, index=event.index + 1, sampling={})
    if run.stage is Stage.STEPS:
        broken = f"check {event.index + 1} ({event.name}): {event.detail}"
        return _enter(replace(run, broken=broken), Stage.FINAL)
    return replace(run, check_ended=event.proof, proof_detail=f"{event.name}: {event.detail}")
