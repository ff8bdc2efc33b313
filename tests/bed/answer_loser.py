"""Stands before the API server and passes everything on; some answers it loses on their way."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import aiohttp
from aiohttp import web

from tests.bed.control_plane import ControlPlane
from tests.bed.patience import until
from tests.bed.wire import web_server

_HOP = frozenset({"connection", "content-length", "host", "transfer-encoding"})
_MOMENT = re.compile(rb'"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)Z"')
_QUESTION = "/apis/authorization.k8s.io/"


def changes(request: web.Request) -> bool:
    """Whether a request changes something where it is not refused."""
    return request.method != "GET" and not request.path.startswith(_QUESTION)


@dataclass(slots=True)
class AnswerLoser:
    """`loses` says of which requests the answer is lost once the API server has given it.

    `refuses`: with which status a request is answered without being passed on; 0: not at all.
    `holds`: of which it is kept back for as long as somebody waits for it. `before` is called
    before a request is passed on, `delay` seconds after it came. `lost`, `held` and `refused`
    count. `gone`: nobody is there, and who asks is hung up on. `ahead`: by so many hours the
    clock of the API server is off, as far as anybody can see from here.
    """

    plane: ControlPlane
    url: str = ""
    loses: Callable[[web.Request], bool] = lambda _request: False
    refuses: Callable[[web.Request], int] = lambda _request: 0
    before: Callable[[web.Request], None] = lambda _request: None
    holds: Callable[[web.Request], bool] = lambda _request: False
    gone: Callable[[web.Request], bool] = lambda _request: False
    delay: float = 0.0
    ahead: float = 0.0
    lost: int = 0
    held: int = 0
    refused: int = 0
    session: aiohttp.ClientSession | None = None
    watches: set[asyncio.Transport] = field(default_factory=set)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        await asyncio.sleep(self.delay)
        if self.gone(request):
            return _hung_up_on(request)
        if status := self.refuses(request):
            self.refused += 1
            said = {"kind": "Status", "apiVersion": "v1", "code": status, "message": "not now"}
            # As the API server has it: its client reads nothing else.
            headers = {"Content-Type": "application/json"}
            return web.Response(body=json.dumps(said), status=status, headers=headers)
        self.before(request)
        assert self.session is not None
        headers = {name: text for name, text in request.headers.items() if name.lower() not in _HOP}
        async with self.session.request(
            request.method,
            f"{self.plane.api_server}{request.path_qs}",
            data=body,
            headers=headers,
            ssl=self.plane.parts.tls,
        ) as upstream:
            if self.loses(request):
                await upstream.read()
                self.lost += 1
                return _hung_up_on(request)
            if self.holds(request):
                await upstream.read()
                self.held += 1
                await until(lambda: _is_gone(request), "whoever asked is gone")
                return _hung_up_on(request)
            return await self._passed_on(request, upstream)

    async def _passed_on(
        self, request: web.Request, upstream: aiohttp.ClientResponse
    ) -> web.StreamResponse:
        response = web.StreamResponse(
            status=upstream.status,
            headers={k: v for k, v in upstream.headers.items() if k.lower() not in _HOP},
        )
        await response.prepare(request)
        is_watch = "watch" in request.query
        transport = request.transport
        if is_watch and isinstance(transport, asyncio.Transport):
            self.watches.add(transport)
        try:
            async for chunk in self._said(upstream):
                await response.write(chunk)
            await response.write_eof()
        except ConnectionError:
            pass
        finally:
            if isinstance(transport, asyncio.Transport):
                self.watches.discard(transport)
        return response

    async def _said(self, upstream: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
        if not self.ahead:
            async for chunk in upstream.content.iter_any():
                yield chunk
            return
        # A line at a time, so that no moment is cut in two.
        left = b""
        async for chunk in upstream.content.iter_any():
            *lines, left = (left + chunk).split(b"\n")
            for line in lines:
                yield _MOMENT.sub(self._off, line) + b"\n"
        yield _MOMENT.sub(self._off, left)

    def _off(self, moment: re.Match[bytes]) -> bytes:
        found = datetime.fromisoformat(moment[1].decode()) + timedelta(hours=self.ahead)
        return f'"{found.isoformat()}Z"'.encode()

    def break_watches(self) -> None:
        """Hang up on everybody who watches."""
        for transport in list(self.watches):
            transport.abort()


def _hung_up_on(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def _is_gone(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()


@asynccontextmanager
async def losing_answers(plane: ControlPlane) -> AsyncIterator[AnswerLoser]:
    """One at work, at its `url`."""
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        loser = AnswerLoser(plane, session=session)
        async with web_server(loser.answer) as loser.url:
            yield loser
