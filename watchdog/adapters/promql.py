"""What a PromQL query is made of: its type, its selectors, its traps."""

import functools
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

import promql_parser as promql

# The parser recurses on the machine's stack, and runs out of it without an error.
_LONGEST = 8_000
_DEEPEST = 100
# A file's queries are asked about several times while it is loaded.
_REMEMBERED = 1024
# How far back Prometheus takes a sample for an instant selector, in seconds.
_LOOKBACK = 300.0
_COMPARISONS = frozenset({"==", "!=", ">", "<", ">=", "<="})
_FILTERS = frozenset({"and", "unless"})
_TO_ONE = frozenset({"sum", "avg", "min", "max", "count", "group", "stddev", "stdvar", "quantile"})
_OF_COUNTERS = frozenset({"rate", "irate", "increase"})
_PLAIN_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_STRING = re.compile(r"""#[^\n]*|`[^`]*`|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'""")
# Of Prometheus before version 3.
promql.register_extra_functions(
    [
        promql.Function(
            "holt_winters",
            [promql.ValueType.Matrix, promql.ValueType.Scalar, promql.ValueType.Scalar],
            promql.ValueType.Vector,
        )
    ]
)
# By name, because the parser's own values cannot be keys.
_OPERATORS = {
    "MatchOp.Equal": "=",
    "MatchOp.NotEqual": "!=",
    "MatchOp.Re": "=~",
    "MatchOp.NotRe": "!~",
}


class QueryError(ValueError):
    """A query that this program cannot read."""


class Kind(StrEnum):
    """What a query returns."""

    VECTOR = "vector"
    SCALAR = "scalar"
    MATRIX = "range vector"
    STRING = "string"


_KINDS = {
    "ValueType.Vector": Kind.VECTOR,
    "ValueType.Scalar": Kind.SCALAR,
    "ValueType.Matrix": Kind.MATRIX,
    "ValueType.String": Kind.STRING,
}


@dataclass(frozen=True, slots=True)
class Selector:
    """Series that a query reads, without range, offset and `@`.

    `reach`: how many seconds before the evaluation the oldest sample that counts may lie.
    `function`: the name of the function it stands in directly, or empty.
    """

    text: str
    name: str
    reach: float
    function: str = ""

    @property
    def is_of_a_counter(self) -> bool:
        """Whether it stands in a function that only makes sense for counters."""
        return self.function in _OF_COUNTERS


@dataclass(frozen=True, slots=True)
class Query:
    """A query as parsed. Selectors that `@` pins to one time never grow old: not listed."""

    text: str
    kind: Kind
    selectors: tuple[Selector, ...]


@dataclass(frozen=True, slots=True)
class QueryProblem:
    """What `check` says of a query; `fatal` when a signal of it could never be decided.

    `of_many`: it is no problem where several series are expected.
    """

    fatal: bool
    text: str
    of_many: bool = False


def syntax_tree(text: str) -> promql.Expr:
    """`text` as the parser sees it. Raises QueryError."""
    return _parse(text)


def parse_query(text: str) -> Query:
    """Raises QueryError when `text` is not PromQL that this program knows."""
    tree = _parse(text)
    with _not_too_deep():
        return Query(text, _kind(tree), tuple(_selectors(tree, 0.0)))


@functools.lru_cache(maxsize=_REMEMBERED)
def check_query(text: str) -> Sequence[QueryProblem]:
    """What is wrong with `text` as the query of a signal, the fatal first."""
    try:
        return _problems(text)
    except QueryError as error:
        return [QueryProblem(fatal=True, text=str(error))]


def _problems(text: str) -> list[QueryProblem]:
    kind = parse_query(text).kind
    if kind in (Kind.MATRIX, Kind.STRING):
        return [QueryProblem(fatal=True, text=f"returns a {kind}; a signal is one number")]
    with _not_too_deep():
        tree = _parse(text)
        operator, is_one = _hides_silence(tree), _is_one(tree)
    if operator:
        text = (
            f"{operator!r} at the top returns nothing both when it does not hold and when there "
            "is no data; query the number alone and compare it in the trigger"
        )
        return [QueryProblem(fatal=False, text=text)]
    if not is_one:
        text = "may return several series; aggregate it to one, for instance with sum(...)"
        return [QueryProblem(fatal=False, text=text, of_many=True)]
    return []


@contextmanager
def _not_too_deep() -> Iterator[None]:
    try:
        yield
    except RecursionError as error:
        raise QueryError("has too many operators in a row; record parts of it by rules") from error


def _parse(text: str) -> promql.Expr:
    if len(text) > _LONGEST or _depth(text) > _DEEPEST:
        raise QueryError(f"longer than {_LONGEST} characters or nested deeper than {_DEEPEST}")
    try:
        return promql.parse(_STRING.sub(_without_backticks, text))
    except ValueError as error:
        raise QueryError(f"not PromQL that this program knows: {error}") from error


def _without_backticks(found: re.Match[str]) -> str:
    # The parser reads a backslash between backticks as an escape, which it is not.
    string = found[0]
    return json.dumps(string[1:-1], ensure_ascii=False) if string.startswith("`") else string


