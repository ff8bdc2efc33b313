from dataclasses import replace

from tests.builders import EPOCH, at
from watchdog.domain.change import ChangeSeen, VersionGood, VersionQuarantined, VersionReleased
from watchdog.domain.events import Event, Record
from watchdog.domain.telling import message
from watchdog.domain.topics import Topic
from watchdog.domain.trigger import Severity
from watchdog.domain.wording import Telling

SEEN = ChangeSeen("shop", "v2", "v1", EPOCH, "ci", by="ann", reference="job 7")
BACK = replace(SEEN, warning="since 2026-01-01T00:00:00Z, by run r1: errors fires")
QUARANTINED = VersionQuarantined("shop", "v2", "r1", "errors fires")


def told(event: Event) -> Telling | None:
    return message(Record(1, at(0), event))


def test_a_change_is_told_only_when_something_speaks_against_it() -> None:
    assert told(SEEN) is None
    assert told(VersionGood("shop", "v1", EPOCH)) is None


def test_a_version_that_is_back_pages_people_and_says_how_to_lift_it() -> None:
    telling = told(BACK)

    assert telling is not None
    assert telling.topics == (Topic.QUARANTINED, Topic.PAGED)
    assert telling.severity is Severity.CRITICAL
    assert telling.title == "shop: v2 is back, and was rolled back from"
    assert "by run r1: errors fires" in telling.text
    assert "release-version v2 --target shop" in telling.text
    assert telling.fields["By"] == "ann"


def test_a_quarantine_names_its_run_and_what_lifts_it() -> None:
    telling = told(QUARANTINED)

    assert telling is not None
    assert telling.topic is Topic.QUARANTINED
    assert telling.severity is Severity.WARNING
    assert "Run r1 brings the target back from it: errors fires." in telling.text
    assert "release-version v2 --target shop" in telling.text


def test_a_release_names_who_and_why() -> None:
    telling = told(VersionReleased("shop", "v2", "ann", "it was the disk"))

    assert telling is not None
    assert telling.severity is Severity.INFO
    assert telling.title == "shop: v2 was released by ann"
    assert "it was the disk" in telling.text
