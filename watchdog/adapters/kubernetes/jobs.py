"""A Job that is made for one step: its name, its body, and what its pods say of its end."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from hashlib import sha256
from typing import Any, NamedTuple

from watchdog.adapters.kubernetes.api import KubeApi, Object
from watchdog.adapters.kubernetes.kinds import POD
from watchdog.adapters.kubernetes.rollout import why_stuck
from watchdog.adapters.kubernetes.workloads import STEP_NOTE, metadata, spec
from watchdog.adapters.programs import last_lines
from watchdog.domain.errors import WatchdogError
from watchdog.ports import Secrets

# Seconds that a Job may take whose author gave no limit.
LONGEST = 300.0
_TAIL = 20
# For these no later try of the same pod helps. A crash is for the Job's own backoffLimit.
_NEVER_STARTS = (
    "CreateContainerConfigError",
    "ErrImageNeverPull",
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
)


class State(StrEnum):
    """How far a Job is."""

    RUNS = "runs"
    COMPLETE = "complete"
    FAILED = "failed"
    SUSPENDED = "suspended"


class JobState(NamedTuple):
    """How far a Job is, and what it says of that."""

    state: State
    text: str


def job_name(name: str, key: str) -> str:
    """The same for the same step of the same run, and for no other."""
    return f"{name}-{sha256(key.encode()).hexdigest()[:10]}"


def job(
    name: str, key: str, written: Mapping[str, Any], *, deadline: float | None, kept: float
) -> Object:
    """The Job as it is sent; `written` has its spec, perhaps labels and annotations, too.

    `deadline`: seconds that it may run; that of its author without. `kept`: seconds for which
    the cluster keeps it once it has ended, so that it can be found again.
    """
    own, its_spec = metadata(dict(written)), spec(dict(written))
    longest = deadline or its_spec.get("activeDeadlineSeconds") or LONGEST
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": job_name(name, key),
            "labels": dict(own.get("labels") or {}),
            "annotations": {**(own.get("annotations") or {}), STEP_NOTE: key},
        },
        "spec": {
            **its_spec,
            "activeDeadlineSeconds": max(1, round(longest)),
            "ttlSecondsAfterFinished": round(kept),
        },
    }


def unfit(written: Mapping[str, Any]) -> str:
    """Why a Job of this spec would never do anything; empty: it may."""
    its_spec = spec(dict(written))
    pod = (its_spec.get("template") or {}).get("spec") or {}
    if not pod.get("containers"):
        return "its pods have no containers; write template.spec.containers"
    if pod.get("restartPolicy") not in {"Never", "OnFailure"}:
        return "its pods need restartPolicy Never or OnFailure"
    return "it is suspended, and would not start" if its_spec.get("suspend") else ""


def state(found: Object) -> JobState:
    """Judge a Job by what it says of itself."""
    status = dict(found.get("status") or {})
    said = {one["type"]: one for one in status.get("conditions") or [] if one["status"] == "True"}
    if "Complete" in said:
        return JobState(State.COMPLETE, "complete")
    if "Failed" in said:
        why = f"{said['Failed'].get('reason', '')}: {said['Failed'].get('message', '')}"
        return JobState(State.FAILED, f"failed: {why.strip(': ')}")
    if spec(found).get("suspend"):
        return JobState(State.SUSPENDED, "suspended")
    pods = f"{status.get('active', 0)} pods active, {status.get('failed', 0)} failed"
    return JobState(State.RUNS, f"not at its end ({pods})")


async def pods_of(api: KubeApi, name: str) -> Sequence[Object]:
    """The pods of a Job, the newest last."""
    listed = await api.listed(POD, labels={"job-name": name})
    return sorted(listed.objects, key=lambda pod: str(metadata(pod).get("creationTimestamp")))


def why_never(pods: Sequence[Object]) -> str:
    """Why the pods of a Job will not start however long one waits; empty: they may."""
    said = (why_stuck(pod) for pod in pods)
    return next((why for why in said if any(word in why for word in _NEVER_STARTS)), "")


async def last_words(api: KubeApi, name: str, secrets: Secrets) -> str:
    """How its newest pod ended, and what that wrote last; empty where nobody can tell."""
    try:
        pods = await pods_of(api, name)
        if not pods:
            return "; no pod was made: look at quota and admission"
        return await _of_pod(api, pods[-1], secrets)
    except WatchdogError:
        return ""


async def _of_pod(api: KubeApi, pod: Object, secrets: Secrets) -> str:
    name = str(metadata(pod).get("name"))
    stuck = why_stuck(pod)
    if stuck:
        return f"; {secrets.redact(stuck)}"
    status = dict(pod.get("status") or {})
    for one in status.get("containerStatuses") or []:
        ended = (one.get("state") or {}).get("terminated")
        if ended is None:
            continue
        container = str(one.get("name"))
        how = f"; pod {name}, container {container}: exit code {ended.get('exitCode')}"
        return how + await _log(api, name, container, secrets)
    return f"; pod {name} is {status.get('phase', 'unknown')}"


async def _log(api: KubeApi, pod: str, container: str, secrets: Secrets) -> str:
    try:
        lines = await api.log(pod, container, None, tail=_TAIL)
    except WatchdogError:
        return ""
    return last_lines("\n".join(lines), secrets)
