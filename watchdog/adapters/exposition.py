"""Reads a metrics page, as text format or OpenMetrics: the series that somebody asked for."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_open_metrics,
)
from prometheus_client.parser import text_string_to_metric_families as parse_text_format

OPEN_METRICS = "application/openmetrics-text"
# The parser takes time with the square of a line's length.
_LONGEST_LINE = 4_096
_QUOTED = 60
# Any line of either format, roughly: enough to tell a metrics page from everything else.
_NUMBER = r"[-+]?(?:[0-9.][0-9A-Za-z.+-]*|nan|inf(?:inity)?)"
_SERIES = r"(?:[a-z_:][a-z0-9_:]*\s*)?(?:\{.*\}\s*|(?<=\s))"
_TIME = r"(?:\s+[-+0-9.e]+)?"
_LINE = re.compile(
    rf"\s*(?:#.*|{_SERIES}{_NUMBER}{_TIME}(?:\s+#.*)?)?\s*", re.IGNORECASE | re.ASCII
)
_NAME = re.compile(r"\s*([a-zA-Z_:][a-zA-Z0-9_:]*)")
_SUFFIX = re.compile(r"_(?:total|created|count|sum|bucket|gcount|gsum|info)$")
# What its parser is known to raise on text that is none of this format.
_MALFORMED = (ValueError, KeyError, IndexError, TypeError, AttributeError, ArithmeticError)


@dataclass(frozen=True, slots=True)
class Reading:
    """One series as it stands on the page. `written`: Unix seconds, where the page says them."""

    labels: Mapping[str, str]
    value: float
    written: float | None


class UnreadableError(Exception):
    """The page is not one of metrics; the text says what it holds instead."""


def read_page(body: bytes, content_type: str, names: Iterable[str]) -> dict[str, list[Reading]]:
    """The series of each of `names`, which are full names such as `x_bucket`.

    Of a series that stands there twice the first counts, as in Prometheus. Lines of others
    are only looked at to see whether this is a metrics page. Raises UnreadableError.
    """
    found: dict[str, dict[frozenset[tuple[str, str]], Reading]] = {name: {} for name in names}
    is_open = content_type.partition(";")[0].strip().lower() == OPEN_METRICS
    lines = _lines(body)
    try:
        if is_open:
            text = _joined(_whole_families(lines, set(found)))
            families = parse_open_metrics(text)  # type: ignore[no-untyped-call]
        else:
            families = parse_text_format(_joined(_named(lines, set(found))))
        for name, labels, reading in _readings(families):
            if name in found:
                found[name].setdefault(labels, reading)
    except _MALFORMED as error:
        raise UnreadableError(f"a line cannot be read: {_short(str(error))}") from error
    return {name: list(series.values()) for name, series in found.items()}


def _lines(body: bytes) -> list[str]:
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise UnreadableError("it is not UTF-8") from error
    lines = text.split("\n")
    for number, line in enumerate(lines, 1):
        if len(line) > _LONGEST_LINE and not line.startswith("#"):
            raise UnreadableError(f"line {number} is longer than {_LONGEST_LINE} characters")
        if not _LINE.fullmatch(line):
            raise UnreadableError(f"line {number} is no metric: {_short(line)}")
    return lines


def _named(lines: Iterable[str], names: set[str]) -> Iterator[str]:
    # Without the comments, so that the parser leaves the names as they stand.
    return (line for line in lines if (found := _NAME.match(line)) and found[1] in names)


def _whole_families(lines: Iterable[str], names: set[str]) -> Iterator[str]:
    """What OpenMetrics' parser must see to believe in the families of `names`."""
    families = names | {_SUFFIX.sub("", name) for name in names}
    for line in lines:
        if line.startswith("#"):
            words = line.split(" ", 3)
            if line == "# EOF" or (words[1:2] == ["TYPE"] and {*words[2:3]} & families):
                yield line
        elif (found := _NAME.match(line)) and (
            found[1] in families or _SUFFIX.sub("", found[1]) in families
        ):
            yield line


def _joined(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _readings(
    families: Iterable[Metric],
) -> Iterator[tuple[str, frozenset[tuple[str, str]], Reading]]:
    for family in families:
        for sample in family.samples:
            if sample.native_histogram is not None:
                continue
            written = None if sample.timestamp is None else float(sample.timestamp)
            if written is not None and not math.isfinite(written):
                raise ValueError(f"{sample.name} has a time that is no number")
            reading = Reading(sample.labels, float(sample.value), written)
            yield sample.name, frozenset(sample.labels.items()), reading


def _short(text: str) -> str:
    line = " ".join(text.split())
    return repr(line if len(line) <= _QUOTED else line[:_QUOTED] + "…")
