"""What becomes of a step, by what the other side does: the table of docs/reliability.md."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.faults.admin_api import Ending, Fault

REPEATS = ("observable", "idempotent", "once")
# Seconds that the step waits for an answer: where none comes; where one is lost, after which
# "not done" is not believed for as long; and otherwise.
SHORT = 1.0
LOST = 3.0
LONG = 20.0


@dataclass(frozen=True, slots=True)
class Fate:
    """How the run ended, how often the step was sent, and how often it had its effect."""

    outcome: str
    sent: int
    effects: int

    def __str__(self) -> str:
        return f"{self.outcome}: sent {self.sent}, done {self.effects}"


@dataclass(frozen=True, slots=True)
class Row:
    """`fault` None: nobody listens. `fates` in the order of REPEATS."""

    what: str
    fault: Callable[[], Fault] | None
    fates: tuple[Fate, Fate, Fate]
    waits: float = LONG

    def __str__(self) -> str:
        return f"| {self.what} | {' | '.join(map(str, self.fates))} |"


_FAILED = Fate("failed", 1, 0)
_TRIED = Fate("failed", 3, 0)
_UNSURE = Fate("interrupted", 1, 0)
_DONE_BUT = Fate("interrupted", 1, 1)
_GIVEN_UP = (_TRIED, Fate("interrupted", 3, 0), _UNSURE)
_SENT_AGAIN = Fate("succeeded", 2, 1)
_FOUND_DONE = (Fate("succeeded", 1, 1), Fate("succeeded", 2, 2), _DONE_BUT)

ROWS = (
    Row("does it and says so", lambda: Fault(acts=True), (Fate("succeeded", 1, 1),) * 3),
    Row("answers 401", lambda: Fault(status=401), (_FAILED,) * 3),
    Row("answers 404", lambda: Fault(status=404), (_FAILED,) * 3),
    Row(
        "answers 307, to elsewhere",
        lambda: Fault(status=307, headers={"Location": "/do/elsewhere"}),
        (_FAILED,) * 3,
    ),
    Row("answers 429, always", lambda: Fault(status=429), (_TRIED,) * 3),
    Row(
        "answers 429, at first",
        lambda: Fault(status=429, times=2),
        (Fate("succeeded", 3, 1),) * 3,
    ),
    Row("answers 500 and does nothing, always", lambda: Fault(status=500), _GIVEN_UP, LOST),
    Row(
        "answers 500 and does nothing, at first",
        lambda: Fault(status=500, times=1),
        (_SENT_AGAIN, _SENT_AGAIN, _UNSURE),
        LOST,
    ),
    Row("answers 500, yet does it", lambda: Fault(status=500, acts=True, times=1), _FOUND_DONE),
    Row("answers 200, yet does nothing", Fault, (_FAILED,) * 3),
    Row("never answers, and does nothing", lambda: Fault(ending=Ending.SILENCE), _GIVEN_UP, SHORT),
    Row(
        "never answers, yet does it",
        lambda: Fault(ending=Ending.SILENCE, acts=True, times=1),
        _FOUND_DONE,
        SHORT,
    ),
    Row(
        "answers too late, and does it later still",
        lambda: Fault(acts=True, late=SHORT + 0.2, times=1),
        _FOUND_DONE,
        SHORT,
    ),
    Row("hangs up before acting, always", lambda: Fault(ending=Ending.HANG_UP), _GIVEN_UP, LOST),
    Row(
        "hangs up before acting, at first",
        lambda: Fault(ending=Ending.HANG_UP, times=1),
        (_SENT_AGAIN, _SENT_AGAIN, _UNSURE),
        LOST,
    ),
    Row(
        "hangs up after acting",
        lambda: Fault(ending=Ending.HANG_UP, acts=True, times=1),
        _FOUND_DONE,
    ),
    Row("refuses the connection", None, (Fate("failed", 0, 0),) * 3),
)


@dataclass(frozen=True, slots=True)
class Case:
    """One cell of the table; in the daemon it is a target of its own."""

    name: str
    row: Row
    repeat: str
    fate: Fate


def cases() -> Iterator[Case]:
    for number, row in enumerate(ROWS):
        for repeat, fate in zip(REPEATS, row.fates, strict=True):
            yield Case(f"row-{number}-{repeat}", row, repeat, fate)


CASES = tuple(cases())
