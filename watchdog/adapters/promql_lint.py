"""What is valid PromQL and yet hardly ever meant: windows, counters and units."""

import functools
import re
from collections.abc import Iterator, Mapping

import promql_parser as promql

from watchdog.adapters.promql import QueryError, children, syntax_tree

# With fewer, one failed scrape leaves a rate with a single sample, which is none.
LEAST_SCRAPES = 4
_OF_COUNTERS = frozenset({"rate", "irate", "increase", "resets"})
# Names of counters by convention, and those that can be none.
_COUNTER = re.compile(r"_total$")
_GAUGE = re.compile(
    r"(^up|_(info|ratio|percent|percentage|celsius|in_progress|in_flight|connections|temperature"
    r"|usage|used|free|available|capacity|size|depth|length|limit|replicas|workers|threads))$"
)
# What is done to a counter itself, and does not take it for a level.
_OF_ANY_SERIES = frozenset(
    {"absent", "absent_over_time", "changes", "count", "count_over_time", "group", "last_over_time"}
    | {"present_over_time", "timestamp"}
)
# The base unit that a name ends in, and the units that a signal may declare of it.
_UNITS: Mapping[str, frozenset[str]] = {
    "seconds": frozenset({"s"}),
    "milliseconds": frozenset({"ms"}),
    "ms": frozenset({"ms"}),
    "bytes": frozenset({"B"}),
    "ratio": frozenset({"ratio"}),
    "percent": frozenset({"%"}),
}
_DECLARED = frozenset(unit for units in _UNITS.values() for unit in units)
_PLAIN = re.compile(r"_(bucket|sum|total)$")
_KEEPS_UNIT = frozenset(
    {"abs", "avg_over_time", "ceil", "clamp", "clamp_max", "clamp_min", "floor"}
    | {"histogram_quantile", "last_over_time", "max_over_time", "min_over_time"}
    | {"quantile_over_time", "round"}
)
_KEEPS_UNIT_TOGETHER = frozenset({"avg", "max", "min", "quantile", "sum", "topk", "bottomk"})


@functools.lru_cache(maxsize=1024)
def longest_window(query: str) -> float | None:
    """Seconds of the longest range in `query`; None where it has none, or cannot be read."""
    try:
        return max(_ranges(syntax_tree(query)), default=None)
    except (QueryError, RecursionError):
        return None


def query_remarks(query: str, scraped: float, unit: str) -> list[str]:
    """What to mend in a valid `query` over series scraped once in `scraped` seconds.

    `unit` is what the file says that its number is in; empty where it does not say.
    """
    try:
        tree = syntax_tree(query)
        return [
            *_short_windows(tree, scraped),
            *dict.fromkeys(_misread_counters(tree, "")),
            *_another_unit(tree, unit),
        ]
    except (QueryError, RecursionError):
        return []


def _ranges(tree: promql.Expr) -> Iterator[float]:
    if isinstance(tree, promql.MatrixSelector):
        yield tree.range.total_seconds()
    elif isinstance(tree, promql.SubqueryExpr):
        yield tree.range.total_seconds() if tree.range else 0.0
    for child in children(tree):
        yield from _ranges(child)


def _short_windows(tree: promql.Expr, scraped: float) -> Iterator[str]:
    least = LEAST_SCRAPES * scraped
    short = sorted({seconds for seconds in _scraped_ranges(tree) if seconds < least})
    if short:
        yield (
            f"the window of {short[0]:g} s holds fewer than {LEAST_SCRAPES} scrapes, {scraped:g} s "
            f"apart, so that one that fails may leave none: make it {least:g} s or more, or tell "
            "the source its `scrape_interval`"
        )


def _scraped_ranges(tree: promql.Expr) -> Iterator[float]:
    """Ranges of series as scraped; a subquery has steps of its own."""
    if isinstance(tree, promql.MatrixSelector):
        yield tree.range.total_seconds()
    for child in children(tree):
        yield from _scraped_ranges(child)


