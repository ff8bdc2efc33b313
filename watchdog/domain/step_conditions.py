"""Whether a step is done at all: its conditions on what was saved and on how the run began."""

from collections.abc import Mapping
from typing import Any

from watchdog.domain.plan import Scalar, Step, When
from watchdog.domain.run import Run
from watchdog.domain.variables import SAVED, mentioned


def known(run: Run) -> Mapping[str, Scalar]:
    """What conditions may ask about: it stands in the journal, so it stays what it was."""
    start = run.start
    return {
        "run.plan": start.plan.name,
        "run.trigger": start.trigger,
        "run.severity": start.severity.name.lower(),
        "run.cause": start.cause,
        "run.from_version": start.from_version,
        "run.to_version": start.to_version,
        **{f"{SAVED}{name}": value for name, value in run.saved.items()},
    }


def why_skipped(run: Run, step: Step) -> str:
    """The first condition of `step` that does not hold, for a person; empty: it is done."""
    values = known(run)
    return next((text for when in step.when if (text := _objection(when, values))), "")


def in_words(when: When) -> str:
    """The condition for a person."""
    return (
        f"{when.variable} is {'not ' if when.negated else ''}{' or '.join(map(str, when.values))}"
    )


def unread(run: Run, step: Step) -> str:
    """Which value that `step` sends was never read, for a person; empty: none is missing."""
    asked = mentioned(step.options) | (mentioned(_looked_at(step)) if step.done_when else set())
    names = (name for name in sorted(asked) if name.startswith(SAVED))
    return next((name for name in names if name.removeprefix(SAVED) not in run.saved), "")


def _looked_at(step: Step) -> dict[str, Any]:
    return {**step.done_when.look.source, **step.done_when.look.ask} if step.done_when else {}


def _objection(when: When, values: Mapping[str, Scalar]) -> str:
    if when.variable not in values:
        return f"{when.variable} is not known"
    value = values[when.variable]
    among = any(_same(value, one) for one in when.values)
    if among is not when.negated:
        return ""
    wanted = " or ".join(map(str, when.values))
    shown = "empty" if value == "" else value
    return f"{when.variable} is {shown}, and it is done only {_word(when)} {wanted}"


def _word(when: When) -> str:
    return "unless it is" if when.negated else "where it is"


def _same(one: Scalar, other: Scalar) -> bool:
    """JSON's idea of the same: true is not 1, and 1 is 1.0."""
    return isinstance(one, bool) is isinstance(other, bool) and one == other
