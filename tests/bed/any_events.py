"""Journals that hold every kind of event, in any order: what no story would ever hold together."""

from collections.abc import Iterator, Mapping
from enum import Enum
from functools import cache
from random import Random
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from watchdog.adapters.journal_codec import KINDS
from watchdog.domain.events import Event, Record
from watchdog.domain.moment import Moment
from watchdog.domain.plan import Options

BEGINS = 1_767_225_600.0
# Few words for all names, so that events speak of each other.
WORDS = ("", "api", "shop", "r1", "r2", "i1", "i2", "undo", "v1", "v2", "ann")
NUMBERS = (0.0, 1.0, 60.0, 3600.0, 86_400.0, BEGINS + 5e5)
PAUSES = (0.0, 1.0, 10.0, 1_000.0, 4_000.0)
_LONGEST = 3


def any_records(random: Random, count: int) -> Iterator[Record]:
    """So many records of kinds chosen at random, over some days."""
    kinds, wall = list(KINDS.values()), BEGINS
    for seq in range(1, count + 1):
        wall += random.choice(PAUSES)
        yield Record(seq, Moment(wall - BEGINS, wall), any_event(random.choice(kinds), random), 1)


def any_event(kind: type[Event], random: Random) -> Event:
    """One of that kind, with anything that its annotations allow."""
    made: Event = _any(kind, random, ())
    return made


def _any(form: Any, random: Random, within: tuple[Any, ...]) -> Any:  # noqa: ANN401 -- annotations
    plain: Mapping[Any, Any] = {
        str: random.choice(WORDS),
        float: random.choice(NUMBERS),
        int: random.randrange(_LONGEST),
        bool: random.random() < 0.5,
        type(None): None,
        Options: {"url": random.choice(WORDS)},
    }
    if form in plain:
        return plain[form]
    origin, arguments = get_origin(form), get_args(form)
    if isinstance(form, UnionType):
        # What holds its own kind does so one level deep.
        forms = [one for one in arguments if within.count(one) <= 1]
        return _any(random.choice(forms), random, within)
    if origin is tuple:
        most = 0 if within.count(arguments[0]) > 1 else _LONGEST
        return tuple(_any(arguments[0], random, within) for _ in range(random.randint(0, most)))
    if origin is not None and issubclass(origin, Mapping):
        key, value = (str if one is Any else one for one in arguments)
        pairs = range(random.randrange(_LONGEST))
        return {_any(key, random, within): _any(value, random, within) for _ in pairs}
    if issubclass(form, Enum):
        return random.choice(list(form))
    inside = (*within, form)
    return form(**{name: _any(one, random, inside) for name, one in _hints(form).items()})


@cache
def _hints(form: type) -> Mapping[str, Any]:
    return get_type_hints(form)
