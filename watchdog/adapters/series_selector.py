"""Which series of a metrics page a question means: `name{label="value"}`, as in PromQL."""

import json
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import promql_parser as promql

_LONGEST = 2_000
_PLAIN_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
# By text, because the parser's own values cannot be keys.
_OPERATORS = {
    "MatchOp.Equal": "=",
    "MatchOp.NotEqual": "!=",
    "MatchOp.Re": "=~",
    "MatchOp.NotRe": "!~",
}


@dataclass(frozen=True, slots=True)
class Matcher:
    """What one label must be. A label that a series does not have is empty."""

    label: str
    operator: str
    value: str
    fits: Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class SeriesSelector:
    """The series called `name` whose labels fit every matcher."""

    name: str
    matchers: tuple[Matcher, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        return all(matcher.fits(labels.get(matcher.label, "")) for matcher in self.matchers)

    def renamed(self, name: str) -> "SeriesSelector":
        """The same matchers on series of another name."""
        return SeriesSelector(name, self.matchers)

    def __str__(self) -> str:
        inner = ",".join(
            f"{each.label}{each.operator}{json.dumps(each.value, ensure_ascii=False)}"
            for each in self.matchers
        )
        return f"{self.name}{{{inner}}}" if inner else self.name


def parse_selector(text: str) -> SeriesSelector:
    """The selector that `text` is. Raises ValueError, saying what to write."""
    if len(text) > _LONGEST:
        raise ValueError(f"a selector has at most {_LONGEST} characters")
    if "`" in text:
        raise ValueError("write the values of labels in quotes, not between backticks")
    try:
        tree = promql.parse(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is not a selector: {error}") from error
    if not isinstance(tree, promql.VectorSelector) or tree.matchers.or_matchers:
        raise ValueError(
            f"{text!r} is not a selector: write the name of a series and its labels alone, "
            'such as http_requests_total{code=~"5.."}'
        )
    if tree.offset is not None or tree.at is not None:
        raise ValueError(f"{text!r}: a page knows no past; leave out `offset` and `@`")
    if not tree.name or not _PLAIN_NAME.fullmatch(tree.name):
        raise ValueError(f'{text!r} begins with no name; write name{{label="value"}}')
    return SeriesSelector(tree.name, tuple(map(_matcher, tree.matchers.matchers)))


def _matcher(parsed: promql.Matcher) -> Matcher:
    operator, value = _OPERATORS[str(parsed.op)], parsed.value
    return Matcher(parsed.name, operator, value, _test(operator, value))


def _test(operator: str, value: str) -> Callable[[str], bool]:
    match operator:
        case "=":
            return lambda label: label == value
        case "!=":
            return lambda label: label != value
        case "=~":
            pattern = _pattern(value)
            return lambda label: pattern.fullmatch(label) is not None
        case _:
            pattern = _pattern(value)
            return lambda label: pattern.fullmatch(label) is None


def _pattern(text: str) -> re.Pattern[str]:
    try:
        with warnings.catch_warnings():
            # Such as [[:alpha:]], which Python would take for something else.
            warnings.simplefilter("error", FutureWarning)
            return re.compile(text, re.ASCII | re.DOTALL)
    except (re.error, FutureWarning, OverflowError, RecursionError) as error:
        raise ValueError(f"regular expression {text!r} cannot be used here: {error}") from error
