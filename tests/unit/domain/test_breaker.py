from tests.builders import at
from watchdog.domain.breaker import BreakerLimits, BreakerState, TargetSight, why_open
from watchdog.domain.moment import Moment

LIMITS = BreakerLimits()
CLOSED = BreakerState()


def a_sight(
    name: str, *, triggers: int = 2, dark: tuple[float, ...] = (), fired: float | None = None
) -> TargetSight:
    return TargetSight(name, triggers, dark, None if fired is None else at(fired))


def why(*sights: TargetSight, state: BreakerState = CLOSED, now: float = 1000.0) -> str:
    return why_open(LIMITS, state, sights, at(now))


def test_two_targets_that_fire_are_two_troubles() -> None:
    assert why(a_sight("a", fired=990), a_sight("b", fired=1000), a_sight("c")) == ""


def test_three_targets_that_fire_within_two_minutes_are_one_trouble() -> None:
    sights = [a_sight("a", fired=880), a_sight("b", fired=990), a_sight("c", fired=1000)]

    assert why(*sights) == "triggers of 3 targets fired within 2m: a, b, c"


def test_a_target_that_fired_longer_ago_is_another_story() -> None:
    assert why(a_sight("a", fired=879), a_sight("b", fired=990), a_sight("c", fired=1000)) == ""


def test_one_target_counts_once_however_many_of_its_triggers_fire() -> None:
    assert why(a_sight("a", triggers=9, fired=1000)) == ""


def test_half_of_all_triggers_in_the_dark_is_too_many() -> None:
    sights = [a_sight("a", dark=(900.0, 900.0)), a_sight("b")]

    assert why(*sights) == "2 of 4 triggers are unknown, of a"


def test_less_than_half_is_not() -> None:
    assert why(a_sight("a", triggers=3, dark=(900.0,)), a_sight("b")) == ""


def test_fewer_than_four_triggers_prove_nothing() -> None:
    assert why(a_sight("a", triggers=3, dark=(900.0, 900.0, 900.0))) == ""


def test_nothing_in_the_dark_opens_nothing_whatever_the_limit() -> None:
    assert why_open(BreakerLimits(unknown=0.0), CLOSED, [a_sight("a", triggers=9)], at(0)) == ""


def test_two_failed_plans_within_a_day_open_it() -> None:
    state = CLOSED.failed(at(0)).failed(at("23h"))

    assert why(state=state, now=86_399) == "2 plans failed within 24h"
    assert why(state=state, now=86_400) == ""


def test_every_reason_is_said() -> None:
    sights = [a_sight(name, dark=(1.0, 2.0), fired=1000) for name in "abcdefg"]
    said = why(*sights, state=CLOSED.failed(at(1)).failed(at(2)))

    assert said == (
        "triggers of 7 targets fired within 2m: a, b, c, d, e and 2 more; "
        "14 of 14 triggers are unknown, of a, b, c, d, e and 2 more; "
        "2 plans failed within 24h"
    )


def test_what_was_before_it_was_closed_does_not_open_it_again() -> None:
    sights = [a_sight(name, dark=(990.0, 990.0), fired=995) for name in "abc"]
    closed = CLOSED.failed(at(1)).failed(at(2)).opened("too much", at(996)).closed(at(1000))

    assert why(*sights, state=closed) == ""
    assert why(*sights, state=CLOSED) != ""


def test_what_comes_after_it_was_closed_does() -> None:
    sights = [a_sight(name, fired=1001) for name in "abc"]

    assert why(*sights, state=CLOSED.closed(at(1000)), now=1002) != ""
    assert why(state=CLOSED.closed(at(0)).failed(at(1)).failed(at(2)), now=3) != ""


def test_no_more_failures_are_remembered_than_a_limit_could_count() -> None:
    state = CLOSED
    for second in range(300):
        state = state.failed(at(second))

    assert len(state.failures) == 100
    assert state.failures[-1] == at(299)


def test_neither_a_restart_nor_a_clock_that_was_wrong_forgets_a_failure() -> None:
    # Of an earlier boot, translated while the wall clock was two days ahead.
    too_old = Moment(at("1h").elapsed - 2 * 86_400, at("1h").wall)
    state = BreakerState().failed(too_old).failed(at("2h"))

    assert why_open(BreakerLimits(), state, [], at("3h")) == "2 plans failed within 24h"
