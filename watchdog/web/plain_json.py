"""Reads an object out of JSON that a stranger wrote: no depth, no doubles, nothing half a text."""

import json
from collections.abc import Mapping
from typing import Any, Never

# Brackets within brackets. No command needs more than a list of words.
MOST_DEPTH = 16


class NotJsonError(ValueError):
    """It is no JSON object that can be worked with; the text says why."""


def json_object(body: bytes) -> Mapping[str, Any]:
    """The object that `body` holds. Raises NotJsonError."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise NotJsonError("the body is no UTF-8") from None
    if _depth(text) > MOST_DEPTH:
        raise NotJsonError(f"the body is nested deeper than {MOST_DEPTH}")
    try:
        found = json.loads(text, object_pairs_hook=_once_each, parse_constant=_no_number)
        # Half a surrogate pair is no text, and could not be written down.
        json.dumps(found, ensure_ascii=False).encode()
    except NotJsonError:
        raise
    except ValueError:
        raise NotJsonError("the body is no JSON") from None
    if not isinstance(found, dict):
        raise NotJsonError("the body is no JSON object")
    return found


def _depth(text: str) -> int:
    """How deep brackets stand at most, in one pass; those inside of strings do not count."""
    deepest = depth = 0
    quoted = escaped = False
    for character in text:
        if escaped:
            escaped = False
        elif character == '"':
            quoted = not quoted
        elif quoted:
            escaped = character == "\\"
        elif character in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "]}":
            depth -= 1
    return deepest


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotJsonError("the body says one thing twice")
    return found


def _no_number(name: str) -> Never:
    raise NotJsonError(f"the body has {name}, which is no number of JSON")
