"""Comparisons of one number with a limit, exactly as written: 1.0 is not above 1.0."""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum


class Op(StrEnum):
    """How a value is compared. PASSING and FAILING read yes/no signals (1 is yes)."""

    ABOVE = "above"
    AT_LEAST = "at_least"
    BELOW = "below"
    AT_MOST = "at_most"
    EXACTLY = "exactly"
    NOT = "not"
    PASSING = "passing"
    FAILING = "failing"


_OPPOSITE = {
    Op.ABOVE: Op.AT_MOST,
    Op.AT_LEAST: Op.BELOW,
    Op.BELOW: Op.AT_LEAST,
    Op.AT_MOST: Op.ABOVE,
    Op.EXACTLY: Op.NOT,
    Op.NOT: Op.EXACTLY,
    Op.PASSING: Op.FAILING,
    Op.FAILING: Op.PASSING,
}
# By name, because the members of an enum are slow to find, and this is asked at every look.
_HOLDS: Mapping[Op, Callable[[float, float], bool]] = {
    Op.ABOVE: operator.gt,
    Op.AT_LEAST: operator.ge,
    Op.BELOW: operator.lt,
    Op.AT_MOST: operator.le,
    Op.EXACTLY: operator.eq,
    Op.NOT: operator.ne,
    Op.PASSING: lambda value, _: value != 0,
    Op.FAILING: lambda value, _: value == 0,
}


@dataclass(frozen=True, slots=True)
class Condition:
    """`holds(value)`, and its text. `limit` is in the unit of the signal."""

    op: Op
    limit: float = 0.0

    def holds(self, value: float) -> bool:
        """Whether `value` meets the condition. `value` must be a finite or infinite number."""
        return _HOLDS[self.op](value, self.limit)

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
