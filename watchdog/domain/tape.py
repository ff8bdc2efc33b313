"""A row of observations as a person writes it: promtool's notation, and what it has no word for."""

import math
import re
from collections.abc import Iterator
from fractions import Fraction

from watchdog.domain.observation import Gap, Observation, Sample, Unknown

# Longer than a month of looks every 15 s: a slip of the finger must not fill the memory.
MOST = 200_000
_DIGITS = r"(?:\d{1,30}(?:\.\d{0,30})?|\.\d{1,30})(?:[eE][-+]?\d{1,3})?"
_NUMBERS = re.compile(rf"([-+]?{_DIGITS})([-+]{_DIGITS})?(?:x(\d{{1,30}}))?", re.ASCII)
_WORDS = re.compile(
    rf"(_|stale|nan|[-+]?inf|err(?::\d{{3}})?|timeout|warn:[-+]?{_DIGITS})(?:x(\d{{1,30}}))?",
    re.ASCII | re.IGNORECASE,
)
_KINDS = "a number, axn, a+bxn, a-bxn, _, stale, nan, inf, -inf, err, err:503, timeout or warn:2.0"


def tape(text: str) -> tuple[Observation, ...]:
    """One observation a look, of text such as `0.01x3 _x2 err:503 0.2+0.1x4`.

    As promtool reads it: a number is followed by `xn` more of it, each larger by what stands
    after its sign, so that `1x4` are five; a word is said n times, so that `_x3` are three.
    Raises ValueError.
    """
    found: list[Observation] = []
    for word in text.split():
        found += _some(word, MOST - len(found))
    return tuple(found)


def _some(word: str, most: int) -> Iterator[Observation]:
    numbers, words = _NUMBERS.fullmatch(word), _WORDS.fullmatch(word)
    if numbers is not None:
        first, more, times = numbers.groups()
        count = int(times or 0) + 1
    elif words is not None:
        first, times = words.groups()
        more, count = None, int(times or 1)
    else:
        raise ValueError(f"{word[:40]!r} is no value; write {_KINDS}")
    if count > most:
        raise ValueError(f"{word[:40]!r} makes more than {MOST} values; write fewer")
    try:
        return _row(first, more, count) if numbers else iter([_named(first.lower())] * count)
    except OverflowError:
        raise ValueError(f"{word[:40]!r} is too large; write inf") from None


def _row(first: str, more: str | None, count: int) -> Iterator[Observation]:
    # Exact, so that 0.1+0.1x2 ends at 0.3 and not a hair above it.
    start, step = Fraction(first), Fraction(more or 0)
    return iter([Sample((float(start + index * step),)) for index in range(count)])


def _named(word: str) -> Observation:
    kind, _, detail = word.partition(":")
    match kind:
        case "_":
            return Sample(())
        case "stale":
            return Sample((0.0,), age=math.inf)
        case "err" if detail:
            return Gap(Unknown.HTTP, f"HTTP {detail}")
        case "err":
            return Gap(Unknown.ERROR, "connection refused")
        case "timeout":
            return Gap(Unknown.TIMEOUT, "no answer")
        case "warn":
            return Sample((float(Fraction(detail)),), warnings=("an answer in part",))
        case _:
            return Sample((float(kind),))
