"""Keeps Argo CD or Flux from putting an object back to what its repository says."""

import asyncio
from collections.abc import Sequence

from watchdog.adapters.kubernetes.access import reached
from watchdog.adapters.kubernetes.api import KubeApi
from watchdog.adapters.kubernetes.gitops import (
    Kept,
    NotKept,
    Options,
    Wanted,
    change_keeper,
    rights,
)
from watchdog.adapters.kubernetes.keeper_probe import KeeperProbe
from watchdog.adapters.kubernetes.kinds import APPLICATION
from watchdog.adapters.kubernetes.suspending import (
    above,
    is_at_it,
    suspension,
    to_suspend,
    works,
)
from watchdog.domain.errors import WatchdogError
from watchdog.plugins import ExecutorPlugin
from watchdog.ports import Clock, NothingSent

# Seconds that what it had begun before it was suspended may take.
_SETTLES = 10.0
_PAUSE = 0.1


class SuspendProbe(KeeperProbe):
    """Sees who would put the object back, and whether that is suspended already."""

    def wanted(self, kept: Kept, key: str) -> Wanted:
        owner, found = kept.owner, kept.found
        if works(owner, found):
            text = "is suspended now" if key else "works by itself, and is to be suspended"
            return Wanted(to_suspend(owner, found, key), text)
        before = suspension(owner, found)
        mine = before is not None and before.by == key
        whose = f"by step {before.by}" if before else "not by us, who will not resume it either"
        what = "does not sync by itself" if owner.kind is APPLICATION else "is suspended"
        return Wanted([], f"{what} already, {whose}; nothing to send", idle=not mine)

    def warnings(self, kept: Kept) -> Sequence[str]:
        return above(kept.owner, kept.found) if works(kept.owner, kept.found) else ()

    def render(self) -> str:
        named = self._options.named
        if named is None:
            return f"PATCH who keeps {self._options.which}{self._options.place}: suspended"
        if named.kind is APPLICATION:
            goal = "/spec/syncPolicy/automated is noted, and removed"
        else:
            goal = "/spec/suspend = true"
        return f"PATCH {named}{self._options.place}: {goal}"


class SuspendExecutor(SuspendProbe):
    """Suspends it, and waits for what it had begun before."""

    async def execute(self, key: str) -> str:
        async with reached(self._options) as api:
            done = await change_keeper(api, self._options, key, lambda one: self.wanted(one, key))
            if done.idle:
                return NothingSent(done.text)
            if not done.sent or isinstance(done.kept, NotKept):
                return done.text
            return f"{done.text}{await _settled(api, done.kept, self._clock)}"


async def _settled(api: KubeApi, kept: Kept, clock: Clock) -> str:
    """Whether what it was putting back when it was suspended has ended.

    The change itself has happened: whatever goes wrong here is only said.
    """
    until = clock.now().elapsed + _SETTLES
    owner, found = kept.owner, kept.found
    try:
        while is_at_it(owner, found):
            if clock.now().elapsed >= until:
                return "; it is still at what it had begun before, which may put something back"
            await asyncio.sleep(_PAUSE)
            found = await api.get(owner.kind, owner.name, owner.namespace)
    except WatchdogError as error:
        return f"; whether it has ended what it had begun before is not known: {error}"
    return ""


plugin = ExecutorPlugin(
    summary="Suspend the Argo CD application or the Flux object that keeps a workload.",
    options=Options,
    probe=SuspendProbe,
    build=SuspendExecutor,
    rights=rights,
    inspects=True,
)
