"""The states that one trigger has: one, or one for each value of a label, as they come and go."""

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from watchdog.domain.observation import Gap, Observation, Sample, Unknown
from watchdog.domain.trigger import Trigger

# A label with more values than this was not meant: each costs a state, and each could act.
MAX_VALUES = 100
_LONGEST_VALUE = 60
_MARK = 6
_HARMLESS = frozenset(" ._:/@+=,-")


@dataclass(frozen=True, slots=True)
class Instance:
    """One state of a trigger: of the `value` of its label, or the only one (None)."""

    trigger: Trigger
    of: str
    value: str | None = None


def instance(trigger: Trigger, value: str) -> Instance:
    """The state that `trigger` has for one value of its label."""
    name = f'{trigger.name}{{{trigger.for_each}="{_shown(value)}"}}'
    return Instance(replace(trigger, name=name), trigger.name, value)


def _shown(value: str) -> str:
    # Whoever writes the metrics writes this, and `{{ run.trigger }}` may put it into an address or
    # a command: nothing in it may mean anything there, and there is an end to it.
    shown = "".join(one if one.isalnum() or one in _HARMLESS else "_" for one in value)
    shown = shown.replace("..", "__")[:_LONGEST_VALUE]
    if shown == value:
        return value
    # Another value may look like what is left of this one.
    mark = hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:_MARK]
    return f"{shown}~{mark}"


def is_of_value(name: str) -> bool:
    """Whether `name` is that of a label value's state, and not a trigger's own."""
    return "{" in name


def answered(observation: Observation, *, nodata_is_ok: bool) -> Observation:
    """`observation` less the values of which only the volume was seen, unless that is enough."""
    if nodata_is_ok or not isinstance(observation, Sample) or observation.parts is None:
        return observation
    found = {value: part for value, part in observation.parts.items() if part.values}
    return replace(observation, parts=found)


def parts(observation: Observation, known: Collection[str]) -> Iterator[tuple[str, Observation]]:
    """What was seen of each value of the label: first of those `known`, then of new ones."""
    found = observation.parts or {} if isinstance(observation, Sample) else {}
    gap = (
        observation
        if isinstance(observation, Gap)
        else Gap(Unknown.NODATA, "no series with this value any longer")
    )
    for value in known:
        yield value, found.get(value, gap)
    room = max(MAX_VALUES - sum(value in found for value in known), 0)
    new = (value for value in found if value not in known)
    yield from ((value, found[value]) for value in islice(new, room))


def whole(trigger: Trigger, observation: Observation) -> Observation:
    """What was seen of the label itself: a number of values, or why there is none."""
    if isinstance(observation, Gap):
        return observation
    count = len(observation.parts or {})
    label = trigger.for_each
    if not count:
        return Gap(Unknown.NODATA, f"no series has the label {label}")
    if count > MAX_VALUES:
        text = f"{count} values of {label}; {MAX_VALUES} at most: aggregate the query"
        return Gap(Unknown.AMBIGUOUS, text)
    return Sample((float(count),), note=f"{count} values of {label}")
