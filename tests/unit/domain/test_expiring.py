"""What is in force and lapses, as the journal tells of it, and what people are told."""

from dataclasses import replace

import pytest

from tests.builders import a_check, a_plan, a_run, a_step, at, below, started
from watchdog.domain.events import (
    ChangeExpired,
    Event,
    ExpiryWarned,
    Outcome,
    Proof,
    Record,
    RunEnded,
    Stage,
    StepEnded,
    StepIntended,
    StepResult,
    WatchEnded,
)
from watchdog.domain.expiring import ExpiringBook, ExpiringChange, Lapse, key_of, renewal
from watchdog.domain.expiry import Expiry
from watchdog.domain.expiry_telling import of_expiry
from watchdog.domain.lasting import LastingBook, why_not_reverse
from watchdog.domain.plan import Plan, Step
from watchdog.domain.run_telling import of_run
from watchdog.domain.telling import message
from watchdog.domain.topics import Topic
from watchdog.domain.trigger import Severity

STEP = replace(
    a_step("override", done_when=a_check("isolated", expect=below(0.5))),
    expires=Expiry(after=3600, warn_before=600),
    undo=a_step("override off"),
)
PLAN = a_plan(a_step("flag off"), STEP, name="isolate")
ENDED = StepEnded("r1", Stage.STEPS, 1, "override", StepResult.OK)


def book(*events: Event) -> ExpiringBook:
    found = ExpiringBook()
    for minute, event in enumerate((started(PLAN), *events)):
        found.apply(event, at(60.0 * minute))
    return found


def change(*events: Event) -> ExpiringChange:
    (one,) = book(ENDED, *events).of("shop")
    return one


def change_of(*events: Event) -> ExpiringChange:
    (one,) = book(*events).of("shop")
    return one


def warned() -> ExpiryWarned:
    one = change()
    return ExpiryWarned(
        "shop", "i1", "r1", "isolate", "override", one.key, one.until, "errors", renews=True
    )


def expired(lapse: Lapse, detail: str = "errors is over") -> ChangeExpired:
    one = change()
    return ChangeExpired(
        "shop", "i1", "r1", "isolate", "override", one.key, one.until, lapse, detail, "errors"
    )


# -- what is in force


def test_a_change_is_in_force_from_the_end_of_its_step() -> None:
    one = change()

    assert (one.since, one.run, one.plan, one.trigger) == (at("1m"), "r1", "isolate", "errors")
    assert one.left(at("31m")) == 1800
    assert one.until == at("61m").wall


@pytest.mark.parametrize(
    "event",
    [
        replace(ENDED, result=StepResult.FAILED),
        replace(ENDED, found=True),
        replace(ENDED, index=0),
        replace(ENDED, stage=Stage.FINAL, index=0),
        replace(ENDED, run="r9"),
    ],
    ids=["failed", "found done", "does not lapse", "another stage", "another run"],
)
def test_nothing_else_is(event: StepEnded) -> None:
    assert book(event).of("shop") == []


@pytest.mark.parametrize(
    ("seconds", "due"), [(0, False), (2999, False), (3000, True), (3599, True), (3600, False)]
)
def test_people_are_warned_while_it_is_about_to_lapse(seconds: float, due: bool) -> None:
    assert change().is_to_warn(at(60 + seconds)) is due


def test_people_are_warned_once() -> None:
    assert not change(warned()).is_to_warn(at("55m"))


def test_what_lapsed_is_in_force_no_longer() -> None:
    assert book(ENDED, expired(Lapse.OVER)).of("shop") == []


def test_what_the_run_takes_back_is_in_force_no_longer() -> None:
    back = StepEnded("r1", Stage.UNDO, 0, "override off", StepResult.OK)
    sent = StepIntended("r1", Stage.UNDO, 0, "override off", "r1/undo/1", 1)

    assert book(ENDED, sent, back).of("shop") == []
    assert book(ENDED, sent, replace(back, result=StepResult.FAILED)).of("shop") != []
    assert book(ENDED, replace(sent, key="r1/undo/0"), back).of("shop") != []


def test_what_takes_back_another_step_by_the_same_name_ends_nothing() -> None:
    """By default a step is named by its address, which many have in common."""
    flag = replace(a_step("flag off"), undo=a_step("override off"))
    found = ExpiringBook()
    events = (
        started(a_plan(flag, STEP, name="isolate")),
        ENDED,
        StepIntended("r1", Stage.UNDO, 0, "override off", "r1/undo/0", 1),
        StepEnded("r1", Stage.UNDO, 0, "override off", StepResult.OK),
    )
    for event in events:
        found.apply(event, at(0))

    assert [one.step.name for one in found.of("shop")] == ["override"]


def test_what_a_crash_found_done_late_lapses_by_when_it_was_sent() -> None:
    sent = StepIntended("r1", Stage.STEPS, 1, "override", "r1/steps/1", 1)

    assert change_of(sent, ENDED).since == at("1m")


def test_what_a_person_takes_back_with_its_plan_is_in_force_no_longer() -> None:
    redo = started(replace(a_plan(name="redo"), reverses="isolate"), run="r2", by="ann")

    for outcome in (Outcome.SUCCEEDED, Outcome.FAILED):
        left = book(ENDED, redo, RunEnded("r2", "shop", outcome, "", 5.0)).of("shop")
        assert (left == []) is (outcome is Outcome.SUCCEEDED)


