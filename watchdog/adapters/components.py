"""Several components in one JSON document: one number, or one yes/no, for each of them."""

import math
from collections.abc import Iterator, Sequence

from pydantic import BaseModel, ConfigDict, Field, field_validator

from watchdog.adapters.json_path import find, parse_path
from watchdog.domain.observation import Gap, Observation, Sample, Unknown

MOST = 1000
_NAMES = ("name", "id")
Scalar = str | int | float | bool


class Components(BaseModel):
    """`at`: the path of an object or a list of components. `value`: the path within each.

    With `healthy`, each is a yes where its value is one of these; otherwise it is a number.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: str
    value: str | None = None
    healthy: Sequence[Scalar] | None = Field(default=None, min_length=1, max_length=50)

    @field_validator("at", "value")
    @classmethod
    def _is_a_path(cls, path: str | None) -> str | None:
        if path is not None:
            parse_path(path)
        return path


def read(document: object, asked: Components) -> Observation:
    """A sample with one value a component, and with a part by the name of each."""
    places = find(document, parse_path(asked.at))
    if len(places) != 1:
        return Gap(Unknown.NODATA, f"{len(places)} values at {asked.at}; there must be one")
    members = list(_members(places[0]))
    if not members or len(members) > MOST:
        return Gap(Unknown.NODATA, f"{len(members)} components at {asked.at}; 1 to {MOST} are")
    numbers = [(name, _number(member, asked)) for name, member in members]
    found: dict[str, list[float]] = {}
    for name, number in numbers:
        # Two of one name are two: neither may hide the other.
        found.setdefault(name, []).append(number)
    parts = {name: Sample(tuple(values)) for name, values in found.items()}
    bad = [name for name, number in numbers if number == 0]
    note = f"not healthy: {', '.join(bad)[:200]}" if bad and asked.healthy is not None else ""
    return Sample(tuple(number for _, number in numbers), note=note, parts=parts)


def _members(place: object) -> Iterator[tuple[str, object]]:
    if isinstance(place, dict):
        yield from ((str(name), member) for name, member in place.items())
    elif isinstance(place, list):
        for index, member in enumerate(place):
            named = member if isinstance(member, dict) else {}
            yield next((str(named[key]) for key in _NAMES if key in named), str(index)), member


def _number(member: object, asked: Components) -> float:
    """The number of one component; NaN where it says nothing that can be understood."""
    found = [member] if asked.value is None else find(member, parse_path(asked.value))
    if len(found) != 1 or found[0] is None:
        return math.nan
    value = found[0]
    if asked.healthy is not None:
        if not isinstance(value, str | int | float):
            return math.nan
        same = any(type(value) is type(one) and value == one for one in asked.healthy)
        return 1.0 if same else 0.0
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.nan
