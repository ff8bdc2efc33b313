import promql_parser
import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchdog.adapters.promql_scale import scale_ranges


@pytest.mark.parametrize(
    ("query", "factor", "scaled"),
    [
        ("rate(x[5m])", 60, "rate(x[5s])"),
        ("rate(x[2m])", 48, "rate(x[2s500ms])"),
        ("rate(x[1h30m])", 60, "rate(x[1m30s])"),
        ("x offset 5m", 10, "x offset 30s"),
        ("x OFFSET -5m", 10, "x OFFSET -30s"),
        ("max_over_time(rate(x[1m])[30m:10s] offset 1d)", 10, None),
        ("max_over_time(x[30m:])", 10, "max_over_time(x[3m:])"),
        ("rate(x[5])", 10, "rate(x[500ms])"),
        ("rate(x[1s])", 1e9, "rate(x[1ms])"),
        ("rate(x[5m])", 1, "rate(x[5m])"),
        ("rate(x[5m])", 0.5, "rate(x[10m])"),
        ('x{path="[5m] offset 5m"}', 10, 'x{path="[5m] offset 5m"}'),
        ("x{path='[5m]'} # and [5m]", 10, "x{path='[5m]'} # and [5m]"),
        ("x{path=`[5m]`}", 10, "x{path=`[5m]`}"),
        (r'x{path="\\"} + rate(y[5m])', 10, r'x{path="\\"} + rate(y[30s])'),
        (r'x{path="\" [5m]"}', 10, r'x{path="\" [5m]"}'),
        ("my_offset / offset5m", 10, "my_offset / offset5m"),
        ("job:x5m:rate5m", 10, "job:x5m:rate5m"),
        ("time() - x > 300", 10, "time() - x > 300"),
        ("x @ 300", 10, "x @ 300"),
        ("rate(x[5m] # five\n)", 10, "rate(x[30s] # five\n)"),
    ],
)
def test_ranges_and_offsets_are_divided_and_nothing_else(
    query: str, factor: float, scaled: str | None
) -> None:
    if scaled is None:
        scaled = "max_over_time(rate(x[6s])[3m:1s] offset 2h24m)"
    assert scale_ranges(query, factor) == scaled


durations = st.integers(1, 10_000).flatmap(
    lambda n: st.sampled_from(["s", "m", "h", "ms"]).map(lambda unit: f"{n}{unit}")
)
labels = st.sampled_from(['{a="[5m]"}', "{a=~'x[5m] offset 5m'}", "", '{a!="\\"[1h]"}'])
selectors = st.builds(lambda label, span: f"rate(x{label}[{span}])", labels, durations)
offsets = st.builds(lambda inner, span: f"{inner[:-1]} offset {span})", selectors, durations)
subqueries = st.builds(
    lambda inner, span, step: f"max_over_time({inner}[{span}:{step}])",
    st.one_of(selectors, offsets),
    durations,
    durations,
)
queries = st.lists(st.one_of(selectors, offsets, subqueries), min_size=1, max_size=4).map(
    " + ".join
)


@given(queries, st.sampled_from([2, 10, 60, 7]))
def test_the_parser_sees_each_range_divided_in_the_same_tree(query: str, factor: int) -> None:
    scaled = scale_ranges(query, factor)

    before, after = spans(promql_parser.parse(query)), spans(promql_parser.parse(scaled))
    assert after == [max(round(span / factor), 1) for span in before]
    assert '"[5m]"' not in query or '"[5m]"' in scaled


@given(st.text(max_size=60), st.sampled_from([1, 2, 60]))
def test_any_text_can_be_scaled(text: str, factor: int) -> None:
    scale_ranges(text, factor)


def spans(tree: promql_parser.Expr) -> list[int]:
    """Every range, step and offset of `tree` in milliseconds, in the order written."""
    found: list[int] = []

    def visit(node: promql_parser.Expr) -> None:
        match node:
            case promql_parser.MatrixSelector():
                found.append(round(node.range.total_seconds() * 1000))
            case promql_parser.SubqueryExpr():
                times = [time for time in (node.range, node.step, node.offset) if time]
                found.extend(round(time.total_seconds() * 1000) for time in times)
            case promql_parser.VectorSelector() if node.offset:
                found.append(round(node.offset.total_seconds() * 1000))

    promql_parser.walk(tree, visit)
    return found
