"""One thing wrong in one place of one file, and the error that carries all of them at once."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass

from watchdog.domain.errors import ConfigError

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """`file:line: key: what is wrong; what would be right`. `line` and `column` count from 1.

    `line` is 0 where there is no line: a file that cannot be read, a variable of the
    environment. `key` is the dotted path, empty for the file as a whole.
    """

    file: str
    line: int
    column: int
    key: str
    text: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return ": ".join(part for part in (place, self.key, self.text) if part)


class ConfigProblems(ConfigError):
    """Everything wrong in the files read, in the order a person would mend it."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: Sequence[Problem] = in_order(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def in_order(problems: Iterable[Problem]) -> list[Problem]:
    """Each once, in the order in which a person meets them."""
    return sorted(set(problems), key=astuple)


def dotted(path: Path) -> str:
    """`path` as a person writes it: `plans.undo.steps[0].use`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The nearest of `known`, or all of them."""
    names = sorted(known)
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"known: {', '.join(names)}" if names else "there are none here"


def one_a_key(problems: Iterable[Problem]) -> list[Problem]:
    """The first problem of each key: what follows it is mostly its echo."""
    first: dict[tuple[str, str], Problem] = {}
    for problem in problems:
        first.setdefault((problem.file, problem.key), problem)
    return list(first.values())
