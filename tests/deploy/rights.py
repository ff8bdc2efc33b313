"""Shipped Roles as single rights, and single rights as rules again."""

from collections.abc import Iterator, Sequence
from typing import Any

from tests.deploy.rendering import Object, of_kind
from watchdog.plugins import Right


def granted_by(objects: Sequence[Object]) -> list[Right]:
    """Every single right of the one Role among these."""
    [role] = of_kind(objects, "Role")
    return [right for rule in role["rules"] for right in _rights(rule)]


def rule_of(right: Right) -> dict[str, Any]:
    """The rule of a Role that grants it and nothing else."""
    named = {"resourceNames": [right.name]} if right.name else {}
    return {
        "apiGroups": [right.group],
        "resources": [resource_of(right)],
        "verbs": [right.verb],
        **named,
    }


def resource_of(right: Right) -> str:
    """As a rule has it, such as `pods/log`."""
    return f"{right.resource}/{right.part}" if right.part else right.resource


def _rights(rule: dict[str, Any]) -> Iterator[Right]:
    for group in rule["apiGroups"]:
        for resource in rule["resources"]:
            what, _, part = resource.partition("/")
            for name in rule.get("resourceNames", [""]):
                yield from (Right(group, what, verb, name, part) for verb in rule["verbs"])
