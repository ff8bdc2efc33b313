"""Warnings about proofs without the time to be given, and rests that end before a watch does."""

from collections.abc import Iterator

from watchdog.config.problems import Path
from watchdog.domain.plan import PROOF_SAMPLES, Check, Plan
from watchdog.domain.target import Target


def lint_proofs(target: Target) -> Iterator[tuple[Path, str]]:
    """Plans whose checks must fail for want of time, and a cool-down shorter than a watch."""
    for plan in target.plans.values():
        yield from _checks(plan)
        yield from _own_proof(target, plan)
        if 0 < target.limits.cooldown < plan.watch.short:
            rest = target.limits.cooldown
            text = (
                f"ends before the watch after plan {plan.name!r} does: {rest:g} s and "
                f"{plan.watch.short:g} s; rest longer than you watch"
            )
            yield ("limits", "cooldown"), text


def _checks(plan: Plan) -> Iterator[tuple[Path, str]]:
    for index, check in enumerate(plan.verify):
        path = ("plans", plan.name, "verify", index)
        if check.within < _takes(check):
            text = (
                f"can never pass, as {check.samples} looks {check.pause:g} s apart take longer "
                f"than the {check.within:g} s it is given; give it a longer `within`"
            )
            yield path, text


def _takes(check: Check) -> float:
    return (check.samples - 1) * check.pause


def _own_proof(target: Target, plan: Plan) -> Iterator[tuple[Path, str]]:
    """The check that what fired no longer breaches, which every run makes."""
    for trigger in target.triggers:
        takes = (PROOF_SAMPLES - 1) * trigger.every
        if trigger.plan == plan.name and plan.verify_trigger and plan.verify_within < takes:
            text = (
                f"{PROOF_SAMPLES} good looks of trigger {trigger.name!r} take {takes:g} s, longer "
                f"than the {plan.verify_within:g} s it gives them; no run of it is ever proven"
            )
            yield ("plans", plan.name, "verify_within"), text
