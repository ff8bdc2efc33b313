import math
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import EPOCH
from watchdog.domain.baseline import FEWEST, HELD_FOR, HOUR, MOST, Memory, window_looks
from watchdog.domain.moment import Moment
from watchdog.domain.relative import Against, Move, Relative

EVERY = 15.0
DROP = Relative(Move.DROP, over=10 * EVERY)
DAY = 24 * HOUR


def at(slot: int) -> Moment:
    return Moment(slot * EVERY, EPOCH + slot * EVERY)


def a_memory(
    move: Move = Move.DROP, against: Against = Against.WINDOW, *, per: float = 60.0
) -> Memory:
    return Memory(Relative(move, 10 * EVERY, against, per), EVERY)


def shown(
    memory: Memory, values: Sequence[float | None], *, first: int = 0, calm: bool = True
) -> list[float | None]:
    """What each value is compared as; None is a look that failed, and says nothing."""
    measured = []
    for slot, value in enumerate(values, first):
        measured.append(None if value is None else memory.measure(value, at(slot)))
        memory.settle(at(slot), calm=calm)
    return measured


# -- against the window


def test_a_value_is_compared_with_the_median_of_the_window_before_it() -> None:
    memory = a_memory()

    measured = shown(memory, [100, 100, 100, 100, 100, 900, 100, 100, 100, 100, 25])

    assert measured[:10] == [None] * 10
    assert measured[10] == pytest.approx(0.75)
    assert a_memory(Move.RISE).measure(1, at(0)) is None


@pytest.mark.parametrize(
    ("move", "now", "measured"),
    [
        (Move.DROP, 40.0, 0.6),
        (Move.DROP, 150.0, -0.5),
        (Move.RISE, 150.0, 0.5),
        (Move.SPIKE, 300.0, 3.0),
        (Move.DROP, 0.0, 1.0),
    ],
)
def test_a_share_is_of_what_was_before(move: Move, now: float, measured: float) -> None:
    assert shown(a_memory(move), [100.0] * 10 + [now])[-1] == pytest.approx(measured)


def test_a_window_that_is_not_whole_says_nothing() -> None:
    assert shown(a_memory(), [100.0] * 9 + [1.0])[-1] is None


@pytest.mark.parametrize(("failed", "known"), [(2, True), (3, False)])
def test_four_of_five_looks_of_the_window_must_be_decided(failed: int, *, known: bool) -> None:
    window = [None] * failed + [100.0] * (10 - failed)

    assert (shown(a_memory(), [*window, 50.0])[-1] is not None) is known


def test_slots_in_which_nobody_looked_are_looks_that_failed() -> None:
    memory = a_memory()
    shown(memory, [100.0] * 10)

    assert shown(memory, [50.0], first=12)[-1] == pytest.approx(0.5)
    assert shown(memory, [50.0], first=16)[-1] is None


@pytest.mark.parametrize("reference", [0.0, -5.0, math.inf])
def test_a_share_of_nothing_says_nothing(reference: float) -> None:
    assert shown(a_memory(), [reference] * 10 + [50.0])[-1] is None


def test_a_breach_is_no_part_of_what_it_is_compared_with() -> None:
    memory = a_memory()
    shown(memory, [100.0] * 10)

    assert shown(memory, [20.0] * 40, first=10, calm=False) == [pytest.approx(0.8)] * 40
    # It is over, and what is normal goes on from before.
    assert shown(memory, [100.0, 20.0], first=50) == [pytest.approx(0.0), pytest.approx(0.8)]


def test_a_breach_of_a_day_is_the_new_normal() -> None:
    memory = a_memory()
    shown(memory, [100.0] * 10)
    slots = int(HELD_FOR / EVERY)

    before = shown(memory, [20.0] * slots, first=10, calm=False)
    after = shown(memory, [20.0] * 20, first=10 + slots, calm=False)

    assert before == [pytest.approx(0.8)] * slots
    assert after[-1] == pytest.approx(0.0)


def test_a_reference_that_was_held_over_a_restart_is_still_the_same() -> None:
    memory = a_memory()
    memory.hold(100.0, at(0))

    assert shown(memory, [20.0] * 30, calm=False) == [pytest.approx(0.8)] * 30
    assert shown(memory, [20.0], first=30)[-1] == pytest.approx(0.8)
    assert shown(memory, [20.0], first=31)[-1] is None


# -- rates


