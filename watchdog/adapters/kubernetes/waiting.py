"""Waits for a rollout by watching it, and gives up as soon as its pods say that it cannot end."""

import asyncio
from collections.abc import Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from watchdog.adapters.kubernetes.api import KubeApi, Object
from watchdog.adapters.kubernetes.endurance import Endurance
from watchdog.adapters.kubernetes.kinds import DEPLOYMENT, POD, STATEFUL_SET, Kind
from watchdog.adapters.kubernetes.persisting import DOUBT, Doubt, pause_after, persistently
from watchdog.adapters.kubernetes.revisions import current, revisions
from watchdog.adapters.kubernetes.rollout import Progress, is_observed, of_revision, progress
from watchdog.adapters.kubernetes.workloads import (
    Workload,
    generation,
    metadata,
    selector,
    template,
    uid,
)
from watchdog.domain.errors import PermanentError, StepError, TransientError
from watchdog.ports import Clock

# Seconds until a watch that broke off is begun again.
_AGAIN = 0.5
# Seconds after which a watch that tells nothing is not believed any more: an API server, or a
# way to it, may fall silent without closing anything.
_SILENCE = 15.0


async def rolled_out(api: KubeApi, which: Workload, clock: Clock, patience: float) -> str:
    """Wait until every pod is of the wanted template and ready; says how it then stands.

    An API server that is gone for a while is waited for, too, and one that refuses us is asked
    again for some seconds: it may have come back only just. Raises PermanentError once pods have
    said for `patience` seconds that they cannot start, and when somebody changes meanwhile what
    is to run. Waits without a limit otherwise: whoever calls sets one.
    """
    found = await persistently(lambda: api.get(which.kind, which.name), doubt=DOUBT)
    waiting = _Waiting(api, which, found, clock, Endurance(patience))
    async with asyncio.TaskGroup() as tasks:
        watches = [
            tasks.create_task(_follow(api, _Scope(which.kind, name=which.name), waiting.ours)),
            tasks.create_task(_follow(api, _Scope(POD, selector(found)), waiting.pods)),
        ]
        try:
            ended = await waiting.ended()
        finally:
            for watch in watches:
                watch.cancel()
    if isinstance(ended, StepError):
        raise ended
    return ended


class _Scope(NamedTuple):
    """What is watched: objects of a kind that bear labels, or the one of a name."""

    kind: Kind
    labels: Mapping[str, str] = {}
    name: str = ""


@dataclass(slots=True)
class _Seen:
    """Objects by name, as the watch last told of them; `changed` wakes whoever judges them.

    `listed` once all were seen; `ended`: why nothing more will be seen.
    """

    changed: asyncio.Event
    objects: dict[str, Object] = field(default_factory=dict)
    listed: bool = False
    ended: StepError | None = None

    def take(self, event: str, found: Object) -> None:
        name = str(metadata(found).get("name"))
        if event == "DELETED":
            self.objects.pop(name, None)
        else:
            self.objects[name] = found
        self.changed.set()


class _Waiting:
    """Judges what the watches see, again after each change."""

    def __init__(
        self, api: KubeApi, which: Workload, found: Object, clock: Clock, endurance: Endurance
    ) -> None:
        self._api = api
        self._which = which
        self._first = found
        self._clock = clock
        self._endurance = endurance
        self._changed = asyncio.Event()
        self._labels: Mapping[str, str] = {}
        self.ours = _Seen(self._changed, {which.name: found})
        self.pods = _Seen(self._changed)

    async def ended(self) -> str | StepError:
        """How it ended: well, in words, or with an error that says why not."""
        # Connections that are given up while they are being made are closed by nobody. Once both
        # have listed, both have one.
        while not (self.ours.listed and self.pods.listed) and not self._broken:
            self._changed.clear()
            await self._changed.wait()
        while True:
            self._changed.clear()
            try:
                state = await self._state()
            except TransientError:
                wait: float | None = _AGAIN
            except StepError as error:
                return error
            else:
                if state.done:
                    return f"{self._which}: {state.text}, generation {generation(self._found)}"
                now = self._clock.now().elapsed
                trouble = self._endurance.over(state, self.pods.objects, now)
                if trouble is not None:
                    why = f"{self._which} does not roll out: {trouble.text} ({state.text})"
                    return PermanentError(why)
                wait = self._endurance.left(now)
            try:
                async with asyncio.timeout(wait):
                    await self._changed.wait()
            except TimeoutError:
                continue

    @property
    def _broken(self) -> StepError | None:
        return self.ours.ended or self.pods.ended

    @property
    def _found(self) -> Object:
        return self.ours.objects.get(self._which.name) or self._first

    async def _state(self) -> Progress:
        """Raises PermanentError where waiting has become useless."""
        if self._broken is not None:
            raise self._broken
        found = self.ours.objects.get(self._which.name)
        if found is None or uid(found) != uid(self._first):
            raise PermanentError(f"{self._which} is gone")
        if template(found) != template(self._first):
            text = f"somebody else changed meanwhile what {self._which} is to run; look at it first"
            raise PermanentError(text)
        if is_observed(found) and not self._labels:
            self._labels = await persistently(
                lambda: _own_labels(self._api, self._which, found), DOUBT + _AGAIN, doubt=DOUBT
            )
        pods = self.pods.objects.values()
        return progress(found, of_revision(pods, self._labels) if self._labels else ())


async def _follow(api: KubeApi, scope: _Scope, seen: _Seen) -> None:
    """Keep `seen` up to date until cancelled, whatever the API server does meanwhile."""
    doubts = Doubt(DOUBT)
    while True:
        try:
            listing = await api.listed(scope.kind, labels=scope.labels, name=scope.name)
            seen.objects.clear()
            for one in listing.objects:
                seen.take("ADDED", one)
            seen.listed = True
            seen.changed.set()
            await _watched(api, scope, seen, listing.version)
            doubts.over()
        except TransientError as error:
            doubts.over()
            await asyncio.sleep(pause_after(error))
        except StepError as error:
            if not doubts.covers(error):
                seen.ended = error
                seen.changed.set()
                return
            await asyncio.sleep(pause_after(error))


async def _watched(api: KubeApi, scope: _Scope, seen: _Seen, since: str) -> None:
    """Take what happens until the watch ends, or has been silent for long."""
    events = api.watch(scope.kind, labels=scope.labels, since=since, name=scope.name)
    with suppress(TimeoutError):
        async with aclosing(events), asyncio.timeout(_SILENCE) as silence:
            async for event, found in events:
                seen.take(event, found)
                silence.reschedule(asyncio.get_running_loop().time() + _SILENCE)


async def _own_labels(api: KubeApi, which: Workload, found: Object) -> Mapping[str, str]:
    """What the pods of the wanted template bear, and those of no other; empty: not known yet."""
    if which.kind is STATEFUL_SET:
        name = (found.get("status") or {}).get("updateRevision")
        return {"controller-revision-hash": str(name)} if name else {}
    goal = current(found, await revisions(api, which, found))
    if goal is None:
        return {}
    key = "pod-template-hash" if which.kind is DEPLOYMENT else "controller-revision-hash"
    # It ends the name, behind that of the workload.
    return {key: goal.name.removeprefix(f"{which.name}-")}
