"""Who must say yes before a plan runs, and what is still missing. Pure."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum


class OnTimeout(StrEnum):
    """What becomes of a request that nobody answers in time. Either way nothing is sent."""

    PAGE = "page"
    DENY = "deny"


@dataclass(frozen=True, slots=True)
class Member:
    """A role that must agree: always, or only where one of `causes` is what is wrong."""

    role: str
    causes: tuple[str, ...] = ()

    def is_asked(self, causes: Collection[str]) -> bool:
        """Whether it belongs to the quorum when `causes` are what is wrong."""
        return not self.causes or any(cause in causes for cause in self.causes)


@dataclass(frozen=True, slots=True)
class ChecklistItem:
    """Something to be settled first: by whoever holds `role`, or, without one, by a look."""

    name: str
    role: str = ""


@dataclass(frozen=True, slots=True)
class Approval:
    """What it takes to be allowed. Without a word in it, nobody is asked.

    `any_of`: `people` (at least one) of those who hold one of these roles. `all_of`: one of each,
    and nobody stands for two of them while `distinct`. With neither, `people` of those who are
    known. `exempt`: the causes for which nobody is asked. `ttl` in seconds.
    """

    any_of: tuple[str, ...] = ()
    all_of: tuple[Member, ...] = ()
    people: int = 0
    distinct: bool = True
    checklist: tuple[ChecklistItem, ...] = ()
    exempt: tuple[str, ...] = ()
    ttl: float = 900.0
    on_timeout: OnTimeout = OnTimeout.PAGE

    @property
    def asks_people(self) -> bool:
        """Whether somebody must agree, whatever the checklist says."""
        return bool(self.any_of or self.all_of or self.people)

    @property
    def is_auto(self) -> bool:
        """Whether nothing at all is asked."""
        return not (self.asks_people or self.checklist)

    def members(self, causes: Collection[str]) -> tuple[Member, ...]:
        """Those of `all_of` that are asked when `causes` are what is wrong."""
        return tuple(one for one in self.all_of if one.is_asked(causes))

    def item(self, name: str) -> ChecklistItem | None:
        """The item of that name."""
        return next((one for one in self.checklist if one.name == name), None)


@dataclass(frozen=True, slots=True)
class Vote:
    """A yes, with the roles that its owner held when they said it."""

    by: str
    roles: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What is known of a checklist item. `by` is empty where the machine looked.

    `waived`: nobody knows, and somebody answers for going on all the same.
    """

    item: str
    ok: bool
    detail: str
    by: str = ""
    waived: bool = False


def missing(
    approval: Approval, causes: Collection[str], votes: Sequence[Vote], answers: Iterable[Answer]
) -> tuple[str, ...]:
    """What is still needed, each in a few words; nothing when it is granted."""
    settled = {answer.item for answer in answers if answer.ok or answer.waived}
    items = (_item(one) for one in approval.checklist if one.name not in settled)
    return (*_people(approval, causes, votes), *items)


def may_vote(approval: Approval, causes: Collection[str], roles: Collection[str]) -> bool:
    """Whether the yes of somebody known, who holds `roles`, counts."""
    if approval.any_of:
        return any(role in roles for role in approval.any_of)
    members = approval.members(causes)
    if members and approval.people <= len(members):
        return any(one.role in roles for one in members)
    # Beside the roles, and where none is asked for this cause, anybody known makes up the number.
    return bool(approval.people)


def in_words(approval: Approval, causes: Collection[str] = ()) -> str:
    """What it takes, for a person; `auto` where nobody is asked."""
    return ", ".join(missing(approval, causes, (), ())) or "auto"


def _people(approval: Approval, causes: Collection[str], votes: Sequence[Vote]) -> tuple[str, ...]:
    counted = _one_each(vote for vote in votes if may_vote(approval, causes, vote.roles))
    if approval.all_of:
        open_members = _unmatched(approval, approval.members(causes), counted)
        rest = approval.people - len(counted)
        # Whoever is still to come for a role counts for the number as well.
        more = (_number(rest),) if rest > len(open_members) else ()
        return (*(one.role for one in open_members), *more)
    least = max(approval.people, 1) if approval.any_of else approval.people
    rest = least - len(counted)
    if rest <= 0:
        return ()
    if not approval.any_of:
        return (_number(rest),)
    roles = " or ".join(approval.any_of)
    return (roles,) if rest == 1 else (f"{rest} of {roles}",)


def _one_each(votes: Iterable[Vote]) -> list[Vote]:
    """Nobody counts twice, whatever was recorded."""
    return list({vote.by.casefold(): vote for vote in votes}.values())


def _unmatched(
    approval: Approval, members: Sequence[Member], votes: Sequence[Vote]
) -> list[Member]:
    """The members for whom nobody stands; of all ways to share them out, one with the fewest."""
    if not approval.distinct:
        held = {role for vote in votes for role in vote.roles}
        return [one for one in members if one.role not in held]
    stands_for: dict[int, int] = {}

    def place(member: int, tried: set[int]) -> bool:
        for number, vote in enumerate(votes):
            if number in tried or members[member].role not in vote.roles:
                continue
            tried.add(number)
            if number not in stands_for or place(stands_for[number], tried):
                stands_for[number] = member
                return True
        return False

    return [one for index, one in enumerate(members) if not place(index, set())]


def _number(people: int) -> str:
    return "one more person" if people == 1 else f"{people} different people"


def _item(item: ChecklistItem) -> str:
    who = f"answered by {item.role}" if item.role else "seen by the machine"
    return f"checklist: {item.name} ({who})"
