from dataclasses import replace

import pytest

from watchdog.domain.condition import Condition, Op
from watchdog.domain.evidence import (
    Series,
    Spell,
    breach_began,
    condition,
    joined,
    merged,
    spells,
)
from watchdog.domain.progress import Point
from watchdog.domain.signal import Verdict

OK, BREACH, UNKNOWN = Verdict.OK, Verdict.BREACH, Verdict.UNKNOWN


def points(*verdicts: Verdict, every: float = 15.0) -> tuple[Point, ...]:
    values = {OK: 0.01, BREACH: 0.2, UNKNOWN: None}
    return tuple(Point(n * every, v, values[v]) for n, v in enumerate(verdicts))


def series(
    looked: tuple[Point, ...] = (),
    recalled: tuple[Point, ...] = (),
    breach_when: Condition = Condition(Op.ABOVE, 0.1),  # noqa: B008 -- frozen
) -> Series:
    return Series("errors", "error_rate", "q", breach_when, "ratio", looked, recalled)


def test_what_a_look_says_holds_until_the_next_look() -> None:
    assert spells(points(OK, BREACH, BREACH, OK)) == (
        Spell(OK, 0, 15),
        Spell(BREACH, 15, 45),
    )


def test_time_that_nobody_watched_is_unknown_and_not_breach() -> None:
    seen = (*points(BREACH, BREACH, BREACH), Point(90, BREACH, 0.2), Point(105, BREACH, 0.2))

    assert spells(seen) == (Spell(BREACH, 0, 30), Spell(UNKNOWN, 30, 90), Spell(BREACH, 90, 105))


def test_a_look_that_saw_nothing_is_unknown_until_the_next() -> None:
    one = series(points(BREACH, UNKNOWN, UNKNOWN, OK, OK))

    assert one.lasted(BREACH) == 15
    assert one.lasted(UNKNOWN) == 30


def test_one_missing_look_is_a_gap_and_a_slow_one_is_not() -> None:
    at = [0.0, 15.0, 30.0, 60.0, 75.0, 100.0, 115.0]

    assert joined([Point(t, OK, 0) for t in at]) == [True, True, False, True, True, True]


def test_a_slower_pace_is_no_gap() -> None:
    at = [0.0, 15.0, 30.0, 90.0, 150.0, 210.0]

    assert all(joined([Point(t, OK, 0) for t in at]))


@pytest.mark.parametrize("at", [[0, 15, 15, 30], [0, 15, 15.05, 30.05], [0, 0.01, 15, 30]])
def test_two_looks_that_fell_together_make_no_gap_beside_them(at: list[float]) -> None:
    assert joined([Point(t, OK, 0) for t in at]) == [True, True, True]


def test_two_looks_with_nothing_to_compare_belong_together() -> None:
    assert joined(points(OK, OK)) == [True]
    assert joined(points(OK)) == []


def test_a_breach_began_after_the_last_ok_whatever_was_unknown_in_between() -> None:
    assert breach_began(points(BREACH, OK, UNKNOWN, BREACH, UNKNOWN, BREACH)) == 45.0
    assert breach_began(points(OK, OK)) is None
    assert breach_began(()) is None


def test_the_history_is_used_where_it_knows_something_and_looks_around_it() -> None:
    looked = points(OK, OK, BREACH, BREACH, OK, OK)
    recalled = tuple(Point(t, BREACH, 0.3) for t in (28.0, 33.0, 38.0, 43.0, 48.0))

    assert series(looked, recalled).points == (*looked[:2], *recalled, *looked[4:])


def test_a_history_that_knows_nothing_is_not_used() -> None:
    looked = points(OK, BREACH)

    assert series(looked, (Point(5.0, UNKNOWN, None, "unreachable"),)).points == looked


@pytest.mark.parametrize(
    ("op", "worst"),
    [(Op.ABOVE, 7.0), (Op.AT_LEAST, 7.0), (Op.BELOW, -1.0), (Op.AT_MOST, -1.0)],
)
def test_the_worst_is_the_farthest_on_the_bad_side(op: Op, worst: float) -> None:
    looked = tuple(Point(n, OK, v) for n, v in enumerate((3.0, 7.0, -1.0)))
    looked = (*looked, Point(9, UNKNOWN, 99.0))

    found = series(looked, breach_when=Condition(op, 5)).worst

    assert found is not None
    assert found.value == worst


def test_failing_is_the_worst_of_a_yes_or_no_signal() -> None:
    looked = (Point(0, OK, 1.0), Point(5, BREACH, 0.0))

    assert series(looked, breach_when=Condition(Op.FAILING)).worst == looked[1]
    assert series((Point(0, UNKNOWN, None),)).worst is None


@pytest.mark.parametrize("op", list(Op))
def test_a_condition_is_read_back_from_its_text(op: Op) -> None:
    there = Condition(op, 0.0 if op in (Op.PASSING, Op.FAILING) else 0.123456789)

    assert condition(str(there), there.limit) == there


def test_a_condition_in_words_of_another_version_keeps_its_limit() -> None:
    assert condition("outside 3", 3.0) == Condition(Op.ABOVE, 3.0)


def test_a_signal_goes_by_its_triggers_name_where_it_has_one() -> None:
    assert series().name == "errors"
    assert replace(series(), trigger="").name == "error_rate"


def test_merged_points_are_in_order_and_each_once() -> None:
    late, early, with_it = Point(9, OK, 1), Point(1, OK, 2), Point(9, BREACH, 3)

    assert merged([late, early, with_it, early]) == (early, late, with_it)


def test_looks_of_two_checks_that_take_turns_leave_no_gap_within_the_planned_pace() -> None:
    at = [0, 0.02, 0.04, 0.25, 0.27, 0.29, 0.5, 0.52, 0.54]

    assert all(joined([Point(t, OK, 0) for t in at], pace=0.25))
    assert not all(joined([Point(t, OK, 0) for t in at], pace=0.0))