def test_a_rate_is_the_slope_of_the_window_in_the_time_it_is_for() -> None:
    growing = [100.0 + 5 * n for n in range(11)]

    assert shown(a_memory(Move.GROWS), growing)[-1] == pytest.approx(5 * 60 / EVERY)
    assert shown(a_memory(Move.FALLS), growing)[-1] == pytest.approx(-5 * 60 / EVERY)
    assert shown(a_memory(Move.FALLS, per=HOUR), growing[::-1])[-1] == pytest.approx(5 * 240)


def test_a_look_that_failed_does_not_bend_a_rate() -> None:
    growing: list[float | None] = [100.0 + 5 * n for n in range(11)]
    growing[3] = growing[7] = None

    assert shown(a_memory(Move.GROWS), growing)[-1] == pytest.approx(20)
    growing[8] = None
    assert shown(a_memory(Move.GROWS), growing)[-1] is None


def test_a_rate_goes_on_while_the_trigger_fires() -> None:
    memory = a_memory(Move.GROWS)
    shown(memory, [5.0 * n for n in range(11)])

    still = shown(memory, [50.0] * 20, first=11, calm=False)

    assert still[-1] == pytest.approx(0)


# -- against the same hour


def a_day(memory: Memory, value: float, *, hours: int = 24, first: int = 0) -> None:
    shown(memory, [value] * (hours * 240), first=first)


@pytest.mark.parametrize(("against", "days"), [(Against.YESTERDAY, 1), (Against.LAST_WEEK, 7)])
def test_a_value_is_compared_with_the_same_hour_before(against: Against, days: int) -> None:
    memory = a_memory(Move.RISE, against)
    # Half of the hours are busy: the median of one hour is not that of another.
    for hour in range(days * 24):
        shown(memory, [200.0 if hour % 2 else 100.0] * 240, first=hour * 240)
    now = days * 24 * 240

    assert shown(memory, [150.0], first=now) == [pytest.approx(0.5)]
    assert shown(memory, [150.0], first=now + 240) == [pytest.approx(-0.25)]


def test_an_hour_of_which_too_little_was_seen_is_none() -> None:
    memory = a_memory(Move.RISE, Against.YESTERDAY)
    shown(memory, [100.0] * 191 + [None] * 49)
    a_day(memory, 100.0, hours=23, first=240)

    assert shown(memory, [150.0], first=24 * 240) == [None]
    assert shown(memory, [150.0], first=25 * 240) == [pytest.approx(0.5)]


def test_a_breach_is_no_part_of_the_hour_either() -> None:
    memory = a_memory(Move.RISE, Against.YESTERDAY)
    shown(memory, [100.0] * 200)
    shown(memory, [900.0] * 40, first=200, calm=False)
    a_day(memory, 100.0, hours=23, first=240)

    assert shown(memory, [150.0], first=24 * 240) == [pytest.approx(0.5)]


def test_hours_are_kept_for_eight_days() -> None:
    memory = a_memory(Move.RISE, Against.LAST_WEEK)

    a_day(memory, 1.0, hours=10 * 24)

    assert len(memory.hours) == 8 * 24


def test_hours_are_to_be_written_down_on_the_turn_of_each_and_come_back() -> None:
    memory = a_memory(Move.RISE, Against.YESTERDAY)
    a_day(memory, 100.0, hours=1)
    shown(memory, [100.0], first=240)
    turned = memory.dirty

    again = a_memory(Move.RISE, Against.YESTERDAY)
    again.restore(memory.saved())

    assert (turned, memory.dirty) == (True, False)
    assert shown(again, [150.0], first=24 * 240) == [pytest.approx(0.5)]


def test_a_step_of_the_clock_forgets_the_hour_under_way() -> None:
    memory = a_memory(Move.RISE, Against.YESTERDAY)
    shown(memory, [100.0] * 200)
    memory.clock_stepped()
    shown(memory, [100.0] * 41, first=200)

    assert memory.hours == {}


# -- against what was before a change


def test_a_value_is_compared_with_the_window_before_the_last_change() -> None:
    memory = a_memory(Move.RISE, Against.BEFORE_CHANGE)
    shown(memory, [100.0] * 10)
    assert shown(memory, [200.0] * 9, first=10) == [None] * 9

    # It is told late, and what came after it is no part of what was before.
    memory.changed(at(10).wall)

    assert shown(memory, [200.0] * 30, first=19)[-1] == pytest.approx(1.0)
    assert memory.dirty


def test_a_change_of_which_too_little_was_seen_before_leaves_nothing_to_compare_with() -> None:
    memory = a_memory(Move.RISE, Against.BEFORE_CHANGE)
    shown(memory, [100.0] * 7)
    memory.changed(at(7).wall)

    assert shown(memory, [200.0], first=7) == [None]


