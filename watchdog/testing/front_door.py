"""What every request to a service under test goes through: journal, misbehaviour, credentials."""

import hmac
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from watchdog.ports import Clock
from watchdog.testing.misbehaviour import Misbehaviour, Trouble
from watchdog.testing.request_journal import Asked, RequestJournal, content

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class FrontDoor:
    """Writes down each request, lets it go wrong where it must, and asks for `token`.

    `misbehaves` says of a path how it goes wrong at present. Paths in `unrecorded` and those
    that begin with `/__` stay out of the journal; `/admin/` alone needs the token.
    """

    def __init__(self, clock: Clock, token: str, unrecorded: tuple[str, ...]) -> None:
        self.journal = RequestJournal()
        self.misbehaves: dict[str, Misbehaviour] = {}
        self._clock = clock
        self._token = token
        self._unrecorded = unrecorded

    def misbehave(self, path: str, kind: Trouble, **details: Any) -> None:  # noqa: ANN401
        """Go wrong at `path`; `details` are those of `Misbehaviour`."""
        self.misbehaves[path] = Misbehaviour(kind, **details)

    def application(self) -> web.Application:
        """An application behind this door, without routes."""
        return web.Application(middlewares=[self._recorded, self._misbehaving, self._authorized])

    @web.middleware
    async def _recorded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path in self._unrecorded or request.path.startswith("/__"):
            return await handler(request)
        at = self._clock.now().elapsed
        body = content(await request.read())
        asked = Asked(request.method, request.path, dict(request.headers), body, at)
        self.journal.entries.append(asked)
        answer = await handler(request)
        asked.status = answer.status
        return answer

    @web.middleware
    async def _misbehaving(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        wrong = self.misbehaves.get(request.path)
        if wrong is None or wrong.over:
            return await handler(request)
        return await wrong.answer(request, lambda: handler(request))

    @web.middleware
    async def _authorized(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        given = request.headers.get("Authorization", "").encode()
        wanted = f"Bearer {self._token}".encode()
        if request.path.startswith("/admin/") and not hmac.compare_digest(given, wanted):
            return web.json_response({"error": "unauthorized"}, status=401)
        return await handler(request)
