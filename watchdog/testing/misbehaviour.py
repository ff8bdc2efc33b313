"""Ways in which a service under test does not do what it was asked."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from aiohttp import web

# A client that waits longer than this waits for ever.
_SILENCE = 600.0
Act = Callable[[], Awaitable[web.StreamResponse]]


class Trouble(StrEnum):
    """What goes wrong with a request."""

    REFUSE = "refuse"
    SILENT = "silent"
    DROP_BEFORE = "drop_before"
    DROP_AFTER = "drop_after"
    IGNORE = "ignore"
    SLOW = "slow"
    GARBLE = "garble"


@dataclass(slots=True)
class Misbehaviour:
    """One trouble, for the next `times` requests (None: for all of them).

    REFUSE answers `status` and does nothing, IGNORE answers 200 and does nothing, SLOW acts
    and answers after `seconds`, GARBLE answers HTML. DROP_AFTER has acted when it hangs up.
    """

    kind: Trouble
    status: int = 500
    seconds: float = 1.0
    times: int | None = None

    @property
    def over(self) -> bool:
        return self.times is not None and self.times <= 0

    async def answer(self, request: web.Request, act: Act) -> web.StreamResponse:
        """Answer `request`, whose ordinary answer is `act`'s, in this way."""
        if self.times is not None:
            self.times -= 1
        match self.kind:
            case Trouble.REFUSE:
                return web.json_response({"error": "refused"}, status=self.status)
            case Trouble.SILENT:
                await asyncio.sleep(_SILENCE)
                return web.Response(status=504)
            case Trouble.DROP_BEFORE:
                return _hung_up(request)
            case Trouble.DROP_AFTER:
                await act()
                return _hung_up(request)
            case Trouble.IGNORE:
                return web.json_response({"ok": True})
            case Trouble.SLOW:
                await asyncio.sleep(self.seconds)
                return await act()
            case Trouble.GARBLE:
                return web.Response(text="<html>Be right back</html>", content_type="text/html")


def _hung_up(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=499)
