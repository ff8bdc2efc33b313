import pytest

from tests.builders import at
from watchdog.domain.words import duration, stamp, utc, value


def test_a_time_is_written_in_utc() -> None:
    assert utc(at("1h2m3s").wall) == "2026-01-01T01:02:03Z"


def test_a_stamp_names_a_millisecond_and_sorts() -> None:
    assert stamp(at("1500ms").wall) == "20260101T000001.500Z"
    assert stamp(at("1500ms").wall) < stamp(at("1501ms").wall)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.35, "350ms"),
        (0.9999, "1s"),
        (1, "1s"),
        (59.7, "1m"),
        (125, "2m 5s"),
        (3600, "1h"),
        (5400, "1h 30m"),
        (90061, "25h 1m 1s"),
    ],
)
def test_a_duration_is_written_as_a_person_says_it(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("number", "unit", "text"),
    [
        (0.0512, "ratio", "5.12 %"),
        (1.0, "ratio", "100 %"),
        (2.5, "s", "2.5 s"),
        (1500.0, "ms", "1500 ms"),
        (3.0, "", "3"),
        (12345.6, "ms", "12346 ms"),
        (12345678.0, "B", "12345678 B"),
        (0.00001, "s", "1e-05 s"),
    ],
)
def test_a_value_is_written_in_its_unit(number: float, unit: str, text: str) -> None:
    assert value(number, unit) == text
