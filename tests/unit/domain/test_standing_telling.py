from typing import get_args

import pytest

from tests.bed.story import INCIDENT, NOON, TARGET
from watchdog.domain.decision_table import Then
from watchdog.domain.events import (
    Acknowledged,
    BreakerClosed,
    BreakerOpened,
    Event,
    OutcomeClosed,
    OutcomeEscalated,
    OutcomeOpened,
    Record,
)
from watchdog.domain.moment import Moment
from watchdog.domain.standing_telling import StandingTold
from watchdog.domain.telling import TOLD, message
from watchdog.domain.topics import Topic
from watchdog.domain.trigger import Severity
from watchdog.domain.wording import Telling

ROW = "latency is degraded"


def tell(event: Event) -> Telling | None:
    return message(Record(7, Moment(5000, NOON), event))


def opened(outcome: Then = Then.INVESTIGATE) -> OutcomeOpened:
    return OutcomeOpened(
        TARGET, INCIDENT, ROW, outcome, Severity.WARNING, 300, NOON + 300, ("slow",), ""
    )


def escalated(plan: str = "") -> OutcomeEscalated:
    return OutcomeEscalated(
        TARGET, INCIDENT, ROW, Then.INVESTIGATE, NOON - 300, "it still holds", plan
    )


def test_the_open_breaker_pages_everybody_and_says_how_to_close_it() -> None:
    said = tell(BreakerOpened("2 plans failed within 24h"))

    assert said is not None
    assert (said.topics, said.severity, said.target) == (
        (Topic.BREAKER, Topic.PAGED),
        Severity.CRITICAL,
        "",
    )
    assert said.title == "all targets: the automation STOPPED ITSELF: the breaker is open"
    assert said.text.splitlines()[0] == "Why: 2 plans failed within 24h."
    assert "`rollback-watchdog close-breaker --by YOU --reason WHAT_YOU_FOUND`" in said.text


def test_who_closed_it_is_told_quietly() -> None:
    said = tell(BreakerClosed("Ann", "a broken switch, replaced"))

    assert said is not None
    assert (said.topics, said.severity) == ((Topic.BREAKER,), Severity.INFO)
    assert said.title == "all targets: Ann closed the breaker: plans may start again"


def test_what_people_are_asked_says_until_when_and_pages_nobody_yet() -> None:
    said = tell(opened())

    assert said is not None
    assert (said.topics, said.severity) == ((Topic.OUTCOME,), Severity.WARNING)
    assert said.title.startswith(f"{TARGET}: INVESTIGATE until ")
    assert said.title.endswith(f": {ROW}")
    assert "If it still holds in 5m, a person is paged." in said.text
    assert f"`rollback-watchdog ack --target {TARGET} --by YOU" in said.text


def test_to_monitor_is_to_do_nothing_yet() -> None:
    said = tell(opened(Then.MONITOR))

    assert said is not None
    assert said.text.splitlines()[-1] == "Next: keep an eye on it."


def test_nobody_decided_is_a_page() -> None:
    said = tell(escalated())

    assert said is not None
    assert (said.topics, said.severity) == ((Topic.ESCALATED, Topic.PAGED), Severity.CRITICAL)
    assert said.title == f"{TARGET}: NOBODY DECIDED in 5m: {ROW}"
    assert "rollback FILE" not in said.text


def test_a_rollback_that_nobody_decided_names_its_command() -> None:
    said = tell(escalated("immediate"))

    assert said is not None
    assert "`rollback-watchdog rollback FILE immediate --reason WHY`" in said.text


def test_what_is_over_and_who_has_it_in_hand_are_told_quietly() -> None:
    for event in (
        OutcomeClosed(TARGET, INCIDENT, ROW, Then.MONITOR, "it does not hold any longer"),
        Acknowledged(TARGET, INCIDENT, "Ann", "on it"),
    ):
        said = tell(event)
        assert said is not None
        assert (said.topics, said.severity) == ((Topic.OUTCOME,), Severity.INFO)


@pytest.mark.parametrize(
    "event",
    [
        opened(Then.ROLLBACK),
        OutcomeClosed(TARGET, INCIDENT, ROW, Then.ROLLBACK, "it does not hold any longer"),
    ],
)
def test_a_row_that_rolls_back_is_told_as_a_decision(event: Event) -> None:
    assert tell(event) is None


def test_each_of_them_is_among_what_is_told() -> None:
    assert set(get_args(StandingTold)) <= set(TOLD)
