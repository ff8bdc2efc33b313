from watchdog.domain.arming import ArmedEarly, ModeChanged
from watchdog.domain.events import Event, Record
from watchdog.domain.moment import Moment
from watchdog.domain.telling import message
from watchdog.domain.topics import Topic
from watchdog.domain.trigger import Severity
from watchdog.domain.wording import Telling


def told(event: Event) -> Telling:
    telling = message(Record(1, Moment(0, 0), event))
    assert telling is not None
    return telling


def test_people_are_told_who_armed_what_and_where_to_look_for_it() -> None:
    telling = told(ModeChanged("shop", "alert-only", "auto", "ann", "shop.yaml", "ab" * 32))

    assert telling.title == "shop: ARMED: mode auto, was alert-only, by ann"
    assert (telling.topics, telling.severity) == ((Topic.CONFIG,), Severity.WARNING)
    assert "shop.yaml says so." in telling.text
    assert telling.fields["Hash"] == "abababababab"


def test_people_are_told_of_a_target_that_acts_no_longer() -> None:
    telling = told(ModeChanged("shop", "auto", "alert-only", "", "shop.yaml", "ab"))

    assert telling.title == "shop: disarmed: mode alert-only, was auto"
    assert "only tells, and changes nothing" in telling.text


def test_people_are_told_of_each_trigger_that_falls_short_of_its_bar() -> None:
    telling = told(ArmedEarly("shop", "ann", ("errors: 1 of 3 decisions", "slow: 0 of 3")))

    assert telling.title == "shop: armed by ann before its bar: 2 triggers fall short of it"
    assert "1. errors: 1 of 3 decisions\n2. slow: 0 of 3" in telling.text
    assert "scorecard FILE" in telling.text
    one = told(ArmedEarly("shop", "ann", ("errors: 1 of 3 decisions",)))
    assert "1 trigger falls short" in one.title
