"""Requests for approval: every journalled fact about one, and what becomes of it: a fold."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import assert_never

from watchdog.domain.approval import Answer, Approval, OnTimeout, Vote, missing
from watchdog.domain.moment import Moment
from watchdog.domain.progress import RunRecovered
from watchdog.domain.trigger import Severity

# Requests that are over and still known by name, for each target.
REMEMBERED = 20


@dataclass(frozen=True, slots=True)
class ApprovalRequested:
    """A plan waits for people. Nothing of it is done, counted or paused before they agree.

    `plan_hash` is that of the plan as the file has it: another one is another plan. `initiators`
    may not agree. `by` names who wants to start it by hand, `offered_after` the run after which
    a ladder offers it; both are empty where a trigger asks. `expires`: Unix seconds. `running`:
    the version that runs, and since when, as far as anybody told. `recovery`: what is to be done
    with a run that stopped, where nothing is to begin anew; then the hash is that of its plan.
    `follows`: the run whose next level it is, offered or not; empty for none.
    """

    request: str
    target: str
    incident: str
    plan: str
    plan_hash: str
    trigger: str
    episode: str
    severity: Severity
    approval: Approval
    expires: float
    causes: tuple[str, ...] = ()
    because: tuple[str, ...] = ()
    initiators: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    would_do: tuple[str, ...] = ()
    by: str = ""
    reason: str = ""
    offered_after: str = ""
    returns_to: str = ""
    running: str = ""
    recovery: RunRecovered | None = None
    follows: str = ""


@dataclass(frozen=True, slots=True)
class ChecklistAnswered:
    """What is known of an item of the checklist: `by` a person, or by a look of the machine."""

    request: str
    target: str
    incident: str
    item: str
    ok: bool
    detail: str
    by: str = ""
    waived: bool = False


@dataclass(frozen=True, slots=True)
class ApprovalGiven:
    """Somebody who may agrees. `roles` are those that they hold now, `needs` what is missing."""

    request: str
    target: str
    incident: str
    by: str
    roles: tuple[str, ...]
    reason: str
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ApprovalGranted:
    """Nothing is missing any longer. `by`: all who agreed, in order."""

    request: str
    target: str
    incident: str
    plan: str
    plan_hash: str
    by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ApprovalDenied:
    """Somebody who may says no: the request is closed."""

    request: str
    target: str
    incident: str
    plan: str
    by: str
    roles: tuple[str, ...]
    reason: str
    severity: Severity = Severity.WARNING


@dataclass(frozen=True, slots=True)
class ApprovalExpired:
    """Too few agreed in time, or nothing came of it in time: nothing is sent."""

    request: str
    target: str
    incident: str
    plan: str
    needs: tuple[str, ...]
    outcome: OnTimeout
    severity: Severity = Severity.WARNING


@dataclass(frozen=True, slots=True)
class ApprovalVoided:
    """The request is good for nothing any longer, whoever agreed."""

    request: str
    target: str
    incident: str
    plan: str
    why: str
    was_granted: bool = False


@dataclass(frozen=True, slots=True)
class ApprovalRefused:
    """Somebody's word does not count, and why: `objection` is one of `voting.Objection`.

    `request` is empty where they wanted to start `plan` by hand and may not. `uid` as the kernel
    says; -1 where it is not the kernel that says who speaks.
    """

    request: str
    target: str
    incident: str
    plan: str
    by: str
    objection: str
    detail: str
    uid: int = -1


@dataclass(frozen=True, slots=True)
class ApprovalExempted:
    """Nobody was asked, because of `cause`: the plan's own policy says so."""

    target: str
    incident: str
    plan: str
    plan_hash: str
    trigger: str
    episode: str
    cause: str


ApprovalEvent = (
    ApprovalRequested
    | ChecklistAnswered
    | ApprovalGiven
    | ApprovalGranted
    | ApprovalDenied
    | ApprovalExpired
    | ApprovalVoided
    | ApprovalRefused
    | ApprovalExempted
)


# What a memory of requests rests on.
KINDS = (
    ApprovalRequested,
    ChecklistAnswered,
    ApprovalGiven,
    ApprovalGranted,
    ApprovalDenied,
    ApprovalExpired,
    ApprovalVoided,
)


