"""How far a rollout is: what the object says of itself, and what its pods say."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from watchdog.adapters.kubernetes.api import Object
from watchdog.adapters.kubernetes.kinds import DAEMON_SET, STATEFUL_SET
from watchdog.adapters.kubernetes.workloads import (
    generation,
    is_paused,
    metadata,
    partition,
    spec,
    wanted,
)

# A pod that waits for one of these does not start by waiting longer.
STUCK = frozenset(
    {
        "CrashLoopBackOff",
        "CreateContainerConfigError",
        "CreateContainerError",
        "ErrImageNeverPull",
        "ErrImagePull",
        "ImageInspectError",
        "ImagePullBackOff",
        "InvalidImageName",
        "RunContainerError",
    }
)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why something will not start. `pod`: whose it is; empty where the controller says it."""

    pod: str
    text: str


@dataclass(frozen=True, slots=True)
class Progress:
    """`done`: every pod is of the wanted template and ready. `ready`: how many are so far.

    `troubles` is what speaks against its ever being done, `stuck` the first of it.
    """

    done: bool
    text: str
    troubles: tuple[Trouble, ...] = ()
    ready: int = 0

    @property
    def stuck(self) -> str:
        """Why it will not be done; empty: nothing speaks against it."""
        return self.troubles[0].text if self.troubles else ""


def progress(found: Object, pods: Iterable[Object] = ()) -> Progress:
    """Judge a workload, and those of its pods that are of the wanted template."""
    if is_paused(found):
        paused = Trouble("", "it is paused; resume it first")
        return Progress(done=False, text="paused", troubles=(paused,))
    if not is_observed(found):
        return Progress(done=False, text="its controller has not seen the change yet")
    status = dict(found.get("status") or {})
    counted = _counted(found, status)
    if counted.done:
        return counted
    troubles = (*_conditions(status), *_of_pods(pods))
    return Progress(done=False, text=counted.text, troubles=troubles, ready=counted.ready)


def is_observed(found: Object) -> bool:
    """Whether its controller has seen what is wanted of it; before, its status is an old one."""
    seen = (found.get("status") or {}).get("observedGeneration", 0)
    return bool(int(seen) >= generation(found))


def _counted(found: Object, status: Mapping[str, Any]) -> Progress:
    goal, kind = wanted(found), found.get("kind")
    kept = partition(found) if kind == STATEFUL_SET.name else 0
    if kind == DAEMON_SET.name:
        fresh = int(status.get("updatedNumberScheduled", 0))
        ready, old = int(status.get("numberAvailable", 0)), 0
    else:
        fresh = int(status.get("updatedReplicas", 0))
        ready = _available(found, status)
        old = max(0, int(status.get("replicas", 0)) - fresh)
    due = max(0, goal - kept)
    settled = ready == goal and (fresh >= due if kept else fresh == goal and not old)
    if kind == STATEFUL_SET.name and goal and not kept:
        settled = settled and status.get("currentRevision") == status.get("updateRevision")
    text = f"{fresh} of {due} updated, {ready} available, {old} old"
    return Progress(settled, text, ready=min(fresh, ready))


def _available(found: Object, status: Mapping[str, Any]) -> int:
    """How many were ready for `minReadySeconds`; the API server leaves out what is 0."""
    # An old StatefulSet's controller never says so; without minReadySeconds, ready is the same.
    never_said = found.get("kind") == STATEFUL_SET.name and not spec(found).get("minReadySeconds")
    missing = status.get("readyReplicas", 0) if never_said else 0
    return int(status.get("availableReplicas", missing))


def rolls_by_itself(found: Object) -> bool:
    """False where its pods are only replaced once somebody deletes them."""
    strategy = spec(found).get("updateStrategy") or {}
    return strategy.get("type") != "OnDelete"


def _conditions(status: Mapping[str, Any]) -> list[Trouble]:
    """What the controller itself says is wrong."""
    return [
        Trouble("", f"{one.get('reason', '')}: {one.get('message', '')}")
        for one in status.get("conditions") or []
        if (one.get("type") == "ReplicaFailure" and one.get("status") == "True")
        or (one.get("type") == "Progressing" and one.get("reason") == "ProgressDeadlineExceeded")
    ]


def _of_pods(pods: Iterable[Object]) -> list[Trouble]:
    """What those that cannot start say; those that go away say nothing."""
    return [
        Trouble(str(metadata(pod).get("name")), why)
        for pod in pods
        if not metadata(pod).get("deletionTimestamp") and (why := why_stuck(pod))
    ]


def why_stuck(pod: Object) -> str:
    """Why a pod will not start, such as an image that cannot be pulled; empty: it may."""
    name = metadata(pod).get("name")
    for one in _container_states(pod):
        waiting = (one.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") in STUCK:
            said = f": {waiting['message']}" if waiting.get("message") else ""
            return f"pod {name}, container {one.get('name')}: {waiting['reason']}{said}"
    for condition in (pod.get("status") or {}).get("conditions") or []:
        if condition.get("reason") == "Unschedulable":
            return f"pod {name}: Unschedulable: {condition.get('message', '')}"
    return ""


def _container_states(pod: Object) -> Sequence[Mapping[str, Any]]:
    status = pod.get("status") or {}
    return [
        *(status.get("initContainerStatuses") or []),
        *(status.get("containerStatuses") or []),
    ]


def is_ready(pod: Object) -> bool:
    """Whether a pod serves."""
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any(one.get("type") == "Ready" and one.get("status") == "True" for one in conditions)


def restarts(pod: Object) -> int:
    """How often its containers were started anew, all together."""
    return sum(int(one.get("restartCount", 0)) for one in _container_states(pod))


def of_revision(pods: Iterable[Object], labels: Mapping[str, str]) -> list[Object]:
    """Those pods that bear `labels`, such as the hash of one template."""
    return [
        pod for pod in pods if labels.items() <= dict(metadata(pod).get("labels") or {}).items()
    ]
