"""Finding a value in a JSON document: `a.b.0.c` from the top, `..key` anywhere below."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

# One name, then names after a dot or two; two dots may stand first.
_PATH = re.compile(r"(?:\.\.)?[^.]+(?:\.\.?[^.]+)*")
_ANYWHERE = ""
JsonPath = tuple[str, ...]
_Json = Any


def parse_path(text: str) -> JsonPath:
    """The steps of `text`, for `find`. Raises ValueError when it is not a path."""
    if not _PATH.fullmatch(text):
        raise ValueError(f"{text!r} is not a path; write it like a.b.0.c or ..key")
    return tuple(text.removeprefix(".").split("."))


def find(document: object, path: JsonPath) -> list[object]:
    """Everything that stands at `path`: nothing, one value, or (with `..`) several."""
    found: list[object] = [document]
    anywhere = False
    for step in path:
        if step == _ANYWHERE:
            anywhere = True
            continue
        places: Iterable[object] = _all_below(found) if anywhere else found
        found = [value for place in places for value in _step(place, step)]
        anywhere = False
    return found


def _step(place: _Json, step: str) -> Iterator[object]:
    if isinstance(place, dict) and step in place:
        yield place[step]
    elif isinstance(place, list) and step.isdecimal() and int(step) < len(place):
        yield place[int(step)]


def _all_below(found: list[object]) -> Iterator[object]:
    # A stack of our own: a document may be nested as deep as the parser allows.
    waiting = list(found)
    while waiting:
        place: _Json = waiting.pop()
        yield place
        if isinstance(place, dict):
            waiting.extend(place.values())
        elif isinstance(place, list):
            waiting.extend(place)
