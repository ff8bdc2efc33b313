from dataclasses import replace

import pytest

from tests.builders import a_proposal, at
from watchdog.domain.account import Account, Current, Past
from watchdog.domain.decision import (
    GUARDS,
    REASONS,
    STANDING,
    Facts,
    Reason,
    decide,
    standing_refusals,
    supersedes,
)
from watchdog.domain.events import Paused, Stage
from watchdog.domain.matrix import Proposal
from watchdog.domain.plan import WatchPlan
from watchdog.domain.target import Limits, Mode
from watchdog.domain.trigger import Severity

GRAVER = a_proposal("outage", severity=Severity.CRITICAL)


def facts(account: Account | None = None, **more: object) -> Facts:
    calm = Facts(Mode.AUTO, Limits(per_hour=1, per_day=2, cooldown=3600.0), account or Account())
    return replace(calm, **more)  # type: ignore[arg-type]


def reason(
    some: Facts, proposal: Proposal | None = None, then: str | float = "10h"
) -> Reason | None:
    refusal = decide(proposal or a_proposal(), some, at(then))
    return refusal.reason if refusal else None


def past(begun: str, over: str | None = None, **more: object) -> Past:
    ended = at(over) if over else None
    one = Past("i0", Severity.WARNING, at(begun), ended)
    return replace(one, **more)  # type: ignore[arg-type]


def holding(stage: Stage = Stage.STEPS, by: str = "") -> Current:
    return Current("r1", "i1", "undo", Severity.WARNING, by, WatchPlan(), stage)


def test_nothing_in_the_way_means_act() -> None:
    assert decide(a_proposal(), facts(), at(0)) is None
    assert standing_refusals(facts(), at(0)) == []


@pytest.mark.parametrize(
    ("some", "why"),
    [
        (facts(killed="the kill file exists"), Reason.KILL_SWITCH),
        (facts(journal_healthy=False), Reason.JOURNAL_UNWRITABLE),
        (facts(paused_all="by ann: moving house"), Reason.PAUSED),
        (facts(Account(paused=Paused("shop", "ann", "", None))), Reason.PAUSED),
        (facts(Account(latched="run r1 ended failed")), Reason.LATCHED),
        (facts(Account(episodes=frozenset({a_proposal().episode}))), Reason.ALREADY_HANDLED),
        (facts(Account(current=holding())), Reason.RUN_IN_PROGRESS),
        (facts(skew=61.0), Reason.CLOCK_UNSURE),
        (facts(skew=-61.0), Reason.CLOCK_UNSURE),
        (facts(skew=float("nan")), Reason.CLOCK_UNSURE),
        (facts(Account(past=(past("9h", "9h30m"),))), Reason.COOLING_DOWN),
        (facts(Account(past=(past("9h1m"),))), Reason.TARGET_LIMIT),
        (facts(Account(past=(past("1h"), past("2h")))), Reason.TARGET_LIMIT),
        (facts(global_starts=3), Reason.GLOBAL_LIMIT),
        (facts(mode=Mode.ALERT_ONLY), Reason.ALERT_ONLY),
    ],
)
def test_each_thing_in_the_way_is_refused_by_its_name(some: Facts, why: Reason) -> None:
    assert reason(some) is why


def test_a_trigger_not_seen_since_the_restart_is_not_acted_on() -> None:
    assert reason(facts(), a_proposal(confirmed=False)) is Reason.UNCONFIRMED


def test_every_reason_is_explained_with_what_lifts_it() -> None:
    assert set(REASONS) == set(Reason)


def test_what_an_armed_target_would_not_do_is_what_alert_only_says() -> None:
    assert reason(facts(Account(latched="x"), mode=Mode.ALERT_ONLY)) is Reason.LATCHED


def test_the_first_guard_in_order_is_the_one_that_is_told() -> None:
    everything = facts(
        Account(latched="x", paused=Paused("shop", "ann", "", None), past=(past("9h59m"),)),
        killed="k",
        journal_healthy=False,
        skew=999.0,
        global_starts=9,
        mode=Mode.ALERT_ONLY,
    )

    told = [refusal.reason for refusal in standing_refusals(everything, at("10h"))]

    assert reason(everything) is Reason.KILL_SWITCH
    assert told == [
        Reason.KILL_SWITCH,
        Reason.JOURNAL_UNWRITABLE,
        Reason.PAUSED,
        Reason.LATCHED,
        Reason.CLOCK_UNSURE,
        Reason.TARGET_LIMIT,
        Reason.GLOBAL_LIMIT,
        Reason.ALERT_ONLY,
    ]


def test_what_stands_in_the_way_of_anything_is_asked_in_the_same_order() -> None:
    standing = [guard.__name__ for guard in STANDING]

    assert standing == [guard.__name__ for guard in GUARDS if guard.__name__ in standing]


