"""Warnings about approvals that one person gives alone, or that nobody can ever give."""

from collections.abc import Iterator

from watchdog.config.problems import Path
from watchdog.domain.approval import Approval
from watchdog.domain.people import People, holders_of
from watchdog.domain.plan import Plan
from watchdog.domain.target import Mode, Target
from watchdog.domain.unapproved import LEAST_FOR_DATA, is_guarded, policy_of

Warnings = Iterator[tuple[Path, str]]


def lint_approvals(target: Target) -> Warnings:
    """What the file of one target shows by itself."""
    causes = {trigger.cause for trigger in target.triggers if trigger.cause}
    for plan in target.plans.values():
        path: Path = ("plans", plan.name, "approval")
        yield from _causes(path, plan.approval, causes)
        if not is_guarded(plan):
            continue
        if _least(_policy(plan, Mode.AUTO)) < LEAST_FOR_DATA:
            text = (
                "one person alone decides about a plan that may lose data: ask for two "
                "(`people: 2`), or for two roles"
            )
            yield path, text
        if not plan.checklist:
            text = (
                "whoever is asked does not see how old the last backup is: give the `checklist` "
                "an item with a `check` of its age"
            )
            yield ("plans", plan.name), text


def lint_people(target: Target, people: People) -> Warnings:
    """What shows only beside the daemon's `people`: who could ever answer."""
    selected = {trigger.plan for trigger in target.triggers}
    selected |= {row.plan for row in target.decisions}
    for plan in target.plans.values():
        path: Path = ("plans", plan.name, "approval")
        policy = _policy(plan, target.mode if plan.name in selected else Mode.AUTO)
        missing = [one for one in _asked(policy) if not any(holders_of(people, r) for r in one)]
        for roles in missing:
            names = " or ".join(roles)
            yield path, f"nobody can answer as {names}: no person of the daemon has that role"
        if not missing and len(people) < _least(policy):
            text = (
                f"too few people to grant it: it takes {_least(policy)}, and the daemon's "
                f"`people` names {len(people)}"
            )
            yield path, text


def _policy(plan: Plan, mode: Mode) -> Approval:
    return policy_of(plan, mode, offered=False)


def _asked(policy: Approval) -> list[tuple[str, ...]]:
    """The roles that are asked, each with those that may answer instead."""
    alone = [one.role for one in policy.all_of]
    alone += [one.role for one in policy.checklist if one.role]
    asked = [(role,) for role in dict.fromkeys(alone)]
    return [*asked, policy.any_of] if policy.any_of else list(asked)


def _least(policy: Approval) -> int:
    """How many different people it takes at least."""
    members = [one for one in policy.all_of if not one.causes]
    together = len(members) if policy.distinct else min(len(members), 1)
    return max(policy.people, together, 1 if policy.any_of else 0)


def _causes(path: Path, policy: Approval, known: set[str]) -> Warnings:
    asked = [*policy.exempt, *(cause for one in policy.all_of for cause in one.causes)]
    for cause in dict.fromkeys(asked):
        if cause not in known:
            yield path, f"has no effect for {cause!r}: no trigger of this file has that `cause`"
