import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchdog.adapters.promql import Kind, QueryError, check_query, parse_query

ERRORS = (
    'sum(rate(http_requests_total{code=~"5.."}[5m])) / sum(rate(http_requests_total[5m] offset 1m))'
)


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ("1 + 2", Kind.SCALAR),
        ("time() - 5", Kind.SCALAR),
        ("scalar(x)", Kind.SCALAR),
        ("-(1)", Kind.SCALAR),
        ("x", Kind.VECTOR),
        ("-x", Kind.VECTOR),
        ("1 + x", Kind.VECTOR),
        ("sum(x)", Kind.VECTOR),
        ("vector(1)", Kind.VECTOR),
        ("holt_winters(x[5m], 0.5, 0.5)", Kind.VECTOR),
        ("(x) # a remark", Kind.VECTOR),
        ("x[5m]", Kind.MATRIX),
        ("x[5m:1m]", Kind.MATRIX),
        ('"text"', Kind.STRING),
    ],
)
def test_the_kind_of_a_query_is_known_without_asking(query: str, kind: Kind) -> None:
    assert parse_query(query).kind is kind


@pytest.mark.parametrize(
    ("query", "selectors"),
    [
        ("x", [("x", 300)]),
        ("rate(x[5m])", [("x", 300)]),
        ("rate(x[10m] offset 1h)", [("x", 4200)]),
        ("rate(x[10m] offset -1h)", [("x", 600)]),
        ("max_over_time(rate(x[1m])[10m:30s] offset 5m)", [("x", 960)]),
        ("x{}", [("x", 300)]),
        ('{__name__=~"a.*",b!="c"}', [('{__name__=~"a.*",b!="c"}', 300)]),
        ('{"with.dots",a="b"}', [('{__name__="with.dots",a="b"}', 300)]),
        (r'x{a=~"\\d+",b="a \"b\""}', [(r'x{a=~"\\d+",b="a \"b\""}', 300)]),
        (r"x{a=`raw\d`}", [(r'x{a="raw\\d"}', 300)]),
        (r'x{a="`",b=`"`}', [(r'x{a="`",b="\""}', 300)]),
        ("x @ 1700000000", []),
        ("rate(x[5m] @ end())", []),
        ("max_over_time(x[5m:1m] @ 1700000000)", []),
        ("vector(1) + time()", []),
        ("topk(scalar(k), x)", [("k", 300), ("x", 300)]),
        (
            ERRORS,
            [('http_requests_total{code=~"5.."}', 300), ("http_requests_total", 360)],
        ),
    ],
)
def test_the_selectors_stand_bare_with_how_far_back_they_reach(
    query: str, selectors: list[tuple[str, float]]
) -> None:
    found = parse_query(query).selectors

    assert [(selector.text, selector.reach) for selector in found] == selectors


def test_a_selector_knows_its_name_and_whether_it_is_read_as_a_counter() -> None:
    rate, plain, named = parse_query(
        'rate(x[5m]) + max_over_time(y[5m]) + {__name__="z"}'
    ).selectors

    assert (rate.name, rate.is_of_a_counter) == ("x", True)
    assert (plain.name, plain.is_of_a_counter) == ("y", False)
    assert (named.name, named.is_of_a_counter) == ("z", False)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "sum(",
        "rate(x)",
        "rate(x[5m]",
        "nothing_like_it(x)",
        "x{a=1}",
        "(" * 5_000,
        "(" * 200 + "x" + ")" * 200,
        "x+" * 5_000 + "x",
        "x+" * 1_000 + "x",
        'x{a="1" or b="2"}',
    ],
)
def test_what_is_not_promql_is_refused_and_is_fatal_to_a_signal(query: str) -> None:
    with pytest.raises(QueryError):
        parse_query(query)
    assert [problem.fatal for problem in check_query(query)] == [True]


@pytest.mark.parametrize("query", ["x[5m]", "x[5m:1m]", '"text"'])
def test_what_is_not_one_number_is_fatal_to_a_signal(query: str) -> None:
    (problem,) = check_query(query)

    assert problem.fatal
    assert "a signal is one number" in problem.text


@pytest.mark.parametrize(
    "query", ["sum(x) > 1", "(sum(x) == 1)", "sum(x) and sum(y)", "sum(x) unless sum(y) > 2"]
)
def test_a_comparison_at_the_top_is_a_warning(query: str) -> None:
    (problem,) = check_query(query)

    assert not problem.fatal
    assert "no data" in problem.text


@pytest.mark.parametrize(
    "query",
    [
        "x",
        "rate(x[5m])",
        "sum by (code) (x)",
        "sum without (code) (x)",
        "topk(3, x)",
        "histogram_quantile(0.95, rate(h_bucket[5m]))",
        "histogram_quantile(0.95, sum by (le, code) (rate(h_bucket[5m])))",
        "sum(x) / on() group_right y",
    ],
)
def test_what_may_be_several_series_is_a_warning(query: str) -> None:
    (problem,) = check_query(query)

    assert not problem.fatal
    assert "several series" in problem.text


@pytest.mark.parametrize(
    "query",
    [
        ERRORS,
        "sum(x) > bool 1",
        "1 > bool 2",
        "sum(x) or vector(0)",
        "scalar(x)",
        "absent(x)",
        "clamp_max(sum(x), 1)",
        "histogram_quantile(0.95, sum by (le) (rate(h_bucket[5m])))",
        "histogram_quantile(0.95, sum(rate(h[5m])))",
        "time() - max(x)",
    ],
)
def test_a_query_for_one_number_is_without_problems(query: str) -> None:
    assert check_query(query) == []


@pytest.mark.parametrize("terms", [300, 450, 480, 600, 900])
def test_a_long_sum_is_checked_or_refused(terms: int) -> None:
    assert len(check_query("+".join("sum(x)" for _ in range(terms)))) <= 1


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parse_query(text)
    except QueryError:
        assert check_query(text)[0].fatal
