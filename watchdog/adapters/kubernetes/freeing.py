"""Frees a StatefulSet of the pods that it waits for in vain, whatever it is to run."""

import asyncio

from watchdog.adapters.kubernetes.api import KubeApi, MissingError, Object
from watchdog.adapters.kubernetes.kinds import POD
from watchdog.adapters.kubernetes.persisting import persistently
from watchdog.adapters.kubernetes.rollout import is_observed, is_ready, why_stuck
from watchdog.adapters.kubernetes.workloads import (
    Workload,
    is_owned_by,
    metadata,
    partition,
    selector,
    spec,
    uid,
)
from watchdog.domain.errors import InDoubtError, PermanentError, StepError

# Seconds for which an API server that does not answer is asked again. Most steps end sooner.
OUTAGE = 300.0
# Seconds that its controller may take to see the new template; busy ones take a second.
_OBSERVED_WITHIN = 15.0
# Seconds in which a pod that does not say why it is not ready may become so by itself.
MAY_RECOVER = 5.0
# Seconds that the pod in the place of one that was deleted may take until it is ready.
STARTS_WITHIN = 300.0
# Seconds in which what cannot be deleted is tried again.
_TRIED_FOR = 10.0
# Between two looks at its controller, and at its pods.
_LOOK_AGAIN, _PAUSE = 0.05, 0.5


async def freed(api: KubeApi, which: Workload) -> str:
    """Delete those pods of another revision that its controller waits for; what became of them.

    Those that say that they cannot start go at once. Any other one that is not ready may have
    served for days, and may be ready again in a moment: of those only the one goes that the
    controller waits for, and the next one once that in its place is ready. Ready ones the
    controller replaces by itself. Raises InDoubtError where it does not see what it is to run: a
    pod that is deleted before would come back as it was.
    """
    found = await _observed(api, which)
    if spec(found).get("podManagementPolicy") == "Parallel":
        # Such a controller waits for no pod that is to go.
        return ""
    freeing = _Freeing(api, which, found)
    await freeing.carry_out()
    return freeing.said


async def _observed(api: KubeApi, which: Workload) -> Object:
    """The StatefulSet, once its controller has seen what it is to run."""
    found = await persistently(lambda: api.get(which.kind, which.name), OUTAGE)
    try:
        async with asyncio.timeout(_OBSERVED_WITHIN):
            while not is_observed(found):
                await asyncio.sleep(_LOOK_AGAIN)
                found = await persistently(lambda: api.get(which.kind, which.name), OUTAGE)
    except TimeoutError:
        text = f"{which}: sent, but its controller does not take it up, and its pods stay"
        raise InDoubtError(text) from None
    return found


class _Freeing:
    """The pods of one StatefulSet, `found` as it was when its controller had seen the change."""

    def __init__(self, api: KubeApi, which: Workload, found: Object) -> None:
        self._api = api
        self._which = which
        self._found = found
        self._freed: list[str] = []
        self._left: list[str] = []
        # By uid: since when a pod is seen as the one that is waited for.
        self._since: dict[str, float] = {}

    @property
    def said(self) -> str:
        """What became of them; empty where there was nothing to do."""
        freed = f"; freed {', '.join(self._freed)}" if self._freed else ""
        return f"{freed}{''.join(f'; {one}' for one in self._left)}"

    async def carry_out(self) -> None:
        """Until nothing is in the way any more, or what is stays there."""
        while not self._left:
            pods = await self._pods()
            in_the_way = [pod for pod in pods if _is_left(pod, self._found)]
            if not in_the_way or not await self._is_still_wanted():
                return
            hopeless = [pod for pod in in_the_way if why_stuck(pod)]
            gone = [await self._delete(pod) for pod in hopeless]
            if len(hopeless) == len(in_the_way) and all(gone):
                return
            if not hopeless:
                await self._go_on(pods, in_the_way)
            if not self._left:
                await asyncio.sleep(_PAUSE)

    async def _pods(self) -> list[Object]:
        """Its own, in the order in which its controller makes them and waits for them."""
        labels = selector(self._found)
        listed = await persistently(lambda: self._api.listed(POD, labels=labels), OUTAGE)
        mine = uid(self._found)
        return sorted((pod for pod in listed.objects if is_owned_by(pod, mine)), key=_ordinal)

    async def _is_still_wanted(self) -> bool:
        """Whether nobody put another template in the place of ours meanwhile."""
        which = self._which
        now = await persistently(lambda: self._api.get(which.kind, which.name), OUTAGE)
        return _wanted(now) == _wanted(self._found) and is_observed(now)

    async def _go_on(self, pods: list[Object], in_the_way: list[Object]) -> None:
        """Delete the one that the controller waits for, unless it may still become ready."""
        present = {str(metadata(pod)["name"]) for pod in pods}
        missing = [name for name in self._freed if name not in present]
        waited_for = next(pod for pod in pods if _is_going(pod) or not is_ready(pod))
        is_one = any(uid(pod) == uid(waited_for) for pod in in_the_way) and not missing
        name = missing[0] if missing else str(metadata(waited_for)["name"])
        patience = MAY_RECOVER if is_one else STARTS_WITHIN
        why = "" if missing else why_stuck(waited_for)
        if why or self._is_over(f"{name} {'' if missing else uid(waited_for)}", patience):
            if is_one:
                await self._delete(waited_for, _version(waited_for))
            else:
                others = ", ".join(str(metadata(pod)["name"]) for pod in in_the_way)
                why = why or f"pod {name} is not ready"
                self._left.append(f"{why}; so it waits, and {others} stay as they are")

    def _is_over(self, what: str, patience: float) -> bool:
        now = asyncio.get_running_loop().time()
        return now - self._since.setdefault(what, now) >= patience

    async def _delete(self, pod: Object, version: str = "") -> bool:
        """Whether it is gone: it, and not the one that came in its place.

        With a `version` not even that, where it has become another one since it was looked at.
        """
        name = str(metadata(pod)["name"])
        if name in self._freed:
            self._left.append(f"pod {name} came back as it was")
            return False
        try:
            await self._api.delete(POD, name, uid=uid(pod), version=version)
        except MissingError:
            return True
        except StepError as error:
            # Whether it is gone after all shows when it is looked at again.
            tried_enough = self._is_over(f"delete {name}", _TRIED_FOR)
            if isinstance(error, PermanentError) or tried_enough:
                self._left.append(f"{error}: delete it by hand, or it waits for {name}")
            return False
        self._freed.append(name)
        return True


def _is_left(pod: Object, found: Object) -> bool:
    """Whether the controller would not keep it as it is, and may wait for it in vain."""
    labels = metadata(pod).get("labels") or {}
    return (
        not _is_going(pod)
        and labels.get("controller-revision-hash") != _wanted(found)
        and not is_ready(pod)
        and _ordinal(pod) >= partition(found)
    )


def _is_going(pod: Object) -> bool:
    return bool(metadata(pod).get("deletionTimestamp"))


def _wanted(found: Object) -> str:
    """The revision that it is to run."""
    return str((found.get("status") or {}).get("updateRevision"))


def _version(pod: Object) -> str:
    return str(metadata(pod).get("resourceVersion", ""))


def _ordinal(pod: Object) -> int:
    number = str(metadata(pod).get("name")).rpartition("-")[2]
    return int(number) if number.isdecimal() else 0