def test_the_same_change_by_another_plan_counts_anew() -> None:
    other = started(a_plan(STEP, name="more"), run="r2")

    one = change(other, StepEnded("r2", Stage.STEPS, 0, "override", StepResult.OK))

    assert (one.run, one.since) == ("r2", at("3m"))


# -- a renewal


def test_a_renewal_makes_the_one_step_and_proves_it() -> None:
    again = renewal(change())

    (step,) = again.steps
    assert isinstance(step, Step)
    assert key_of(step) == key_of(STEP)
    assert step.expires == Expiry(after=3600, warn_before=600, renewals=0)
    assert again.verify == (STEP.done_when,)
    assert not again.verify_trigger


def test_a_renewal_takes_the_place_of_what_it_renews() -> None:
    again = started(renewal(change()), run="r2", renews="r1")

    assert book(ENDED, again).of("shop") == []
    one = change(again, StepEnded("r2", Stage.STEPS, 0, "override", StepResult.OK))
    assert (one.run, one.expiry.renewals) == ("r2", 0)


# -- what people are told


def test_a_warning_says_when_and_what_then() -> None:
    told = of_expiry(warned())
    alone = of_expiry(replace(warned(), renews=False))

    assert told.topics == (Topic.EXPIRING,)
    assert told.title == "shop: override: LAPSES at 01:01:00Z"
    assert "if errors is over by then; else it is renewed by itself" in told.text
    assert (told.severity, alone.severity) == (Severity.INFO, Severity.WARNING)
    assert "renew it by hand before 01:01:00Z, or let it lapse" in alone.text


def test_what_lapsed_is_told_quietly_unless_a_person_must_look() -> None:
    quiet = of_expiry(expired(Lapse.OVER))
    loud = of_expiry(expired(Lapse.FOR_PEOPLE, "nobody can tell"))

    assert (quiet.topics, quiet.severity) == ((Topic.EXPIRING,), Severity.INFO)
    assert (loud.topics, loud.severity) == ((Topic.EXPIRING, Topic.PAGED), Severity.CRITICAL)
    assert "Why nothing was done: nobody can tell." in loud.text
    assert "rollback-watchdog rollback FILE isolate --reason WHY" in loud.text
    assert message(Record(1, at(0), expired(Lapse.OVER))) == quiet


def test_what_holds_is_told_before_its_time_and_paged_at_its_end() -> None:
    soon = of_expiry(replace(warned(), renews=False, holds=True))
    late = of_expiry(expired(Lapse.HOLDS, "it does not lapse by itself"))

    assert (soon.topics, soon.severity) == ((Topic.EXPIRING,), Severity.WARNING)
    assert soon.title == "shop: override: still holds, to be taken back by 01:01:00Z"
    assert "by the plan that reverses isolate, or by hand" in soon.text
    assert (late.topics, late.severity) == ((Topic.EXPIRING, Topic.PAGED), Severity.WARNING)
    assert late.title == "shop: override: STILL HOLDS, nobody took it back"


def test_a_renewal_pages_as_it_begins() -> None:
    start = started(renewal(change()), run="r2", renews="r1")

    told = of_run(start, a_run(start.plan, run="r2", renews="r1"), at(0))

    assert told is not None
    assert told.topics == (Topic.STARTED, Topic.EXPIRING, Topic.PAGED)
    assert told.title == "shop: renewal of isolate started: errors still breaches"
    assert "What run r1 changed has lapsed" in told.text
    assert "It is not renewed again by itself." in told.text


# -- what lasted, and may be taken back


def lasted(*events: Event, plan: Plan = PLAN) -> frozenset[str]:
    found = LastingBook()
    for event in (started(plan), *events):
        found.apply(event, at(0))
    return found.of("shop")


GOOD = RunEnded("r1", "shop", Outcome.SUCCEEDED, "", 5.0)
PASSED = WatchEnded("r1", "shop", Stage.WATCH_SHORT, Proof.PASSED)


def test_a_rollback_lasts_once_its_watch_is_passed() -> None:
    unwatched = replace(PLAN, watch=replace(PLAN.watch, short=0.0, long=0.0))

    assert lasted(GOOD) == frozenset()
    assert lasted(GOOD, PASSED) == {"isolate"}
    assert lasted(GOOD, plan=unwatched) == {"isolate"}
    assert lasted(replace(GOOD, run="r9"), replace(PASSED, run="r9")) == frozenset()


def test_a_relapse_or_a_new_run_ends_that_and_a_renewal_does_not() -> None:
    relapse = WatchEnded("r1", "shop", Stage.WATCH_LONG, Proof.FAILED)

    assert lasted(GOOD, PASSED, relapse) == frozenset()
    assert lasted(GOOD, PASSED, started(PLAN, run="r2")) == frozenset()
    assert lasted(GOOD, PASSED, started(PLAN, run="r2", renews="r1")) == {"isolate"}


def test_what_was_taken_back_is_not_taken_back_twice() -> None:
    redo = replace(a_plan(name="redo"), reverses="isolate")
    back = (started(redo, run="r2", by="ann"), RunEnded("r2", "shop", Outcome.SUCCEEDED, "", 5.0))

    assert lasted(GOOD, PASSED, *back) == frozenset()
    assert why_not_reverse(redo, frozenset(), "", ()) != ""
    assert why_not_reverse(redo, frozenset({"isolate"}), "", ()) == ""
    assert why_not_reverse(PLAN, frozenset(), "r1", ("errors",)) == ""
