"""Which row of a target's decision table holds for the states of its triggers: the first does."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from watchdog.domain.trigger import Severity


class Cell(StrEnum):
    """What a row asks of one trigger."""

    FIRING = "firing"
    QUIET = "quiet"
    ANY = "any"


class Seen(StrEnum):
    """What is known of one trigger. A firing one stays firing until it is seen to be good."""

    FIRING = "firing"
    QUIET = "quiet"
    UNKNOWN = "unknown"


class Then(StrEnum):
    """What a row says is to be done; the last two change nothing."""

    ROLLBACK = "rollback"
    INVESTIGATE = "investigate"
    MONITOR = "monitor"


@dataclass(frozen=True, slots=True)
class Row:
    """One row. `within`: seconds that people have to decide once it holds.

    Without `cells` it is the default row. Without a `severity`, the gravest of the firing
    triggers that it asks for decides.
    """

    name: str
    then: Then
    cells: tuple[tuple[str, Cell], ...] = ()
    plan: str = ""
    severity: Severity | None = None
    within: float = 300.0

    @property
    def firing(self) -> tuple[str, ...]:
        """The triggers that must fire."""
        return tuple(trigger for trigger, cell in self.cells if cell is Cell.FIRING)


States = Mapping[str, Seen]


def named(rows: Iterable[Row]) -> frozenset[str]:
    """Every trigger that a row speaks of."""
    return frozenset(trigger for row in rows for trigger, _ in row.cells)


def selected(rows: Sequence[Row], states: States) -> Row | None:
    """The first row that holds for certain; None where none does, or nothing fires at all."""
    if Seen.FIRING not in states.values():
        return None
    return next((row for row in rows if _holds(row, states)), None)


def may_hold(rows: Sequence[Row], row: Row, states: States) -> bool:
    """Whether nothing shows that `row` is over: what is unknown does not."""
    earlier = rows[: rows.index(row)]
    over = any(_holds(one, states) for one in earlier)
    nothing_fires = set(states.values()) == {Seen.QUIET}
    return not over and not nothing_fires and not _is_contradicted(row, states)


def is_settled(rows: Sequence[Row], row: Row, states: States) -> bool:
    """Whether no earlier row that would do something else may hold in place of `row`."""
    return all(
        (one.then, one.plan) == (row.then, row.plan) or _is_contradicted(one, states)
        for one in rows[: rows.index(row)]
    )


def _holds(row: Row, states: States) -> bool:
    return all(
        cell is Cell.ANY or states.get(trigger, Seen.UNKNOWN).value == cell.value
        for trigger, cell in row.cells
    )


def _is_contradicted(row: Row, states: States) -> bool:
    seen = ((cell, states.get(trigger, Seen.UNKNOWN)) for trigger, cell in row.cells)
    return any(
        cell is not Cell.ANY and state is not Seen.UNKNOWN and state.value != cell.value
        for cell, state in seen
    )
