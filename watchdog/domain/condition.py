"""Comparisons of one number with a limit, exactly as written: 1.0 is not above 1.0."""

from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never


class Op(StrEnum):
    """How a value is compared. PASSING and FAILING read yes/no signals (1 is yes)."""

    ABOVE = "above"
    AT_LEAST = "at_least"
    BELOW = "below"
    AT_MOST = "at_most"
    PASSING = "passing"
    FAILING = "failing"


_OPPOSITE = {
    Op.ABOVE: Op.AT_MOST,
    Op.AT_LEAST: Op.BELOW,
    Op.BELOW: Op.AT_LEAST,
    Op.AT_MOST: Op.ABOVE,
    Op.PASSING: Op.FAILING,
    Op.FAILING: Op.PASSING,
}


@dataclass(frozen=True, slots=True)
class Condition:
    """`holds(value)`, and its text. `limit` is in the unit of the signal."""

    op: Op
    limit: float = 0.0

    def holds(self, value: float) -> bool:
        """Whether `value` meets the condition. `value` must be a finite or infinite number."""
        match self.op:
            case Op.ABOVE:
                return value > self.limit
            case Op.AT_LEAST:
                return value >= self.limit
            case Op.BELOW:
                return value < self.limit
            case Op.AT_MOST:
                return value <= self.limit
            case Op.PASSING:
                return value != 0
            case Op.FAILING:
                return value == 0
            case _:
                assert_never(self.op)

    @property
    def yes_or_no(self) -> bool:
        """Whether this reads a yes/no signal."""
        return self.op in (Op.PASSING, Op.FAILING)

    def negated(self) -> "Condition":
        """The condition that holds exactly when this one does not."""
        return Condition(_OPPOSITE[self.op], self.limit)

    def __str__(self) -> str:
        if self.yes_or_no:
            return self.op.value
        return f"{self.op.value.replace('_', ' ')} {self.limit:.12g}"
