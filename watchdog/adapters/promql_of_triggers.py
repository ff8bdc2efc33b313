"""What a trigger watches, as one PromQL expression that returns something while it is in breach."""

from dataclasses import dataclass

from watchdog.adapters.promql import Kind, parse_query, syntax_tree
from watchdog.adapters.promql_split import labels_of
from watchdog.domain.condition import Condition, Op
from watchdog.domain.expression import Expression, Tally, Term, all_of, any_of
from watchdog.domain.signal import Across
from watchdog.domain.target import Target

_OPERATORS = {
    Op.ABOVE: ">",
    Op.AT_LEAST: ">=",
    Op.BELOW: "<",
    Op.AT_MOST: "<=",
    Op.EXACTLY: "==",
    Op.NOT: "!=",
}
_LOW_IS_BAD = frozenset({Op.BELOW, Op.AT_MOST, Op.FAILING})
_KIND = "prometheus"


class NotExpressibleError(Exception):
    """PromQL has no words for it; the text says for what."""


@dataclass(frozen=True, slots=True)
class _Number:
    """A query of one number, or one for each value of `label`, and its volume, if it has one."""

    query: str
    compared: Condition
    label: str
    has_labels: bool
    volume: str
    least: float


def promql_of(watches: Expression, target: Target) -> str:
    """The expression of an alert that fires while `watches` is in breach.

    Raises NotExpressibleError, naming what there are no words for.
    """
    match watches:
        case Term():
            return _filtered(_number(watches, target))
        case Tally(of=members) if watches in (all_of(*members), any_of(*members)):
            join = " and on() " if watches == all_of(*members) else " or on() "
            return join.join(f"({promql_of(member, target)})" for member in members)
        case Tally():
            return _compared(_sum(watches, target), watches.holds_when)


def _filtered(number: _Number) -> str:
    """Its series while they are in breach, nothing otherwise."""
    text = _compared(_in_brackets(number.query), number.compared)
    if not number.volume:
        return text
    # Both sides are one number, or one for each value of the same label.
    on = f" on({number.label})" if number.label else " on()" if number.has_labels else ""
    return f"{text} and{on} {_in_brackets(number.volume)} >= {_exact(number.least)}"


# -- several, counted


def _sum(tally: Tally, target: Target) -> str:
    """How many members are in breach; what has no data is none of them."""
    if tally.holds_when.op not in (Op.AT_LEAST, Op.ABOVE):
        raise NotExpressibleError(
            f"that so few of several conditions hold ({tally.holds_when}): what has no data "
            "would count as one that does not"
        )
    return " + ".join(_one_or_none(member, target) for member in tally.of)


def _one_or_none(member: Expression, target: Target) -> str:
    if isinstance(member, Tally):
        return f"({_compared(_sum(member, target), member.holds_when, 'bool ')})"
    number = _number(member, target)
    text = f"sum({_compared(_in_brackets(number.query), number.compared, 'bool ')})"
    if number.volume:
        text += f" * sum({_in_brackets(number.volume)} >= bool {_exact(number.least)})"
    return f"({text} or vector(0))"


# -- one number


def _number(term: Term, target: Target) -> _Number:
    signal = term.signal
    spec = target.signals[signal.name]
    source = target.sources[signal.source]
    if source.use != _KIND:
        raise NotExpressibleError(f"signal {signal.name!r} of a source {source.use!r}")
    if term.relative is not None:
        raise NotExpressibleError(f"what became of signal {signal.name!r} since before")
    if signal.confidence:
        raise NotExpressibleError(f"the confidence that signal {signal.name!r} asks for")
    query = str(spec.ask["query"])
    tree_labels = labels_of(syntax_tree(query))
    query, compared = _across(term, query, f" by({signal.for_each}) " if signal.for_each else "")
    return _Number(
        query=query,
        compared=compared,
        label=signal.for_each,
        has_labels=signal.across is Across.ONE and tree_labels != (),
        volume=str(spec.ask.get("volume") or ""),
        least=signal.min_volume,
    )


def _across(term: Term, query: str, by: str) -> tuple[str, Condition]:
    """The query of what is compared, where a signal may have several series."""
    signal, condition = term.signal, _numeric(term.breach_when)
    match signal.across:
        case Across.ONE:
            return query, condition
        case Across.SUM:
            return f"sum{by}({query})", condition
        case Across.COUNT:
            if signal.counting is None:
                return f"count{by}({query})", condition
            counted = _compared(_in_brackets(query), signal.counting, "bool ")
            return f"sum{by}({counted})", condition
        case Across.WORST:
            return f"{_worst(condition)}{by}({query})", condition
        case Across.ANY | Across.ALL if condition.op in (Op.EXACTLY, Op.NOT):
            each = _compared(_in_brackets(query), condition, "bool ")
            function = "max" if signal.across is Across.ANY else "min"
            return f"{function}{by}({each})", Condition(Op.ABOVE, 0)
        case Across.ANY:
            return f"{_worst(condition)}{by}({query})", condition
        case Across.ALL:
            return f"{_worst(condition.negated())}{by}({query})", condition


def _worst(condition: Condition) -> str:
    return "min" if condition.op in _LOW_IS_BAD else "max"


def _numeric(condition: Condition) -> Condition:
    """`condition` on the number that a yes/no is: 1 and 0."""
    match condition.op:
        case Op.FAILING:
            return Condition(Op.EXACTLY, 0)
        case Op.PASSING:
            return Condition(Op.NOT, 0)
        case _:
            return condition


def _compared(query: str, condition: Condition, modifier: str = "") -> str:
    return f"{query} {_OPERATORS[condition.op]} {modifier}{_exact(condition.limit)}"


def _exact(number: float) -> str:
    """`number` as short as it can be said without becoming another one."""
    short = f"{number:.12g}"
    return short if float(short) == number else f"{number:.17g}"


def _in_brackets(query: str) -> str:
    """`query` in brackets; a comment at its end must not take the closing one with it."""
    text = f"{query}\n" if "#" in query else query
    return f"vector({text})" if parse_query(query).kind is Kind.SCALAR else f"({text})"
