"""What the demonstration shows: headings, lines with their seconds, and what was proven."""

import sys
from dataclasses import dataclass, field

from watchdog.cli.output import say

_BOLD, _DIM, _RED, _GREEN, _YELLOW, _CYAN = "1", "2", "31", "32", "33", "36"
_COLOURS = {
    "breach": _RED,
    "pending": _YELLOW,
    "detected": _RED,
    "blind": _YELLOW,
    "verified": _GREEN,
    "stable": _GREEN,
    "failed": _RED,
}


@dataclass(slots=True)
class Screen:
    """Prints; with colours on a terminal, and without anywhere else. `zero`: elapsed seconds."""

    zero: float = 0.0
    coloured: bool = field(default_factory=sys.stdout.isatty)

    def heading(self, text: str) -> None:
        say()
        say(self.painted(text, _BOLD))

    def fact(self, name: str, text: str) -> None:
        """One of a list of names and what they are."""
        say(f"  {name:<10} {text}")

    def event(self, at: float, word: str, text: str) -> None:
        """Something that happened at `at` elapsed seconds."""
        seconds = self.painted(f"{at - self.zero:+7.2f} s", _DIM)
        label = self.painted(f"{word:<11}", _COLOURS.get(word, _CYAN))
        say(f"{seconds}  {label} {text}".rstrip())

    def claim(self, holds: bool, text: str) -> None:
        mark = self.painted("yes", _GREEN) if holds else self.painted("NO ", _RED)
        say(f"  {mark}  {text}")

    def painted(self, text: str, colour: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self.coloured else text


@dataclass(slots=True)
class Claims:
    """What the demonstration says of itself, each with whether it was really seen."""

    made: list[tuple[bool, str]] = field(default_factory=list)

    def add(self, holds: bool, text: str) -> None:
        self.made.append((holds, text))

    @property
    def all_hold(self) -> bool:
        return bool(self.made) and all(holds for holds, _ in self.made)
