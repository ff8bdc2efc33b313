"""Durations, percentages and other numbers with a unit, as people write them."""

import math
import re
from fractions import Fraction

_MILLISECOND = Fraction(1, 1000)
_SECONDS = {
    "w": Fraction(604_800),
    "d": Fraction(86_400),
    "h": Fraction(3600),
    "m": Fraction(60),
    "s": Fraction(1),
    "ms": _MILLISECOND,
}
_FAMILIES: tuple[dict[str, Fraction], ...] = (
    {"ratio": Fraction(1), "%": Fraction(1, 100)},
    _SECONDS,
    {
        "B": Fraction(1),
        **{f"{letter}B": Fraction(1000**power) for power, letter in enumerate("kMGT", 1)},
        **{f"{letter}iB": Fraction(1024**power) for power, letter in enumerate("KMGT", 1)},
    },
)
_DIGITS = r"\d{1,15}(?:\.\d{1,15})?"
DURATION_PATTERN = "^0$|^(?=.)" + "".join(f"(?:{_DIGITS}{unit})?" for unit in _SECONDS) + "$"
_DURATION = re.compile(DURATION_PATTERN, re.ASCII)
_PART = re.compile(rf"({_DIGITS})(ms|[wdhms])", re.ASCII)
_NUMBER = re.compile(r"([-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)\s*([^\s\d.+-]\S*)?", re.ASCII)


def parse_duration(text: str) -> float:
    """Seconds of `2m`, `1500ms` or `1h30m`, the largest unit first. Raises ValueError."""
    if not _DURATION.fullmatch(text):
        raise ValueError(f"{text!r} is not a duration; write it like 90s, 1h30m or 500ms")
    return float(sum(Fraction(digits) * _SECONDS[unit] for digits, unit in _PART.findall(text)))


def parse_number(text: str) -> tuple[float, str]:
    """The number and the unit of `10%`, `3s`, `1500ms` or `0.5` (no unit: empty).

    The number stands as written: 10% is 10 and "%". Raises ValueError.
    """
    found = _NUMBER.fullmatch(text.strip())
    if found is None or not math.isfinite(value := float(found[1])):
        raise ValueError(f"{text!r} is not a number; write it like 0.5, 10% or 3s")
    return value, found[2] or ""


def convert(value: float, unit: str, into: str) -> float:
    """`value`, given in `unit`, in the unit `into`: 10 "%" into "ratio" is 0.1.

    A number without a unit already is in the wanted one. Raises ValueError when one unit
    cannot become the other.
    """
    if unit in ("", into):
        return value
    for family in _FAMILIES:
        if unit in family and into in family:
            # Exact, so that 0.7% is the same limit as 0.007.
            return float(Fraction(repr(value)) * family[unit] / family[into])
    raise ValueError(
        f"a number in {unit!r} cannot be compared with a signal in {into or 'no unit'!r}"
    )