class Standing(StrEnum):
    """How far it is with a request."""

    OPEN = "open"
    GRANTED = "granted"
    DENIED = "denied"
    EXPIRED = "expired"
    VOID = "void"
    USED = "used"


_LIVE = (Standing.OPEN, Standing.GRANTED)


@dataclass(frozen=True, slots=True)
class Request:
    """A request and all that was said to it. `run`: what it was used for."""

    asked: ApprovalRequested
    opened: Moment
    standing: Standing = Standing.OPEN
    votes: tuple[Vote, ...] = ()
    answers: tuple[Answer, ...] = ()
    detail: str = ""
    run: str = ""

    @property
    def id(self) -> str:
        """Its name."""
        return self.asked.request

    @property
    def needs(self) -> tuple[str, ...]:
        """What is still missing, in words."""
        return missing(self.asked.approval, self.asked.causes, self.votes, self.answers)

    @property
    def is_live(self) -> bool:
        """Whether something may still come of it."""
        return self.standing in _LIVE

    def left(self, now: Moment) -> float:
        """Seconds until it expires; none when a clock was moved: that never lengthens it."""
        passed = max(now.since(self.opened), now.wall - self.opened.wall)
        return self.asked.approval.ttl - passed

    def is_due(self, now: Moment) -> bool:
        """Whether its time is over, and nobody has said so yet."""
        return self.is_live and self.left(now) <= 0

    def is_good(self, now: Moment, plan_hash: str) -> bool:
        """Whether a plan with this hash may start on it."""
        granted = self.standing is Standing.GRANTED and self.left(now) > 0
        return granted and self.asked.plan_hash == plan_hash


Requests = tuple[Request, ...]


def found(requests: Requests, name: str) -> Request | None:
    """The request of that name."""
    return next((one for one in requests if one.id == name), None)


def after(requests: Requests, event: ApprovalEvent, at: Moment) -> Requests:
    """`requests` of one target once `event` has happened."""
    match event:
        case ApprovalRequested():
            return (*requests, Request(event, at))
        case ApprovalGiven(by=by, roles=roles, reason=reason):
            return _changed(requests, event.request, vote=Vote(by, roles, reason))
        case ChecklistAnswered(item=item, ok=ok, detail=detail, by=by, waived=waived):
            answer = Answer(item, ok, detail, by, waived)
            return _changed(requests, event.request, answer=answer)
        case ApprovalGranted():
            return _closed(requests, event.request, Standing.GRANTED)
        case ApprovalDenied(by=by, reason=reason):
            return _closed(requests, event.request, Standing.DENIED, f"{by}: {reason}")
        case ApprovalExpired(needs=needs):
            return _closed(requests, event.request, Standing.EXPIRED, ", ".join(needs))
        case ApprovalVoided(why=why):
            return _closed(requests, event.request, Standing.VOID, why)
        case ApprovalRefused() | ApprovalExempted():
            return requests
        case _:
            assert_never(event)


def used(requests: Requests, name: str, run: str) -> Requests:
    """`requests` once `run` began on the one called `name`: it is good for no other."""
    return tuple(
        replace(one, standing=Standing.USED, run=run) if one.id == name else one for one in requests
    )


def forgotten(requests: Requests) -> Requests:
    """`requests` once an incident is over: those that may still matter, and the last few."""
    over = [one for one in requests if not one.is_live]
    kept = {one.id for one in over[-REMEMBERED:]}
    return tuple(one for one in requests if one.is_live or one.id in kept)


def _changed(
    requests: Requests, name: str, vote: Vote | None = None, answer: Answer | None = None
) -> Requests:
    return tuple(_with(one, vote, answer) if one.id == name else one for one in requests)


def _with(one: Request, vote: Vote | None, answer: Answer | None) -> Request:
    votes = one.votes if vote is None else (*one.votes, vote)
    if answer is None:
        return replace(one, votes=votes)
    others = (each for each in one.answers if each.item != answer.item)
    return replace(one, votes=votes, answers=(*others, answer))


def _closed(requests: Requests, name: str, standing: Standing, detail: str = "") -> Requests:
    return tuple(
        replace(one, standing=standing, detail=detail) if one.id == name and one.is_live else one
        for one in requests
    )
