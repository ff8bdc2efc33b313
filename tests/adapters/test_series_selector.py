import pytest

from watchdog.adapters.series_selector import parse_selector

LABELS = {"code": "503", "path": "/v1", "method": "GET"}


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("x", True),
        ("x{}", True),
        ('x{code="503"}', True),
        ("x{code='503',}", True),
        ('x{code="500"}', False),
        ('x{code!="500"}', True),
        ('x{code!="503"}', False),
        ('x{code=~"5.."}', True),
        ('x{code=~"5"}', False),
        ('x{code=~"0|503"}', True),
        ('x{code!~"5.."}', False),
        ('x{code!~"03"}', True),
        ('x{code=~"5..",method="POST"}', False),
        ('x{code=~"5..",method="GET"}', True),
        ('x{absent=""}', True),
        ('x{absent!=""}', False),
        ('x{absent=~".+"}', False),
        ('x{absent=~".*"}', True),
        ('x{path="/v\\x31"}', True),
        ('x{path=~"/v\\\\d"}', True),
    ],
)
def test_a_series_matches_as_in_prometheus(text: str, matches: bool) -> None:
    selector = parse_selector(text)

    assert selector.name == "x"
    assert selector.matches(LABELS) is matches


def test_a_digit_in_a_regular_expression_is_ascii() -> None:
    assert not parse_selector('x{a=~"\\\\d"}').matches({"a": "٤"})


def test_a_selector_reads_as_written() -> None:
    text = 'http_requests_total{code=~"5..",path!="/\\""}'

    assert str(parse_selector(text)) == text
    assert str(parse_selector("x{}")) == "x"
    assert str(parse_selector('x{a="1"}').renamed("x_bucket")) == 'x_bucket{a="1"}'


@pytest.mark.parametrize(
    "text",
    [
        "",
        "rate(x[5m])",
        "x[5m]",
        "x offset 5m",
        "x @ 3",
        "-x",
        "(x)",
        "5",
        '"x"',
        '{code="5"}',
        '{__name__="x"}',
        '{"x", code="5"}',
        'x{a="1" or b="2"}',
        'x{a="1"',
        "x{a=`1`}",
        'x{a=~"("}',
        'x{a=~"[[:alpha:]]"}',
        'x{a=~"\\\\pL"}',
        'x{a=~"' + "a" * 2_000 + '"}',
    ],
)
def test_what_is_no_selector_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        parse_selector(text)

    assert type(caught.value) is ValueError
