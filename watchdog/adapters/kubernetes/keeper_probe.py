"""The read-only half of the steps on whoever keeps an object: what they would make of it."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence

from watchdog.adapters.kubernetes.access import reached
from watchdog.adapters.kubernetes.api import KubeApi
from watchdog.adapters.kubernetes.gitops import (
    Kept,
    NotKept,
    Options,
    Wanted,
    keeper,
    rights,
    to_patch,
)
from watchdog.adapters.kubernetes.persisting import persistently
from watchdog.adapters.kubernetes.preflight import permitted
from watchdog.adapters.kubernetes.step_notes import bears
from watchdog.domain.errors import WatchdogError
from watchdog.domain.events import Effect
from watchdog.ports import Deps, Finding, NothingSent


class KeeperProbe(ABC):
    """Sees who keeps the object, and what `wanted` makes of it."""

    def __init__(self, options: Options, deps: Deps) -> None:
        self._options = options
        self._clock = deps.clock

    @abstractmethod
    def wanted(self, kept: Kept, key: str) -> Wanted:
        """What the step of that key makes of it; the key is empty where nothing is to be sent."""

    def warnings(self, kept: Kept) -> Sequence[str]:
        """What a person should know of it beforehand."""
        del kept
        return ()

    async def preflight(self) -> Sequence[Finding]:
        try:
            async with reached(self._options) as api:
                return [one async for one in self._findings(api)]
        except WatchdogError as error:
            return [Finding(ok=False, text=str(error))]

    async def _findings(self, api: KubeApi) -> AsyncIterator[Finding]:
        which = self._options.which
        await api.get(which.kind, which.name)
        for one in await permitted(api, rights(self._options)):
            yield one
        try:
            kept = await keeper(api, self._options)
        except WatchdogError as error:
            yield Finding(ok=False, text=str(error))
            return
        if isinstance(kept, NotKept):
            yield Finding(ok=True, text=f"{kept.why}; nothing to do", warns=True)
            return
        if self._options.named is None:
            for one in await permitted(api, to_patch(kept.owner)):
                yield one
        text = f"{which} is kept by {kept.owner}, which {self.wanted(kept, '').text}"
        yield Finding(ok=True, text=text)
        for text in self.warnings(kept):
            yield Finding(ok=True, text=text, warns=True)

    async def inspect(self, key: str) -> tuple[Effect, str]:
        try:
            async with reached(self._options) as api:
                kept = await persistently(lambda: keeper(api, self._options))
        except WatchdogError as error:
            return Effect.UNKNOWN, str(error)
        if isinstance(kept, NotKept):
            return Effect.APPLIED, NothingSent(f"{kept.why}; nothing to do")
        if bears(kept.found, key):
            return Effect.APPLIED, f"{kept.owner} bears the step's key"
        wanted = self.wanted(kept, key)
        text = f"{kept.owner} {wanted.text}"
        if wanted.refused:
            return Effect.NOT_APPLIED, text
        if not wanted.operations:
            return Effect.APPLIED, NothingSent(text) if wanted.idle else text
        return Effect.NOT_APPLIED, f"{kept.owner} does not bear the step's key"
