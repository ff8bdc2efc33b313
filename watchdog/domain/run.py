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
    RunRecovered,
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
from watchdog.domain.plan import Check, OnError, Scalar, Step, WatchPlan
from watchdog.domain.progress import Recovery
from watchdog.domain.sampling import Sampling, sampled
from watchdog.domain.step_key import step_key

WATCHES = (Stage.WATCH_SHORT, Stage.WATCH_LONG)


@dataclass(frozen=True, slots=True)
class Flight:
    """A step between its intent and its end. `answered` None: sent, and no answer yet.

    `under_way` is the last moment at which the request may still have left us: the intent, the
    lost answer, or the restart after a crash. `looks` counts the looks since the last attempt
    or restart, `dark` those since the last attempt that saw nothing. `values` are the variables
    that were filled in. `idle`: nothing was sent, since it was so already. `stood`: how that
    which it changes stood before the first attempt.
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
    values: Mapping[str, Scalar] = field(default_factory=dict)
    idle: bool = False
    stood: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """One execution of a plan, as far as the journal knows it.

    `done`: the steps that happened and were not taken back, by index, with when. `undoing`:
    those that are taken back, in the order of that. `saved`: what its checks kept. `halted`:
    where it stopped, and from where a person may let it go on; `doubtful`: whether the step
    there may have happened. `reached`: when the turn came to the present item, `found`: what a
    look at it said before anything was sent.
    """

    start: RunStarted
    started: Moment
    stage: Stage = Stage.STEPS
    index: int = 0
    flight: Flight | None = None
    sampling: Mapping[int, Sampling] = field(default_factory=dict)
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
    done: Mapping[int, Moment] = field(default_factory=dict)
    undoing: tuple[int, ...] = ()
    saved: Mapping[str, Scalar] = field(default_factory=dict)
    halted: tuple[Stage, int] | None = None
    doubtful: bool = False
    abandoned: bool = False
    reached: Moment | None = None
    found: Effect | None = None

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
            case Stage.UNDO:
                return tuple(undo for index in self.undoing if (undo := self._undo_of(index)))
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
        # What is taken back is named by the step that it takes back.
        number = self.undoing[index] if self.stage is Stage.UNDO else index
        return step_key(self.id, self.stage, number)

    @property
    def applied(self) -> int:
        """How many of its steps happened, and were not taken back."""
        return len(self.done)

    @property
    def undoable(self) -> tuple[int, ...]:
        """The steps that happened and can be taken back, the newest first."""
        return tuple(index for index in reversed(tuple(self.done)) if self._undo_of(index))

    def _undo_of(self, index: int) -> Step | None:
        item = self.start.plan.steps[index]
        return item.undo if isinstance(item, Step) else None

    @property
    def outcome_so_far(self) -> Outcome:
        """What the run would be called if it ended now."""
        # A stop never hides what a person must look at.
        if self.in_doubt:
            return Outcome.INTERRUPTED
        if self.broken:
            return Outcome.PARTIALLY_APPLIED if self.done else Outcome.FAILED
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


def apply(run: Run, event: Event, at: Moment) -> Run:
    """`run` after `event`. Events that say nothing of its progress leave it as it is."""
    after = _after(run, event, at)
    moved = (after.stage, after.index) != (run.stage, run.index)
    return replace(after, reached=at, found=None) if moved else after


def _after(run: Run, event: Event, at: Moment) -> Run:  # noqa: C901, PLR0912 -- one case an event
    match event:
        case StepObserved(effect=effect) if run.flight is None:
            return replace(run, found=effect)
        case StageEntered(stage=stage):
            return _enter(run, stage)
        case StepIntended(attempt=attempt, values=values, stood=stood):
            return replace(run, flight=Flight(attempt, at, at, values=values, stood=stood))
        case StepAnswered() | StepObserved():
            return replace(run, flight=_flown(run.flight, event, at))
        case StepEnded():
            return _step_ended(run, event, at)
        case CheckSampled(index=index):
            item = run.items[index] if index < len(run.items) else None
            check = item if isinstance(item, Check) and run.stage not in WATCHES else None
            seen = sampled(run.sampling.get(index), check, event, at)
            sampling = {**run.sampling, index: seen}
            return replace(run, sampling=sampling, saved=_kept(run, event))
        case CheckEnded():
            return _check_ended(run, event)
        case RunVerified(proof=proof, detail=detail):
            return _enter(replace(run, proof=proof, proof_detail=detail), Stage.FINAL)
        case BudgetExceeded():
            return replace(run, over_budget=True)
        case StopRequested():
            return replace(run, stop=event)
        case RunResumed(attempt=attempt):
            # What was seen before the restart proves nothing now; a watch counts all it saw.
            flight = run.flight and replace(run.flight, under_way=at, looked=None, looks=0)
            proofs = run.sampling if run.stage in WATCHES else {}
            return replace(run, resumes=attempt, flight=flight, found=None, sampling=proofs)
        case RunEnded(outcome=outcome):
            here = (run.stage, run.index)
            halted = here if run.stage is Stage.UNDO else run.halted or here
            ended = replace(run, outcome=outcome, halted=halted)
            return _enter(ended, stage_after(outcome, run.start.plan.watch))
        case RunRecovered():
            return _recovered(run, event, at)
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


def _recovered(run: Run, event: RunRecovered, at: Moment) -> Run:
    """`run` in the hands of a person; what they say of the step in doubt is believed."""
    if event.how is Recovery.ABANDON:
        return replace(_enter(run, Stage.ENDED), abandoned=True)
    stage, index = run.halted or (Stage.STEPS, run.index)
    if event.happened and stage is Stage.STEPS:
        run = replace(run, done={**run.done, index: at})
    if event.happened and stage is Stage.UNDO:
        run = replace(run, done=_without(run.done, run.undoing[index]))
    # What is taken back goes on being a failure.
    broken = run.broken if stage is Stage.UNDO else ""
    run = replace(
        run, broken=broken, in_doubt=False, doubtful=False, halted=None, stop=None, outcome=None,
        proof=None, proof_detail="", check_ended=None, resumes=0, over_budget=True,
    )  # fmt: skip
    if event.how is Recovery.COMPENSATE:
        return _undone(replace(run, broken=f"taken back by {event.by}"), run.undoable)
    if stage not in (Stage.STEPS, Stage.UNDO):
        return _enter(run, Stage.VERIFY)
    return replace(_enter(run, stage), index=index + bool(event.happened))


def _undone(run: Run, steps: tuple[int, ...]) -> Run:
    """`run` as it takes back `steps`, which may be none."""
    if not steps:
        return _enter(run, Stage.FINAL)
    # The latch of what failed keeps back what it was to give way to: first this comes to its end.
    gives_way = run.stop is not None and run.stop.why is Outcome.SUPERSEDED
    run = replace(run, stop=None) if gives_way else run
    return _enter(replace(run, undoing=steps), Stage.UNDO)


def _broken(run: Run, item: Step | Check, broken: str, *, doubt: bool = False) -> Run:
    """`run` after `item` of its steps, or of those taken back, did not come to a good end."""
    after = replace(run, broken=run.broken or broken, in_doubt=doubt, doubtful=doubt)
    after = replace(after, halted=(run.stage, run.index))
    # Nothing is built on what nobody knows.
    if doubt or run.stage is Stage.UNDO:
        return _enter(after, Stage.FINAL)
    if item.on_error is OnError.COMPENSATE:
        return _undone(after, run.undoable)
    return _undone(after, run.undoable[:1] if item.on_error is OnError.UNDO_LAST else ())


def _enter(run: Run, stage: Stage) -> Run:
    return replace(run, stage=stage, index=0, flight=None, sampling={}, watch_since=None)


def _flown(flight: Flight | None, event: StepAnswered | StepObserved, at: Moment) -> Flight | None:
    if flight is None:
        return None
    if isinstance(event, StepAnswered):
        # Of what an earlier attempt sent, a later one may find that it is so.
        idle = event.idle and flight.attempt == 1
        return replace(flight, answered=event.ok, detail=event.detail, under_way=at, idle=idle)
    dark = flight.dark + (event.effect is Effect.UNKNOWN)
    # What was answered says more of whose doing it is than what is seen of it afterwards.
    if event.idle and flight.attempt == 1 and flight.answered is None:
        flight = replace(flight, idle=True, detail=event.detail)
    return replace(flight, effect=event.effect, looks=flight.looks + 1, dark=dark, looked=at)


def _step_ended(run: Run, event: StepEnded, at: Moment) -> Run:
    item = run.items[event.index]
    after = replace(run, flight=None, sampling={}, index=event.index + 1)
    if event.result is StepResult.OK:
        # What it did not do itself is not for it to take back.
        return after if event.found else _done(run, after, event.index, at)
    if event.result is StepResult.SKIPPED:
        # What a stop kept from being sent is still to be done, should the run go on.
        return replace(after, index=event.index) if run.flight is not None else after
    after = replace(after, problems=(*after.problems, f"{event.name}: {event.detail}"))
    if run.stage is Stage.FINAL:
        return after
    doubt = event.result is StepResult.IN_DOUBT
    # What cannot be taken back keeps nothing else from being taken back.
    goes_on = run.stage is Stage.UNDO or item.on_error is OnError.CONTINUE
    if goes_on and not doubt:
        return after
    word = "undo of step" if run.stage is Stage.UNDO else "step"
    number = run.undoing[event.index] if run.stage is Stage.UNDO else event.index
    broken = f"{word} {number + 1} ({event.name}): {event.detail}"
    return _broken(replace(after, index=event.index), item, broken, doubt=doubt)


def _done(run: Run, after: Run, index: int, at: Moment) -> Run:
    if run.stage is Stage.STEPS:
        return replace(after, done={**after.done, index: at})
    if run.stage is Stage.UNDO:
        return replace(after, done=_without(after.done, run.undoing[index]))
    return after


def _without(done: Mapping[int, Moment], index: int) -> Mapping[int, Moment]:
    return {each: at for each, at in done.items() if each != index}


def _kept(run: Run, event: CheckSampled) -> Mapping[str, Scalar]:
    item = run.items[event.index] if event.index < len(run.items) else None
    if event.saved is None or not isinstance(item, Check) or not item.save:
        return run.saved
    return {**run.saved, item.save: event.saved}


def _check_ended(run: Run, event: CheckEnded) -> Run:
    if event.proof is Proof.PASSED:
        return replace(run, index=event.index + 1, sampling={})
    if run.stage is Stage.STEPS:
        item, broken = run.items[event.index], f"check {event.index + 1} ({event.name})"
        if item.on_error is OnError.CONTINUE:
            return replace(run, index=event.index + 1, sampling={})
        return _broken(run, item, f"{broken}: {event.detail}")
    return replace(run, check_ended=event.proof, proof_detail=f"{event.name}: {event.detail}")
