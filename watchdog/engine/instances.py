"""The states that one trigger has: one, or one for each value of a label, as they come and go."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from watchdog.domain.observation import Gap, Observation, Sample, Unknown
from watchdog.domain.trigger import Trigger

# A label with more values than this was not meant: each costs a state, and each could act.
MAX_VALUES = 100
_LONGEST_VALUE = 60


@dataclass(frozen=True, slots=True)
class Instance:
    """One state of a trigger: of the `value` of its label, or the only one (None)."""

    trigger: Trigger
    of: str
    value: str | None = None


def instance(trigger: Trigger, value: str) -> Instance:
    """The state that `trigger` has for one value of its label."""
    # Whoever writes the metrics writes this: no line breaks, no end to it.
    shown = "".join(one if one.isprintable() and one not in '"{}' else "_" for one in value)
    name = f'{trigger.name}{{{trigger.for_each}="{shown[:_LONGEST_VALUE]}"}}'
    return Instance(replace(trigger, name=name), trigger.name, value)


def value_of(name: str) -> str | None:
    """The label's value in the name of an instance; None where it is a trigger's own."""
    _, brace, rest = name.partition('="')
    return rest.removesuffix('"}') if brace else None


def parts(observation: Observation, known: Iterable[str]) -> Iterator[tuple[str, Observation]]:
    """What was seen of each value of the label: of those in the answer, then of those `known`."""
    found = observation.parts or {} if isinstance(observation, Sample) else {}
    yield from list(found.items())[:MAX_VALUES]
    gap = (
        observation
        if isinstance(observation, Gap)
        else Gap(Unknown.NODATA, "no series with this value any longer")
    )
    for value in known:
        if value not in found:
            yield value, gap


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
