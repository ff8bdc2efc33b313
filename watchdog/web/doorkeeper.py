"""Keeps whoever says nothing from keeping the door open: a limit to connections and to headers."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from typing import Any, cast

from aiohttp import web

# Connections at once, and seconds in which the first request's headers must have come.
MOST_CONNECTIONS = 1024
HEADERS_LIMIT = 10.0
HANDSHAKE_LIMIT = 10.0


class Doorkeeper:
    """Makes the connections of `runner`; `heard` is told when one has asked something."""

    def __init__(self, headers_limit: float = HEADERS_LIMIT) -> None:
        self._limit = headers_limit
        self._silent: dict[Any, asyncio.TimerHandle] = {}

    @web.middleware
    async def heard(self, request: web.Request, handler: Any) -> web.StreamResponse:  # noqa: ANN401
        """A middleware: from here on the request has limits of its own."""
        timer = self._silent.pop(request.protocol, None)
        if timer is not None:
            timer.cancel()
        response: web.StreamResponse = await handler(request)
        return response

    @contextlib.asynccontextmanager
    async def listening(
        self, runner: web.AppRunner, host: str, port: int, tls: ssl.SSLContext | None
    ) -> AsyncIterator[tuple[str, int]]:
        """Listen for the length of the block; yields the address. Raises OSError."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: self._admitted(runner),
            host,
            port,
            ssl=tls,
            backlog=128,
            ssl_handshake_timeout=HANDSHAKE_LIMIT if tls else None,
        )
        try:
            bound = server.sockets[0].getsockname()
            yield str(bound[0]), int(bound[1])
        finally:
            server.close()
            while self._silent:
                protocol, timer = self._silent.popitem()
                timer.cancel()
                _hang_up(protocol)

    def _admitted(self, runner: web.AppRunner) -> asyncio.Protocol:
        server = cast("web.Server", runner.server)
        if max(len(server.connections), len(self._silent)) >= MOST_CONNECTIONS:
            return _TurnedAway()
        protocol = server()
        loop = asyncio.get_running_loop()
        self._silent[protocol] = loop.call_later(self._limit, self._lost_patience, protocol)
        return cast("asyncio.Protocol", protocol)

    def _lost_patience(self, protocol: Any) -> None:  # noqa: ANN401 (aiohttp's own)
        self._silent.pop(protocol, None)
        _hang_up(protocol)


class _TurnedAway(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast("asyncio.Transport", transport).abort()


def _hang_up(protocol: Any) -> None:  # noqa: ANN401 (aiohttp's own)
    transport = protocol.transport
    if transport is not None:
        transport.abort()
