"""A change as somebody outside writes it in JSON: read strictly, so that no half of it is lost."""

import math
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, ValidationError

from watchdog.domain.change import LONGEST_WORD, ChangeKind, News

# Of a longer history, only its newest part matters.
NEWEST = 20
# From here on a number counts milliseconds: the year 5138 in seconds, 1973 in milliseconds.
_MILLISECONDS = 1e11


def _absolute(path: str) -> str:
    if not Path(path).is_absolute():
        raise ValueError(f"{path} is relative: write an absolute path")
    return path


AbsolutePath = Annotated[str, AfterValidator(_absolute)]
_Word = Annotated[str, StringConstraints(max_length=LONGEST_WORD)]


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    version: _Word
    at: str | int | float | None = None
    previous: _Word | None = None
    by: _Word | None = None
    kind: str | None = None
    reference: _Word | None = None


def told(document: object, now: float | None = None) -> News:
    """The change that `document` tells of. Raises ValueError that says what is wrong with it.

    `at` is Unix seconds (or milliseconds), or a time such as `2026-10-23T14:02:11Z`; without it,
    the change began at Unix second `now`, where that is given.
    """
    if not isinstance(document, Mapping):
        raise ValueError('a change is a JSON object such as {"version": "v2", "at": 1792756800}')  # noqa: TRY004 (for callers)
    try:
        one = _Told.model_validate(dict(document))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "it"
        raise ValueError(f"{place}: {first['msg'].lower()}") from None
    if one.at is None and now is None:
        raise ValueError("at: is missing: when the change began")
    return News(
        version=one.version,
        at=moment(one.at) if one.at is not None else (now or 0.0),
        previous=one.previous or "",
        by=one.by or "",
        kind=_kind(one.kind),
        reference=one.reference or "",
    )


def moment(value: object) -> float:
    """Unix seconds of a time as others write it. Raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("at: is no time; write Unix seconds, or 2026-10-23T14:02:11Z")  # noqa: TRY004 (as documented)
    if isinstance(value, str):
        return _parsed(value)
    try:
        number = float(value)
    except OverflowError:
        raise ValueError("at: is no time: the number is beyond all measure") from None
    if not math.isfinite(number):
        raise ValueError(f"at: is no time: {number}")
    return number / 1000 if number >= _MILLISECONDS else number


def newest(news: list[News]) -> list[News]:
    """The newest few, oldest first."""
    return sorted(news, key=lambda one: one.at)[-NEWEST:]


def _parsed(text: str) -> float:
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"at: {text[:60]!r} is no time like 2026-10-23T14:02:11Z") from None
    if parsed.tzinfo is None:
        raise ValueError(f"at: {text[:60]!r} does not say its zone; add Z or +02:00")
    return parsed.timestamp()


def _kind(word: str | None) -> ChangeKind:
    try:
        return ChangeKind(word or ChangeKind.APP)
    except ValueError:
        known = ", ".join(ChangeKind)
        raise ValueError(f"kind: {(word or '')[:60]!r} is none of {known}") from None
