import re
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchdog.domain.cron import Cron, parsed

MONDAY, FRIDAY, SATURDAY, SUNDAY = 0, 4, 5, 6
HOUR = 3600.0


def weekdays(text: str) -> tuple[int, ...]:
    return parsed(f"0 0 * * {text}").weekdays


def test_a_plain_line_says_one_minute_of_one_day_of_the_week() -> None:
    assert parsed("0 22 * * FRI") == Cron((0,), (22,), (), tuple(range(1, 13)), (FRIDAY,))


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("0", (SUNDAY,)),
        ("7", (SUNDAY,)),
        ("1", (MONDAY,)),
        ("sun", (SUNDAY,)),
        ("Mon-Fri", (0, 1, 2, 3, 4)),
        ("1-5", (0, 1, 2, 3, 4)),
        ("5-7", (FRIDAY, SATURDAY, SUNDAY)),
        ("SAT-MON", (MONDAY, SATURDAY, SUNDAY)),
        ("*/2", (1, 3, SATURDAY, SUNDAY)),
        ("fri,sun", (FRIDAY, SUNDAY)),
    ],
)
def test_days_of_the_week_are_those_of_cron(text: str, days: tuple[int, ...]) -> None:
    assert weekdays(text) == days


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("*/15", (0, 15, 30, 45)), ("5-8", (5, 6, 7, 8)), ("50/4", (50, 54, 58)), ("3,1", (1, 3))],
)
def test_steps_stretches_and_lists_of_minutes(text: str, minutes: tuple[int, ...]) -> None:
    assert parsed(f"{text} * * * *").minutes == minutes


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0 22 * *", "has 4 fields, and cron has 5"),
        ("60 * * * *", "'60' is no minute: write 0 to 59"),
        ("0 24 * * *", "'24' is no hour"),
        ("0 0 0 * *", "'0' is no day of the month"),
        ("0 0 * 13 *", "'13' is no month: write 1 to 12 or jan to dec"),
        ("0 0 * * fry", "'fry' is no day of the week: write 0 to 7 or sun to sat"),
        ("*/0 * * * *", "'*/0' is no minute"),
        ("9-5 * * * *", "'9-5' is no minute"),
        ("-1 * * * *", "is no minute"),
        ("1- * * * *", "is no minute"),
        ("0 0 13 * FRI", "write two windows"),
        ("0 0 30 2 *", "never begins"),
        ("0 0 31 4,6,9,11 *", "never begins"),
    ],
)
def test_what_is_no_cron_line_is_refused_with_what_would_be(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        parsed(text)


@given(st.text(max_size=30))
def test_any_text_is_a_line_or_a_value_error(text: str) -> None:
    try:
        cron = parsed(text)
    except ValueError:
        return
    assert cron.minutes
    assert cron.months


def test_the_29th_of_february_begins_in_leap_years() -> None:
    assert parsed("0 0 29 2 *").days == (29,)


@pytest.mark.parametrize(
    ("text", "gap"),
    [
        ("0 22 * * FRI", 7 * 24 * HOUR),
        ("0 22 * * FRI,SAT", 24 * HOUR),
        ("*/5 * * * *", 300.0),
        ("0 8,20 * * *", 12 * HOUR),
        ("0 0 1 * *", 29 * 24 * HOUR),
        ("0 0 29 2 *", None),
    ],
)
def test_the_nearest_two_beginnings(text: str, gap: float | None) -> None:
    assert parsed(text).least_gap == gap


@given(
    st.sets(st.integers(0, 59), min_size=1, max_size=4),
    st.sets(st.integers(0, 23), min_size=1, max_size=4),
    st.sets(st.integers(0, 6), min_size=1, max_size=3),
)
def test_the_gap_is_that_of_all_beginnings_of_a_year(
    minutes: set[int], hours: set[int], days: set[int]
) -> None:
    words = (",".join(map(str, sorted(one))) for one in (minutes, hours))
    cron = parsed(f"{' '.join(words)} * * {','.join(str((day + 1) % 7) for day in days)}")
    first = date(2027, 1, 1)
    beginnings = [
        number * 86_400 + hour * 3600 + minute * 60
        for number in range(60)
        if (first + timedelta(number)).weekday() in days
        for hour in sorted(hours)
        for minute in sorted(minutes)
    ]
    gaps = [later - earlier for earlier, later in pairwise(beginnings)]
    assert cron.least_gap == min(gaps)
