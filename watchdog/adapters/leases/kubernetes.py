"""A Lease of the cluster: one of several watchdogs holds it, and knows in time that it does not."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from watchdog.adapters.kubernetes.access import Access, reached
from watchdog.adapters.kubernetes.api import ConflictError, KubeApi, MissingError, Object
from watchdog.adapters.kubernetes.kinds import LEASE
from watchdog.adapters.kubernetes.rights import to
from watchdog.domain.errors import LeaseLostError, PermanentError, StepError
from watchdog.domain.moment import Moment
from watchdog.plugins import Right
from watchdog.ports import Clock

# Seconds, as the controllers of Kubernetes have them: how long it is ours without being renewed,
# when we take it for lost, and how often it is looked at.
DURATION, RENEW_WITHIN, EVERY = 15.0, 10.0, 2.0
# Seconds for which an API server that does not answer is nothing to speak of.
SAID_AFTER = 5.0


def rights_to_lead(name: str) -> tuple[Right, ...]:
    """What it takes to have the Lease `name`, where it is there and where it is not."""
    return (*to(LEASE, "create"), *to(LEASE, "get", "update", name=name))


@dataclass(slots=True)
class _Others:
    """What another holder last did, and since when by our own clock. Theirs is never read."""

    version: str
    since: float
    holder: str = ""
    held_since: float = 0.0


def _silent(_why: str) -> None:
    """Nobody asked why."""


class KubernetesLease:
    """The Lease `name`; `identity` is ours alone, of this process and no later one.

    Who holds it is safe to act for `remaining` seconds. A lease fences nothing: what is written
    under it must be refused by whoever takes it once somebody else has it.
    """

    def __init__(self, access: Access, name: str, identity: str, clock: Clock) -> None:
        self._access = access
        self.name = name
        self._clock = clock
        self._others: _Others | None = None
        self._held: Object | None = None
        self._renewed = float("-inf")
        self._failing_since: float | None = None
        self.identity = identity

    @property
    def remaining(self) -> float:
        """Seconds for which nobody else can have it; below 0 where it is not ours."""
        return self._renewed + RENEW_WITHIN - self._clock.now().elapsed

    @property
    def led_by_another(self) -> bool:
        """Whether one other has held it for long enough to be at work."""
        others, now = self._others, self._clock.now().elapsed
        return others is not None and others.since - others.held_since > DURATION > (
            now - others.since
        )

    async def acquire(self, said: Callable[[str], None] = _silent) -> None:
        """Wait until it is ours, however long that takes. Whoever holds it may let it go.

        Each look is `said`: why it could not be had, whoever holds it; empty where it could.
        """
        async with reached(self._access) as api:
            while True:
                if await self._tried(api, said):
                    return
                await asyncio.sleep(EVERY)

    async def hold(self) -> None:
        """Renew it until cancelled. Raises LeaseLostError as soon as it may not be ours."""
        async with reached(self._access) as api:
            while True:
                await asyncio.sleep(min(EVERY, max(0.0, self.remaining)))
                await self._renew(api)

    async def release(self) -> None:
        """Let the next one have it at once. Where that fails, they have it when it runs out."""
        held, self._held, self._renewed = self._held, None, float("-inf")
        if held is None:
            return
        try:
            async with reached(self._access) as api, asyncio.timeout(EVERY):
                await api.replace(LEASE, _with(held, holderIdentity="", leaseDurationSeconds=1))
        except (StepError, TimeoutError):
            return

    async def _tried(self, api: KubeApi, said: Callable[[str], None]) -> bool:
        """Whether it is ours now. What goes wrong means no, and is tried again."""
        began = self._clock.now().elapsed
        try:
            async with asyncio.timeout(RENEW_WITHIN):
                taken = await self._taken(api)
        except ConflictError:
            # Somebody else was faster.
            taken = False
        except (StepError, TimeoutError) as error:
            if self._failing_since is None:
                self._failing_since = began
            lasts = self._clock.now().elapsed - self._failing_since
            # What a person must mend is no better in a moment.
            if isinstance(error, PermanentError) or lasts >= SAID_AFTER:
                said(self._no_turn(api, error))
            return False
        self._failing_since = None
        said("")
        return taken

    def _no_turn(self, api: KubeApi, error: Exception) -> str:
        place = f"the lease {self.name} in namespace {api.namespace} of {api.server}"
        return f"{place} cannot be had: {str(error) or 'no answer in time'}"

    async def _taken(self, api: KubeApi) -> bool:
        sent = self._clock.now()
        try:
            found = await api.get(LEASE, self.name)
        except MissingError:
            self._keep(await api.create(LEASE, self._new(sent)), sent)
            return True
        if not self._is_free(found, sent.elapsed):
            return False
        spec = found.get("spec") or {}
        taken = _with(
            found,
            holderIdentity=self.identity,
            leaseDurationSeconds=int(DURATION),
            acquireTime=_micro(sent),
            renewTime=_micro(sent),
            leaseTransitions=int(spec.get("leaseTransitions") or 0) + 1,
        )
        # Of several that see it free the API server lets one through: it compares the version.
        self._keep(await api.replace(LEASE, taken), sent)
        return True

    def _is_free(self, found: Object, now: float) -> bool:
        spec, version = found.get("spec") or {}, str(found["metadata"]["resourceVersion"])
        if not spec.get("holderIdentity"):
            return True
        if self._others is None or self._others.version != version:
            self._others = self._seen(str(spec["holderIdentity"]), version, now)
        lasts = max(float(spec.get("leaseDurationSeconds") or 0), DURATION)
        return now - self._others.since > lasts

    def _seen(self, holder: str, version: str, now: float) -> _Others:
        before = self._others
        same = before is not None and before.holder == holder
        return _Others(version, now, holder, before.held_since if before and same else now)

    async def _renew(self, api: KubeApi) -> None:
        sent = self._clock.now()
        left = self.remaining
        if left <= 0 or self._held is None:
            raise LeaseLostError(f"{self._about}: not renewed for {RENEW_WITHIN:g} s")
        try:
            # All of it in the time that is left: beyond that another one may have it.
            async with asyncio.timeout(left):
                try:
                    await self._prolong(api, self._held, sent)
                except (ConflictError, MissingError) as error:
                    await self._prolong(api, await self._after_conflict(api, error), sent)
        except (StepError, TimeoutError):
            # Not answered: it may be ours still, and is asked about again until it may not be.
            return

    async def _prolong(self, api: KubeApi, held: Object, sent: Moment) -> None:
        self._keep(await api.replace(LEASE, _with(held, renewTime=_micro(sent))), sent)

    async def _after_conflict(self, api: KubeApi, error: StepError) -> Object:
        """As it is now. An answer that was lost may have renewed it, or somebody put a note on it.

        Raises LeaseLostError where somebody else has taken it.
        """
        try:
            found = await api.get(LEASE, self.name)
        except MissingError:
            raise LeaseLostError(f"{self._about}: it was deleted") from error
        holder = (found.get("spec") or {}).get("holderIdentity")
        if holder != self.identity or found["metadata"]["uid"] != self._uid:
            raise LeaseLostError(f"{self._about}: {holder or 'nobody'} holds it") from error
        self._held = found
        return found

    def _keep(self, held: Object, sent: Moment) -> None:
        # From when it was asked for: the answer may have taken its time.
        self._held, self._renewed = held, sent.elapsed
        self._others = None

    @property
    def _uid(self) -> str:
        return str((self._held or {}).get("metadata", {}).get("uid", ""))

    @property
    def _about(self) -> str:
        return f"the lease {self.name} is lost to {self.identity}"

    def _new(self, now: Moment) -> Object:
        spec = {
            "holderIdentity": self.identity,
            "leaseDurationSeconds": int(DURATION),
            "acquireTime": _micro(now),
            "renewTime": _micro(now),
            "leaseTransitions": 1,
        }
        return {"metadata": {"name": self.name}, "spec": spec}


def _with(found: Object, **changed: Any) -> Object:  # noqa: ANN401 -- values of a JSON object
    return {**found, "spec": {**(found.get("spec") or {}), **changed}}


def _micro(now: Moment) -> str:
    """For people who look at it; nobody decides by it."""
    return (
        datetime.fromtimestamp(now.wall, UTC)
        .isoformat(timespec="microseconds")
        .replace("+00:00", "Z")
    )
