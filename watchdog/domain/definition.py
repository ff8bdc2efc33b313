"""What a trigger is, as a digest: its record of decisions is worth nothing for another one."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any

from watchdog.domain.expression import Term
from watchdog.domain.target import Target
from watchdog.domain.trigger import Trigger

# What says nothing of when it fires.
_BESIDES = frozenset({"name", "plan", "severity", "blind_after", "once_per_version"})
_LENGTH = 16


def definition(target: Target, trigger: Trigger) -> str:
    """Changes when `trigger` would fire at another time, or look at something else.

    What is as it is by default does not count, so that a newer version of the program, which
    may know more settings, comes to the same.
    """
    watched = dict.fromkeys(term.signal.name for term in trigger.terms)
    signals = [target.signals[name] for name in watched]
    sources = [target.sources[spec.signal.source] for spec in signals]
    parts = {
        "trigger": _written(trigger, without=_BESIDES),
        "asks": [_written(spec.ask) for spec in signals],
        "sources": [[source.use, _written(source.options)] for source in sources],
    }
    if rows := [row for row in target.decisions if not trigger.plan and trigger.name in row.firing]:
        # It acts as the table says, and with the triggers that stand beside it there.
        others = {name for row in target.decisions for name, _ in row.cells} - {trigger.name}
        beside = [one for one in target.triggers if one.name in others]
        parts["rows"] = [[_written(row.cells), row.then.value] for row in rows]
        parts["beside"] = [_written(one, without=_BESIDES) for one in beside]
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:_LENGTH]


def measured(target: Target, trigger: Trigger, term: Term) -> str:
    """Changes when what `term` measured before is no longer what it measures now.

    The limit that it is compared with is no part of that.
    """
    spec = target.signals[term.signal.name]
    source = target.sources[spec.signal.source]
    parts = [
        [_written(term.signal), _written(spec.ask), source.use, _written(source.options)],
        [_written(term.relative), trigger.every],
    ]
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:_LENGTH]


def definitions(target: Target) -> dict[str, str]:
    """The digest of every trigger of `target`, by its name."""
    return {trigger.name: definition(target, trigger) for trigger in target.triggers}


def _written(value: Any, without: frozenset[str] = frozenset()) -> Any:  # noqa: ANN401 (any value)
    """`value` as plain JSON, of a dataclass only what is not as it is by default."""
    if is_dataclass(value) and not isinstance(value, type):
        kept = {
            one.name: getattr(value, one.name)
            for one in fields(value)
            if one.name not in without and getattr(value, one.name) != _default(one)
        }
        return {"kind": type(value).__name__, **{key: _written(it) for key, it in kept.items()}}
    if isinstance(value, Mapping):
        return {str(key): _written(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_written(inner) for inner in value]
    return value


def _default(one: "Field[Any]") -> object:
    if one.default is not MISSING:
        return one.default
    return one.default_factory() if one.default_factory is not MISSING else MISSING
