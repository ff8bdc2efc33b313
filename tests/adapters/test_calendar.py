"""Windows by the clocks of a zone: measured against a walk through every minute."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watchdog.adapters.calendar import CronCalendar
from watchdog.domain.cron import Cron, parsed
from watchdog.domain.windows import OpenWindow, Spared, Window, WindowKind

HOUR = 3600.0
BERLIN = "Europe/Berlin"
# The clocks of Berlin go forward on 2026-03-29 at 01:00Z and back on 2026-10-25 at 01:00Z.
SPRING = datetime(2026, 3, 29, 1, tzinfo=UTC).timestamp()
AUTUMN = datetime(2026, 10, 25, 1, tzinfo=UTC).timestamp()


def weekly(cron: str = "0 22 * * FRI", hours: float = 58.0, zone: str = BERLIN) -> Window:
    return Window(WindowKind.FREEZE, "weekend", cron, zone, hours * HOUR)


def wall(written: str, zone: str = BERLIN) -> float:
    return datetime.fromisoformat(written).replace(tzinfo=ZoneInfo(zone)).timestamp()


def is_open(window: Window, at: float) -> bool:
    return bool(CronCalendar().open([window], at))


def test_a_window_is_open_from_its_beginning_until_right_before_its_end() -> None:
    window = weekly()

    assert not is_open(window, wall("2026-06-05T21:59:59"))
    assert is_open(window, wall("2026-06-05T22:00:00"))
    assert is_open(window, wall("2026-06-08T07:59:59"))
    assert not is_open(window, wall("2026-06-08T08:00:00"))


def test_what_is_open_says_why_until_when_and_for_whom_not() -> None:
    spared = Spared(causes=("security",))
    window = Window(WindowKind.FREEZE, "weekend", "0 22 * * FRI", BERLIN, 58 * HOUR, spared=spared)
    (found,) = CronCalendar().open([window], wall("2026-06-06T12:00:00"))

    ends = wall("2026-06-08T08:00:00")
    assert found == OpenWindow(WindowKind.FREEZE, "weekend", ends, spared=spared)


def test_once_is_from_its_beginning_to_its_end() -> None:
    window = Window(WindowKind.MAINTENANCE, "move", begins=100.0, ends=200.0)

    assert [at for at in (99.9, 100.0, 199.9, 200.0) if is_open(window, at)] == [100.0, 199.9]


@pytest.mark.parametrize(
    ("begins", "ends"),
    [("2026-03-27T22:00", "2026-03-30T09:00"), ("2026-10-23T22:00", "2026-10-26T07:00")],
)
def test_58_hours_are_58_hours_also_when_the_clocks_change(begins: str, ends: str) -> None:
    window = weekly()

    assert wall(ends) - wall(begins) == 58 * HOUR
    assert not is_open(window, wall(begins) - 1)
    assert is_open(window, wall(begins))
    assert is_open(window, wall(ends) - 1)
    assert not is_open(window, wall(ends))


def test_a_beginning_that_the_clocks_leave_out_comes_when_it_would_have() -> None:
    window = weekly("30 2 * * *", 1.0)

    # 02:30 is missing: an hour and a half after 01:00 the clocks show 03:30.
    assert not is_open(window, SPRING + 0.49 * HOUR)
    assert is_open(window, SPRING + 0.5 * HOUR)
    assert is_open(window, wall("2026-03-29T04:29:59"))
    assert not is_open(window, wall("2026-03-29T04:30:00"))


def test_a_beginning_that_the_clocks_show_twice_is_the_first_of_both() -> None:
    window = weekly("30 2 * * *", 1.0)

    assert is_open(window, AUTUMN - 0.5 * HOUR)
    assert is_open(window, AUTUMN + 0.49 * HOUR)
    # The second 02:30.
    assert not is_open(window, AUTUMN + 0.5 * HOUR)


def test_the_day_after_the_clocks_changed_is_not_missed() -> None:
    window = weekly("30 0 * * *", 0.5)

    assert is_open(window, wall("2026-03-29T00:45"))
    assert is_open(window, wall("2026-03-30T00:45"))
    assert is_open(window, wall("2026-10-26T00:45"))


def test_the_year_ends_like_any_day() -> None:
    assert is_open(weekly("0 20 31 12 *", 12.0), wall("2027-01-01T07:59"))
    assert not is_open(weekly("0 20 31 12 *", 12.0), wall("2027-01-01T08:00"))


def test_a_clock_that_steps_back_finds_what_was_open_then() -> None:
    window = weekly()
    monday = wall("2026-06-08T08:00")

    assert [is_open(window, at) for at in (monday, monday - HOUR, monday)] == [False, True, False]


def test_what_is_always_begun_anew_is_always_open() -> None:
    window = weekly("* * * * *", 2.0)
    start = wall("2026-10-24T12:00")

    assert all(is_open(window, start + minutes * 60.0) for minutes in range(0, 24 * 60, 7))


# -- against a walk through every minute

CRONS = st.builds(
    lambda minute, hour, days: f"{minute} {hour} * * {days}",
    st.sampled_from(["0", "30", "*/20", "15,45"]),
    st.sampled_from(["0", "1", "2", "3", "2-3", "*/6", "23", "*"]),
    st.sampled_from(["*", "SUN", "SAT-MON", "0,3", "FRI"]),
)
MOMENTS = st.builds(
    lambda middle, minutes: middle + minutes * 60.0,
    st.sampled_from([SPRING, AUTUMN, wall("2026-12-31T00:00")]),
    st.integers(-3 * 24 * 60, 3 * 24 * 60),
)


def begins_at(cron: Cron, local: datetime) -> bool:
    return (
        local.minute in cron.minutes
        and local.hour in cron.hours
        and local.month in cron.months
        and (not cron.days or local.day in cron.days)
        and (not cron.weekdays or local.weekday() in cron.weekdays)
    )


def walked(window: Window, at: float) -> bool:
    """Whether a beginning is less than `lasts` ago, by looking at every local minute there is."""
    cron, zone = parsed(window.cron), ZoneInfo(window.zone)
    here = datetime.fromtimestamp(at, zone).replace(tzinfo=None, second=0, microsecond=0)
    reach = int(window.lasts // 60) + 4 * 60
    for minutes in range(-4 * 60, reach):
        local = here - timedelta(minutes=minutes)
        if not begins_at(cron, local):
            continue
        began = local.replace(tzinfo=zone).timestamp()
        if began <= at < began + window.lasts:
            return True
    return False


@settings(max_examples=150, deadline=None)
@given(
    CRONS,
    st.sampled_from([0.25, 1.0, 3.0, 26.0, 58.0]),
    st.sampled_from([BERLIN, "UTC", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu"]),
    MOMENTS,
)
def test_any_window_is_open_exactly_when_a_walk_through_all_minutes_says_so(
    cron: str, hours: float, zone: str, at: float
) -> None:
    window = weekly(cron, hours, zone)

    assert is_open(window, at) is walked(window, at)
