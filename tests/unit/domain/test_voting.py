from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import at
from watchdog.domain.approval import Approval, ChecklistItem, Member, OnTimeout
from watchdog.domain.people import Person
from watchdog.domain.requests import (
    ApprovalDenied,
    ApprovalEvent,
    ApprovalExpired,
    ApprovalGiven,
    ApprovalGranted,
    ApprovalRefused,
    ApprovalRequested,
    ApprovalVoided,
    ChecklistAnswered,
    Request,
    Requests,
    Standing,
    after,
    forgotten,
    found,
    used,
)
from watchdog.domain.trigger import Severity
from watchdog.domain.voting import Case, Objection, Speaker, Word, said_no, said_yes

PEOPLE = {
    "ann": Person("ann", frozenset({"lead"})),
    "bob": Person("bob", frozenset({"ops"})),
    "cat": Person("cat", frozenset({"ops", "security"}), uids=frozenset({1001})),
    "dan": Person("dan"),
    "eve": Person("eve", frozenset({"lead"})),
}
BOTH = Approval(all_of=(Member("lead"), Member("ops"), Member("security", ("security",))))
HASH = "1f"


def asked(approval: Approval = BOTH, **more: object) -> ApprovalRequested:
    base = ApprovalRequested(
        request="ask-1", target="shop", incident="i1", plan="full", plan_hash=HASH,
        trigger="down", episode="down@1", severity=Severity.CRITICAL, approval=approval,
        expires=at(approval.ttl).wall, initiators=("eve",),
    )  # fmt: skip
    return replace(base, **more)  # type: ignore[arg-type]


class Table:
    """A request and the words said to it, each journalled as it would be."""

    def __init__(self, approval: Approval = BOTH, **more: object) -> None:
        self.requests: Requests = after((), asked(approval, **more), at(0))
        self.plan_hash = HASH
        self.when = at("1m")

    @property
    def request(self) -> Request:
        request = found(self.requests, "ask-1")
        assert request is not None
        return request

    def take(self, *events: ApprovalEvent) -> Sequence[ApprovalEvent]:
        for event in events:
            self.requests = after(self.requests, event, self.when)
        return events

    @property
    def case(self) -> Case:
        return Case(self.request, PEOPLE, self.plan_hash, self.when)

    def yes(self, by: str, *, uid: int = -1, proven: str = "", **word: object) -> str:
        """What became of a yes: the objection, or "" where it counts."""
        said = Word("fine", **word)  # type: ignore[arg-type]
        return _objection(self.take(*said_yes(self.case, Speaker(by, uid, proven), said)))

    def no(self, by: str) -> str:
        return _objection(self.take(*said_no(self.case, Speaker(by), "not now")))


def _objection(events: Sequence[ApprovalEvent]) -> str:
    return events[0].objection if isinstance(events[0], ApprovalRefused) else ""


def test_all_who_are_asked_agree_and_it_is_granted() -> None:
    table = Table()

    assert (table.yes("ann"), table.request.standing) == ("", Standing.OPEN)
    assert (table.yes("bob"), table.request.standing) == ("", Standing.GRANTED)
    assert table.request.is_good(at("2m"), HASH)


def test_the_grant_names_all_who_agreed() -> None:
    table = Table()
    table.yes("ann")
    given_, granted = said_yes(table.case, Speaker("bob"), Word("fine"))

    assert isinstance(given_, ApprovalGiven)
    assert given_.roles == ("ops",)
    assert isinstance(granted, ApprovalGranted)
    assert granted.by == ("ann", "bob")


def test_a_member_with_a_cause_is_asked_for_that_cause_only() -> None:
    table = Table(causes=("security",))
    table.yes("ann")
    table.yes("bob")
    assert table.request.needs == ("security",)

    assert table.yes("cat", uid=1001) == ""
    assert table.request.standing is Standing.GRANTED


# -- each word that does not count, by name


def test_a_stranger_does_not_count() -> None:
    table = Table()

    assert table.yes("mallory") == Objection.UNKNOWN_PERSON
    assert table.no("mallory") == Objection.UNKNOWN_PERSON
    assert table.request.standing is Standing.OPEN


def test_a_role_that_is_not_asked_does_not_count() -> None:
    table = Table()

    assert table.yes("dan") == Objection.WRONG_ROLE
    assert table.no("dan") == Objection.WRONG_ROLE


def test_whoever_brought_it_about_does_not_approve_it_but_may_take_it_back() -> None:
    table = Table()

    assert table.yes("eve") == Objection.INITIATOR
    assert table.no("eve") == ""
    assert table.request.standing is Standing.DENIED


@pytest.mark.parametrize(
    ("uid", "proven", "objection"),
    [
        (-1, "", Objection.WRONG_ACCOUNT),
        (1002, "", Objection.WRONG_ACCOUNT),
        (1001, "", ""),
        (1001, "cat", ""),
        (-1, "cat", ""),
        (1001, "ann", Objection.WRONG_ACCOUNT),
    ],
)
def test_a_name_with_accounts_is_spoken_for_by_them_alone(
    uid: int, proven: str, objection: str
) -> None:
    assert Table().yes("cat", uid=uid, proven=proven) == objection


def test_nobody_agrees_under_another_name_than_their_account_proves() -> None:
    assert Table().yes("ann", uid=1001, proven="cat") == Objection.WRONG_ACCOUNT


def test_nobody_agrees_twice() -> None:
    table = Table()
    table.yes("ann")

    assert table.yes("ann") == Objection.VOTED_ALREADY


def test_whoever_agreed_may_still_say_no() -> None:
    table = Table()
    table.yes("ann")
    table.yes("bob")
    standings = [table.request.standing]

    assert table.no("ann") == ""
    assert [*standings, table.request.standing] == [Standing.GRANTED, Standing.DENIED]