def test_a_change_in_the_middle_of_a_breach_moves_nothing() -> None:
    memory = a_memory(Move.RISE, Against.BEFORE_CHANGE)
    shown(memory, [100.0] * 10)
    memory.changed(at(10).wall)
    shown(memory, [900.0] * 20, first=10, calm=False)

    memory.changed(at(25).wall)

    assert shown(memory, [900.0], first=30, calm=False) == [pytest.approx(8.0)]
    # Told again after a restart, it is the same change.
    memory.changed(at(25).wall)
    assert memory.before == 100.0


def test_a_change_that_is_told_after_the_breach_that_it_made_is_what_to_compare_with() -> None:
    memory = a_memory(Move.RISE, Against.BEFORE_CHANGE)
    memory.changed(EPOCH - DAY)
    memory.before = 500.0
    shown(memory, [100.0] * 10)
    shown(memory, [900.0] * 3, first=10, calm=False)

    memory.changed(at(10).wall - 1)

    assert memory.before == 100.0


def test_an_older_change_that_is_told_later_is_not_the_last_one() -> None:
    memory = a_memory(Move.RISE, Against.BEFORE_CHANGE)
    shown(memory, [100.0] * 10)
    memory.changed(at(10).wall)
    memory.changed(at(2).wall)

    assert memory.before == 100.0


def test_what_was_before_a_change_comes_back_after_a_restart() -> None:
    memory = a_memory(Move.RISE, Against.BEFORE_CHANGE)
    shown(memory, [100.0] * 10)
    memory.changed(at(10).wall)

    again = a_memory(Move.RISE, Against.BEFORE_CHANGE)
    again.restore(memory.saved())
    again.changed(at(10).wall)

    assert shown(again, [200.0], first=100) == [pytest.approx(1.0)]


# -- whatever is shown


numbers = st.floats() | st.none()


@settings(max_examples=200, deadline=None)
@given(
    move=st.sampled_from(Move),
    against=st.sampled_from(Against),
    looks=st.lists(st.tuples(numbers, st.booleans(), st.integers(1, 400)), max_size=60),
)
def test_whatever_is_shown_it_is_a_number_or_nothing(
    move: Move, against: Against, looks: list[tuple[float | None, bool, int]]
) -> None:
    memory = a_memory(move, against)
    slot = 0
    for value, calm, step in looks:
        slot += step
        if value is not None and not math.isnan(value):
            measured = memory.measure(value, at(slot))
            assert measured is None or not math.isnan(measured)
        memory.settle(at(slot), calm=calm)
        memory.changed(at(slot).wall)


positive = st.floats(1, 1000)


@settings(max_examples=200, deadline=None)
@given(window=st.lists(positive, min_size=10, max_size=40), now=positive, held=positive)
def test_a_reference_is_never_outside_of_what_was_seen(
    window: list[float], now: float, held: float
) -> None:
    memory = a_memory(Move.SPIKE)
    shown(memory, window)
    shown(memory, [held] * 15, first=len(window), calm=False)
    slot = len(window) + 15

    times = memory.measure(now, at(slot))

    assert times is not None
    reference = now / times
    low, high = min(window[-10:]), max(window[-10:])
    assert low * (1 - 1e-9) <= reference <= high * (1 + 1e-9)


@settings(max_examples=200, deadline=None)
@given(
    values=st.lists(positive | st.none(), min_size=30, max_size=60),
    restart=st.integers(0, 59),
    move=st.sampled_from([Move.DROP, Move.RISE, Move.SPIKE, Move.GROWS, Move.FALLS]),
)
def test_after_a_restart_it_says_the_same_or_nothing(
    values: list[float | None], restart: int, move: Move
) -> None:
    whole = shown(a_memory(move), values)

    again = shown(a_memory(move), values[restart:], first=restart)

    for said, before in zip(again, whole[restart:], strict=True):
        assert said is None or said == pytest.approx(before)


def test_a_window_is_neither_too_small_to_tell_nor_too_large_to_keep() -> None:
    assert window_looks(600, 15) == 40
    assert window_looks(15, 15) == FEWEST
    assert window_looks(1e9, 15) == MOST
    long = Memory(replace(DROP, over=1e9), EVERY)
    shown(long, [1.0] * (3 * MOST))
    assert len(long._looks) == 2 * MOST  # noqa: SLF001 -- that it has a bound at all
