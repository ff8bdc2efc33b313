"""What a run does next: it follows from the run and the moment alone."""

from dataclasses import dataclass
from typing import assert_never

from watchdog.domain.events import (
    BudgetExceeded,
    CheckEnded,
    Effect,
    Event,
    Outcome,
    Proof,
    RunEnded,
    RunVerified,
    Stage,
    StageEntered,
    StepEnded,
    StepResult,
    StopRequested,
    WatchEnded,
    WatchStarted,
)
from watchdog.domain.moment import Moment
from watchdog.domain.plan import Check, Repeat, Step
from watchdog.domain.run import WATCHES, Flight, Run
from watchdog.domain.sampling import Sampling
from watchdog.domain.signal import Verdict
from watchdog.domain.step_conditions import unread, why_skipped
from watchdog.domain.unapproved import is_guarded

MAX_DARK_LOOKS = 3
MAX_RESUMES = 3
CLOCK_SLACK = 5.0
LOOK_PAUSE = 0.5
# Seconds between looks at a step in doubt, the longer the more of them there were: each is a
# record, and a step may be in doubt for half an hour.
_LOOK_PAUSES = (LOOK_PAUSE, 1.0, 2.0, 5.0)
_LOOKS_AT_ONE_PAUSE = 5
LONG_WATCH_SLOWER = 4
# Where a run changes what it is there to change, or takes it back.
_CHANGING = (Stage.STEPS, Stage.UNDO)


@dataclass(frozen=True, slots=True)
class Execute:
    """Send the step: write the intent first."""

    index: int
    step: Step
    attempt: int


@dataclass(frozen=True, slots=True)
class Inspect:
    """It may have happened: look, not before `due` (elapsed seconds)."""

    index: int
    step: Step
    due: float


@dataclass(frozen=True, slots=True)
class Look:
    """Take one sample of a check, not before `due` (elapsed seconds)."""

    index: int
    check: Check
    due: float


@dataclass(frozen=True, slots=True)
class Note:
    """Nothing to do in the world: this fact follows from those before it."""

    event: Event


Action = Execute | Inspect | Look | Note


def next_action(run: Run, now: Moment) -> Action | None:
    """The one legal next action; None when the run is over."""
    if run.stage is Stage.ENDED:
        return None
    if run.flight is not None:
        return _resolve(run, run.flight, now)
    if run.stage in WATCHES:
        return _watch(run, now)
    if run.stop is not None:
        return _end(run, now, run.broken or run.stop.detail)
    if _overrun(run, now):
        elapsed = now.since(run.started)
        return Note(BudgetExceeded(run.id, run.start.plan.within, elapsed))
    return _forward(run, now)


def _overrun(run: Run, now: Moment) -> bool:
    counted = run.stage in (Stage.STEPS, Stage.VERIFY) and not run.over_budget
    return counted and now.since(run.started) > run.start.plan.within


def _forward(run: Run, now: Moment) -> Action:
    if run.stage is Stage.VERIFY and run.check_ended is not None:
        return Note(RunVerified(run.id, run.check_ended, run.proof_detail))
    match run.item:
        case Step() as step:
            guarded = run.stage in _CHANGING or is_guarded(run.start.plan)
            late = _too_late(run, now) if guarded else ""
            if late:
                return Note(StopRequested(run.id, Outcome.INTERRUPTED, late))
            skipped = why_skipped(run, step)
            if skipped:
                return _end_step(run, step, StepResult.SKIPPED, skipped)
            missing = unread(run, step) if run.stage in _CHANGING else ""
            if missing:
                why = f"not sent: {missing} could not be read before"
                return _end_step(run, step, StepResult.FAILED, why)
            return _first_look(run, step, now) or Execute(run.index, step, 1)
        case Check() as check:
            return _check(run, check, now)
        case None:
            return _stage_over(run, now)
        case _:
            assert_never(run.item)


def _first_look(run: Run, step: Step, now: Moment) -> Action | None:
    """Whether it is done already, where that is to be asked first; None: it is to be sent."""
    if not step.look_first or step.done_when is None:
        return None
    if run.found is None:
        return Inspect(run.index, step, now.elapsed)
    if run.found is not Effect.APPLIED:
        return None
    ok, how = StepResult.OK, "found done; not sent"
    return Note(StepEnded(run.id, run.stage, run.index, step.name, ok, how, found=True))


