"""What runs pods for good: how a file names one, and what its object says."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator

from watchdog.adapters.kubernetes.api import Object
from watchdog.adapters.kubernetes.kinds import DAEMON_SET, WORKLOADS, Kind

# Ours, on the object that was acted on.
STEP_NOTE = "rollback-watchdog.io/step"


@dataclass(frozen=True, slots=True)
class Workload:
    """A Deployment, StatefulSet or DaemonSet, by name."""

    kind: Kind
    name: str

    def __str__(self) -> str:
        return f"{self.kind.name.lower()}/{self.name}"


def workload(text: str) -> Workload:
    """`deployment/shop`, as kubectl writes it. Raises ValueError."""
    word, slash, name = text.partition("/")
    kind = WORKLOADS.get(word.lower())
    if kind is None or not slash or not name or "/" in name:
        known = ", ".join(f"{one}/NAME" for one in WORKLOADS)
        raise ValueError(f"{text!r} names no workload; write one of {known}")
    return Workload(kind, name)


def _is_one(text: str) -> str:
    workload(text)
    return text


WorkloadName = Annotated[str, AfterValidator(_is_one)]


def spec(found: Object) -> Mapping[str, Any]:
    """Its spec; empty where it has none."""
    return dict(found.get("spec") or {})


def metadata(found: Object) -> Mapping[str, Any]:
    """Its metadata."""
    return dict(found.get("metadata") or {})


def uid(found: Object) -> str:
    """Which object it is, whatever its name."""
    return str(metadata(found).get("uid", ""))


def generation(found: Object) -> int:
    """How often what is wanted of it was changed. Status writes do not count."""
    return int(metadata(found).get("generation", 0))


def annotations(found: Object) -> Mapping[str, str]:
    """Its annotations."""
    return dict(metadata(found).get("annotations") or {})


def template(found: Object) -> Mapping[str, Any]:
    """The pod template, whole."""
    return dict(spec(found).get("template") or {})


def containers(found_template: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The containers of a pod template, those that run first excluded."""
    return list((found_template.get("spec") or {}).get("containers") or [])


def images(found_template: Mapping[str, Any]) -> dict[str, str]:
    """The image of each container."""
    return {str(one.get("name")): str(one.get("image")) for one in containers(found_template)}


def selector(found: Object) -> Mapping[str, str]:
    """The labels of its pods."""
    return dict((spec(found).get("selector") or {}).get("matchLabels") or {})


def is_paused(found: Object) -> bool:
    """A paused Deployment takes a new template, and rolls nothing out."""
    return bool(spec(found).get("paused"))


def is_owned_by(found: Object, owner: str) -> bool:
    """Whether the object of uid `owner` controls it."""
    owners = metadata(found).get("ownerReferences") or []
    return any(one.get("controller") and one.get("uid") == owner for one in owners)


def partition(found: Object) -> int:
    """How many of a StatefulSet's pods, from the first on, are left as they are."""
    rolling = (spec(found).get("updateStrategy") or {}).get("rollingUpdate") or {}
    return int(rolling.get("partition") or 0)


def wanted(found: Object) -> int:
    """How many pods it is to have."""
    if found.get("kind") == DAEMON_SET.name:
        return int((found.get("status") or {}).get("desiredNumberScheduled", 0))
    return int(spec(found).get("replicas", 1))
