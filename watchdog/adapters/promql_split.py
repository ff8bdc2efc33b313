"""The expression of an alerting rule taken apart: a query, and what its number is compared with."""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import promql_parser as promql

from watchdog.adapters.promql import QueryError, syntax_tree
from watchdog.domain.condition import Condition, Op

_OPS = {
    ">": Op.ABOVE,
    ">=": Op.AT_LEAST,
    "<": Op.BELOW,
    "<=": Op.AT_MOST,
    "==": Op.EXACTLY,
    "!=": Op.NOT,
}
_MIRRORED = {">": "<", ">=": "<=", "<": ">", "<=": ">=", "==": "==", "!=": "!="}
_JOINS = {"and": True, "or": False}
_ARITHMETIC: Mapping[str, Callable[[float, float], float]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "%": math.fmod,
    "^": lambda a, b: float(a**b),
}
_TO_ONE = frozenset({"sum", "avg", "min", "max", "count", "group", "stddev", "stdvar", "quantile"})
# These say nothing of the label sets that come out of them.
_OPAQUE_CALLS = frozenset({"absent", "absent_over_time", "label_replace", "label_join"})
_WITHOUT_LABELS = frozenset({"scalar", "vector", "time", "pi"})
_COMMENT_OR_STRING = re.compile(r"""#[^\n]*|`[^`]*`|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'""")
_MATCHING = re.compile(r"^\s*on\s*\([^)]*\)", re.IGNORECASE)
_OPERATOR = re.compile(r">=|<=|==|!=|>|<|\b(?:and|or)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Compared:
    """A query, and when its number is in breach.

    `labels`: those that tell its series apart; none for one number, None where nobody knows.
    """

    query: str
    breach_when: Condition
    labels: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Joined:
    """Several comparisons of one number each; `every` of them, or any."""

    members: tuple["Compared | Joined", ...]
    every: bool


@dataclass(frozen=True, slots=True)
class Opaque:
    """What cannot be told from silence, and why."""

    why: str


Shape = Compared | Joined | Opaque


def shape_of(text: str) -> Shape:
    """What the alerting expression `text` compares with what. Raises QueryError."""
    try:
        return _shape(text.strip(), syntax_tree(text))
    except RecursionError as error:
        raise QueryError("has too many operators in a row") from error


def _shape(text: str, tree: promql.Expr) -> Shape:
    while isinstance(tree, promql.ParenExpr):
        tree = tree.expr
        text = _verified(text[1:-1] if text.startswith("(") else "", tree)
    if not isinstance(tree, promql.BinaryExpr):
        return Opaque(_why_no_comparison(tree))
    operator = str(tree.op)
    if operator in _OPS:
        return _compared(text, tree)
    if operator in _JOINS:
        return _joined(text, tree)
    return Opaque(f"{operator!r} at the top compares nothing with a number")


def _why_no_comparison(tree: promql.Expr) -> str:
    if isinstance(tree, promql.Call) and tree.func.name.startswith("absent"):
        return (
            f"{tree.func.name}() returns nothing when all is well; watch what should be there "
            "with a health signal, or with a count that falls below a number"
        )
    return "nothing is compared with a number at the top"


def _compared(text: str, tree: promql.BinaryExpr) -> Compared | Opaque:
    operator = str(tree.op)
    if tree.modifier is not None and tree.modifier.return_bool:
        return Opaque(f"'{operator} bool' at the top always returns a number, so it always fires")
    left, right = _sides(text, tree, operator)
    numbers, limit = left, _constant(tree.rhs)
    side = tree.lhs
    op = _OPS[operator]
    if limit is None:
        numbers, limit, side = right, _constant(tree.lhs), tree.rhs
        op = _OPS[_MIRRORED[operator]]
    if limit is None:
        return Opaque(f"{operator!r} at the top compares with another query, not with a number")
    if not math.isfinite(limit):
        return Opaque(f"the limit {limit} is no finite number")
    if hidden := _filter_in(side):
        return Opaque(f"{hidden!r} within what is compared returns nothing when it does not hold")
    # 14.4 * 0.001 is meant to be 0.0144.
    breach_when = Condition(op, float(f"{limit:.12g}"))
    return Compared(_bare(numbers, side), breach_when, labels_of(side))


def _joined(text: str, tree: promql.BinaryExpr) -> Joined | Opaque:
    operator = str(tree.op)
    members: list[Compared | Joined] = []
    for part, side in zip(_sides(text, tree, operator), (tree.lhs, tree.rhs), strict=True):
        shape = _shape(part, side)
        if isinstance(shape, Opaque):
            return Opaque(f"one side of {operator!r}: {shape.why}")
        if isinstance(shape, Compared) and shape.labels is None:
            return Opaque(_BY_LABELS.format(operator))
        same = isinstance(shape, Joined) and shape.every is _JOINS[operator]
        members += shape.members if same and isinstance(shape, Joined) else [shape]
    if not _match(tree, members):
        return Opaque(_BY_LABELS.format(operator))
    return Joined(tuple(members), _JOINS[operator])


_BY_LABELS = "{!r} joins series by their labels; aggregate both sides to one, or by the same label"


def _match(tree: promql.BinaryExpr, members: Sequence[Compared | Joined]) -> bool:
    """Whether every series of the one side has its own of the other, whatever their labels."""
    labels = [frozenset(one.labels or ()) for one in members if isinstance(one, Compared)]
    if not any(labels):
        return True
    matching = tree.modifier.matching if tree.modifier is not None else None
    by = frozenset(matching.labels) if matching is not None else labels[0]
    is_on = matching is None or matching.type == promql.LabelModifierType.Include
    return is_on and len(labels) == len(members) and set(labels) == {by}


def _filter_in(tree: promql.Expr) -> str:
    """The operator at the top of what is compared that lets some of it vanish, or nothing."""
    while isinstance(tree, promql.ParenExpr):
        tree = tree.expr
    if not isinstance(tree, promql.BinaryExpr):
        return ""
    operator = str(tree.op)
    says_yes_or_no = tree.modifier is not None and tree.modifier.return_bool
    filters = operator in {"and", "unless"} or (operator in _OPS and not says_yes_or_no)
    return operator if filters else ""


def _constant(tree: promql.Expr) -> float | None:
    """The number that `tree` always is; None where it is not the same always."""
    match tree:
        case promql.NumberLiteral():
            return float(tree.val)
        case promql.ParenExpr():
            return _constant(tree.expr)
        case promql.UnaryExpr():
            inner = _constant(tree.expr)
            return None if inner is None else -inner
        case promql.BinaryExpr():
            left, right = _constant(tree.lhs), _constant(tree.rhs)
            calculate = _ARITHMETIC.get(str(tree.op))
            if left is None or right is None or calculate is None:
                return None
            try:
                return calculate(left, right)
            except (ArithmeticError, ValueError, TypeError):
                return math.nan
        case _:
            return None


# -- labels


def labels_of(tree: promql.Expr) -> tuple[str, ...] | None:
    """The labels that can tell the series of `tree` apart; none for one, None if unknown."""
    match tree:
        case promql.NumberLiteral():
            return ()
        case promql.AggregateExpr():
            return _aggregated(tree)
        case promql.ParenExpr() | promql.UnaryExpr():
            return labels_of(tree.expr)
        case promql.BinaryExpr():
            return _together(tree)
        case promql.Call() if tree.func.name in _WITHOUT_LABELS:
            return ()
        case promql.Call() if tree.func.name == "histogram_quantile":
            inner = labels_of(tree.args[-1])
            return None if inner is None else tuple(name for name in inner if name != "le")
        case promql.Call() if tree.func.name not in _OPAQUE_CALLS:
            return _common([labels_of(argument) for argument in tree.args])
        case _:
            return None


def _aggregated(tree: promql.AggregateExpr) -> tuple[str, ...] | None:
    if str(tree.op) not in _TO_ONE:
        return None
    if tree.modifier is None:
        return ()
    if tree.modifier.type != promql.AggModifierType.By:
        return None
    return tuple(tree.modifier.labels)


def _together(tree: promql.BinaryExpr) -> tuple[str, ...] | None:
    left, right = labels_of(tree.lhs), labels_of(tree.rhs)
    matched = tree.modifier is not None and tree.modifier.matching is not None
    # Labels may come and go where the two sides are matched by only some of them.
    if matched and not left == right == ():
        return None
    if str(tree.op) == "or" and left != right:
        return None
    return _common([left, right])


def _common(each: Sequence[tuple[str, ...] | None]) -> tuple[str, ...] | None:
    """The labels of several parts: scalars have none, and the others must agree."""
    if any(labels is None for labels in each):
        return None
    some = {frozenset(labels): labels for labels in each if labels}
    if len(some) > 1:
        return None
    return next(iter(some.values()), ())


# -- the text as its author wrote it


def _sides(text: str, tree: promql.BinaryExpr, operator: str) -> tuple[str, str]:
    """The two sides as written; as the parser prints them where that cannot be told."""
    printed = (tree.lhs.prettify(), tree.rhs.prettify())
    for start, end in _at_the_top(text, operator):
        sides = (text[:start].strip(), _MATCHING.sub("", text[end:]).strip())
        if all(map(_is_same, sides, printed)):
            return sides
    return printed


def _at_the_top(text: str, operator: str) -> Iterator[tuple[int, int]]:
    """Where `operator` stands outside of brackets, strings and comments."""
    masked = _COMMENT_OR_STRING.sub(lambda found: " " * len(found[0]), text)
    depths, depth = [], 0
    for character in masked:
        depth += (character in "([{") - (character in ")]}")
        depths.append(depth)
    for found in _OPERATOR.finditer(masked):
        if found[0].lower() == operator and depths[found.start()] == 0:
            yield found.span()


def _verified(text: str, tree: promql.Expr) -> str:
    printed: str = tree.prettify()
    return text.strip() if _is_same(text, printed) else printed


def _is_same(text: str, printed: str) -> bool:
    try:
        return bool(syntax_tree(text).prettify() == printed)
    except QueryError:
        return False


def _bare(text: str, tree: promql.Expr) -> str:
    """`text` without the parentheses around all of it."""
    while isinstance(tree, promql.ParenExpr):
        tree = tree.expr
        text = _verified(text[1:-1] if text.startswith("(") else "", tree)
    return text
