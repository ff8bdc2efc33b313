"""What may stand under `decisions:` of a target's file: the rows of its decision table."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from watchdog.config.fields import Entry, Name, SeverityName, Text
from watchdog.domain.decision_table import Cell, Row, Then
from watchdog.domain.trigger import Severity
from watchdog.plugins import Duration

OTHERWISE = "otherwise"


class DecisionEntry(Entry):
    """One row: the first that holds decides."""

    when: Annotated[dict[Name, Cell], Field(min_length=1)] | None = Field(
        None, description="triggers that must be `firing` or `quiet`; `any` says that all is one"
    )
    otherwise: Literal["investigate", "monitor"] | None = Field(
        None, description="what holds when no other row does and a trigger fires; comes last"
    )
    then: Then | None = Field(
        None, description="rollback starts a plan; investigate and monitor ask people"
    )
    plan: Name | None = Field(None, description="the plan that `rollback` starts")
    severity: SeverityName | None = Field(
        None, description="how grave it is; default that of its gravest firing trigger"
    )
    within: Duration = Field(
        "5m",
        validate_default=True,
        description="time for people; if it still holds then, they are paged",
    )
    decide_within: Duration = Field(
        "5m",
        validate_default=True,
        description="time to decide about a rollback that the machine does not start by itself",
    )
    name: Text | None = Field(None, description="what people read; made up when missing")

    @model_validator(mode="after")
    def _is_one_row(self) -> Self:
        if (self.when is None) == (self.otherwise is None):
            raise ValueError("a row has `when`, or is the last one and has `otherwise`")
        if (self.when is None) is not (self.then is None):
            raise ValueError("`when` goes with `then`; `otherwise` says it all by itself")
        rolls_back = self.then is Then.ROLLBACK
        if rolls_back is not (self.plan is not None):
            raise ValueError("`then: rollback` goes with the `plan` that it starts, and no other")
        if rolls_back and Cell.FIRING not in (self.when or {}).values():
            raise ValueError("`then: rollback` needs a trigger that is `firing`")
        other = "within" if rolls_back else "decide_within"
        if other in self.model_fields_set:
            said = "decide_within" if rolls_back else "within"
            raise ValueError(f"`{other}` means nothing here; write `{said}`")
        if min(self.within, self.decide_within) <= 0:
            raise ValueError("people need some time: write it like 5m")
        return self

    @property
    def outcome(self) -> Then:
        """What the row says is to be done."""
        return self.then or (Then.MONITOR if self.otherwise == "monitor" else Then.INVESTIGATE)


def rows_of(entries: list[DecisionEntry]) -> tuple[Row, ...]:
    """The table, in the order written."""
    return tuple(_row(index, entry) for index, entry in enumerate(entries))


def _row(index: int, entry: DecisionEntry) -> Row:
    cells = tuple((entry.when or {}).items())
    return Row(
        name=entry.name or _in_words(index, cells),
        then=entry.outcome,
        cells=cells,
        plan=entry.plan or "",
        severity=Severity[entry.severity.upper()] if entry.severity else None,
        within=entry.decide_within if entry.then is Then.ROLLBACK else entry.within,
    )


def _in_words(index: int, cells: tuple[tuple[str, Cell], ...]) -> str:
    """A name for a row that has none: what it asks of which trigger."""
    asked = [f"{name} {cell.value}" for name, cell in cells if cell is not Cell.ANY]
    return f"row {index + 1}: {', '.join(asked) or OTHERWISE}"
