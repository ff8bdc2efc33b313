"""What a decision table leaves open: holes, rows that never decide, clocks that nobody set."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, product

from watchdog.config.mapping import Parts
from watchdog.config.problems import Path
from watchdog.domain.decision_table import Cell, Row, Seen, Then, named, selected
from watchdog.domain.target import Target

Warnings = Iterator[tuple[Path, str]]
_SECTION = "decisions"
# More combinations than these can neither be gone through nor read.
_MOST_TRIGGERS = 12
_SHOWN = 12


def lint_tables(parts: Parts, target: Target) -> Warnings:
    """Warnings about the decision table of a target that can be run as it is."""
    if not target.decisions:
        return
    yield from _holes(target.decisions)
    yield from _never_reached(target.decisions)
    yield from _without_deadline(parts, target.decisions)
    yield from _with_plans(target)


def _holes(rows: Sequence[Row]) -> Warnings:
    if any(not row.cells for row in rows):
        return
    names = [name for row in rows for name, _ in row.cells]
    names = list(dict.fromkeys(names))
    if len(names) > _MOST_TRIGGERS:
        text = f"{len(names)} triggers are too many to list what no row covers: add `otherwise`"
        yield (_SECTION,), text
        return
    holes = list(_uncovered(rows, names))
    shown = "; ".join(islice(map(_in_words, holes), _SHOWN))
    more = f"; and {len(holes) - _SHOWN} more" if len(holes) > _SHOWN else ""
    text = (
        f"no row decides when {shown}{more}, nor when a trigger is unknown: end with "
        "`{otherwise: investigate, within: 5m}`"
        if holes
        else "no row decides when a trigger is unknown: end with "
        "`{otherwise: investigate, within: 5m}`"
    )
    yield (_SECTION,), text


def _uncovered(rows: Sequence[Row], names: Sequence[str]) -> Iterator[Mapping[str, Seen]]:
    for seen in product((Seen.FIRING, Seen.QUIET), repeat=len(names)):
        states = dict(zip(names, seen, strict=True))
        if Seen.FIRING in seen and selected(rows, states) is None:
            yield states


def _in_words(states: Mapping[str, Seen]) -> str:
    firing = [name for name, seen in states.items() if seen is Seen.FIRING]
    quiet = [name for name, seen in states.items() if seen is Seen.QUIET]
    fire = f"only {firing[0]} fires" if len(firing) == 1 else f"{' and '.join(firing)} fire"
    return fire + ("" if len(firing) == 1 or not quiet else f" and {', '.join(quiet)} not")


def _never_reached(rows: Sequence[Row]) -> Warnings:
    for index, row in enumerate(rows):
        for number, earlier in enumerate(rows[:index], 1):
            if _needs(earlier) <= _needs(row):
                text = f"never decides: whenever it holds, row {number} ({earlier.name}) does"
                yield (_SECTION, index), text
                break


def _needs(row: Row) -> set[tuple[str, Cell]]:
    return {(name, cell) for name, cell in row.cells if cell is not Cell.ANY}


def _without_deadline(parts: Parts, rows: Sequence[Row]) -> Warnings:
    for index, row in enumerate(rows):
        written = (_SECTION, index, "within") in parts.document.places
        if row.then is not Then.ROLLBACK and not written:
            text = f"has no deadline: say `within`, or it is {row.within:g} s"
            yield (_SECTION, index), text


def _with_plans(target: Target) -> Warnings:
    asked = named(target.decisions)
    for trigger in target.triggers:
        if trigger.plan and trigger.name in asked:
            text = (
                "starts its plan by itself, whatever the decision table says: "
                "remove the plan, or the trigger from `decisions`"
            )
            yield ("triggers", trigger.name, "plan"), text