def test_a_pause_ends_when_it_says() -> None:
    some = facts(Account(paused=Paused("shop", "ann", "", at("1h").wall)))

    assert reason(some, then="59m59s") is Reason.PAUSED
    assert reason(some, then="1h") is None


def test_a_small_difference_of_clocks_is_borne() -> None:
    assert reason(facts(skew=60.0)) is None


# -- a run that holds the target


@pytest.mark.parametrize("stage", [Stage.STEPS, Stage.VERIFY, Stage.FINAL, Stage.WATCH_SHORT])
def test_a_trigger_as_grave_as_the_run_under_way_joins_it(stage: Stage) -> None:
    assert reason(facts(Account(current=holding(stage)))) is Reason.RUN_IN_PROGRESS


def test_a_graver_trigger_supersedes_the_run_under_way_past_every_limit() -> None:
    account = Account(current=holding(), past=(past("8h", "9h59m"), past("9h59m")))

    assert supersedes(GRAVER, account)
    assert reason(facts(account, global_starts=3), GRAVER) is None


def test_a_run_that_a_person_started_is_never_superseded() -> None:
    account = Account(current=holding(by="ann"))

    assert not supersedes(GRAVER, account)
    assert reason(facts(account), GRAVER) is Reason.RUN_IN_PROGRESS


def test_the_long_watch_keeps_only_its_own_plan_from_starting_once_more() -> None:
    some = facts(Account(current=holding(Stage.WATCH_LONG)))

    assert reason(some, replace(a_proposal(), plan="another")) is None
    assert reason(some, replace(a_proposal(), plan="undo")) is Reason.RUN_IN_PROGRESS


# -- limits


def test_the_cool_down_ends_at_its_second() -> None:
    some = facts(Account(past=(past("0s", "1s"),)))
    refusal = decide(a_proposal(), some, at("1h"))

    assert refusal is not None
    assert (refusal.reason, refusal.until) == (Reason.COOLING_DOWN, at("1h1s").wall)
    assert decide(a_proposal(), some, at("1h1s")) is None


def test_the_last_run_is_the_one_to_cool_down_from() -> None:
    account = Account(past=(past("0s", "30m"), past("2h", "2h1m")))

    assert reason(facts(account, limits=Limits(9, 9, 3600.0)), then="3h") is Reason.COOLING_DOWN


def test_a_graver_trigger_than_the_last_passes_the_cool_down_and_the_hour_but_not_the_day() -> None:
    once = Account(past=(past("9h50m", "9h59m"),))
    assert reason(facts(once), GRAVER) is None

    twice = Account(past=(past("1h", "2h"), past("9h50m", "9h59m")))
    assert reason(facts(twice), GRAVER) is Reason.TARGET_LIMIT


def test_it_passes_once() -> None:
    account = Account(past=(past("9h50m", "9h59m", severity=Severity.CRITICAL),))

    assert reason(facts(account), GRAVER) is Reason.COOLING_DOWN


def test_the_graver_run_still_starts_once_the_lower_one_has_given_way() -> None:
    gave_way = past("9h58m", "9h59m", superseded=True)
    account = Account(past=(past("1h", "2h"), gave_way), incident="i0")
    some = facts(account, global_starts=3)

    assert reason(some, GRAVER) is None
    assert reason(some, a_proposal()) is Reason.COOLING_DOWN
    assert reason(replace(some, account=replace(account, incident="i1")), GRAVER) is not None


def test_what_gave_way_latches_for_all_but_the_graver_run_of_its_incident() -> None:
    gave_way = past("9h58m", "9h59m", superseded=True)
    half_way = Account(past=(gave_way,), incident="i0", latched="gave way", half_way=holding())

    assert reason(facts(half_way), GRAVER) is None
    assert reason(facts(half_way)) is Reason.LATCHED
    assert reason(facts(replace(half_way, incident="i1")), GRAVER) is Reason.LATCHED
    assert reason(facts(replace(half_way, half_way=None)), GRAVER) is Reason.LATCHED


def test_what_gave_way_latches_for_a_renewal_as_well() -> None:
    account = Account(latched="gave way", half_way=holding(), incident="i1")

    assert reason(facts(account), a_proposal(renews="r0")) is Reason.LATCHED


def test_a_run_that_a_wrong_clock_dates_into_the_future_still_counts() -> None:
    ahead = facts(Account(past=(past("12h", "12h1m"),)))

    refusal = decide(a_proposal(), ahead, at("10h"))

    assert refusal is not None
    assert refusal.reason is Reason.COOLING_DOWN
    assert refusal.detail == "3600 s left"


def test_limits_let_go_as_time_passes() -> None:
    account = Account(past=(past("0s", "1s"), past("2h", "2h1s")))

    assert reason(facts(account), then="4h") is Reason.TARGET_LIMIT
    assert reason(facts(account), then="1d") is None
    assert reason(facts(Account(past=(past("0s", "1s"),))), then="1h1s") is None
