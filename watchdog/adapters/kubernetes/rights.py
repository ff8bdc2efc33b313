"""What an account needs in a cluster, what of it is missing, and the Role rules that grant it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from watchdog.adapters.kubernetes.access import Access, reached
from watchdog.adapters.kubernetes.kinds import (
    CONTROLLER_REVISION,
    DEPLOYMENT,
    POD,
    REPLICA_SET,
    STATEFUL_SET,
    Kind,
)
from watchdog.adapters.kubernetes.workloads import Workload
from watchdog.plugins import Right

_READS = frozenset({"get", "list", "watch"})


@dataclass(frozen=True, slots=True)
class Standing:
    """How an account stands in one namespace: which of the rights it was asked for it lacks."""

    where: str
    missing: tuple[Right, ...]


def to(
    kind: Kind, *verbs: str, name: str = "", part: str = "", namespace: str = ""
) -> tuple[Right, ...]:
    """The rights to do that to objects of `kind`, or to the one of that name."""
    return tuple(Right(kind.group, kind.plural, verb, name, part, namespace) for verb in verbs)


def to_change(which: Workload) -> tuple[Right, ...]:
    """What every guarded patch of one workload takes."""
    return to(which.kind, "get", "patch", name=which.name)


def to_see_history(which: Workload) -> tuple[Right, ...]:
    """What it takes to know what a workload ran before."""
    return to(REPLICA_SET if which.kind is DEPLOYMENT else CONTROLLER_REVISION, "list")


def to_wait(which: Workload) -> tuple[Right, ...]:
    """What it takes to wait for a rollout."""
    return (
        *to(which.kind, "get", "list", "watch", name=which.name),
        *to(POD, "list", "watch"),
        # Which template is wanted, only a StatefulSet says by itself.
        *(() if which.kind is STATEFUL_SET else to_see_history(which)),
    )


def to_see_pods(which: Workload) -> tuple[Right, ...]:
    """What it takes to know which pods are those of a workload."""
    owners = to(REPLICA_SET, "list") if which.kind is DEPLOYMENT else ()
    return (*to(which.kind, "get", name=which.name), *owners, *to(POD, "list"))


def writes(right: Right) -> bool:
    """Whether something could be changed by it."""
    return right.verb not in _READS


async def standing(access: Access, rights: Iterable[Right]) -> Standing:
    """Ask the API server for each right, as whoever `access` makes us.

    Any account may ask what it may do itself. Raises WatchdogError where it cannot be asked.
    """
    async with reached(access) as api:
        missing = [
            one
            for one in sorted(set(rights))
            if not await api.may(
                one.verb,
                Kind(one.group, "", "", one.resource),
                one.name,
                one.namespace or None,
                one.part,
            )
        ]
        return Standing(f"namespace {api.namespace} of {api.server}", tuple(missing))


def rules(rights: Iterable[Right]) -> str:
    """The rules of a Role that grant `rights` and nothing else, as YAML lines.

    Those of another namespace come last, under a comment that names it.
    """
    asked = sorted(set(rights))
    return "\n".join(
        line
        for space in sorted({one.namespace for one in asked})
        for line in _rules(space, [one for one in asked if one.namespace == space])
    )


def _rules(namespace: str, rights: Iterable[Right]) -> Iterator[str]:
    if namespace:
        yield f"# in a Role of namespace {namespace}:"
    verbs: dict[tuple[str, str, str], list[str]] = {}
    for one in rights:
        resource = f"{one.resource}/{one.part}" if one.part else one.resource
        verbs.setdefault((one.group, resource, one.name), []).append(one.verb)
    alike: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for (group, resource, name), which in verbs.items():
        alike.setdefault((group, name, tuple(which)), []).append(resource)
    for (group, name, same), resources in alike.items():
        yield from _rule(group, resources, name, same)


def _rule(group: str, resources: Sequence[str], name: str, verbs: Sequence[str]) -> list[str]:
    named = [f"  resourceNames: [{name}]"] if name else []
    return [
        f'- apiGroups: ["{group}"]',
        f"  resources: [{', '.join(resources)}]",
        *named,
        f"  verbs: [{', '.join(verbs)}]",
    ]
