"""How far something slow has come, on standard error: a bar for a person, lines for a log."""

import sys
from dataclasses import dataclass

_WIDTH = 30
_TENTH = 10


@dataclass(slots=True)
class ProgressBar:
    """Call it with how much is done, and of how much."""

    what: str
    _shown: int = -1

    def __call__(self, done: int, total: int) -> None:
        percent = 100 * done // total if total else 100
        if sys.stderr.isatty():
            if percent != self._shown:
                self._draw(percent, done, total)
        elif percent // _TENTH != self._shown // _TENTH:
            sys.stderr.write(f"{self.what}: {percent} % ({done} of {total})\n")
        self._shown = percent

    def _draw(self, percent: int, done: int, total: int) -> None:
        filled = _WIDTH * percent // 100
        bar = "#" * filled + "." * (_WIDTH - filled)
        end = "\n" if done == total else ""
        sys.stderr.write(f"\r{self.what} [{bar}] {percent:3d} %  {done} of {total}{end}")
        sys.stderr.flush()
