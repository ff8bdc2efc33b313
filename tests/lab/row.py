"""One row of the table: what was injected, what survived it, and how to see it again."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

HEADING = (
    "| row | faults injected | survived | seeds | time | how |\n"
    "| --- | ---: | ---: | --- | ---: | --- |"
)


@dataclass(slots=True)
class Row:
    """`problems` is what did not survive, in words; `notes` are figures besides.

    `details`, and a `table` of its own, are printed below the table of all rows.
    """

    name: str
    what: str
    how: str
    seeds: str = "-"
    injected: int = 0
    survived: int = 0
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    details: list[str] = field(default_factory=list)
    table: list[str] = field(default_factory=list)

    def judge(self, faults: int, problems: Iterable[str], where: str) -> None:
        """Count `faults`; they were survived where there are no `problems`."""
        found = [f"{where}: {problem}" for problem in problems]
        self.injected += faults
        self.survived += 0 if found else faults
        self.problems += found

    @property
    def fine(self) -> bool:
        """Whether something was injected and all of it survived."""
        return self.injected > 0 and self.survived == self.injected and not self.problems

    def __str__(self) -> str:
        notes = f" ({'; '.join(self.notes)})" if self.notes else ""
        took = f"{self.seconds:.0f} s"
        cells = (
            f"{self.what}{notes}", f"{self.injected:,}", f"{self.survived:,}", self.seeds, took,
            f"`{self.how}`",
        )  # fmt: skip
        return f"| {' | '.join(cells)} |"


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of `values` do not exceed; 0 where there is none."""
    if not values:
        return 0.0
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * share) - 1)]
