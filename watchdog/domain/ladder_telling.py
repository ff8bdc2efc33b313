"""What people are told of the levels of a rollback: which one runs, and which may follow."""

from watchdog.domain.events import Decided, Outcome, Proof
from watchdog.domain.ladder import AfterFailure
from watchdog.domain.plan import level_word
from watchdog.domain.run import Run
from watchdog.domain.topics import Topic
from watchdog.domain.wording import Telling, fields, numbered, text, title
from watchdog.domain.words import duration


def next_level(run: Run, outcome: Outcome) -> str:
    """What may follow a run that ended so; empty where nothing does."""
    start = run.start
    failed = outcome is Outcome.FAILED and run.proof is Proof.FAILED and run.stop is None
    if start.by or not failed or not start.rest.next:
        return ""
    within = f"within {duration(start.plan.resume_within)}"
    if start.rest.then is AfterFailure.OFFER_NEXT:
        return (
            f"The next level, plan {start.rest.next}, is offered {within} if {start.trigger} still"
            " breaches: a person starts it."
        )
    return (
        f"The next level, plan {start.rest.next}, starts by itself {within} if {start.trigger}"
        " still breaches and nothing else speaks against it."
    )


def goes_on_from(run: Run) -> str:
    """Which run of a lower level this one goes on from; empty where it is the first."""
    start = run.start
    if not start.follows:
        return ""
    word = level_word(start.plan.level)
    return f"It is the next level ({word}): run {start.follows} did not help."


def offered(event: Decided) -> Telling:
    """A person is asked whether to start the next level."""
    command = f"`rollback-watchdog rollback FILE {event.plan} --reason WHY`"
    return Telling(
        topics=(Topic.REFUSED, Topic.PAGED),
        severity=event.severity,
        target=event.target,
        title=title(f"{event.target}: the next level is OFFERED: plan {event.plan}"),
        text=text(
            f"Run {event.follows} did not help, and {event.trigger} still breaches."
            f" The next level does not start by itself. Plan {event.plan} would do:",
            numbered(event.would_do),
            then=f"look at {event.target} and decide; {command} starts it.",
        ),
        fields=fields(
            [
                ("Plan", event.plan),
                ("Trigger", event.trigger),
                ("After run", event.follows),
                ("Incident", event.incident),
            ]
        ),
    )


def way_back(run: Run) -> str:
    """How a person takes the rollback back, now that it lasts; empty where no plan does."""
    plan = run.start.plan
    if not plan.reversed_by:
        return ""
    command = f"rollback-watchdog rollback FILE {plan.reversed_by} --reason WHY"
    return f" Once it is mended, `{command}` takes this back, step by step."