def _too_late(run: Run, now: Moment) -> str:
    """Why the machine must not go on with a run it found after a crash; empty: it may."""
    if run.resumes and is_guarded(run.start.plan):
        return "the machine never goes on with a plan that may lose data; a person must look"
    if run.resumes > MAX_RESUMES:
        return f"taken up {run.resumes} times already; a person must look"
    age = now.since(run.started)
    if run.resumes and age < -CLOCK_SLACK:
        return f"the clock says that the run begins in {-age:.0f} s; nobody knows how old it is"
    if run.resumes and age > run.start.plan.resume_within:
        limit = run.start.plan.resume_within
        return f"the run is {age:.0f} s old; the machine goes on only within {limit:g} s"
    return ""


def _stage_over(run: Run, now: Moment) -> Action:
    match run.stage:
        case Stage.STEPS:
            return Note(StageEntered(run.id, Stage.VERIFY))
        case Stage.UNDO:
            return Note(StageEntered(run.id, Stage.FINAL))
        case Stage.VERIFY:
            return Note(RunVerified(run.id, *_proof(run)))
        case _:
            return _end(run, now, run.broken or run.proof_detail)


def _proof(run: Run) -> tuple[Proof, str]:
    count = len(run.start.plan.verify)
    if not count:
        return Proof.INCONCLUSIVE, "the plan has no check, so nothing shows that it helped"
    return Proof.PASSED, f"all {count} checks passed"


def _end(run: Run, now: Moment, detail: str) -> Note:
    outcome = run.outcome_so_far
    text = detail or outcome.value
    return Note(RunEnded(run.id, run.start.target, outcome, text, now.since(run.started)))


# -- one step between its intent and its end


def _resolve(run: Run, flight: Flight, now: Moment) -> Action:
    step = run.item
    if not isinstance(step, Step):
        raise TypeError(f"run {run.id}: item {run.index} is in flight but is no step")
    if flight.answered is False:
        # A "no" to this attempt says nothing of one before it that nobody looked at.
        unknown = step.repeat is Repeat.IDEMPOTENT and flight.attempt > 1
        result = StepResult.IN_DOUBT if unknown else StepResult.FAILED
        return _end_step(run, step, result, flight.detail)
    if step.repeat is Repeat.OBSERVABLE:
        return _observe(run, step, flight, now)
    if flight.answered:
        return _end_step(run, step, StepResult.OK, flight.detail, found=flight.idle)
    if step.repeat is Repeat.IDEMPOTENT:
        return _again(run, step, flight, now)
    why = "sent, no answer, and nothing can tell whether it happened"
    return _end_step(run, step, StepResult.IN_DOUBT, why)


def _observe(run: Run, step: Step, flight: Flight, now: Moment) -> Action:
    if flight.effect is Effect.APPLIED:
        how = flight.detail or "found done; not sent again"
        return _end_step(run, step, StepResult.OK, how, found=flight.idle)
    if flight.effect is Effect.NOT_APPLIED and _settled(step, flight):
        if flight.answered:
            why = f"answered {flight.detail}, yet a look shows that it did not happen"
            return _end_step(run, step, StepResult.FAILED, why)
        return _again(run, step, flight, now)
    # What restarts says nothing for a while.
    if flight.dark >= MAX_DARK_LOOKS and _settled(step, flight):
        why = f"looked {flight.looks} times and could not tell whether it happened"
        return _end_step(run, step, StepResult.IN_DOUBT, why)
    due = now.elapsed if flight.looked is None else _next_due(step, flight, flight.looked.elapsed)
    return Inspect(run.index, step, due)


