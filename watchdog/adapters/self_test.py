"""Can this process connect to anything at all? Asked before another is said to be down."""

import asyncio
from dataclasses import dataclass, field

_GREETING = b"ok"
_PATIENCE = 1.0


@dataclass(slots=True)
class LoopbackSelfTest:
    """A listener of our own on loopback, started when first needed."""

    _server: asyncio.Server | None = field(default=None, init=False)
    _starting: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    async def passes(self) -> bool:
        """Whether we can reach our own listener now."""
        try:
            async with asyncio.timeout(_PATIENCE):
                return await self._greeting() == _GREETING
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            return False

    async def close(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()
            await server.wait_closed()

    async def _greeting(self) -> bytes:
        async with self._starting:
            if self._server is None:
                self._server = await asyncio.start_server(_greet, "127.0.0.1", 0)
            host, port = self._server.sockets[0].getsockname()[:2]
        reader, writer = await asyncio.open_connection(host, port)
        try:
            return await reader.readexactly(len(_GREETING))
        finally:
            writer.close()


async def _greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        writer.write(_GREETING)
        await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()
