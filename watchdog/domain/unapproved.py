"""Whether a plan that a trigger selects may start without anybody's word, or has it."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from watchdog.domain.account import Account
from watchdog.domain.approval import Approval, in_words, missing
from watchdog.domain.matrix import Proposal
from watchdog.domain.moment import Moment
from watchdog.domain.plan import Level, Plan
from watchdog.domain.progress import Recovery
from watchdog.domain.requests import ApprovalExempted, Request, Standing
from watchdog.domain.target import Mode, Target
from watchdog.domain.versions import Versions
from watchdog.domain.words import utc
from watchdog.domain.would_help import destination

ANYONE = Approval(people=1)
# Of what crosses a door that opens one way, one person is not to be sure alone.
LEAST_FOR_DATA = 2


class Unapproved(StrEnum):
    """Why a plan may not start yet, or not at all."""

    AWAITING_APPROVAL = "awaiting_approval"
    APPROVAL_DENIED = "approval_denied"
    APPROVAL_EXPIRED = "approval_expired"


MEANINGS = {
    Unapproved.AWAITING_APPROVAL: "people must agree first; `approve` and `deny` answer it",
    Unapproved.APPROVAL_DENIED: "a person said no, and that holds for this incident",
    Unapproved.APPROVAL_EXPIRED: "too few agreed in time; `rollback` starts the plan by hand",
}


@dataclass(frozen=True, slots=True)
class Doubt:
    """Not without approval, because of that."""

    why: Unapproved
    detail: str = ""


def is_guarded(plan: Plan) -> bool:
    """Whether `plan` never starts without people, whatever its file says: it may lose data."""
    return plan.level >= Level.DATA or plan.loses_data


def needs_people(plan: Plan, how: Recovery) -> bool:
    """Whether others must agree before a person goes on with a run of `plan`, or takes it back.

    They agreed to it once, when it began; what the world is like by now, nobody said.
    """
    return is_guarded(plan) and how is not Recovery.ABANDON


def policy_of(plan: Plan, mode: Mode, *, causes: Collection[str] = (), offered: bool) -> Approval:
    """What it takes for `plan` to start because of `causes`; `offered`: no trigger asks for it.

    Exemptions are another matter: `exempting` knows them.
    """
    approval = plan.approval
    if not (is_guarded(plan) or mode is Mode.APPROVE or offered):
        return approval
    least = LEAST_FOR_DATA if is_guarded(plan) else 1
    speaks = bool(approval.any_of or approval.people or approval.members(causes))
    return approval if speaks else replace(approval, people=least)


def must_agree(plan: Plan) -> str:
    """Who is asked before `plan` starts, for a person who reads it."""
    policy = policy_of(plan, Mode.AUTO, offered=False)
    if policy.is_auto:
        return "nobody"
    words = [in_words(policy)]
    words += [
        f"{one.role} when it is {' or '.join(one.causes)}" for one in policy.all_of if one.causes
    ]
    spared = "" if is_guarded(plan) else " or ".join(policy.exempt)
    return ", ".join(words) + (f"; nobody when it is {spared}" if spared else "")


def exempting(plan: Plan, mode: Mode, causes: Collection[str]) -> str:
    """The cause for which nobody is asked about `plan`; empty where somebody is, or never was."""
    if is_guarded(plan) or mode is Mode.APPROVE or plan.approval.is_auto:
        return ""
    return next((cause for cause in plan.approval.exempt if cause in causes), "")


def causes_of(proposal: Proposal, target: Target) -> tuple[str, ...]:
    """The words for what is wrong, of every trigger that asks for it."""
    return causes_among(proposal.because or (proposal.trigger,), target)


def causes_among(triggers: Iterable[str], target: Target) -> tuple[str, ...]:
    """The words for what is wrong when these triggers of `target` fire."""
    named = map(target.trigger, triggers)
    return tuple(dict.fromkeys(one.cause for one in named if one is not None and one.cause))


def with_all_causes(proposals: Sequence[Proposal], target: Target) -> list[Proposal]:
    """`proposals`, each with what is wrong as all say that ask for the same plan.

    Who must agree does not depend on which of them is asked about first.
    """
    wrong: dict[str, dict[str, None]] = {}
    for one in proposals:
        wrong.setdefault(one.plan, {}).update(dict.fromkeys(causes_of(one, target)))
    return [replace(one, causes=tuple(wrong[one.plan])) for one in proposals]


def unapproved(
    proposal: Proposal, target: Target, account: Account, versions: Versions, now: Moment
) -> Doubt | None:
    """Why the proposed plan may not start without people's word; None: it may."""
    plan = target.plans.get(proposal.plan)
    if plan is None or is_spared(proposal, plan, target):
        return None
    causes = proposal.causes or causes_of(proposal, target)
    policy = policy_of(plan, target.mode, causes=causes, offered=proposal.offered)
    if not missing(policy, causes, (), ()):
        return None
    request = request_for(proposal, plan, account, versions)
    if request is None:
        return Doubt(Unapproved.AWAITING_APPROVAL)
    return _of(request, plan, now)


