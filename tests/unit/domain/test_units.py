import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchdog.domain.units import convert, parse_duration, parse_number


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("0s", 0),
        ("15s", 15),
        ("1500ms", 1.5),
        ("2m", 120),
        ("1h30m", 5400),
        ("1.5h", 5400),
        ("1w2d3h4m5s6ms", 788645.006),
        ("0.1s", 0.1),
    ],
)
def test_a_duration_is_read_in_seconds(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "90",
        "1.5",
        "m",
        "-5s",
        "5 s",
        "30m1h",
        "5s5s",
        "5sec",
        "1e3s",
        "٣s",
        "2M",
        "\n",
        "9" * 400 + "s",
    ],
)
def test_what_is_no_duration_is_refused_with_examples(text: str) -> None:
    with pytest.raises(ValueError, match="write it like 90s, 1h30m or 500ms"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("10%", 10, "%"),
        ("3s", 3, "s"),
        ("1500ms", 1500, "ms"),
        ("0.5", 0.5, ""),
        ("-2", -2, ""),
        ("1e-3", 0.001, ""),
        ("5 USD/h", 5, "USD/h"),
        (" 7 ", 7, ""),
    ],
)
def test_a_number_is_read_as_written_with_its_unit(text: str, value: float, unit: str) -> None:
    assert parse_number(text) == (value, unit)


@pytest.mark.parametrize("text", ["", "%", "nan", "inf", "1e999", "1.2.3", "ten", "1 2", "--1"])
def test_what_is_no_number_is_refused_with_examples(text: str) -> None:
    with pytest.raises(ValueError, match=r"write it like 0\.5, 10% or 3s"):
        parse_number(text)


@pytest.mark.parametrize(
    ("value", "unit", "into", "result"),
    [
        (10, "%", "ratio", 0.1),
        (0.7, "%", "ratio", 0.007),
        (0.95, "ratio", "%", 95),
        (95, "%", "%", 95),
        (3, "s", "ms", 3000),
        (1500, "ms", "s", 1.5),
        (2, "m", "s", 120),
        (1, "GiB", "MB", 1073.741824),
        (3, "", "s", 3),
        (4, "USD", "USD", 4),
    ],
)
def test_a_limit_is_converted_exactly_into_the_unit_of_its_signal(
    value: float, unit: str, into: str, result: float
) -> None:
    assert convert(value, unit, into) == result


@pytest.mark.parametrize(("unit", "into"), [("%", "s"), ("s", ""), ("USD", "EUR"), ("MB", "%")])
def test_mixed_units_are_refused(unit: str, into: str) -> None:
    with pytest.raises(ValueError, match="cannot be compared"):
        convert(1, unit, into)


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    for parse in (parse_duration, parse_number):
        try:
            parse(text)
        except ValueError:
            continue