def test_what_was_granted_needs_nobody_any_longer() -> None:
    table = Table(Approval(any_of=("lead", "ops")))
    table.yes("ann")

    assert table.yes("bob") == Objection.GRANTED_ALREADY


def test_a_second_use_is_refused() -> None:
    table = Table(Approval(any_of=("lead",)))
    table.yes("ann")
    table.requests = used(table.requests, "ask-1", "run-7")

    assert not table.request.is_good(at("2m"), HASH)
    assert table.yes("ann") == Objection.USED
    (refused,) = said_yes(table.case, Speaker("ann"), Word("again"))
    assert isinstance(refused, ApprovalRefused)
    assert refused.detail == "run run-7"


def test_a_denied_request_stays_denied() -> None:
    table = Table()
    table.no("bob")

    assert table.yes("ann") == Objection.DENIED
    assert table.no("ann") == Objection.DENIED


def test_nobody_is_heard_once_the_time_is_over_whether_or_not_that_was_recorded() -> None:
    table = Table()
    table.when = at("15m")
    assert table.yes("ann") == Objection.EXPIRED
    expired = ApprovalExpired("ask-1", "shop", "i1", "full", ("lead", "ops"), OnTimeout.PAGE)
    table.take(expired)

    assert table.yes("ann") == Objection.EXPIRED
    assert table.no("ann") == Objection.EXPIRED


def test_a_grant_that_was_not_used_in_time_is_good_for_nothing() -> None:
    table = Table(Approval(any_of=("lead",)))
    table.yes("ann")

    assert table.request.is_good(at("14m"), HASH)
    assert not table.request.is_good(at("15m"), HASH)
    assert table.request.is_due(at("15m"))


def test_a_clock_that_was_moved_never_lengthens_a_request() -> None:
    request = Table().request

    assert request.left(replace(at("1m"), wall=at("2h").wall)) < 0
    assert request.left(replace(at("20m"), wall=at(0).wall)) < 0


def test_another_plan_text_is_another_plan() -> None:
    table = Table()
    table.plan_hash = "2e"

    assert table.yes("ann") == Objection.PLAN_CHANGED
    assert not table.request.is_good(at(0), "2e")


def test_a_void_request_takes_no_word() -> None:
    table = Table()
    table.take(ApprovalVoided("ask-1", "shop", "i1", "full", "the plan was changed"))

    assert table.yes("ann") == Objection.VOID


# -- the checklist

LISTED = Approval(
    any_of=("lead",), checklist=(ChecklistItem("backup"), ChecklistItem("told", "ops"))
)


def test_a_person_answers_their_item_and_the_machine_its_own() -> None:
    table = Table(LISTED)
    table.yes("ann")
    assert table.yes("bob", item="told") == ""
    assert list(table.request.needs) == ["checklist: backup (seen by the machine)"]

    assert table.yes("bob", item="backup") == Objection.MACHINE_ITEM
    table.take(ChecklistAnswered("ask-1", "shop", "i1", "backup", ok=True, detail="2 h old"))
    assert list(table.request.needs) == []


def test_an_item_is_waived_by_whoever_may_agree_and_that_is_on_record() -> None:
    table = Table(LISTED)
    table.yes("bob", item="told")
    table.yes("ann")

    assert table.yes("ann", item="backup", waived=True) == ""
    assert table.request.standing is Standing.GRANTED
    assert [one.waived for one in table.request.answers] == [False, True]


@pytest.mark.parametrize(
    ("by", "word", "objection"),
    [
        ("ann", {"item": "told"}, Objection.WRONG_ROLE),
        ("dan", {"item": "backup", "waived": True}, Objection.WRONG_ROLE),
        ("eve", {"item": "backup", "waived": True}, Objection.INITIATOR),
        ("ann", {"item": "nothing"}, Objection.UNKNOWN_ITEM),
    ],
)
def test_an_item_is_not_settled_by_everybody(
    by: str, word: dict[str, Any], objection: Objection
) -> None:
    assert Table(LISTED).yes(by, **word) == objection


# -- what is remembered


def test_requests_that_are_over_are_forgotten_but_for_the_last_few() -> None:
    requests: Requests = ()
    for number in range(30):
        name = f"ask-{number}"
        requests = after(requests, asked(request=name), at(number))
        requests = after(requests, ApprovalVoided(name, "shop", "i1", "full", "over"), at(number))
    requests = after(requests, asked(request="open"), at(40))

    kept = [one.id for one in forgotten(requests)]
    assert kept == [*(f"ask-{number}" for number in range(10, 30)), "open"]


words = st.lists(
    st.tuples(st.sampled_from(["ann", "bob", "cat", "dan", "eve", "mallory"]), st.booleans()),
    max_size=12,
)


@given(words, st.sampled_from([(), ("security",)]))
def test_whatever_is_said_a_grant_takes_all_who_are_asked_and_nobody_else(
    said: list[tuple[str, bool]], causes: tuple[str, ...]
) -> None:
    table = Table(causes=causes)
    log: list[ApprovalEvent] = []
    for by, agrees in said:
        if agrees:
            log += table.take(*said_yes(table.case, Speaker(by, 1001), Word("so")))
        elif by != "eve":
            log += table.take(*said_no(table.case, Speaker(by, 1001), "no"))
    granted = [event for event in log if isinstance(event, ApprovalGranted)]
    given_ = {event.by for event in log if isinstance(event, ApprovalGiven)}

    assert len(granted) <= 1
    assert given_ <= {"ann", "bob", "cat"}
    assert len([event for event in log if isinstance(event, ApprovalDenied)]) <= 1
    if granted:
        assert "ann" in granted[0].by
        assert ("cat" in granted[0].by) or not causes
