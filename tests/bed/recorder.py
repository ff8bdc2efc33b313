"""An HTTP service on loopback that writes down whatever reaches it, and answers as it is told."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from tests.bed.patience import until
from tests.bed.wire import web_server


@dataclass(frozen=True, slots=True)
class Received:
    """One request, as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> object:
        return json.loads(self.body)


@dataclass(slots=True)
class Recorder:
    """Answers `status`, `headers` and `body`; but /drop hangs up, and /hang never answers.

    `waiting` holds the paths of the requests that somebody still waits for.
    """

    url: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    journal: list[Received] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.journal.append(Received(request.method, request.path_qs, request.headers, body))
        if request.path == "/drop" and request.transport is not None:
            request.transport.close()
        if request.path == "/hang":
            self.waiting.append(request.path)
            await until(lambda: _hung_up(request), "the client hung up")
            self.waiting.remove(request.path)
        return web.Response(status=self.status, headers=self.headers, body=self.body)


def _hung_up(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()


@asynccontextmanager
async def recording() -> AsyncIterator[Recorder]:
    """A recorder at work, at its `url`."""
    recorder = Recorder()
    async with web_server(recorder.answer) as recorder.url:
        yield recorder
