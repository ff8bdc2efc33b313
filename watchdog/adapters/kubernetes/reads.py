"""What one look reads of a cluster: each object once, however many questions need it."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar, cast

from watchdog.adapters.kubernetes.api import KubeApi, Object
from watchdog.adapters.kubernetes.endpoints import OF_SERVICE
from watchdog.adapters.kubernetes.kinds import (
    DEPLOYMENT,
    ENDPOINT_SLICE,
    POD,
    REPLICA_SET,
    SERVICE,
    Kind,
)
from watchdog.adapters.kubernetes.workloads import Workload, is_owned_by, selector, uid
from watchdog.domain.errors import WatchdogError

T = TypeVar("T")


class Reads:
    """Reads within one look. Each raises what `KubeApi` raises, and the same to all who ask."""

    def __init__(self, api: KubeApi) -> None:
        self.api = api
        self._turns: defaultdict[object, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._read: dict[object, object] = {}

    async def one(self, kind: Kind, name: str) -> Object:
        """One object."""
        return await self._once((kind, name), lambda: self.api.get(kind, name))

    async def workload(self, which: Workload) -> Object:
        """A workload."""
        return await self.one(which.kind, which.name)

    async def pods(self, which: Workload) -> Sequence[Object]:
        """The pods that belong to it, whatever other pods bear the same labels."""
        return await self._once((which, "pods"), lambda: self._pods(which))

    async def endpoint_slices(self, service: str) -> Sequence[Object]:
        """Where the traffic of a service goes. Raises MissingError where there is no service."""
        await self.one(SERVICE, service)
        return await self._listed(ENDPOINT_SLICE, {OF_SERVICE: service})

    async def _pods(self, which: Workload) -> Sequence[Object]:
        found = await self.workload(which)
        labels = selector(found)
        owners = [uid(found)]
        if which.kind is DEPLOYMENT:
            sets = await self._listed(REPLICA_SET, labels)
            owners = [uid(one) for one in sets if is_owned_by(one, uid(found))]
        pods = await self._listed(POD, labels)
        return [pod for pod in pods if any(is_owned_by(pod, owner) for owner in owners)]

    async def _listed(self, kind: Kind, labels: Mapping[str, str]) -> Sequence[Object]:
        key = (kind, tuple(sorted(labels.items())))
        return (await self._once(key, lambda: self.api.listed(kind, labels=labels))).objects

    async def _once(self, key: object, read: Callable[[], Awaitable[T]]) -> T:
        async with self._turns[key]:
            if key not in self._read:
                try:
                    self._read[key] = await read()
                except WatchdogError as error:
                    self._read[key] = error
        found = self._read[key]
        if isinstance(found, WatchdogError):
            raise found
        return cast("T", found)
