"""What became of a case: what was seen of its triggers, and what was not as it had to be."""

from collections.abc import Iterator
from dataclasses import dataclass

from watchdog.domain.case import NOTHING, Case, Expected
from watchdog.domain.words import duration


@dataclass(frozen=True, slots=True)
class Seen:
    """One trigger at one moment. Empty texts: nothing was looked at yet."""

    state: str = "inactive"
    verdict: str = ""
    reason: str = ""
    blind: bool = False
    decision: str = NOTHING
    plan: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that happened, `at` seconds from the start."""

    at: float
    text: str

    def __str__(self) -> str:
        return f"{duration(self.at):>9}  {self.text}"


@dataclass(frozen=True, slots=True)
class Missed:
    """An expectation that was not met, and what was seen in its place."""

    expected: Expected
    what: str
    wanted: str
    got: str

    def __str__(self) -> str:
        place = f"at {duration(self.expected.at)} {self.expected.trigger}"
        return f"{place}: {self.what} is {self.got}, expected {self.wanted}"


@dataclass(frozen=True, slots=True)
class CaseOutcome:
    """Whether a case came out as it had to, and everything that happened in it."""

    case: Case
    missed: tuple[Missed, ...]
    timeline: tuple[Line, ...]

    @property
    def passed(self) -> bool:
        """Whether every expectation was met."""
        return not self.missed


_YES = {None: None, True: "yes", False: "no"}


def missed(expected: Expected, seen: Seen) -> Iterator[Missed]:
    """Each thing that `expected` asks for and `seen` is not."""
    unlike = {
        "state": (expected.state, seen.state),
        "verdict": (expected.verdict and expected.verdict.value, seen.verdict),
        "reason": (expected.reason, seen.reason),
        "blind": (_YES[expected.blind], _YES[seen.blind]),
        "decision": (expected.decision, seen.decision),
        "plan": (expected.plan, seen.plan),
    }
    for what, (wanted, got) in unlike.items():
        if wanted is not None and wanted != got:
            yield Missed(expected, what, wanted or NOTHING, got or NOTHING)
