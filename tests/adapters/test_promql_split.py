"""Alerting expressions taken apart, and what cannot be."""

import pytest

from watchdog.adapters.promql import QueryError
from watchdog.adapters.promql_split import Compared, Joined, Opaque, shape_of
from watchdog.domain.condition import Condition, Op


def compared(text: str) -> Compared:
    shape = shape_of(text)
    assert isinstance(shape, Compared), shape
    return shape


def why_not(text: str) -> str:
    shape = shape_of(text)
    assert isinstance(shape, Opaque), shape
    return shape.why


@pytest.mark.parametrize(
    ("text", "query", "op", "limit"),
    [
        ("sum(a) > 0.05", "sum(a)", Op.ABOVE, 0.05),
        ("sum(a) >= 5", "sum(a)", Op.AT_LEAST, 5),
        ("sum(a) < -1", "sum(a)", Op.BELOW, -1),
        ("sum(a) <= 1e3", "sum(a)", Op.AT_MOST, 1000),
        ("sum(a) == 0", "sum(a)", Op.EXACTLY, 0),
        ("sum(a) != 0", "sum(a)", Op.NOT, 0),
        ("0.5 < sum(a)", "sum(a)", Op.ABOVE, 0.5),
        ("0.5 >= sum(a)", "sum(a)", Op.AT_MOST, 0.5),
        ("1 == sum(a)", "sum(a)", Op.EXACTLY, 1),
        ("sum(a) > 5 * 60", "sum(a)", Op.ABOVE, 300),
        ("sum(a) > (1 - 0.999) * 14.4", "sum(a)", Op.ABOVE, 0.0144),
        ("((sum(a)) > 1)", "sum(a)", Op.ABOVE, 1),
        ("time() - sum(a) > 300", "time() - sum(a)", Op.ABOVE, 300),
        ('sum(a{x=">"}) > 1', 'sum(a{x=">"})', Op.ABOVE, 1),
        ("sum(a) # > 9\n > 1", "sum(a) # > 9", Op.ABOVE, 1),
        ("sum( a ) /  sum(b)>1", "sum( a ) /  sum(b)", Op.ABOVE, 1),
        ("(sum(a) or vector(0)) > 1", "sum(a) or vector(0)", Op.ABOVE, 1),
    ],
)
def test_a_comparison_with_a_number_is_split_and_keeps_its_authors_text(
    text: str, query: str, op: Op, limit: float
) -> None:
    shape = compared(text)

    assert shape.query == query
    assert shape.breach_when == Condition(op, limit)


@pytest.mark.parametrize(
    ("query", "labels"),
    [
        ("sum(a)", ()),
        ("a", None),
        ("sum by (route) (rate(a[5m]))", ("route",)),
        ("sum by (route) (a) / sum by (route) (b)", ("route",)),
        ("sum by (route) (a) / sum by (code) (b)", None),
        ("sum by (route) (a) / on(route) sum by (route) (b)", None),
        ("sum without (route) (a)", None),
        ("100 * sum by (route, code) (a)", ("route", "code")),
        ("histogram_quantile(0.9, sum by (le, route) (rate(a_bucket[5m])))", ("route",)),
        ("histogram_quantile(0.9, sum by (le) (rate(a_bucket[5m])))", ()),
        ("topk(3, a)", None),
        ("round(sum by (route) (a), 0.1)", ("route",)),
        ('label_replace(sum(a), "x", "y", "", "")', None),
        ("scalar(a) + sum(b)", ()),
        ("sum(a) or vector(1)", ()),
    ],
)
def test_the_labels_that_tell_series_apart_are_known_or_said_to_be_unknown(
    query: str, labels: tuple[str, ...] | None
) -> None:
    assert compared(f"({query}) > 1").labels == labels


def test_comparisons_of_one_number_each_are_joined() -> None:
    shape = shape_of("sum(a) > 1 and on() sum(b) < 2 and sum(c) > 3")
    either = shape_of("sum(a) > 1 or (sum(b) < 2 and sum(c) > 3)")

    assert isinstance(shape, Joined)
    assert shape.every
    assert [one.query for one in shape.members if isinstance(one, Compared)] == [
        "sum(a)",
        "sum(b)",
        "sum(c)",
    ]
    assert isinstance(either, Joined)
    assert not either.every
    assert [type(one) for one in either.members] == [Compared, Joined]


def test_series_are_joined_only_by_the_same_label() -> None:
    same = "sum by (r) (a) > 1 and {} sum by (r) (b) >= 2"

    assert isinstance(shape_of(same.format("")), Joined)
    assert isinstance(shape_of(same.format("on(r)")), Joined)
    for other in ("on()", "ignoring(r)", "on(s)"):
        assert "by their labels" in why_not(same.format(other)), other
    assert "by their labels" in why_not("sum by (r) (a) > 1 and sum by (s) (b) > 2")
    assert "by their labels" in why_not("a > 1 and b > 2")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a", "nothing is compared"),
        ("vector(1)", "nothing is compared"),
        ("absent(up)", "absent() returns nothing when all is well"),
        ("a > b", "'>' at the top compares with another query"),
        ("a unless b", "'unless' at the top"),
        ("a > bool 1", "'> bool' at the top always returns a number"),
        ("a > 1 > 2", "'>' within what is compared"),
        ("(a and b) > 2", "'and' within what is compared"),
        ("sum(a) > 1 and absent(b)", "one side of 'and': absent()"),
        ("a > Inf", "no finite number"),
        ("a > 1 / 0", "no finite number"),
    ],
)
def test_what_cannot_be_told_from_silence_says_why(text: str, said: str) -> None:
    assert said in why_not(text)


@pytest.mark.parametrize("text", ["", "rate(a) > 1", "sum(a", "a > on(x) 3", "(" * 200])
def test_what_is_no_promql_is_an_error_of_its_own(text: str) -> None:
    with pytest.raises(QueryError):
        shape_of(text)
