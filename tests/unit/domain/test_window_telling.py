import pytest

from tests.builders import EPOCH
from watchdog.domain.events import Event, Record, TriggerChanged
from watchdog.domain.moment import Moment
from watchdog.domain.telling import message
from watchdog.domain.topics import Topic
from watchdog.domain.trigger import Change, Severity
from watchdog.domain.windows import (
    Spared,
    WindowBegan,
    WindowEnded,
    WindowKind,
    WindowLifted,
    WindowSet,
)
from watchdog.domain.wording import Telling

FREEZE, WORK = WindowKind.FREEZE, WindowKind.MAINTENANCE
UNTIL = EPOCH + 3600


def told(event: Event) -> Telling | None:
    return message(Record(7, Moment(5000, EPOCH), event))


def tell(event: Event) -> Telling:
    telling = told(event)
    assert telling is not None
    return telling


def test_a_freeze_that_a_person_set_says_who_until_when_and_what_passes() -> None:
    telling = tell(WindowSet("shop", FREEZE, "ann", "fair", UNTIL, Spared(Severity.CRITICAL)))

    assert telling.title == "shop: freeze set by ann until 2026-01-01T01:00:00Z: fair"
    assert "Except: critical." in telling.text
    assert "and a person may start a plan" in telling.text
    assert (telling.severity, telling.topics) == (Severity.WARNING, (Topic.WINDOW,))


def test_one_of_all_targets_names_them_so() -> None:
    telling = tell(WindowSet("", WORK, "ann", "move", UNTIL))

    assert telling.title.startswith("all targets: planned work set by ann")
    assert telling.severity is Severity.INFO


def test_that_one_begins_is_told_unless_a_person_set_it_who_was_told_already() -> None:
    assert told(WindowBegan("shop", FREEZE, "weekend", EPOCH, UNTIL, by="ann")) is None
    telling = tell(WindowBegan("shop", FREEZE, "weekend", EPOCH, UNTIL))

    assert telling.title == "shop: freeze begins, until 2026-01-01T01:00:00Z: weekend"


def test_lifting_is_told() -> None:
    assert "lifted by bob" in tell(WindowLifted("shop", FREEZE, "bob")).title


@pytest.mark.parametrize(
    ("kind", "firing", "blind", "severity", "topics"),
    [
        (FREEZE, (), (), Severity.INFO, ()),
        (FREEZE, ("down",), (), Severity.INFO, ()),
        (WORK, (), (), Severity.INFO, ()),
        (WORK, ("down",), (), Severity.WARNING, (Topic.FIRING,)),
        (WORK, ("down",), ("slow",), Severity.CRITICAL, (Topic.FIRING, Topic.BLIND, Topic.PAGED)),
        (WORK, (), ("slow",), Severity.CRITICAL, (Topic.BLIND, Topic.PAGED)),
    ],
)
def test_planned_work_that_ends_tells_what_is_wrong_by_then(
    kind: WindowKind,
    firing: tuple[str, ...],
    blind: tuple[str, ...],
    severity: Severity,
    topics: tuple[Topic, ...],
) -> None:
    grave = Severity.WARNING if firing else Severity.INFO
    telling = tell(WindowEnded("shop", kind, "disks", EPOCH, firing, blind, grave))

    assert (telling.severity, telling.topics) == (severity, (Topic.WINDOW, *topics))
    assert all(name in telling.text for name in (*firing, *blind))


def test_what_happens_in_planned_work_says_so() -> None:
    fired = TriggerChanged(
        "shop", "down", Change.FIRING, Severity.CRITICAL, EPOCH, planned="disks, by ann"
    )
    telling = tell(fired)

    assert telling.severity is Severity.INFO
    assert telling.text.startswith("Planned work is under way (disks, by ann)")
