"""Whose word counts on a request: each word that does not is refused by name, and recorded."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from watchdog.domain.approval import Answer, Vote, may_vote, missing
from watchdog.domain.moment import Moment
from watchdog.domain.people import People, roles_of
from watchdog.domain.requests import (
    ApprovalDenied,
    ApprovalEvent,
    ApprovalGiven,
    ApprovalGranted,
    ApprovalRefused,
    ChecklistAnswered,
    Request,
    Standing,
)


class Objection(StrEnum):
    """Why somebody's word does not count."""

    UNKNOWN_PERSON = "unknown_person"
    WRONG_ACCOUNT = "wrong_account"
    WRONG_ROLE = "wrong_role"
    INITIATOR = "initiator"
    VOTED_ALREADY = "voted_already"
    GRANTED_ALREADY = "granted_already"
    USED = "used"
    DENIED = "denied"
    EXPIRED = "expired"
    VOID = "void"
    PLAN_CHANGED = "plan_changed"
    UNKNOWN_ITEM = "unknown_item"
    MACHINE_ITEM = "machine_item"


OBJECTIONS = {
    Objection.UNKNOWN_PERSON: "nobody of that name stands under `people` of the daemon's file",
    Objection.WRONG_ACCOUNT: "that name belongs to other accounts of this machine",
    Objection.WRONG_ROLE: "they hold none of the roles that are asked",
    Objection.INITIATOR: "whoever brought it about does not approve it",
    Objection.VOTED_ALREADY: "they agreed already, and nobody counts twice",
    Objection.GRANTED_ALREADY: "nothing is missing any longer",
    Objection.USED: "a run began on it, and it is good for one only",
    Objection.DENIED: "it was denied",
    Objection.EXPIRED: "its time is over",
    Objection.VOID: "it is void",
    Objection.PLAN_CHANGED: "what would be done now is not what was asked about",
    Objection.UNKNOWN_ITEM: "the checklist has no such item",
    Objection.MACHINE_ITEM: "the machine looks for itself; a person may waive it, with a reason",
}
Wrong = tuple[Objection, str] | None
_OVER = {
    Standing.USED: Objection.USED,
    Standing.DENIED: Objection.DENIED,
    Standing.EXPIRED: Objection.EXPIRED,
    Standing.VOID: Objection.VOID,
}


@dataclass(frozen=True, slots=True)
class Speaker:
    """Who speaks: `by` as they say, `uid` as the kernel does (-1: it knows of none).

    `proven`: the person whose account or token it is; empty where that proves nobody.
    """

    by: str
    uid: int = -1
    proven: str = ""


@dataclass(frozen=True, slots=True)
class Word:
    """What is said to a request. `item` is answered, or, `waived`, passed over."""

    reason: str
    item: str = ""
    waived: bool = False


@dataclass(frozen=True, slots=True)
class Case:
    """A request as it stands: `plan_hash` is that of the plan as it is now, empty for none.

    `outdated`: why it is not about what would be done now all the same; empty where it is.
    """

    request: Request
    people: People
    plan_hash: str
    now: Moment
    outdated: str = ""

    def roles(self, name: str) -> frozenset[str]:
        """What they may be asked as."""
        return roles_of(self.people, name)


def said_yes(case: Case, speaker: Speaker, word: Word) -> list[ApprovalEvent]:
    """What to journal of a yes: the refusal of it, or the yes and what it completes."""
    wrong = wrong_person(case.people, speaker) or _over(case) or _against_yes(case, speaker, word)
    if wrong is not None:
        return [_refused(case, speaker, wrong)]
    request, asked = case.request, case.request.asked
    votes, answers = request.votes, request.answers
    said: ApprovalEvent
    if word.item:
        ok = not word.waived
        answer = Answer(word.item, ok, word.reason, speaker.by, word.waived)
        answers = (*(one for one in answers if one.item != word.item), answer)
        said = ChecklistAnswered(
            asked.request, asked.target, asked.incident,
            word.item, ok, word.reason, speaker.by, word.waived,
        )  # fmt: skip
    else:
        roles = tuple(sorted(case.roles(speaker.by)))
        votes = (*votes, Vote(speaker.by, roles, word.reason))
        needs = missing(asked.approval, asked.causes, votes, answers)
        said = ApprovalGiven(
            asked.request, asked.target, asked.incident, speaker.by, roles, word.reason, needs
        )
    return [said, *granted(request, votes, answers)]


