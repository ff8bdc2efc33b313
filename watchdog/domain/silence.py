"""For how long a run may record nothing before it is taken for stuck."""

from watchdog.domain.next_action import LONG_WATCH_SLOWER
from watchdog.domain.plan import Check, Step
from watchdog.domain.progress import Stage
from watchdog.domain.run import WATCHES, Run
from watchdog.domain.words import duration

# Seconds beyond its own limits: longer than any single look, or write to the journal, may take.
SLACK = 60.0


def silence_allowed(run: Run) -> float:
    """Seconds for which a run may record nothing, by its own limits."""
    watch = run.start.plan.watch
    if run.stage in WATCHES:
        slower = 1 if run.stage is Stage.WATCH_SHORT else LONG_WATCH_SLOWER
        return watch.every * slower + SLACK
    match run.item:
        case Step() as step:
            return step.timeout + step.settle + SLACK
        case Check() as check:
            return check.pause + SLACK
        case None:
            return SLACK


def not_driven(seconds: float) -> str:
    """What is said of a run that nobody goes on with."""
    return f"nobody has gone on with it for {duration(seconds)}"


def silent(run: Run, seconds: float) -> str:
    """What is said of a run that records nothing any more."""
    where = f"{run.stage.value}, {run.item.name}" if run.item else run.stage.value
    return f"no progress for {duration(seconds)} ({where})"
