"""One connection to a cluster, kept for whoever looks at it again and again."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from watchdog.adapters.kubernetes.access import Access, reached
from watchdog.adapters.kubernetes.api import ForbiddenError, InvalidError, KubeApi, MissingError
from watchdog.domain.errors import PermanentError

# What an API server says that knows us: new credentials would change nothing about it.
_KNOWN = (MissingError, ForbiddenError, InvalidError)


@dataclass(slots=True)
class _Held:
    api: KubeApi
    stack: AsyncExitStack
    users: int = 0


class KeptAccess:
    """Opened when it is first asked for, and anew once its credentials were refused."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._held: _Held | None = None

    @asynccontextmanager
    async def api(self) -> AsyncIterator[KubeApi]:
        """The cluster, for several at once. Raises ConfigError where no way there is known."""
        held = await self._now()
        held.users += 1
        try:
            yield held.api
        finally:
            held.users -= 1
            if held is not self._held and not held.users:
                await held.stack.aclose()

    def failed(self, error: Exception) -> None:
        """After an `error` of the credentials, the next one reads them anew."""
        if isinstance(error, PermanentError) and not isinstance(error, _KNOWN):
            self._held = None

    async def close(self) -> None:
        """Nobody looks any more."""
        held, self._held = self._held, None
        if held is not None and not held.users:
            await held.stack.aclose()

    async def _now(self) -> _Held:
        if (held := self._held) is not None:
            return held
        stack = AsyncExitStack()
        opened = _Held(await stack.enter_async_context(reached(self._access)), stack)
        if (held := self._held) is not None:
            # Somebody else was quicker.
            await stack.aclose()
            return held
        self._held = opened
        return opened