def _next_due(step: Step, flight: Flight, looked: float) -> float:
    """When the next look is due: the longer it takes the later, but soon after it settles it."""
    longer = min(flight.looks // _LOOKS_AT_ONE_PAUSE, len(_LOOK_PAUSES) - 1)
    settled = flight.under_way.elapsed + _patience(step, flight)
    due = min(looked + _LOOK_PAUSES[longer], settled + LOOK_PAUSE)
    return max(due, looked + LOOK_PAUSE)


def _settled(step: Step, flight: Flight) -> bool:
    """Whether the last look came late enough to see whatever was still under way."""
    patience, looked = _patience(step, flight), flight.looked
    return looked is not None and looked.since(flight.under_way) >= patience


def _patience(step: Step, flight: Flight) -> float:
    """Seconds after which a look sees whatever was still under way.

    What was cut off may still be worked on by the other side, for as long as one answer may take.
    """
    return step.settle if flight.answered else max(step.settle, step.timeout)


def _again(run: Run, step: Step, flight: Flight, now: Moment) -> Action:
    why = _why_not_again(run, step, flight, now)
    if not why:
        return Execute(run.index, step, flight.attempt + 1)
    if step.repeat is Repeat.IDEMPOTENT:
        return _end_step(run, step, StepResult.IN_DOUBT, f"sent, no answer: {why}")
    result = StepResult.SKIPPED if run.stop is not None else StepResult.FAILED
    return _end_step(run, step, result, f"did not happen: {why}")


def _why_not_again(run: Run, step: Step, flight: Flight, now: Moment) -> str:
    # A run that gives way settles what it has begun; only what can do harm stays undone.
    if run.stop is not None and not (
        run.stop.why is Outcome.SUPERSEDED and step.repeat is Repeat.IDEMPOTENT
    ):
        return f"the run was stopped ({run.stop.detail})"
    if flight.attempt > step.retries:
        return f"no effect seen after {flight.attempt} attempts"
    return _too_late(run, now)


def _end_step(
    run: Run, step: Step, result: StepResult, detail: str, *, found: bool = False
) -> Note:
    return Note(StepEnded(run.id, run.stage, run.index, step.name, result, detail, found))


# -- checks


def _check(run: Run, check: Check, now: Moment) -> Action:
    index = run.index
    seen = run.sampling.get(index)
    if seen is None:
        begun = (run.reached or run.started).elapsed
        return Look(index, check, max(now.elapsed, begun + check.wait))
    if seen.good >= check.samples:
        proof, detail = Proof.PASSED, _last(seen)
    elif _used_up(check, seen, now):
        # Not knowing is never a failure, and never a pass.
        failed = seen.verdict is Verdict.BREACH
        proof = Proof.FAILED if failed else Proof.INCONCLUSIVE
        detail = f"after {seen.looks} looks, the last: {_last(seen)}; expected {check.expect}"
    else:
        return Look(index, check, seen.last.elapsed + check.pause)
    return Note(CheckEnded(run.id, run.stage, index, check.name, proof, detail))


def _used_up(check: Check, seen: Sampling, now: Moment) -> bool:
    tried = bool(check.tries) and seen.decided >= check.tries
    failed = bool(check.fails) and seen.bad >= check.fails
    return tried or failed or now.since(seen.first) >= check.within


def _last(seen: Sampling) -> str:
    value = "" if seen.value is None else f"{seen.value:g}"
    return " ".join(filter(None, (seen.verdict.value, value, seen.note)))


# -- the watch


def _watch(run: Run, now: Moment) -> Action:
    plan = run.start.plan
    length = plan.watch.short if run.stage is Stage.WATCH_SHORT else plan.watch.long
    if run.watch_since is None:
        return Note(WatchStarted(run.id, run.stage, now.wall + length))
    if run.stop is not None:
        return _end_watch(run, Proof.INCONCLUSIVE, run.stop.detail)
    every = plan.watch.every * (1 if run.stage is Stage.WATCH_SHORT else LONG_WATCH_SLOWER)
    for index, seen in run.sampling.items():
        if seen.bad >= plan.watch.relapse_after:
            detail = f"{plan.verify[index].name}: {_last(seen)}"
            return _end_watch(run, Proof.FAILED, detail)
    watched = now.since(run.watch_since)
    if watched >= length:
        unproven = _unproven(run, length, every)
        if not unproven:
            return _end_watch(run, Proof.PASSED, f"stayed good for {watched:.0f} s")
        if watched >= 2 * length:
            return _end_watch(run, Proof.INCONCLUSIVE, unproven)
    return _next_look(run, run.watch_since, every)


def _unproven(run: Run, length: float, every: float) -> str:
    """Which check of the watch has seen too little to say that it stayed good."""
    needed = run.start.plan.watch.coverage * int(length / every)
    for index, check in enumerate(run.start.plan.verify):
        seen = run.sampling.get(index)
        if seen is None or seen.decided < needed or seen.verdict is not Verdict.OK:
            decided = seen.decided if seen else 0
            return f"{check.name}: {decided} decided looks; needs {needed:.0f}, the last of them ok"
    return ""


def _next_look(run: Run, since: Moment, every: float) -> Look:
    checks = run.start.plan.verify
    lasts = [
        run.sampling[i].last.elapsed if i in run.sampling else None for i in range(len(checks))
    ]
    due = [since.elapsed + every if last is None else last + every for last in lasts]
    index = min(range(len(checks)), key=due.__getitem__)
    return Look(index, checks[index], due[index])


def _end_watch(run: Run, proof: Proof, detail: str) -> Note:
    return Note(WatchEnded(run.id, run.start.target, run.stage, proof, detail))