def _misread_counters(tree: promql.Expr, function: str) -> Iterator[str]:
    """Counters taken for levels, and levels for counters, by what they are called."""
    match tree:
        case promql.MatrixSelector(vector_selector=selector):
            name = selector.name or ""
            if function in _OF_COUNTERS and _GAUGE.search(name):
                yield (
                    f"{name} looks like a gauge, and {function}() is for counters: is it deriv() "
                    "or delta(), or no function at all?"
                )
        case promql.VectorSelector(name=name):
            if _COUNTER.search(name or "") and function not in _OF_ANY_SERIES:
                yield (
                    f"{name} looks like a counter, which only grows until its service starts anew: "
                    "take its rate() or increase()"
                )
        case promql.SubqueryExpr():
            # Whoever takes a subquery of a counter has a function of counters around it.
            inner = "count" if function in _OF_COUNTERS | {"deriv", "delta"} else ""
            yield from _misread_counters(tree.expr, inner)
        case _:
            named = _function(tree) or (
                function if isinstance(tree, promql.ParenExpr | promql.UnaryExpr) else ""
            )
            for child in children(tree):
                yield from _misread_counters(child, named)


def _function(tree: promql.Expr) -> str:
    match tree:
        case promql.Call():
            return str(tree.func.name)
        case promql.AggregateExpr():
            return str(tree.op)
        case _:
            return ""


def _another_unit(tree: promql.Expr, unit: str) -> Iterator[str]:
    if unit not in _DECLARED:
        return
    found = _unit_of(tree)
    if found is None:
        return
    name, word = found
    if unit not in _UNITS[word]:
        right = next(iter(_UNITS[word]))
        yield (
            f"{name} is in {word}, and the signal says {unit!r}: write `unit: {right!r}`; limits "
            "may still be in any unit of that kind"
        )


def _unit_of(tree: promql.Expr) -> tuple[str, str] | None:
    """A series whose unit is that of the whole, and the word for it; None where nobody knows."""
    match tree:
        case promql.ParenExpr() | promql.UnaryExpr():
            return _unit_of(tree.expr)
        case promql.VectorSelector(name=name):
            return _by_name(name or "")
        case promql.MatrixSelector(vector_selector=selector):
            return _by_name(selector.name or "")
        case promql.AggregateExpr() if str(tree.op) in _KEEPS_UNIT_TOGETHER:
            return _unit_of(tree.expr)
        case promql.Call() if tree.func.name == "histogram_quantile":
            return _of_buckets(tree.args[-1])
        case promql.Call() if tree.func.name in _KEEPS_UNIT:
            found = (_unit_of(argument) for argument in tree.args)
            return next((one for one in found if one is not None), None)
        case promql.BinaryExpr() if str(tree.op) == "/":
            return _of_a_mean(tree)
        case _:
            return None


def _by_name(name: str) -> tuple[str, str] | None:
    word = _PLAIN.sub("", name).rpartition("_")[2]
    return (name, word) if word in _UNITS else None


def _of_buckets(tree: promql.Expr) -> tuple[str, str] | None:
    """The unit of a histogram, which its rate does not change."""
    names = [_by_name(name) for name in _names(tree) if name.endswith("_bucket")]
    return names[0] if len(set(names)) == 1 else None


def _of_a_mean(tree: promql.BinaryExpr) -> tuple[str, str] | None:
    """`sum of seconds / count of them`, of one histogram or summary."""
    sums, counts = set(_names(tree.lhs)), set(_names(tree.rhs))
    if len(sums) != 1 or len(counts) != 1:
        return None
    above, below = sums.pop(), counts.pop()
    if not above.endswith("_sum") or below != f"{above.removesuffix('_sum')}_count":
        return None
    return _by_name(above)


def _names(tree: promql.Expr) -> Iterator[str]:
    if isinstance(tree, promql.VectorSelector):
        yield tree.name or ""
    elif isinstance(tree, promql.MatrixSelector):
        yield tree.vector_selector.name or ""
    for child in children(tree):
        yield from _names(child)
