"""A TCP proxy on loopback that does to a connection what networks do."""

import asyncio
import socket
import ssl
import struct
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit

from tests.bed.patience import until

_CHUNK = 1 << 16


class Toxic(StrEnum):
    """What goes wrong. NONE: nothing, bytes pass as they come."""

    NONE = "none"
    DELAY = "delay"  # everything comes late
    RESET = "reset"  # the connection is reset as soon as something is sent
    RESET_ANSWER = "reset answer"  # the request arrives, its answer does not
    BLACK_HOLE = "black hole"  # it is taken, and nothing ever comes
    TRICKLE = "trickle"  # the answer comes a byte at a time
    CUT = "cut"  # the answer ends after some bytes
    SLOW_CLOSE = "slow close"  # all arrives, and the connection stays open
    REFUSED = "refused"  # nobody listens


@dataclass(slots=True)
class Proxy:
    """Passes on what comes to `base`; `toxic` holds for connections from now on.

    `delay` is seconds before each chunk, `pace` seconds between the bytes of a trickle, `cut` how
    many bytes of an answer get through. `tls`: how it speaks to `upstream`, where that wants it;
    to the proxy itself everybody speaks plainly.
    """

    upstream: str
    toxic: Toxic = Toxic.NONE
    tls: ssl.SSLContext | None = None
    delay: float = 5.0
    pace: float = 0.2
    cut: int = 40
    base: str = ""
    connections: int = 0
    hurt: int = 0
    open: set[asyncio.StreamWriter] = field(default_factory=set)
    _server: asyncio.Server | None = None
    _port: int = 0
    _served: int = 0
    _closing: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def listening(self) -> bool:
        return self._server is not None

    async def listen(self) -> None:
        """Listen, on the port of before where there was one."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]
        self.base = f"http://127.0.0.1:{self._port}"

    async def close(self) -> None:
        """Listen no longer, and hang up on everybody."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self._closing.set()
        for writer in list(self.open):
            writer.transport.abort()
        await until(lambda: not self._served, "everybody has gone")
        self._closing.clear()

    async def _wait(self, seconds: float) -> None:
        """For so long, but not longer than until it is closed."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._closing.wait()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        toxic = self.toxic
        self.hurt += toxic is not Toxic.NONE
        self._served += 1
        self.open.add(writer)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await self._serve(toxic, reader, writer)
        finally:
            self._served -= 1
            self.open.discard(writer)
            writer.close()

    async def _serve(
        self, toxic: Toxic, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        match toxic:
            case Toxic.RESET:
                await reader.read(_CHUNK)
                _reset(writer)
            case Toxic.BLACK_HOLE:
                while await reader.read(_CHUNK):
                    pass
            case _:
                await self._passed_on(toxic, reader, writer)

    async def _passed_on(
        self, toxic: Toxic, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        address = urlsplit(self.upstream)
        inward, outward = await asyncio.open_connection(
            address.hostname, address.port, ssl=self.tls
        )
        self.open.add(outward)
        try:
            async with asyncio.TaskGroup() as tasks:
                asking = tasks.create_task(self._pump(toxic, reader, outward))
                with suppress(ConnectionError):
                    await self._answer(toxic, inward, writer)
                asking.cancel()
        finally:
            self.open.discard(outward)
            outward.close()

    async def _pump(
        self, toxic: Toxic, source: asyncio.StreamReader, sink: asyncio.StreamWriter
    ) -> None:
        with suppress(ConnectionError):
            while chunk := await source.read(_CHUNK):
                await self._wait(self.delay if toxic is Toxic.DELAY else 0)
                sink.write(chunk)
                await sink.drain()

    async def _answer(
        self, toxic: Toxic, source: asyncio.StreamReader, sink: asyncio.StreamWriter
    ) -> None:
        passed = 0
        while chunk := await source.read(_CHUNK):
            match toxic:
                case Toxic.RESET_ANSWER:
                    _reset(sink)
                    return
                case Toxic.TRICKLE:
                    await self._trickle(chunk, sink)
                case Toxic.CUT:
                    sink.write(chunk[: max(self.cut - passed, 0)])
                case _:
                    sink.write(chunk)
            passed += len(chunk)
            await sink.drain()
            if toxic is Toxic.CUT and passed >= self.cut:
                return
        if toxic is Toxic.SLOW_CLOSE:
            await self._wait(self.delay)

    async def _trickle(self, chunk: bytes, sink: asyncio.StreamWriter) -> None:
        for byte in chunk:
            sink.write(bytes([byte]))
            await sink.drain()
            await self._wait(self.pace)


def _reset(writer: asyncio.StreamWriter) -> None:
    """Not in order, as a close would be: whoever is connected is told at once."""
    sock = writer.get_extra_info("socket")
    # Whoever hung up first has no socket any more.
    if sock is not None and sock.fileno() >= 0:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
