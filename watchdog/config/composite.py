"""Composite plans: one flat list of steps, each of which says which plan it comes from."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from watchdog.config.plan_schema import PlanEntry
from watchdog.domain.plan import Check, Step


def parts_of(name: str, plans: Mapping[str, PlanEntry]) -> list[str]:
    """The plans whose steps make up plan `name`, in order, each once; itself is the last."""
    found: list[str] = []
    for part in plans[name].includes:
        found += [one for one in parts_of(part, plans) if one not in found]
    return [*found, name]


def of_part(member: Step | Check, part: str) -> Step | Check:
    """`member` as it stands in a plan that includes `part`.

    A lower level may have done it a moment ago: where that can be seen, it is not sent again.
    """
    named = replace(member, name=f"{part}: {member.name}")
    if isinstance(named, Step):
        return replace(named, look_first=named.look_first or named.done_when is not None)
    return named


def each_once(checks: Iterable[Check]) -> tuple[Check, ...]:
    """Two plans of one service often look at the same thing."""
    found: list[Check] = []
    for check in checks:
        if check not in found:
            found.append(check)
    return tuple(found)


def reversing(name: str, plans: Mapping[str, PlanEntry]) -> str:
    """The first plan that takes plan `name` back; empty where none does."""
    return next((other for other, plan in plans.items() if plan.reverses == name), "")
