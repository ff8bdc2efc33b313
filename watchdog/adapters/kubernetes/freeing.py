"""Frees a StatefulSet of pods that never became ready: it waits for them, whatever it is to run."""

import asyncio

from watchdog.adapters.kubernetes.api import ConflictError, KubeApi, MissingError, Object
from watchdog.adapters.kubernetes.kinds import POD
from watchdog.adapters.kubernetes.rollout import is_observed, is_ready
from watchdog.adapters.kubernetes.workloads import (
    Workload,
    is_owned_by,
    metadata,
    partition,
    selector,
    uid,
)
from watchdog.domain.errors import InDoubtError

# Seconds that its controller may take to see the new template; busy ones take a second.
_OBSERVED_WITHIN = 15.0
_LOOK_AGAIN = 0.05


async def freed(api: KubeApi, which: Workload) -> list[str]:
    """Delete those that are of another revision than the wanted one and not ready; their names.

    The controller replaces the ready ones by itself. Raises InDoubtError where it does not see
    what it is to run: a pod that is deleted before would come back as it was.
    """
    try:
        async with asyncio.timeout(_OBSERVED_WITHIN):
            found = await api.get(which.kind, which.name)
            while not is_observed(found):
                await asyncio.sleep(_LOOK_AGAIN)
                found = await api.get(which.kind, which.name)
    except TimeoutError:
        text = f"{which}: sent, but its controller does not take it up, and its pods stay"
        raise InDoubtError(text) from None
    pods = await api.listed(POD, labels=selector(found))
    return [str(metadata(pod)["name"]) for pod in pods.objects if await _is_freed(api, pod, found)]


async def _is_freed(api: KubeApi, pod: Object, found: Object) -> bool:
    """Whether it was in the way, and is deleted: it, and not the one that came in its place."""
    if not _is_left(pod, found):
        return False
    try:
        await api.delete(POD, str(metadata(pod)["name"]), uid=uid(pod))
    except (MissingError, ConflictError):
        return False
    return True


def _is_left(pod: Object, found: Object) -> bool:
    """Whether the controller will wait for it in vain, and would not keep it as it is."""
    wanted = (found.get("status") or {}).get("updateRevision")
    labels = metadata(pod).get("labels") or {}
    return (
        is_owned_by(pod, uid(found))
        and not metadata(pod).get("deletionTimestamp")
        and labels.get("controller-revision-hash") != wanted
        and not is_ready(pod)
        and _ordinal(pod) >= partition(found)
    )


def _ordinal(pod: Object) -> int:
    number = str(metadata(pod).get("name")).rpartition("-")[2]
    return int(number) if number.isdecimal() else 0
