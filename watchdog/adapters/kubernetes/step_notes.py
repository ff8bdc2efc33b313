"""The keys of the last steps that changed an object, on the object itself, newest last.

Whoever slept while another one went on with the run finds there that its step is done, also
where later steps came since.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from watchdog.adapters.kubernetes.api import Object
from watchdog.adapters.kubernetes.workloads import STEP_NOTE, annotations, metadata

# How many are kept: more than one run leaves on one object, with what it takes back.
KEPT = 8
# Behind the key of a step whose patch was not all of it.
UNFINISHED = " (pods not freed yet)"
Operations = Sequence[Mapping[str, Any]]
_WHOLE = "/metadata/annotations"
_PATH = f"{_WHOLE}/{STEP_NOTE.replace('~', '~0').replace('/', '~1')}"


def bears(found: Object, key: str) -> bool:
    """Whether the step of this key changed the object, as one of the last that did."""
    return key in _keys(found)


def noted(found: Object, key: str) -> Operations:
    """What leaves the step's key on an object, provided that none came since it was read."""
    if not metadata(found).get("annotations"):
        # There are none yet. Not every kind counts a new one as a change, and those of somebody
        # else must not be lost.
        return [
            {"op": "test", "path": _WHOLE, "value": None},
            {"op": "add", "path": _WHOLE, "value": {STEP_NOTE: key}},
        ]
    others = [one for one in _keys(found) if _bare(one) != _bare(key)]
    return [_as_read(found), {"op": "add", "path": _PATH, "value": _text([*others, key])}]


def finished(found: Object, key: str) -> Operations:
    """What says that the step is done, all of it; nothing where that stands there, or no key."""
    keys = _keys(found)
    if key + UNFINISHED not in keys:
        return []
    now = [key if one == key + UNFINISHED else one for one in keys]
    return [_as_read(found), {"op": "replace", "path": _PATH, "value": _text(now)}]


def _as_read(found: Object) -> Mapping[str, Any]:
    # Of a path that is not there, too, this test holds.
    return {"op": "test", "path": _PATH, "value": annotations(found).get(STEP_NOTE)}


def _keys(found: Object) -> list[str]:
    return [one for one in annotations(found).get(STEP_NOTE, "").split("\n") if one]


def _bare(key: str) -> str:
    return key.removesuffix(UNFINISHED)


def _text(keys: Sequence[str]) -> str:
    return "\n".join(keys[-KEPT:])
