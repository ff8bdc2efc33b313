"""What stands before an API server: passes everything on, but for what a test has it refuse."""

import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web

from tests.bed.wire import web_server

# What it answers by itself; None: it passes the request on. It may wait, too.
Rule = Callable[[web.Request], Awaitable[web.StreamResponse | None]]
_PASSED_ON = ("Authorization", "Content-Type", "Accept", "User-Agent")


@dataclass(slots=True)
class Gateway:
    """`rule` holds from now on. `base` is plain HTTP: `kubeconfig(..., server=gateway.base)`.

    `refused` counts what it answered by itself.
    """

    upstream: str
    tls: ssl.SSLContext = field(repr=False)
    base: str = ""
    rule: Rule | None = None
    refused: int = 0
    _streams: dict[int, web.Request] = field(default_factory=dict)

    def hang_up(self) -> None:
        """Break off whatever is being answered, such as a watch."""
        for request in list(self._streams.values()):
            if request.transport is not None:
                request.transport.abort()

    async def answer(
        self, session: aiohttp.ClientSession, request: web.Request
    ) -> web.StreamResponse:
        own = await self.rule(request) if self.rule else None
        if own is not None:
            self.refused += 1
            return own
        headers = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
        async with session.request(
            request.method,
            f"{self.upstream}{request.raw_path}",
            data=await request.read(),
            headers=headers,
            ssl=self.tls,
        ) as answered:
            response = web.StreamResponse(status=answered.status)
            response.content_type = answered.content_type
            await response.prepare(request)
            # Piece by piece: a watch has no end.
            self._streams[id(request)] = request
            try:
                with suppress(ConnectionError):
                    async for piece in answered.content.iter_any():
                        await response.write(piece)
            finally:
                self._streams.pop(id(request), None)
            return response


def refusal(code: int, reason: str = "", message: str = "refused by the test") -> web.Response:
    """One in the API server's own form."""
    status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code}
    body = json.dumps({**status, "reason": reason, "message": message}).encode()
    # Without the charset that aiohttp would add: an API server names none.
    headers = {"Content-Type": "application/json"}
    return web.Response(body=body, status=code, headers=headers)


def refuses(code: int, *methods: str, times: int | None = None, message: str = "") -> Rule:
    """A rule: the next `times` requests of these methods (all of them, every one) get `code`."""
    left = [times]

    async def rule(request: web.Request) -> web.StreamResponse | None:
        if (methods and request.method not in methods) or left[0] == 0:
            return None
        if left[0] is not None:
            left[0] -= 1
        return refusal(code, message=message or f"refused by the test with {code}")

    return rule


@asynccontextmanager
async def gateway(upstream: str, tls: ssl.SSLContext) -> AsyncIterator[Gateway]:
    """One on a free port of loopback."""
    found = Gateway(upstream, tls)
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(auto_decompress=True, timeout=timeout) as session:

        async def handler(request: web.Request) -> web.StreamResponse:
            return await found.answer(session, request)

        async with web_server(handler) as base:
            found.base = base
            yield found
