"""The file of incidents that people know of: when each was, and whether a rollback was right."""

import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from watchdog.config.problems import ConfigProblems, Problem
from watchdog.config.reading import Document, read_file
from watchdog.domain.backtest import Labelled

_KEYS = ("start", "end", "name", "rollback")


def read_incidents(path: Path) -> tuple[Labelled, ...]:
    """The incidents in `path`, in order of time. Raises ConfigProblems."""
    document = read_file(path)
    problems: list[Problem] = []
    listed = document.content.get("incidents")
    for key in document.content:
        if key != "incidents":
            text = f"{str(key)!r} is not known here; the file holds `incidents:` and a list"
            problems.append(document.problem((str(key),), text))
    if not isinstance(listed, list):
        text = "write `incidents:` and under it a list of {start, end, name, rollback}"
        raise ConfigProblems([*problems, document.problem((), text)])
    found = []
    for index, entry in enumerate(listed):
        objections = list(_objections(entry))
        problems += [
            document.problem(_place(document, index, key), text) for key, text in objections
        ]
        if not objections:
            found.append(_labelled(entry))
    if problems:
        raise ConfigProblems(problems)
    return tuple(sorted(found, key=lambda one: one.start))


def _place(document: Document, index: int, key: str) -> tuple[str | int, ...]:
    path = ("incidents", index, key)
    return path if path in document.places else path[:2]


def _objections(entry: object) -> Iterator[tuple[str, str]]:
    if not isinstance(entry, Mapping):
        yield "", "an incident is {start: TIME, end: TIME}, with a name if it has one"
        return
    for key in entry:
        if key not in _KEYS:
            yield str(key), f"{str(key)!r} is not known here; there are: {', '.join(_KEYS)}"
    times = {}
    for key in ("start", "end"):
        try:
            times[key] = unix(entry.get(key))
        except ValueError as error:
            yield key, f"{key}: {error}"
    if len(times) == 2 and not times["start"] < times["end"]:  # noqa: PLR2004 -- both ends
        yield "end", "the end comes after the start"
    if not isinstance(entry.get("name", ""), str):
        yield "name", "a name is text"
    if not isinstance(entry.get("rollback", True), bool):
        yield "rollback", "write true where a rollback would have been right, or false"


def _labelled(entry: Mapping[str, Any]) -> Labelled:
    return Labelled(
        unix(entry["start"]),
        unix(entry["end"]),
        entry.get("name", ""),
        entry.get("rollback", True),
    )


def unix(value: object) -> float:
    """The Unix second of `2026-11-01T10:00:00Z` or of a number. Raises ValueError."""
    hint = "write a time like 2026-11-01T10:00:00Z"
    if isinstance(value, int | float) and not isinstance(value, bool):
        if math.isfinite(value):
            return float(value)
        raise ValueError(f"{value} is no time; {hint}")
    if not isinstance(value, str):
        raise ValueError(f"is missing or no time; {hint}")  # noqa: TRY004 -- one kind of mistake
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError(f"{value!r} is no time; {hint}") from None
    # Without a zone a time would mean another moment on each machine.
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
