from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchdog.domain.approval import (
    Answer,
    Approval,
    ChecklistItem,
    Member,
    Vote,
    in_words,
    may_vote,
    missing,
)

ROLES = ("lead", "ops", "security", "cto", "dba")
LEADS = Approval(all_of=(Member("lead"), Member("ops"), Member("security", ("security",))))


def yes(by: str, *roles: str) -> Vote:
    return Vote(by, roles, "fine")


@pytest.mark.parametrize(
    ("approval", "causes", "votes", "still"),
    [
        (Approval(), (), (), ()),
        (Approval(any_of=("cto", "lead")), (), (), ("cto or lead",)),
        (Approval(any_of=("cto", "lead")), (), (yes("ann", "ops"),), ("cto or lead",)),
        (Approval(any_of=("cto", "lead")), (), (yes("ann", "lead"),), ()),
        (Approval(any_of=("cto", "lead"), people=2), (), (yes("ann", "lead"),), ("cto or lead",)),
        (Approval(any_of=("cto",), people=2), (), (), ("2 of cto",)),
        (LEADS, (), (yes("ann", "lead"),), ("ops",)),
        (LEADS, (), (yes("ann", "lead"), yes("bob", "ops")), ()),
        (LEADS, ("security",), (yes("ann", "lead"), yes("bob", "ops")), ("security",)),
        (LEADS, ("outage",), (yes("ann", "lead"), yes("bob", "ops")), ()),
        (LEADS, (), (yes("ann", "lead", "ops"),), ("ops",)),
        (LEADS, (), (yes("ann", "lead", "ops"), yes("bob", "lead")), ()),
        (Approval(people=2), (), (), ("2 different people",)),
        (Approval(people=2), (), (yes("ann"),), ("one more person",)),
        (Approval(people=2), (), (yes("ann"), yes("Ann")), ("one more person",)),
        (Approval(people=2), (), (yes("ann"), yes("bob", "ops")), ()),
    ],
)
def test_what_is_still_missing_is_said_in_words(
    approval: Approval, causes: tuple[str, ...], votes: tuple[Vote, ...], still: tuple[str, ...]
) -> None:
    assert missing(approval, causes, votes, ()) == still


def test_one_person_stands_for_two_roles_only_where_the_policy_says_so() -> None:
    both = Approval(all_of=(Member("lead"), Member("ops")), distinct=False)

    assert missing(both, (), (yes("ann", "lead", "ops"),), ()) == ()


def test_a_number_of_people_counts_beside_the_roles() -> None:
    three = Approval(all_of=(Member("lead"),), people=3)

    assert missing(three, (), (), ()) == ("lead", "3 different people")
    assert missing(three, (), (yes("ann", "lead"),), ()) == ("2 different people",)


def test_an_item_of_the_checklist_is_settled_by_an_answer_or_a_waiver_and_by_nothing_else() -> None:
    approval = Approval(checklist=(ChecklistItem("backup"), ChecklistItem("told", "lead")))

    assert missing(approval, (), (), ()) == (
        "checklist: backup (seen by the machine)",
        "checklist: told (answered by lead)",
    )
    answers = [Answer("backup", ok=False, detail="unknown"), Answer("told", ok=True, detail="")]
    assert missing(approval, (), (), answers) == ("checklist: backup (seen by the machine)",)
    waived = Answer("backup", ok=False, detail="none here", by="ann", waived=True)
    assert missing(approval, (), (), [waived, answers[1]]) == ()


def test_a_policy_reads_as_what_it_takes() -> None:
    assert in_words(Approval()) == "auto"
    assert in_words(LEADS) == "lead, ops"
    assert in_words(LEADS, ("security",)) == "lead, ops, security"


@pytest.mark.parametrize(
    ("approval", "roles", "counts"),
    [
        (Approval(), ("cto",), False),
        (Approval(people=2), (), True),
        (Approval(any_of=("cto",)), ("lead",), False),
        (Approval(any_of=("cto",)), ("lead", "cto"), True),
        (LEADS, ("security",), False),
        (LEADS, ("ops",), True),
    ],
)
def test_only_a_word_that_is_asked_counts(
    approval: Approval, roles: tuple[str, ...], *, counts: bool
) -> None:
    assert may_vote(approval, (), roles) is counts


