"""What people are told of a run under way; `outcome_telling` says what came of it."""

from typing import assert_never

from watchdog.domain import outcome_telling, recovering, run_wording
from watchdog.domain.ladder_telling import goes_on_from
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
from watchdog.domain.run import Run, apply
from watchdog.domain.topics import Topic
from watchdog.domain.trigger import Severity
from watchdog.domain.wording import Telling, clock, text
from watchdog.domain.words import duration

RunTold = (
    RunStarted | RunResumed | RunRecovered | StepEnded | BudgetExceeded | RunEnded | WatchEnded
)
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
    Stage.UNDO: "undoing",
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
            RunStarted()
            | RunResumed()
            | RunRecovered()
            | StepEnded()
            | BudgetExceeded()
            | RunEnded()
            | WatchEnded()
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
        case RunRecovered():
            return _recovered(run, event)
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
    if run.start.renews:
        return _renews(run)
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
            goes_on_from(run),
            f"It was decided at {clock(run.started.wall)}, has {steps}, and must have helped"
            f" within {duration(plan.within)}.",
            then=f"nothing; how it ends will be told. {run_wording.STOP}",
        ),
    )


def _renews(run: Run) -> Telling:
    start = run.start
    left = [
        item.expires.renewals
        for item in start.plan.steps
        if isinstance(item, Step) and item.expires
    ]
    last = not any(left)
    return run_wording.of(
        run,
        (Topic.STARTED, Topic.EXPIRING, Topic.PAGED),
        f"started: {start.trigger} still breaches",
        severity=Severity.CRITICAL,
        text=text(
            f"What run {start.renews} changed has lapsed, and {start.trigger} still breaches: it is"
            " done once more.",
            "It is not renewed again by itself." if last else "",
            then=f"look at {start.target}: the trouble lasts longer than was thought."
            f" {run_wording.STOP}",
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


def _recovered(run: Run, event: RunRecovered) -> Telling:
    return run_wording.of(
        run,
        (Topic.STARTED,),
        f"{recovering.deed(event)}: {event.by}: {event.reason}",
        text=text(
            f"{event.by} decided: run {run.id} {recovering.deed(event)}.",
            run_wording.happened(run),
            then="nothing; how it ends will be told, and the latch stays until"
            f" {run_wording.clear(run)}.",
        ),
    )


def _in_doubt(run: Run, event: StepEnded) -> Telling | None:
    # A doubtful last notice is told with the outcome; it changed nothing on the target.
    if event.result is not StepResult.IN_DOUBT or event.stage is Stage.FINAL:
        return None
    after = apply(run, event, run.started)
    which = recovering.in_doubt(after) or f"step {event.index + 1}"
    return run_wording.of(
        run,
        (Topic.INTERRUPTED, Topic.PAGED),
        f"is cut off: {which.partition(' (')[0]} may or may not have happened",
        severity=Severity.CRITICAL,
        text=text(
            f"In doubt is {which}: {event.detail}.",
            "It is not sent again, and no later step is.",
            run_wording.happened(run),
            then=f"look at {run.start.target} by hand: did it happen? Its end will be told in a"
            " moment, with the commands to go on.",
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