def _depth(text: str) -> int:
    depth = deepest = 0
    for character in text:
        depth += (character == "(") - (character == ")")
        deepest = max(deepest, depth)
    return deepest


def _kind(tree: promql.Expr) -> Kind:
    match tree:
        case promql.NumberLiteral():
            return Kind.SCALAR
        case promql.StringLiteral():
            return Kind.STRING
        case promql.MatrixSelector() | promql.SubqueryExpr():
            return Kind.MATRIX
        case promql.ParenExpr() | promql.UnaryExpr():
            return _kind(tree.expr)
        case promql.Call():
            return _KINDS[str(tree.func.return_type)]
        case promql.BinaryExpr():
            both = {_kind(tree.lhs), _kind(tree.rhs)}
            return Kind.SCALAR if both == {Kind.SCALAR} else Kind.VECTOR
        case _:
            return Kind.VECTOR


def children(tree: promql.Expr) -> list[promql.Expr]:
    """The expressions that `tree` is made of."""
    match tree:
        case promql.BinaryExpr():
            return [tree.lhs, tree.rhs]
        case promql.Call():
            return list(tree.args)
        case promql.AggregateExpr():
            return [tree.expr] if tree.param is None else [tree.param, tree.expr]
        case promql.ParenExpr() | promql.UnaryExpr() | promql.SubqueryExpr():
            return [tree.expr]
        case _:
            return []


def _selectors(tree: promql.Expr, around: float, function: str = "") -> Iterator[Selector]:
    """The selectors below `tree`, where subqueries reach `around` seconds further back."""
    match tree:
        case promql.VectorSelector():
            if tree.at is None:
                yield _selector(tree, around + _LOOKBACK, function)
        case promql.MatrixSelector():
            if tree.vector_selector.at is None:
                reach = around + tree.range.total_seconds()
                yield _selector(tree.vector_selector, reach, function)
        case promql.SubqueryExpr():
            if tree.at is None:
                offset = tree.offset.total_seconds() if tree.offset else 0.0
                length = tree.range.total_seconds() if tree.range else 0.0
                yield from _selectors(tree.expr, around + length + max(offset, 0.0))
        case _:
            name = tree.func.name if isinstance(tree, promql.Call) else ""
            for child in children(tree):
                yield from _selectors(child, around, name)


def _selector(tree: promql.VectorSelector, reach: float, function: str) -> Selector:
    offset = tree.offset.total_seconds() if tree.offset else 0.0
    matchers = _matchers(tree)
    name = tree.name or next((v for n, op, v in matchers if (n, op) == ("__name__", "=")), "")
    if tree.name and not _PLAIN_NAME.fullmatch(tree.name):
        matchers.insert(0, ("__name__", "=", tree.name))
    inner = ",".join(f"{n}{op}{json.dumps(v, ensure_ascii=False)}" for n, op, v in matchers)
    plain = tree.name if tree.name and _PLAIN_NAME.fullmatch(tree.name) else ""
    text = f"{plain}{{{inner}}}" if inner else plain
    return Selector(text, name, reach + max(offset, 0.0), function)


def _matchers(tree: promql.VectorSelector) -> list[tuple[str, str, str]]:
    if tree.matchers.or_matchers:
        raise QueryError("`or` between label matchers is not Prometheus")
    return [
        (matcher.name, _OPERATORS[str(matcher.op)], matcher.value)
        for matcher in tree.matchers.matchers
    ]


def _hides_silence(tree: promql.Expr) -> str:
    """The operator at the top that makes "no" look like "no data", or nothing."""
    while isinstance(tree, promql.ParenExpr):
        tree = tree.expr
    if not isinstance(tree, promql.BinaryExpr):
        return ""
    operator = str(tree.op)
    says_yes_or_no = tree.modifier is not None and tree.modifier.return_bool
    if operator in _FILTERS or (operator in _COMPARISONS and not says_yes_or_no):
        return "" if _kind(tree) is Kind.SCALAR else operator
    return ""


def _is_one(tree: promql.Expr) -> bool:
    """Whether `tree` can only ever be one series (or none)."""
    match tree:
        case promql.AggregateExpr():
            return str(tree.op) in _TO_ONE and tree.modifier is None
        case promql.VectorSelector() | promql.MatrixSelector() | promql.SubqueryExpr():
            return False
        case promql.Call() if tree.func.name in _ONE_BY_NAME:
            return True
        case promql.Call() if tree.func.name == "histogram_quantile":
            return _is_one_histogram(tree.args[-1])
        case _:
            return all(_is_one(child) for child in children(tree))


_ONE_BY_NAME = frozenset({"absent", "absent_over_time", "scalar", "vector", "time"})


def _is_one_histogram(tree: promql.Expr) -> bool:
    if isinstance(tree, promql.AggregateExpr) and tree.modifier is not None:
        by = tree.modifier.type == promql.AggModifierType.By
        return by and list(tree.modifier.labels) == ["le"]
    return _is_one(tree)
