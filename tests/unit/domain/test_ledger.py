import pytest

from tests.builders import (
    a_plan,
    a_proposal,
    a_watch,
    at,
    ended_well,
    failures,
    seconds,
    started,
)
from watchdog.domain.account import Account
from watchdog.domain.decision import supersedes
from watchdog.domain.events import (
    CheckEnded,
    Event,
    IncidentClosed,
    IncidentOpened,
    KillSwitchChanged,
    LatchCleared,
    Outcome,
    Paused,
    Proof,
    Record,
    Resumed,
    RunEnded,
    RunRecovered,
    RunStarted,
    Stage,
    StopRequested,
    WatchEnded,
    WatchStarted,
)
from watchdog.domain.ledger import Ledger
from watchdog.domain.moment import Moment, age
from watchdog.domain.progress import Recovery
from watchdog.domain.trigger import Severity

PLAN = a_plan(watch=a_watch(short=60, long=600))


Dated = tuple[str, Event]


def ledger(*events: Dated) -> Ledger:
    records = [Record(n, at(when), event) for n, (when, event) in enumerate(events, 1)]
    return Ledger().replay(records)


def account(*events: Dated) -> Account:
    return ledger(*events).account("shop")


def start(run: str = "r1", **more: object) -> RunStarted:
    return started(PLAN, run=run, **more)


def ended(outcome: Outcome, run: str = "r1") -> RunEnded:
    return RunEnded(run, "shop", outcome, "why", 5.0)


def watch(stage: Stage, proof: Proof, run: str = "r1") -> WatchEnded:
    return WatchEnded(run, "shop", stage, proof, "it came back")


def test_of_an_unknown_target_nothing_is_remembered() -> None:
    assert Ledger().account("shop") == Account()


def test_what_is_not_of_its_kinds_changes_nothing() -> None:
    assert ledger(("0s", CheckEnded("r1", Stage.VERIFY, 0, "c", Proof.PASSED))) == Ledger()


# -- the run that holds the target


def test_a_run_holds_its_target_until_its_watches_are_over() -> None:
    events: list[Dated] = [("0s", start())]
    assert (current := account(*events).current) is not None
    assert (current.run, current.stage) == ("r1", Stage.STEPS)

    stages: list[tuple[Event, Stage]] = [
        (ended(Outcome.SUCCEEDED), Stage.WATCH_SHORT),
        (WatchStarted("r1", Stage.WATCH_SHORT, 0.0), Stage.WATCH_SHORT),
        (watch(Stage.WATCH_SHORT, Proof.PASSED), Stage.WATCH_LONG),
        (WatchStarted("r1", Stage.WATCH_LONG, 0.0), Stage.WATCH_LONG),
    ]
    for event, stage in stages:
        events.append(("1m", event))
        assert (current := account(*events).current) is not None
        assert current.stage is stage

    events.append(("1h", watch(Stage.WATCH_LONG, Proof.PASSED)))
    assert ended_well(account(*events))


@pytest.mark.parametrize(("short", "long"), [(0, 0), (60, 0), (0, 60)])
def test_a_watch_of_no_length_holds_no_target(short: float, long: float) -> None:
    plan = a_plan(watch=a_watch(short=short, long=long))
    events: list[Dated] = [("0s", started(plan)), ("1s", ended(Outcome.SUCCEEDED))]
    if short:
        events.append(("2m", watch(Stage.WATCH_SHORT, Proof.PASSED)))
    if long:
        assert account(*events).current is not None
        events.append(("3m", watch(Stage.WATCH_LONG, Proof.PASSED)))

    assert ended_well(account(*events))


def test_a_watch_that_was_stopped_holds_no_target() -> None:
    stop = StopRequested("r1", Outcome.SUPERSEDED, "why")
    events: list[Dated] = [
        ("0s", start()),
        ("1s", ended(Outcome.SUCCEEDED)),
        ("2s", stop),
        ("3s", watch(Stage.WATCH_SHORT, Proof.INCONCLUSIVE)),
    ]

    assert ended_well(account(*events))


def test_news_of_another_run_leaves_the_one_that_holds_the_target() -> None:
    events: list[Dated] = [
        ("0s", start("r2")),
        ("1s", ended(Outcome.FAILED, "r1")),
        ("2s", watch(Stage.WATCH_LONG, Proof.FAILED, "r1")),
        ("3s", WatchStarted("r1", Stage.WATCH_LONG, 0.0)),
        ("4s", StopRequested("r1", Outcome.SUPERSEDED, "why")),
    ]

    assert account(*events) == account(("0s", start("r2")))


# -- the latch


@pytest.mark.parametrize("outcome", failures())
def test_a_run_that_did_not_prove_that_it_helped_latches_its_target(outcome: Outcome) -> None:
    after = account(("0s", start()), ("1s", ended(outcome)))

    assert after.current is None
    assert after.latched == f"run r1 ended {outcome.value}: why"


