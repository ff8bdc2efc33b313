import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchdog.domain.observation import Gap, Observation, Sample, Unknown
from watchdog.domain.tape import MOST, tape


def values(text: str) -> list[float | None]:
    return [one.values[0] if isinstance(one, Sample) and one.values else None for one in tape(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("1", [1]),
        ("1x4", [1, 1, 1, 1, 1]),
        ("1x0", [1]),
        ("1+1x2", [1, 2, 3]),
        ("-2+4x3", [-2, 2, 6, 10]),
        ("1-2x2", [1, -1, -3]),
        ("0.1+0.1x2", [0.1, 0.2, 0.3]),
        ("1e3x1 .5 +2", [1000, 1000, 0.5, 2]),
        ("1 _x3 2", [1, None, None, None, 2]),
        ("1\n  2\t3", [1, 2, 3]),
        ("_x0", []),
        ("inf -Inf +inf", [math.inf, -math.inf, math.inf]),
        ("infx2", [math.inf, math.inf]),
    ],
)
def test_numbers_are_read_as_promtool_reads_them(text: str, expected: list[float | None]) -> None:
    assert values(text) == expected


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("_", Sample(())),
        ("err", Gap(Unknown.ERROR, "connection refused")),
        ("err:503", Gap(Unknown.HTTP, "HTTP 503")),
        ("timeout", Gap(Unknown.TIMEOUT, "no answer")),
        ("stale", Sample((0.0,), age=math.inf)),
        ("warn:2.0", Sample((2.0,), warnings=("an answer in part",))),
    ],
)
def test_what_a_source_may_fail_with_has_a_word_that_can_be_repeated(
    word: str, expected: Observation
) -> None:
    assert tape(word) == (expected,)
    assert tape(f"{word}x3") == (expected,) * 3
    assert tape(word.upper()) == (expected,)


def test_nan_is_a_value_of_its_own() -> None:
    (one, two) = values("nanx2")

    assert one is not None
    assert two is not None
    assert math.isnan(one)
    assert math.isnan(two)


@pytest.mark.parametrize(
    "text",
    ["one", "1x", "x3", "1--1x2", "1 +", "err:5", "err503", "warn:", "warn:x", "1,2", "0x1f"],
)
def test_what_is_no_value_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="is no value; write a number, axn"):
        tape(text)


@pytest.mark.parametrize("text", [f"1x{MOST}", "_x999999999", f"1x{MOST - 2} 2x2"])
def test_more_than_anybody_needs_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="more than 200000 values"):
        tape(text)


def test_a_number_beyond_all_numbers_is_refused() -> None:
    with pytest.raises(ValueError, match="too large"):
        tape("1e999")


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = tape(text)
    except ValueError:
        return
    assert all(isinstance(one, Sample | Gap) for one in found)
