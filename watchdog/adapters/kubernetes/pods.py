"""What pods say of themselves: which of them live, which serve, and what each runs."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from watchdog.adapters.kubernetes.api import Object
from watchdog.adapters.kubernetes.image_reference import reference
from watchdog.adapters.kubernetes.rollout import is_ready, restarts, why_stuck
from watchdog.adapters.kubernetes.workloads import annotations, containers, metadata, uid

# As kubectl chooses the container whose log it shows.
_DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"
_OVER = frozenset({"Succeeded", "Failed"})
_RUNNING = "Running"


def name_of(pod: Object) -> str:
    """Its name."""
    return str(metadata(pod).get("name", ""))


def phase(pod: Object) -> str:
    """Where it is in its life, such as Pending or Running."""
    return str((pod.get("status") or {}).get("phase", "Unknown"))


def living(pods: Iterable[Object]) -> list[Object]:
    """Those that are neither over nor going away."""
    return [
        pod
        for pod in pods
        if not metadata(pod).get("deletionTimestamp") and phase(pod) not in _OVER
    ]


def serving(pods: Iterable[Object]) -> list[Object]:
    """Those that take traffic."""
    return [pod for pod in living(pods) if is_ready(pod)]


def trouble(pod: Object) -> str:
    """Why a living pod does not serve; empty where it does."""
    if phase(pod) == _RUNNING and is_ready(pod):
        return ""
    return why_stuck(pod) or f"pod {name_of(pod)}: {phase(pod)}, not ready"


def restarts_of(pods: Iterable[Object]) -> dict[str, int]:
    """How often each of them was started anew, by uid; without those that never were."""
    return {uid(pod): count for pod in pods if (count := restarts(pod))}


def container_of(pod: Object, name: str | None) -> Mapping[str, Any] | None:
    """The container called `name`; without one, that whose log kubectl would show."""
    found = containers(pod)
    wanted = name or annotations(pod).get(_DEFAULT_CONTAINER)
    if wanted is None:
        return found[0] if found else None
    return next((one for one in found if one.get("name") == wanted), None)


def has_begun(pod: Object, container: str) -> bool:
    """Whether the container has run at all, so that it may have written something."""
    states: Sequence[Mapping[str, Any]] = (pod.get("status") or {}).get("containerStatuses") or []
    for one in states:
        if one.get("name") == container:
            state = one.get("state") or {}
            return "waiting" not in state or bool(one.get("restartCount"))
    return False


def version_of_image(image: str) -> str:
    """Its tag; its digest where it has none, and `latest` where it has neither."""
    try:
        named = reference(image)
    except ValueError:
        return ""
    return named.tag or named.digest or "latest"