# -- whatever the policy

roles_held = st.lists(st.sampled_from(ROLES), unique=True, max_size=3).map(tuple)
votes_given = st.lists(
    st.builds(Vote, st.sampled_from("abcdef"), roles_held, st.just("fine")), max_size=6
)
members = st.builds(
    Member, st.sampled_from(ROLES), st.sampled_from([(), ("security",), ("outage",)])
)
policies = st.one_of(
    st.builds(
        Approval,
        any_of=st.lists(st.sampled_from(ROLES), min_size=1, max_size=3, unique=True).map(tuple),
        people=st.integers(0, 3),
    ),
    st.builds(
        Approval,
        all_of=st.lists(members, min_size=1, max_size=4).map(tuple),
        people=st.integers(0, 3),
        distinct=st.booleans(),
    ),
    st.builds(Approval, people=st.integers(1, 4)),
)
causes_seen = st.sampled_from([(), ("security",), ("outage", "security")])


@given(policies, causes_seen, votes_given, votes_given)
def test_a_further_yes_never_takes_a_grant_back(
    approval: Approval, causes: tuple[str, ...], votes: list[Vote], more: list[Vote]
) -> None:
    # The same person may not change what they hold, as the journal keeps the first word.
    known = {vote.by for vote in votes}
    more = [vote for vote in more if vote.by not in known]
    if not missing(approval, causes, votes, ()):
        assert not missing(approval, causes, [*votes, *more], ())


@given(policies, causes_seen, votes_given)
def test_the_order_of_the_words_does_not_matter(
    approval: Approval, causes: tuple[str, ...], votes: list[Vote]
) -> None:
    votes = list({vote.by: vote for vote in votes}.values())[:4]
    found = {not missing(approval, causes, each, ()) for each in permutations(votes)}

    assert len(found) == 1


@given(policies, causes_seen, votes_given)
def test_nobody_counts_twice(
    approval: Approval, causes: tuple[str, ...], votes: list[Vote]
) -> None:
    votes = list({vote.by: vote for vote in votes}.values())

    assert missing(approval, causes, [*votes, *votes], ()) == missing(approval, causes, votes, ())


@given(policies, causes_seen, votes_given)
def test_a_yes_of_somebody_who_is_not_asked_changes_nothing(
    approval: Approval, causes: tuple[str, ...], votes: list[Vote]
) -> None:
    votes = list({vote.by: vote for vote in votes}.values())
    asked = [vote for vote in votes if may_vote(approval, causes, vote.roles)]

    assert missing(approval, causes, votes, ()) == missing(approval, causes, asked, ())


@given(policies, causes_seen, votes_given)
def test_what_is_granted_has_as_many_people_as_it_takes_and_every_role(
    approval: Approval, causes: tuple[str, ...], votes: list[Vote]
) -> None:
    votes = list({vote.by: vote for vote in votes}.values())
    if missing(approval, causes, votes, ()):
        return
    held = {role for vote in votes for role in vote.roles}
    asked = [one.role for one in approval.members(causes)]
    least = max(approval.people, bool(approval.any_of))
    least = max(least, len(asked) if approval.distinct else least)

    assert len(votes) >= least
    assert set(asked) <= held
    assert not approval.any_of or set(approval.any_of) & held


@pytest.mark.parametrize("people", [1, 2])
def test_where_no_role_is_asked_for_this_cause_anybody_known_makes_up_the_number(
    people: int,
) -> None:
    approval = Approval(all_of=(Member("security", ("security",)),), people=people)

    assert may_vote(approval, (), ())
    votes = [yes(name) for name in "ab"[:people]]
    assert missing(approval, (), votes, ()) == ()


@given(policies, causes_seen)
def test_whatever_is_missing_somebody_may_say_it(
    approval: Approval, causes: tuple[str, ...]
) -> None:
    may = may_vote(approval, causes, ROLES)
    votes = [yes(name, *ROLES) for name in "abcdefg" if may]

    assert missing(approval, causes, votes, ()) == ()
