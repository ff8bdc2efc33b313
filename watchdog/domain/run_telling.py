"""What people are told of a run under way; `outcome_telling` says what came of it."""

from typing import assert_never

from watchdog.domain import outcome_telling, run_wording
from watchdog.domain.moment import Moment
from watchdog.domain.plan import Step
from watchdog.domain.progress import (
    BudgetExceeded,
    CheckEnded,
    CheckSampled,
    EvidenceCollected,
    Progress,
    ReportWritten,
    RunEnded,
    RunParked,
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
from watchdog.domain.run import Run
from watchdog.domain.topics import Topic
from watchdog.domain.trigger import Severity
from watchdog.domain.wording import Telling, clock, text
from watchdog.domain.words import duration

RunTold = RunStarted | RunResumed | StepEnded | BudgetExceeded | RunEnded | WatchEnded
# The small steps of a run; how it ends is told. A new kind must be placed here or above.
RunNotTold = (
    StageEntered
    | StepIntended
    | StepAnswered
    | StepObserved
    | CheckSampled
    | CheckEnded
    | RunVerified
    | StopRequested
    | RunParked
    | WatchStarted
    | EvidenceCollected
    | ReportWritten
)
_DURING = {
    Stage.STEPS: "steps",
    Stage.VERIFY: "checks",
    Stage.FINAL: "last steps",
    Stage.WATCH_SHORT: "short watch",
    Stage.WATCH_LONG: "long watch",
    Stage.ENDED: "end",
}


def of_run(event: Progress, run: Run | None, at: Moment) -> Telling | None:
    """What to tell of `event`, which befell `run` `at` that moment."""
    match event:
        case (
            RunStarted() | RunResumed() | StepEnded() | BudgetExceeded() | RunEnded() | WatchEnded()
        ):
            if run is None:
                kind = type(event).__name__
                raise ValueError(f"{kind} of {event.run} cannot be told without its run")
            return _told(event, run, at)
        case _:
            _: RunNotTold = event
            return None


def _told(event: RunTold, run: Run, at: Moment) -> Telling | None:
    match event:
        case RunStarted():
            return _started(run)
        case RunResumed():
            return _resumed(run, event)
        case StepEnded():
            return _in_doubt(run, event)
        case BudgetExceeded():
            return _over_budget(run, event)
        case RunEnded():
            return outcome_telling.ended(run, event)
        case WatchEnded():
            return outcome_telling.watched(run, event, at)
        case _:
            assert_never(event)


def _started(run: Run) -> Telling:
    plan = run.start.plan
    count = sum(isinstance(item, Step) for item in plan.steps)
    steps = "1 step" if count == 1 else f"{count} steps"
    begun = f"started by {run.start.by}: {run.start.reason}"
    return run_wording.of(
        run,
        (Topic.STARTED,),
        begun if run.start.by else f"started: {run.start.trigger} fires",
        text=text(
            f"Plan {plan.name} runs on {run.start.target}, {run_wording.why(run)}.",
            f"It was decided at {clock(run.started.wall)}, has {steps}, and must have helped"
            f" within {duration(plan.within)}.",
            then=f"nothing; how it ends will be told. {run_wording.STOP}",
        ),
    )


def _resumed(run: Run, event: RunResumed) -> Telling:
    return run_wording.of(
        run,
        (Topic.STARTED,),
        "goes on after a restart of the watchdog",
        text=text(
            f"It began at {clock(run.started.wall)} and was cut off during its"
            f" {_DURING[run.stage]}; {run_wording.done(run)}.",
            f"It is taken up for time {event.attempt}. What was under way is looked at before"
            " anything is sent again.",
            then="nothing; how it ends will be told.",
        ),
    )


def _in_doubt(run: Run, event: StepEnded) -> Telling | None:
    # A doubtful last notice is told with the outcome; it changed nothing on the target.
    if event.result is not StepResult.IN_DOUBT or event.stage is not Stage.STEPS:
        return None
    return run_wording.of(
        run,
        (Topic.INTERRUPTED, Topic.PAGED),
        f"is cut off: step {event.index + 1} may or may not have happened",
        severity=Severity.CRITICAL,
        text=text(
            f"Step {event.index + 1}, {event.name}: {event.detail}.",
            "It is not sent again, and no later step is.",
            then=f"look at {run.start.target} by hand: did it happen? Finish the plan or undo it"
            f" yourself, then {run_wording.clear(run)}.",
        ),
    )


def _over_budget(run: Run, event: BudgetExceeded) -> Telling:
    return run_wording.of(
        run,
        (Topic.PAGED,),
        f"has not helped within its {duration(event.budget)}, and goes on",
        severity=Severity.CRITICAL,
        text=text(
            f"It was decided at {clock(run.started.wall)}, {duration(event.elapsed)} ago, and is at"
            f" its {_DURING[run.stage]}; {run_wording.done(run)}.",
            then=f"look at {run.start.target} now; do not count on this rollback alone.",
        ),
    )
