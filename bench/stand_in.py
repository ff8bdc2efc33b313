"""A stand-in that answers like Prometheus and costs little, so that the daemon is what is measured.

`python -m bench.stand_in PORT`; a GET of /breach or /calm says what `bench_load` is from then on.
"""

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.utils import formatdate
from typing import cast
from urllib.parse import unquote_plus

import aiohttp

from tests.bed.wire import free_port

_LABELLED = re.compile(r'"__trigger__","(\d+)","",""\)')
_RATIO, _VOLUME, _AGE = "0.01", "4950", "0.5"
# What `bench_load` is.
_LOADS = {b"/calm": "1", b"/breach": "9"}


class _Answers:
    """One body a query and mood, made once."""

    def __init__(self) -> None:
        self.load = _LOADS[b"/calm"]
        self._known: dict[tuple[bytes, str], bytes] = {}

    def of(self, query: bytes) -> bytes:
        """The answer to the form's `query`, urlencoded."""
        key = (query, self.load)
        if key not in self._known:
            self._known[key] = self._made(unquote_plus(query.decode()))
        return self._known[key]

    def _made(self, query: str) -> bytes:
        # What stands between two labels is one member; its first label is after it.
        pieces = _LABELLED.split(query)
        series = ",".join(
            f'{{"metric":{{"__trigger__":"{member}"}},"value":[1700000000.000,"{self._number(text)}"]}}'
            for text, member in zip(pieces[::2], pieces[1::2], strict=False)
        )
        return (
            f'{{"status":"success","data":{{"resultType":"vector","result":[{series}]}}}}'.encode()
        )

    def _number(self, text: str) -> str:
        if "timestamp(" in text:
            return _AGE
        if "bench_load" in text:
            return self.load
        return _VOLUME if "increase(" in text else _RATIO


class _Connection(asyncio.Protocol):
    def __init__(self, answers: _Answers) -> None:
        self._answers = answers
        self._held = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer every request that is whole."""
        self._held += data
        while (ends := self._held.find(b"\r\n\r\n")) >= 0:
            head = self._held[:ends]
            found = re.search(rb"(?i)content-length: *(\d+)", head)
            length = int(found[1]) if found else 0
            body = self._held[ends + 4 : ends + 4 + length]
            if len(body) < length:
                return
            self._held = self._held[ends + 4 + length :]
            self._transport.write(self._reply(head.split(b" ", 2)[1], body))

    def _reply(self, path: bytes, body: bytes) -> bytes:
        answer = b""
        if path in _LOADS:
            self._answers.load = _LOADS[path]
        else:
            answer = self._answers.of(body[len(b"query=") :].partition(b"&")[0])
        head = (
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
            f"Date: {formatdate(usegmt=True)}\r\nContent-Length: {len(answer)}\r\n\r\n"
        )
        return head.encode() + answer


async def _serve(port: int) -> None:
    answers = _Answers()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(answers), "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


@asynccontextmanager
async def stand_in() -> AsyncIterator[str]:
    """The address of one in a process of its own."""
    port = await free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.stand_in", str(port)
    )
    url = f"http://127.0.0.1:{port}"
    try:
        await set_mood(url, "calm")
        yield url
    finally:
        process.kill()
        await process.wait()


async def set_mood(url: str, mood: str) -> None:
    """Have `bench_load` calm, or in breach, from now on. Waits until it listens."""
    async with asyncio.timeout(10), aiohttp.ClientSession() as session:
        while True:
            try:
                async with session.get(f"{url}/{mood}") as response:
                    response.raise_for_status()
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.02)
            else:
                return


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
