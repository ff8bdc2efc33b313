"""Events to JSON and back, exactly: what is read equals what was written."""

import json
from collections.abc import Mapping
from functools import cache
from types import GenericAlias
from typing import Any, get_args

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from watchdog.domain.errors import JournalError
from watchdog.domain.events import Event

KINDS: Mapping[str, type[Event]] = {kind.__name__: kind for kind in get_args(Event)}


def encode(event: Event) -> str:
    """Canonical JSON: sorted keys, no spaces, ASCII; Infinity and NaN by these names.

    Raises JournalError where `event` does not hold what its types say, or a value that is
    not JSON: it could be written, but never read again.
    """
    kind = type(event).__name__
    try:
        (body,) = _adapter(kind).dump_python((event,), warnings="error")
        return json.dumps(body, sort_keys=True, separators=(",", ":"))
    except (PydanticSerializationError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise JournalError(
            f"a {kind} cannot be written as JSON: {error}; "
            "this is a mistake in the program: please report it"
        ) from error


def decode(kind: str, body: str) -> Event:
    """The event of `encode`. Raises JournalError when this version cannot understand it."""
    if kind not in KINDS:
        raise JournalError(
            f"it is of a kind {kind!r} that this version does not know; "
            "run the version that wrote it, or a newer one"
        )
    try:
        (event,) = _adapter(kind).validate_python((json.loads(body),))
    except (ValidationError, ValueError) as error:
        raise JournalError(
            f"it does not hold what this version expects of a {kind}: {_first_line(error)}; "
            "run the version that wrote it, or a newer one"
        ) from error
    return event


@cache
def _adapter(kind: str) -> TypeAdapter[tuple[Event]]:
    # The tuple is there to carry the setting: a plain dataclass takes it from what holds it.
    # With it, a field that a newer version added is refused instead of silently lost, and a
    # Step can never be taken for a Check.
    form: Any = GenericAlias(tuple, (KINDS[kind],))
    return TypeAdapter(form, config=ConfigDict(extra="forbid"))


def _first_line(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first: Mapping[str, Any] = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"][1:])
        return f"{place}: {first['msg']}"
    return str(error)
