"""The form of what people are told: one short title, sentences, and what to do next."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from watchdog.domain.topics import Topic
from watchdog.domain.trigger import Severity
from watchdog.domain.words import utc

TITLE_LENGTH = 100
LINE_LENGTH = 240
LINES = 15
TEXT_LINE_LENGTH = 500
TEXT_LINES = 30


@dataclass(frozen=True, slots=True)
class Telling:
    """What people are told of one fact. The first topic names it; each of them asks for it.

    An empty `target` means all of them.
    """

    topics: tuple[Topic, ...]
    severity: Severity
    target: str
    title: str
    text: str
    fields: Mapping[str, str]

    @property
    def topic(self) -> Topic:
        """The word that it goes by."""
        return self.topics[0]


def title(*parts: str) -> str:
    """One line of at most 100 characters."""
    return cut(" ".join(" ".join(parts).split()), TITLE_LENGTH)


def text(*sentences: str, then: str) -> str:
    """What is the matter, a line each, and last what to do next."""
    lines = [line.strip() for sentence in sentences for line in sentence.splitlines()]
    shown = [cut(line, TEXT_LINE_LENGTH) for line in filter(None, lines)]
    left_out = [f"and {len(shown) - TEXT_LINES} lines more"] if len(shown) > TEXT_LINES else []
    return "\n".join([*shown[:TEXT_LINES], *left_out, f"Next: {then}"])


def numbered(lines: Sequence[str]) -> str:
    """A short list, one numbered line each."""
    shown = [f"{n}. {one_line(line)}" for n, line in enumerate(lines[:LINES], 1)]
    more = len(lines) - len(shown)
    return "\n".join([*shown, f"and {more} more"] if more else shown)


def fields(pairs: Iterable[tuple[str, str]]) -> Mapping[str, str]:
    """The facts by name, less those that are not known."""
    return {name: one_line(value) for name, value in pairs if value}


def one_line(what: str) -> str:
    """`what` without line breaks, and not too long."""
    return cut(" ".join(what.split()), LINE_LENGTH)


def cut(what: str, length: int) -> str:
    """`what`, with an ellipsis where it is longer than `length`."""
    return what if len(what) <= length else what[: length - 1] + "…"


def clock(wall: float) -> str:
    """The time of day, UTC: `14:02:11Z`."""
    return utc(wall).partition("T")[2]
