"""Run variables in a step's options: `{{ run.name }}`, from a closed list, with no code in it.

A string that is nothing but one variable becomes the variable's own type, so that a
duration reaches the wire as a number.
"""

import re
from collections.abc import Mapping, Sequence
from typing import TypeAlias

NAMES = {
    "run.id": "the run's identifier",
    "run.target": "the target it runs on",
    "run.plan": "the plan's name",
    "run.kind": "the plan's kind, such as immediate, partial or full",
    "run.trigger": "the trigger (or person) that started it",
    "run.severity": "how grave that is: info, warning or critical",
    "run.cause": "the trigger's word for what is wrong, such as security; empty if it has none",
    "run.reason": "why it was started",
    "run.outcome": "the outcome so far: succeeded, failed, partially_applied, inconclusive, "
    "interrupted, superseded or stopped",
    "run.status": "`completed` when the outcome is succeeded, otherwise the outcome",
    "run.started_at": "when it was decided, UTC, YYYY-MM-DDTHH:MM:SSZ",
    "run.now": "the present moment, UTC, YYYY-MM-DDTHH:MM:SSZ",
    "run.duration_seconds": "whole seconds since it was decided, a number",
    "run.from_version": "the target's version that ran when it was decided; empty if not known",
    "run.to_version": "the version that the plan returns to; a plan that names it needs one",
}
TO_VERSION = "run.to_version"
SAVED = "saved."
_ONE = re.compile(r"\{\{\s*([A-Za-z0-9_.]+)\s*\}\}")

Value = str | int | float | bool
Json: TypeAlias = "str | int | float | bool | Mapping[str, Json] | Sequence[Json] | None"


def mentioned(options: Json) -> frozenset[str]:
    """The name of every variable in `options`."""
    if isinstance(options, str):
        return frozenset(_ONE.findall(options))
    if isinstance(options, Mapping):
        return frozenset().union(*map(mentioned, options.values()))
    if isinstance(options, Sequence):
        return frozenset().union(*map(mentioned, options))
    return frozenset()


def mentions_variables(options: Json) -> bool:
    """Whether any text in `options` holds a variable."""
    if isinstance(options, str):
        return _ONE.search(options) is not None
    if isinstance(options, Mapping):
        return any(map(mentions_variables, options.values()))
    if isinstance(options, Sequence):
        return any(map(mentions_variables, options))
    return False


def fill(options: Mapping[str, Json], values: Mapping[str, Value]) -> dict[str, Json]:
    """`options` with every variable replaced by its value."""
    return {key: _filled(value, values) for key, value in options.items()}


def fill_known(options: Mapping[str, Json], values: Mapping[str, Value]) -> dict[str, Json]:
    """As `fill`, but what has no value yet stays a variable."""
    names = mentioned(options)
    return fill(options, {**{name: f"{{{{ {name} }}}}" for name in names}, **values})


def _filled(value: Json, values: Mapping[str, Value]) -> Json:
    if isinstance(value, str):
        whole = _ONE.fullmatch(value)
        if whole:
            return values[whole.group(1)]
        return _ONE.sub(lambda found: str(values[found.group(1)]), value)
    if isinstance(value, Mapping):
        return fill(value, values)
    if isinstance(value, Sequence):
        return [_filled(one, values) for one in value]
    return value