def test_a_run_that_gave_way_latches_until_the_graver_one_begins() -> None:
    gave_way: list[Dated] = [("0s", start()), ("1s", ended(Outcome.SUPERSEDED))]
    before = account(*gave_way)
    assert before.latched == "run r1 gave way, and no graver one began: why"
    assert before.half_way is not None

    after = account(*gave_way, ("2s", start("r2", severity=Severity.CRITICAL)))
    assert (after.latched, after.half_way) == ("", None)


def test_a_run_by_hand_after_one_that_gave_way_leaves_the_latch() -> None:
    after = account(
        ("0s", start()), ("1s", ended(Outcome.SUPERSEDED)), ("2s", start("r2", by="ann"))
    )

    assert after.latched
    assert after.half_way is None


def test_what_is_only_renewed_leaves_the_latch_of_a_run_that_gave_way() -> None:
    gave_way = account(("0s", start()), ("5m", ended(Outcome.SUPERSEDED)))
    renewed = account(
        ("0s", start()),
        ("5m", ended(Outcome.SUPERSEDED)),
        ("6m", start(run="r2", renews="r0")),
    )

    assert renewed.latched == gave_way.latched != ""


def recovery(how: Recovery = Recovery.COMPENSATE) -> RunRecovered:
    return RunRecovered("r1", "shop", how, "ann", "I looked")


def test_what_a_person_has_taken_back_is_no_second_failure_of_the_machine() -> None:
    """Else one bad run, and its repair, would open the breaker for all targets."""
    failed = (("0s", start()), ("5m", ended(Outcome.PARTIALLY_APPLIED)))

    once = ledger(*failed).breaker.failures
    twice = ledger(*failed, ("6m", recovery()), ("7m", ended(Outcome.FAILED))).breaker.failures

    assert len(once) == len(twice) == 1


def test_a_run_in_the_hands_of_a_person_gives_way_to_no_graver_trigger() -> None:
    held = account(("0s", start()), ("5m", ended(Outcome.STOPPED)), ("6m", recovery()))

    assert held.current is not None
    assert not supersedes(a_proposal("outage", severity=Severity.CRITICAL), held)


def test_a_run_that_gave_way_to_nothing_may_be_recovered() -> None:
    left = (("0s", start()), ("5m", ended(Outcome.SUPERSEDED)))

    assert account(*left).broken_off is not None
    assert account(*left, ("6m", start(run="r2"))).broken_off is None
    taken = account(*left, ("6m", recovery()))
    assert (taken.half_way, taken.latched != "") == (None, True)


def test_clearing_lets_go_of_what_gave_way() -> None:
    cleared = LatchCleared("shop", "ann", "looked")
    after = account(("0s", start()), ("1s", ended(Outcome.SUPERSEDED)), ("2s", cleared))

    assert ended_well(after)
    assert after.half_way is None


def test_a_run_dated_into_the_future_counts_as_one_of_now() -> None:
    later = at("1d")

    assert age(later, at("2h")) == 0
    assert age(at("1h"), at("2h")) == seconds("1h")
    # Translated by a wrong clock, which was mended since.
    assert age(Moment(-90000.0, at("1h").wall), at("2h")) == seconds("1h")
    assert ledger(("1d", start())).starts_since(at("1h"), seconds("1h")) == 1


def test_clearing_dates_a_run_of_the_future_back_to_that_moment() -> None:
    book = ledger(("1d", start()))
    book.apply(LatchCleared("shop", "ann", "looked"), at("1h"))

    assert book.starts_since(at("1h30m"), seconds("1h")) == 1
    assert book.starts_since(at("2h30m"), seconds("1h")) == 0


@pytest.mark.parametrize("stage", [Stage.WATCH_SHORT, Stage.WATCH_LONG])
def test_a_relapse_latches_and_lets_the_target_go(stage: Stage) -> None:
    after = account(
        ("0s", start()), ("1s", ended(Outcome.SUCCEEDED)), ("2s", watch(stage, Proof.FAILED))
    )

    assert after.current is None
    assert after.latched == "run r1 relapsed in its watch: it came back"


def test_an_inconclusive_watch_does_not_latch() -> None:
    after = account(
        ("0s", start()),
        ("1s", ended(Outcome.SUCCEEDED)),
        ("2s", watch(Stage.WATCH_SHORT, Proof.INCONCLUSIVE)),
    )

    assert not after.latched


def test_a_latch_stays_through_a_later_run_until_it_is_cleared() -> None:
    events: list[Dated] = [
        ("0s", start()),
        ("1s", ended(Outcome.FAILED)),
        ("2s", start("r2", by="ann")),
        ("3s", ended(Outcome.SUCCEEDED, "r2")),
    ]
    assert account(*events).latched

    assert not account(*events, ("4s", LatchCleared("shop", "ann", "looked"))).latched


