"""What people are told of a request is short, and says what to type."""

from dataclasses import replace

import pytest

from tests.builders import at
from watchdog.domain.approval import Approval, ChecklistItem, OnTimeout
from watchdog.domain.approval_telling import of_approval
from watchdog.domain.requests import (
    ApprovalDenied,
    ApprovalEvent,
    ApprovalExempted,
    ApprovalExpired,
    ApprovalGiven,
    ApprovalGranted,
    ApprovalRefused,
    ApprovalRequested,
    ApprovalVoided,
    ChecklistAnswered,
)
from watchdog.domain.topics import Topic
from watchdog.domain.trigger import Severity
from watchdog.domain.voting import OBJECTIONS, Objection
from watchdog.domain.wording import Telling

ITEMS = (ChecklistItem("backup"), ChecklistItem("users are told", "lead"))
ASKED = ApprovalRequested(
    request="ask-1",
    target="shop",
    incident="i1",
    plan="full",
    plan_hash="0123456789abcdef",
    trigger="down",
    episode="down@1",
    severity=Severity.WARNING,
    approval=Approval(any_of=("lead",), checklist=ITEMS),
    expires=at("15m").wall,
    causes=("security",),
    because=("down",),
    initiators=("eve",),
    needs=("lead", "checklist: backup (seen by the machine)"),
    would_do=("Switch it off: POST http://x/off",),
    reason="down fires",
    returns_to="v41",
    running="v42 since 2026-01-01T00:00:00Z",
)
BY_HAND = replace(ASKED, by="ann", trigger="", reason="a hunch", causes=())
OFFERED = replace(ASKED, offered_after="run-1")


def told(event: ApprovalEvent) -> Telling:
    telling = of_approval(event)
    assert telling is not None
    return telling


def expired(outcome: OnTimeout, *needs: str) -> ApprovalExpired:
    return ApprovalExpired("ask-1", "shop", "i1", "full", needs, outcome, Severity.WARNING)


EVERY: list[ApprovalEvent] = [
    ASKED,
    BY_HAND,
    OFFERED,
    ApprovalGiven("ask-1", "shop", "i1", "ann", ("lead",), "fine", ("ops",)),
    ChecklistAnswered("ask-1", "shop", "i1", "users are told", ok=True, detail="yes", by="ann"),
    ChecklistAnswered("ask-1", "shop", "i1", "b", ok=False, detail="no", by="ann", waived=True),
    ApprovalGranted("ask-1", "shop", "i1", "full", "01", ("ann", "bob")),
    ApprovalGranted("ask-1", "shop", "i1", "full", "01", ()),
    ApprovalDenied("ask-1", "shop", "i1", "full", "bob", ("ops",), "we fix forward"),
    expired(OnTimeout.PAGE, "lead"),
    expired(OnTimeout.DENY, "lead"),
    expired(OnTimeout.PAGE),
    ApprovalVoided("ask-1", "shop", "i1", "full", "down breaches no longer", was_granted=True),
    *(
        ApprovalRefused("ask-1", "shop", "i1", "full", "mal", one.value, "x", 7)
        for one in Objection
    ),
    ApprovalRefused("", "shop", "i1", "full", "mal", "a word of tomorrow", "", 7),
    ApprovalExempted("shop", "i1", "full", "01", "down", "down@1", "outage"),
]


@pytest.mark.parametrize("event", EVERY, ids=lambda event: type(event).__name__)
def test_a_message_has_a_short_title_and_ends_with_what_to_do_next(event: ApprovalEvent) -> None:
    telling = told(event)

    assert telling.topics[0] is Topic.APPROVAL
    assert 0 < len(telling.title) <= 100
    assert telling.text.splitlines()[-1].startswith("Next: ")
    assert all(line.strip() == line and line for line in telling.text.splitlines())
    assert all(name and value and "\n" not in value for name, value in telling.fields.items())


def test_whoever_is_asked_sees_the_plan_its_hash_and_what_to_type() -> None:
    text = told(ASKED).text

    assert "Plan full (0123456789ab) would do:\n1. Switch it off: POST http://x/off" in text
    assert "v42 since 2026-01-01T00:00:00Z runs on shop." in text
    assert "It would return shop to v41." in text
    assert "May not approve it: eve." in text
    assert "`rollback-watchdog approve ask-1 --by YOU --reason WHY`" in text
    assert "approve ask-1 --by YOU --reason WHY --item 'users are told'" in text
    assert "`rollback-watchdog deny ask-1 --by YOU --reason WHY`" in text
    assert Topic.PAGED in told(ASKED).topics


def test_who_wants_it_and_after_which_run_is_said() -> None:
    assert "ann wants to start it." in told(BY_HAND).text
    assert "Run run-1, of a lower level, did not help." in told(OFFERED).text


def test_a_timeout_is_told_graver_than_the_question() -> None:
    page, deny = told(expired(OnTimeout.PAGE, "lead")), told(expired(OnTimeout.DENY, "lead"))

    assert told(ASKED).severity is Severity.WARNING
    assert (page.severity, deny.severity) == (Severity.CRITICAL, Severity.CRITICAL)
    assert Topic.PAGED in page.topics
    assert Topic.PAGED not in deny.topics
    assert "counts as a no" in deny.text


def test_a_look_of_the_machine_and_the_last_yes_are_told_by_what_they_lead_to() -> None:
    assert of_approval(ChecklistAnswered("a", "shop", "i1", "b", ok=True, detail="")) is None
    assert of_approval(ApprovalGiven("a", "shop", "i1", "ann", (), "fine")) is None


def test_every_objection_has_its_words() -> None:
    assert set(OBJECTIONS) == set(Objection)
