"""What the rows of a decision table speak of must exist, and each must have its own name."""

from collections.abc import Iterator, Mapping
from typing import Any

from watchdog.config.problems import Path, did_you_mean
from watchdog.config.walking import Content, names

_SECTION = "decisions"


def table_references(content: Content) -> Iterator[tuple[Path, str]]:
    """Every trigger and plan that a row names and nobody defines; every name that comes twice."""
    triggers, plans = names(content, "triggers"), names(content, "plans")
    seen: dict[str, int] = {}
    for index, row in rows(content):
        path: Path = (_SECTION, index)
        when = row.get("when")
        for name in when if isinstance(when, Mapping) else ():
            if name not in triggers:
                yield (*path, "when", name), _unknown("trigger", name, triggers)
        plan = row.get("plan")
        if isinstance(plan, str) and plan not in plans:
            yield (*path, "plan"), _unknown("plan", plan, plans)
        name = row.get("name")
        if isinstance(name, str) and name in seen:
            yield (*path, "name"), f"row {seen[name] + 1} has this name, too: give each its own"
        elif isinstance(name, str):
            seen[name] = index


def plans_of_rows(content: Content) -> set[object]:
    """The plans that rows name."""
    return {row.get("plan") for _, row in rows(content)}


def rows(content: Content) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Every row, whether or not it is right."""
    table = content.get(_SECTION)
    for index, row in enumerate(table if isinstance(table, list) else ()):
        if isinstance(row, Mapping):
            yield index, row


def _unknown(kind: str, name: str, known: list[str]) -> str:
    return f"there is no {kind} {name!r}; {did_you_mean(name, known)}"