def said_no(case: Case, speaker: Speaker, reason: str) -> list[ApprovalEvent]:
    """What to journal of a no: also of somebody who said yes, or who wanted it to begin with."""
    request, asked = case.request, case.request.asked
    wrong = wrong_person(case.people, speaker) or _over(case) or _against_no(case, speaker)
    if wrong is not None:
        return [_refused(case, speaker, wrong)]
    roles = tuple(sorted(case.roles(speaker.by)))
    denied = ApprovalDenied(
        asked.request, asked.target, asked.incident, asked.plan,
        speaker.by, roles, reason, asked.severity,
    )  # fmt: skip
    return [denied] if request.is_live else []


def granted(
    request: Request, votes: Sequence[Vote], answers: Sequence[Answer]
) -> list[ApprovalEvent]:
    """The grant, where nothing is missing any longer."""
    asked = request.asked
    if missing(asked.approval, asked.causes, votes, answers):
        return []
    by = tuple(vote.by for vote in votes)
    return [
        ApprovalGranted(
            asked.request, asked.target, asked.incident, asked.plan, asked.plan_hash, by
        )
    ]


def wrong_person(people: People, speaker: Speaker) -> Wrong:
    """Why nobody knows that it is they who speak; None where that is known."""
    person = people.get(speaker.by)
    if person is None:
        return Objection.UNKNOWN_PERSON, speaker.by
    if speaker.proven:
        own = speaker.proven == speaker.by
        return None if own else (Objection.WRONG_ACCOUNT, f"it is {speaker.proven} who speaks")
    if person.uids and speaker.uid not in person.uids:
        return Objection.WRONG_ACCOUNT, f"uid {speaker.uid} is none of {speaker.by}'s"
    return None


def _over(case: Case) -> Wrong:
    request = case.request
    if request.standing in _OVER:
        detail = request.run and f"run {request.run}"
        return _OVER[request.standing], detail or request.detail
    if request.left(case.now) <= 0:
        return Objection.EXPIRED, ", ".join(request.needs)
    if request.asked.plan_hash != case.plan_hash:
        now = case.plan_hash[:12] or "none"
        return Objection.PLAN_CHANGED, f"{request.asked.plan_hash[:12]} was asked, {now} is it now"
    return (Objection.PLAN_CHANGED, case.outdated) if case.outdated else None


def _against_yes(case: Case, speaker: Speaker, word: Word) -> Wrong:
    if word.item:
        return _against_answer(case, speaker, word)
    request, by = case.request, speaker.by.casefold()
    if by in (name.casefold() for name in request.asked.initiators):
        return Objection.INITIATOR, f"brought about by {', '.join(request.asked.initiators)}"
    if by in (vote.by.casefold() for vote in request.votes):
        return Objection.VOTED_ALREADY, ""
    if request.standing is Standing.GRANTED:
        return Objection.GRANTED_ALREADY, ""
    return None if _is_asked(case, speaker.by) else _wrong_role(case, speaker.by)


def _against_answer(case: Case, speaker: Speaker, word: Word) -> Wrong:
    asked = case.request.asked
    item = asked.approval.item(word.item)
    if item is None:
        names = ", ".join(one.name for one in asked.approval.checklist) or "none"
        return Objection.UNKNOWN_ITEM, f"{word.item}; there are: {names}"
    if not item.role and not word.waived:
        return Objection.MACHINE_ITEM, item.name
    if word.waived and speaker.by.casefold() in (name.casefold() for name in asked.initiators):
        return Objection.INITIATOR, f"brought about by {', '.join(asked.initiators)}"
    holds = item.role in case.roles(speaker.by) if item.role else False
    may = holds or (word.waived and _is_asked(case, speaker.by))
    return None if may else _wrong_role(case, speaker.by, item.role)


def _against_no(case: Case, speaker: Speaker) -> Wrong:
    asked, by = case.request.asked, speaker.by
    own = by.casefold() in (name.casefold() for name in (*asked.initiators, asked.by) if name)
    answers = {item.role for item in asked.approval.checklist if item.role}
    if own or _is_asked(case, by) or answers & case.roles(by):
        return None
    return _wrong_role(case, by)


def _is_asked(case: Case, name: str) -> bool:
    asked = case.request.asked
    if not asked.approval.asks_people:
        # Only a checklist stands in the way: whoever is known may speak to it.
        return True
    return may_vote(asked.approval, asked.causes, case.roles(name))


def _wrong_role(case: Case, name: str, wanted: str = "") -> Wrong:
    held = ", ".join(sorted(case.roles(name))) or "no role"
    asked = wanted or ", ".join(case.request.needs)
    return Objection.WRONG_ROLE, f"{name} holds {held}; asked is {asked or 'nobody any longer'}"


def _refused(case: Case, speaker: Speaker, wrong: tuple[Objection, str]) -> ApprovalRefused:
    asked = case.request.asked
    why, detail = wrong
    return ApprovalRefused(
        asked.request, asked.target, asked.incident, asked.plan,
        speaker.by, why.value, detail, speaker.uid,
    )  # fmt: skip
