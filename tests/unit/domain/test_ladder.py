"""What follows what, and what people are told of it."""

from dataclasses import replace

import pytest

from tests.builders import a_plan, a_run, at
from watchdog.domain.events import Decided, Outcome, Proof, RunEnded, RunVerified, StopRequested
from watchdog.domain.ladder import AfterFailure, Ladder, OnFailure
from watchdog.domain.ladder_telling import way_back
from watchdog.domain.next_level import why_not_next
from watchdog.domain.plan import Level, Plan, level_word
from watchdog.domain.run_telling import of_run
from watchdog.domain.topics import Topic
from watchdog.domain.trigger import Severity
from watchdog.domain.trouble_telling import of_trouble

AUTO = OnFailure(AfterFailure.AUTO_NEXT, ("routing", "application"))
LADDER = Ladder(
    run="r1",
    plan="flags",
    level=Level.ROUTING,
    trigger="errors",
    patience=900,
    tried=("flags",),
    rest=AUTO,
    ended=at("10m"),
)


def ended(outcome: Outcome = Outcome.FAILED) -> RunEnded:
    return RunEnded("r1", "shop", outcome, "it still breaches", 60.0)


def told(rest: OnFailure, proof: Proof = Proof.FAILED, *, stopped: bool = False) -> str:
    events = [RunVerified("r1", proof, "it still breaches")]
    run = a_run(a_plan(), *events, rest=rest)
    if stopped:
        run = replace(run, stop=StopRequested("r1", Outcome.STOPPED, "ann"))
    telling = of_run(ended(), run, at("1m"))
    assert telling is not None
    return telling.text


@pytest.mark.parametrize(
    ("level", "word"), [(1, "flags"), (2, "routing"), (3, "application"), (4, "data"), (7, "7")]
)
def test_a_level_has_a_word(level: int, word: str) -> None:
    assert level_word(level) == word


def test_nothing_follows_where_nobody_said_so() -> None:
    assert OnFailure().next == ""
    assert OnFailure(AfterFailure.STOP_AND_PAGE, ("routing",)).next == ""
    assert AUTO.next == "routing"


def test_the_list_that_began_comes_first_and_then_that_of_the_last_on_it() -> None:
    own = OnFailure(AfterFailure.OFFER_NEXT, ("flags", "restore"))

    first = LADDER.rest_after(own, "routing")
    assert first == OnFailure(AfterFailure.AUTO_NEXT, ("application",))
    last = replace(LADDER, rest=first, tried=("flags", "routing"))
    # What ran already does not run again.
    assert last.rest_after(own, "application") == OnFailure(AfterFailure.OFFER_NEXT, ("restore",))


def plans(level: int) -> dict[str, Plan]:
    return {"routing": replace(a_plan(name="routing"), level=level)}


@pytest.mark.parametrize(
    ("known", "now", "why"),
    [
        (plans(2), "10m", ""),
        (plans(2), "25m", ""),
        (plans(2), "26m", "it was not begun within 15m"),
        (plans(1), "10m", "plan routing is of the flags level now, below routing"),
        ({}, "10m", "plan routing is no longer in the file"),
    ],
)
def test_the_next_level_is_there_in_time_and_no_lower(
    known: dict[str, Plan], now: str, why: str
) -> None:
    assert why_not_next(LADDER, known, at(now)) == why


def test_the_end_of_a_run_says_what_may_follow() -> None:
    text = told(AUTO)

    assert "plan routing, starts by itself within 15m if errors still breaches" in text
    assert "Nothing else runs by itself on shop until a named person clears it." in text


def test_an_offer_says_that_a_person_starts_it() -> None:
    text = told(OnFailure(AfterFailure.OFFER_NEXT, ("routing",)))

    assert "plan routing, is offered within 15m if errors still breaches" in text


@pytest.mark.parametrize(
    ("rest", "proof", "stopped"),
    [
        (OnFailure(), Proof.FAILED, False),
        (AUTO, Proof.INCONCLUSIVE, False),
        (AUTO, Proof.FAILED, True),
    ],
)
def test_where_nothing_follows_it_says_so(rest: OnFailure, proof: Proof, stopped: bool) -> None:
    text = told(rest, proof, stopped=stopped)

    assert "The next level" not in text
    assert "Nothing further runs by itself on shop" in text


def test_an_offer_is_told_with_its_steps_and_its_command() -> None:
    event = Decided(
        target="shop",
        incident="i1",
        plan="restore",
        trigger="errors",
        severity=Severity.CRITICAL,
        episode="errors@1.000",
        refusal="next_level_offered",
        would_do=("restore: POST /restore",),
        follows="r1",
    )

    telling = of_trouble(event, 0.0)

    assert telling is not None
    assert telling.topics == (Topic.REFUSED, Topic.PAGED)
    assert telling.title == "shop: the next level is OFFERED: plan restore"
    assert "1. restore: POST /restore" in telling.text
    assert "`rollback-watchdog rollback FILE restore --reason WHY` starts it" in telling.text


def test_a_rollback_that_lasts_says_how_it_is_taken_back() -> None:
    with_way = a_run(replace(a_plan(), reversed_by="redo"))

    assert "`rollback-watchdog rollback FILE redo --reason WHY` takes this back" in way_back(
        with_way
    )
    assert way_back(a_run()) == ""