def is_spared(proposal: Proposal, plan: Plan, target: Target) -> str:
    """The cause of its own for which nobody is asked; empty where that is none."""
    own = causes_of(proposal, target)
    return "" if proposal.offered else exempting(plan, target.mode, own)


def request_for(
    proposal: Proposal, plan: Plan, account: Account, versions: Versions
) -> Request | None:
    """The newest request that holds for `proposal`: of this incident, and as grave at least."""
    follows = proposal.follows if proposal.offered else ""
    mine = (
        one
        for one in reversed(account.requests)
        if one.asked.plan == plan.name
        and not outdated(one, plan, versions, proposal.causes)
        and one.asked.incident == account.incident
        and account.incident
        and not one.asked.by
        and one.asked.offered_after == follows
        and one.asked.severity >= proposal.severity
        and one.standing not in (Standing.VOID, Standing.USED)
    )
    return next(mine, None)


def outdated(
    request: Request, plan: Plan | None, versions: Versions, causes: Collection[str]
) -> str:
    """Why `request` is not about what would be done now, because of `causes`; empty: it is."""
    asked = request.asked
    if plan is None:
        return "the file has no such plan any longer"
    if plan.hash != asked.plan_hash:
        return "the plan was changed since it was asked about"
    goal = destination(plan, versions)
    if goal != asked.returns_to:
        return f"it would return to {goal or 'nothing'} now, not to {asked.returns_to or 'nothing'}"
    known_members = asked.approval.members(asked.causes)
    more = [one.role for one in asked.approval.members(causes) if one not in known_members]
    return f"{', '.join(more)} must agree as well now: {', '.join(causes)}" if more else ""


def allowing(
    proposal: Proposal, plan: Plan, target: Target, account: Account, versions: Versions
) -> tuple[str, list[ApprovalExempted]]:
    """On what `plan` starts, which nothing speaks against: its request, or why it needs none.

    With it, what to journal where an exemption is used.
    """
    request = request_for(proposal, plan, account, versions)
    if request is not None and request.standing is Standing.GRANTED:
        return request.id, []
    cause = is_spared(proposal, plan, target)
    if not cause:
        return "", []
    exempted = ApprovalExempted(
        target.name, account.incident, plan.name, plan.hash,
        proposal.trigger, proposal.episode, cause,
    )  # fmt: skip
    return f"exempt: {cause}", [exempted]


def _of(request: Request, plan: Plan, now: Moment) -> Doubt | None:
    if request.is_good(now, plan.hash):
        return None
    needs = ", ".join(request.needs) or "nobody any longer"
    if request.standing is Standing.DENIED:
        return Doubt(Unapproved.APPROVAL_DENIED, request.detail)
    if request.standing is Standing.EXPIRED or request.left(now) <= 0:
        return Doubt(Unapproved.APPROVAL_EXPIRED, f"{request.id}: {needs} did not answer")
    until = utc(request.asked.expires)
    return Doubt(Unapproved.AWAITING_APPROVAL, f"{request.id}: needs {needs}, until {until}")
