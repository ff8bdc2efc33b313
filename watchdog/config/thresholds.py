"""The unit of every signal, and whether what is compared with it can be."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from watchdog.config.fields import COMPARING, Amount, amount
from watchdog.config.problems import Path, Problem, dotted
from watchdog.config.reading import Document
from watchdog.config.walking import Content, checks, conditions, entries
from watchdog.domain.relative import Move
from watchdog.domain.units import convert

_BASES = ("ratio", "s", "B")
# These are in the unit of the signal; how far it dropped or rose is a share.
_RATES = (Move.GROWS.value, Move.FALLS.value)


@dataclass(slots=True)
class Units:
    """The unit of each signal, by name: declared, or taken from its thresholds."""

    units: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def limit_in(limit: Amount, unit: str) -> float:
    """`limit` in `unit`; without a unit, in the base of its own. Raises ValueError."""
    return convert(limit.number, limit.unit, unit or base(limit.unit))


def base(unit: str) -> str:
    """The unit that everything of this family is measured in: `ratio` for %, `s` for ms."""
    for candidate in _BASES:
        try:
            convert(1.0, unit, candidate)
        except ValueError:
            continue
        return candidate if unit else ""
    return unit


def units_of(document: Document, content: Content) -> Units:
    """The units of the signals of `content`; thresholds that are no numbers are passed over."""
    found = Units()
    declared = {str(path[-1]): signal.get("unit") for path, signal in entries(content, "signals")}
    first: dict[str, Path] = {}
    for name, path, limit in _compared(content):
        if name not in declared or not limit.unit:
            continue
        unit = declared[name]
        if not isinstance(unit, str) or not unit:
            if base(limit.unit) not in _BASES:
                text = (
                    f"{limit.unit!r} is no unit that is known here; declare it at signal {name!r}"
                )
                found.problems.append(document.problem(path, text))
                continue
            unit = found.units.setdefault(name, base(limit.unit))
            first.setdefault(name, path)
        try:
            limit_in(limit, unit)
        except ValueError:
            why = f"as {dotted(first[name])} says" if name in first else "as it declares"
            text = f"{limit.unit!r} does not fit signal {name!r}, which is in {unit!r} {why}"
            found.problems.append(document.problem(path, f"{text}; write the limit in that unit"))
    for name, unit in declared.items():
        found.units[name] = unit if isinstance(unit, str) and unit else found.units.get(name, "")
    found.problems += _inline(document, content)
    found.problems += _yes_or_no(document, content, found.units)
    found.problems += _no_shares(document, content, found.units)
    return found


def _compared(content: Content) -> Iterator[tuple[str, Path, Amount]]:
    """Every limit that a signal is compared with: the signal, where, and the limit."""
    counts = {str(p[-1]) for p, one in entries(content, "signals") if one.get("series") == "count"}
    for path, part in (*conditions(content), *checks(content)):
        name = part.get("signal")
        # A number of series is in no unit, whatever theirs is.
        if isinstance(name, str) and name not in counts:
            for place, limit in _limits(path, part):
                yield name, place, limit
            clear = part.get("clear")
            if isinstance(clear, Mapping):
                for place, limit in _limits((*path, "clear"), clear):
                    yield name, place, limit
    for path, signal in entries(content, "signals"):
        counting = signal.get("counting")
        if isinstance(counting, Mapping):
            for place, limit in _limits((*path, "counting"), counting):
                yield str(path[-1]), place, limit


def _limits(path: Path, part: Mapping[str, object]) -> Iterator[tuple[Path, Amount]]:
    for key in (*(op.value for op in COMPARING), *_RATES):
        if part.get(key) is not None:
            try:
                yield (*path, key), amount(part[key])
            except ValueError:
                continue


def _inline(document: Document, content: Content) -> Iterator[Problem]:
    """Checks that read a number by themselves, and say its unit beside it."""
    for path, check in checks(content):
        unit = check.get("unit")
        if "value" not in check or not isinstance(unit, str):
            continue
        for place, limit in _limits(path, check):
            try:
                limit_in(limit, unit)
            except ValueError as error:
                yield document.problem(place, f"{error}; write both in one unit")


def _no_shares(document: Document, content: Content, units: Mapping[str, str]) -> Iterator[Problem]:
    """How sure a number is that is no share of anything cannot be told: it would never fire."""
    sure = {str(p[-1]) for p, one in entries(content, "signals") if one.get("confidence")}
    for name, path, limit in _compared(content):
        if name not in sure:
            continue
        unit = units[name]
        most = {"": 1.0, "ratio": 1.0, "%": 100.0}.get(unit)
        try:
            is_share = most is not None and 0 <= limit_in(limit, unit) <= most
        except ValueError:
            continue
        if not is_share:
            text = (
                f"is no share, and signal {name!r} asks for `confidence`, which only a share has; "
                "write it like 5%, and `unit: '%'` where the query gives percent"
            )
            yield document.problem(path, text)


def _yes_or_no(document: Document, content: Content, units: Mapping[str, str]) -> Iterator[Problem]:
    for path, part in (*conditions(content), *checks(content)):
        word = next((word for word in ("fails", "is") if word in part), None)
        unit = units.get(str(part.get("signal")))
        if word and unit:
            yield document.problem(
                (*path, word),
                f"reads a yes/no signal, but {part['signal']!r} is a number in {unit!r}; "
                "compare it with above or below",
            )
