"""What the messages about a run have in common: its name, its facts, and the next command."""

from watchdog.domain import recovering
from watchdog.domain.expiry import OnExpiry
from watchdog.domain.plan import Step
from watchdog.domain.progress import Outcome
from watchdog.domain.run import Run
from watchdog.domain.topics import Topic
from watchdog.domain.trigger import Severity
from watchdog.domain.wording import Telling, clock, fields, numbered, title

STOP = "To stop it before its next step: `rollback-watchdog kill --on --reason WHY`."


def of(
    run: Run,
    topics: tuple[Topic, ...],
    what: str,
    *,
    text: str,
    severity: Severity = Severity.INFO,
    outcome: Outcome | None = None,
) -> Telling:
    """A message titled by the run and `what`, at least as grave as the run."""
    start = run.start
    return Telling(
        topics=topics,
        severity=max(start.severity, severity),
        target=start.target,
        title=title(f"{start.target}: {_deed(run)} {start.plan.name} {what}"),
        text=text,
        fields=fields(
            [
                ("Run", start.run),
                ("Plan", start.plan.name),
                ("Trigger", start.trigger),
                ("Started by", start.by),
                ("Incident", start.incident),
                ("Outcome", outcome.value if outcome else ""),
            ]
        ),
    )


def _deed(run: Run) -> str:
    return "renewal of" if run.start.renews else "rollback"


def done(run: Run) -> str:
    """How far it came: `1 of 2 steps were done`."""
    steps = sum(isinstance(item, Step) for item in run.start.plan.steps)
    undone = recovering.taken_back(run)
    holds = f" and hold; taken back: {undone}" if undone else ""
    return f"{run.applied} of {steps} steps were done{holds}"


def changed(run: Run) -> str:
    """What a run that went wrong may have left behind."""
    if run.in_doubt:
        return f"In doubt is {recovering.in_doubt(run)}: nobody could tell whether it happened."
    return "The target may be half changed." if run.applied and run.broken else ""


def happened(run: Run) -> str:
    """Which steps have happened and hold, a line each; empty where none did."""
    standing = recovering.standing(run)
    return f"Done, and not taken back:\n{numbered(standing)}" if standing else ""


def holding(run: Run) -> str:
    """What it changed that goes on until somebody takes it back, a line each; empty without."""
    steps = run.start.plan.steps
    held = [
        f"{step.name}: to be taken back by {clock(at.wall + step.expires.after)}"
        for step, at in ((steps[index], at) for index, at in sorted(run.done.items()))
        if isinstance(step, Step) and step.expires and step.expires.on_expiry is OnExpiry.REMIND
    ]
    return f"Holds until somebody takes it back:\n{numbered(held)}" if held else ""


def ways_on(run: Run) -> str:
    """What a person may type to go on with a run that stopped; empty where there is no way."""
    ways = recovering.commands(run)
    return f"Ways on, once you have looked:\n{numbered(ways)}" if ways else ""


def problems(run: Run) -> str:
    """What went wrong on the way, a line each; empty where nothing did."""
    return f"Went wrong on the way:\n{numbered(run.problems)}" if run.problems else ""


def why(run: Run) -> str:
    """What began it, and since when that has been so."""
    start = run.start
    if start.by:
        return f"by {start.by}: {start.reason}"
    _, _, since = start.episode.rpartition("@")
    try:
        return f"because {start.trigger} fires since {clock(float(since))}"
    except ValueError:
        return f"because {start.trigger} fires"


def clear_command(target: str) -> str:
    """What a person types who has looked, so that the machine may act again."""
    return f"rollback-watchdog clear --target {target} --by YOU --assessment WHAT_YOU_FOUND"


def clear(run: Run) -> str:
    """The command that lets the machine act again."""
    return f"`{clear_command(run.start.target)}`"


def report(run: Run) -> str:
    """The command that shows all that is known of the run."""
    return f"`rollback-watchdog report {run.id}`"