def test_clearing_ends_the_cool_down_as_well() -> None:
    after = account(
        ("0s", start()), ("1s", ended(Outcome.FAILED)), ("2s", LatchCleared("shop", "ann", "ok"))
    )

    assert after.past[-1].ended is not None
    assert at("2s").since(after.past[-1].ended) == float("inf")


def test_clearing_during_a_run_ends_no_cool_down_that_has_not_begun() -> None:
    after = account(("0s", start()), ("2s", LatchCleared("shop", "ann", "ok")))

    assert after.past[-1].ended is None


# -- what limits count


def test_an_automatic_run_is_remembered_with_its_beginning_and_end() -> None:
    (past,) = account(("5s", start()), ("9s", ended(Outcome.SUCCEEDED))).past

    assert (past.started, past.ended, past.severity) == (at(5), at(9), Severity.WARNING)


def test_a_run_by_hand_is_not_counted() -> None:
    assert account(("0s", start(by="ann")), ("1s", ended(Outcome.SUCCEEDED))).past == ()


def test_the_cool_down_begins_anew_after_a_run_by_hand_in_the_same_incident() -> None:
    (past,) = account(
        ("0s", start()),
        ("1s", ended(Outcome.SUCCEEDED)),
        ("2s", start("r2", by="ann")),
        ("9s", ended(Outcome.SUCCEEDED, "r2")),
    ).past

    assert past.ended == at(9)


def test_a_run_stopped_by_a_person_gives_way_to_nothing() -> None:
    stop = StopRequested("r1", Outcome.STOPPED, "kill switch")

    (past,) = account(("0s", start()), ("1s", stop), ("2s", ended(Outcome.STOPPED))).past

    assert not past.superseded


def superseded(*more: Dated) -> Account:
    return account(
        ("0s", IncidentOpened("shop", "i1", "errors", Severity.WARNING)),
        ("0s", start()),
        ("1s", StopRequested("r1", Outcome.SUPERSEDED, "why")),
        ("2s", ended(Outcome.SUPERSEDED)),
        *more,
    )


def test_a_graver_run_in_place_of_a_lower_one_belongs_to_the_same_count() -> None:
    (past,) = superseded(("3s", start("r2", severity=Severity.CRITICAL))).past

    assert (past.started, past.ended, past.severity) == (at(0), None, Severity.CRITICAL)


def test_a_run_by_hand_takes_no_place_in_the_count() -> None:
    (past,) = superseded(("3s", start("r2", by="ann"))).past

    assert (past.started, past.superseded) == (at(0), False)


def test_any_other_run_of_the_same_incident_counts_by_itself() -> None:
    again = superseded(("3s", start("r2")))
    assert [past.started for past in again.past] == [at(0), at(3)]

    later = account(("0s", start()), ("1s", ended(Outcome.SUCCEEDED)), ("2h", start("r2")))
    assert [past.started for past in later.past] == [at(0), at("2h")]


def test_what_is_a_day_old_is_forgotten() -> None:
    later = account(("0s", start()), ("1s", ended(Outcome.SUCCEEDED)), ("1d", start("r2")))

    assert [past.started for past in later.past] == [at("1d")]


def test_the_starts_of_all_targets_are_counted_together() -> None:
    book = ledger(
        ("0s", start("r1")),
        ("30m", start("r2", target="cart")),
        ("40m", start("r3", target="till", by="ann")),
    )

    assert book.starts_since(at("50m"), seconds("1h")) == 2
    assert book.starts_since(at("1h"), seconds("1h")) == 1


# -- pauses, the kill switch, incidents


def test_a_pause_is_of_one_target_or_of_all() -> None:
    pause, everything = Paused("shop", "ann", "", None), Paused("", "ann", "", None)
    book = ledger(("0s", pause), ("0s", everything))
    assert book.account("shop").paused == pause
    assert book.account("cart").paused is None
    assert book.paused == everything

    book.apply(Resumed("shop", "ann"), at(1))
    book.apply(Resumed("", "ann"), at(1))
    assert book.account("shop").paused is None
    assert book.paused is None


def test_the_kill_switch_stays_as_it_was_left() -> None:
    on = ("0s", KillSwitchChanged(on=True, how="signal"))

    assert ledger(on).killed == "signal"
    assert ledger(on, ("1s", KillSwitchChanged(on=False, how="signal"))).killed == ""


def test_an_incident_is_open_until_it_is_closed() -> None:
    opened = ("0s", IncidentOpened("shop", "i1", "errors", Severity.WARNING))

    assert account(opened).incident == "i1"
    assert account(opened, ("1s", IncidentClosed("shop", "i1"))).incident == ""


def test_an_episode_that_had_its_run_is_remembered() -> None:
    assert account(("0s", start(episode="errors@5"))).episodes == {"errors@5"}
    assert account(("0s", start(episode="", by="ann"))).episodes == frozenset()
