"""What a Prometheus said to an instant query: any bytes become one of three answers."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from watchdog.domain.observation import Gap, Unknown
from watchdog.ports import Answer

# Marks in the answer to which member of a batch a series belongs.
MEMBER_LABEL = "__trigger__"
_LONGEST_TEXT = 300
_SUCCESS = range(200, 300)
_ODD = (KeyError, IndexError, TypeError, ValueError, AttributeError)
_Json = Any


@dataclass(frozen=True, slots=True)
class Numbers:
    """The values that came, by member; a member without series is not in it.

    `labelled`: those of them that have labels of their own, with these.
    """

    values: dict[str, list[float]]
    warnings: tuple[str, ...] = ()
    labelled: Mapping[str, Sequence[tuple[Mapping[str, str], float]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refused:
    """Prometheus itself could not answer this query, or said too much; others may go well."""

    gap: Gap


class _MalformedError(Exception):
    """The answer has not the shape that Prometheus gives it."""


class _MalformedSeriesError(_MalformedError):
    """One series in it has not, such as a native histogram; the others may be well."""


def read_answer(answer: Answer) -> Numbers | Refused | Gap:
    """What `answer` says. Never raises."""
    if answer.truncated:
        text = f"the answer is longer than {len(answer.body)} bytes (max_bytes); aggregate"
        return Refused(Gap(Unknown.PARSE, text))
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        return _not_json(answer)
    try:
        return _read(document, answer.status)
    except _MalformedSeriesError as error:
        return Refused(Gap(Unknown.PARSE, f"no number in the answer: {error}"))
    except _MalformedError as error:
        return Gap(Unknown.PARSE, f"not an answer of Prometheus: {error}")
    except (*_ODD, OverflowError) as error:
        return Gap(Unknown.PARSE, f"not an answer of Prometheus: {type(error).__name__}")


def _not_json(answer: Answer) -> Gap:
    if answer.status not in _SUCCESS:
        return Gap(Unknown.HTTP, f"HTTP {answer.status}")
    kind = answer.headers.get("Content-Type", "no content type")
    return Gap(Unknown.PARSE, f"the answer is not JSON ({_short(kind)}); is this a Prometheus?")


def _read(document: _Json, status: int) -> Numbers | Refused | Gap:
    if not isinstance(document, dict):
        raise _MalformedError("no object")
    if document.get("status") == "error" and "errorType" in document:
        text = f"{document['errorType']}: {document.get('error', '')}"
        return Refused(Gap(Unknown.ERROR, _short(text)))
    if status not in _SUCCESS:
        return Gap(Unknown.HTTP, f"HTTP {status}")
    if document.get("status") != "success":
        raise _MalformedError("no status")
    warnings = tuple(_short(str(warning)) for warning in document.get("warnings") or ())
    return _numbers(document["data"], warnings)


def _numbers(data: _Json, warnings: tuple[str, ...]) -> Numbers:
    kind, result = data["resultType"], data["result"]
    if kind != "vector":
        raise _MalformedError(f"resultType {_short(str(kind))}")
    values: dict[str, list[float]] = {}
    labelled: dict[str, list[tuple[Mapping[str, str], float]]] = {}
    for series in result:
        # Without a call: at ten thousand triggers these are forty thousand a round.
        try:
            metric = series["metric"]
            member, (_, text) = metric[MEMBER_LABEL], series["value"]
            value = float(text) if type(member) is type(text) is str else None
        except _ODD:
            value = None
        if value is None:
            member, value = _member(series)
        if member in values:
            values[member].append(value)
        else:
            values[member] = [value]
        # Most queries are aggregated to one number, and have no label but ours.
        if len(metric) > 1:
            labelled.setdefault(member, []).append((metric, value))
    return Numbers(values, warnings, labelled)


def _member(series: _Json) -> tuple[str, float]:
    """The name and the value of a series; what is wrong with one that is odd."""
    try:
        member = series["metric"][MEMBER_LABEL]
        if type(member) is not str:
            raise _MalformedSeriesError("a label that is no text")
        if "value" not in series:
            raise _MalformedSeriesError("a series without a value (a native histogram?)")
        _, text = series["value"]
        if type(text) is not str:
            raise _MalformedSeriesError("a value that is no text")
        return member, float(text)
    except _ODD as error:
        raise _MalformedSeriesError(type(error).__name__) from error


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_TEXT else line[: _LONGEST_TEXT - 1] + "…"
