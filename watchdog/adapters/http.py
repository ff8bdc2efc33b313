"""The one way to speak HTTP: sessions, time limits, no redirects, capped answers."""

import asyncio
import errno
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from types import SimpleNamespace
from typing import Self
from urllib.parse import urlsplit

import aiohttp

from watchdog import __version__
from watchdog.domain.errors import InDoubtError, PermanentError, TransientError
from watchdog.ports import Answer, Clock

# An answer is never compressed: a few kilobytes could otherwise unpack to gigabytes.
_HEADERS = {"User-Agent": f"rollback-watchdog/{__version__}", "Accept-Encoding": "identity"}
_FORBIDDEN = re.compile(r"[\r\n\0]")
_GARBLED = "{}: what came back is not HTTP"
# No network here, no free port, no more files: says nothing of the other side.
_OURS = frozenset(
    {
        errno.ENETUNREACH,
        errno.ENETDOWN,
        errno.EADDRNOTAVAIL,
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOBUFS,
        errno.ENOMEM,
        errno.EACCES,
        errno.EPERM,
    }
)
_REUSED = frozenset({"GET", "HEAD", "POST"})


class Failure(StrEnum):
    """How an exchange failed. OURS: this machine could not even try."""

    DNS = "dns"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    TLS = "tls"
    TIMEOUT = "timeout"
    LOST = "lost"
    GARBLED = "garbled"
    OURS = "ours"


class NotSentError(TransientError):
    """No byte of the request can have reached the other side."""

    def __init__(self, text: str, failure: Failure) -> None:
        super().__init__(text)
        self.failure = failure


class AnswerLostError(InDoubtError):
    """The request, or a part of it, may have arrived; what came of it is not known."""

    def __init__(self, text: str, failure: Failure) -> None:
        super().__init__(text)
        self.failure = failure


@dataclass(slots=True)
class _Exchange:
    """One request under way, as error texts name it."""

    name: str
    connected: bool = False


@dataclass(slots=True)
class AioHttpClient:
    """An HttpClient on aiohttp; one a process, closed by whoever opened it.

    No request is ever sent twice. `Connection: close` among the headers, and every method but
    GET, HEAD and POST, gets a connection of its own: on one that was kept open, a server that
    hangs up in the same instant leaves the request in doubt for nothing.
    """

    clock: Clock
    _kept: aiohttp.ClientSession | None = field(default=None, init=False)
    _single: aiohttp.ClientSession | None = field(default=None, init=False)

    async def request(
        self,
        method: str,
        url: str,
        *,
        timeout: float,  # noqa: ASYNC109 (covers reading the answer, and says so in the error)
        headers: Mapping[str, str] | None = None,
        data: bytes | None = None,
        max_bytes: int = 1 << 20,
    ) -> Answer:
        exchange = _Exchange(f"{method} {shown(url)}")
        _refuse_bad_headers(exchange, headers or {})
        session = self._session(method, headers)
        started = self.clock.now()
        async with _translated(exchange, timeout), asyncio.timeout(timeout):
            async with session.request(
                method,
                url,
                headers=headers,
                data=data,
                allow_redirects=False,
                trace_request_ctx=exchange,
            ) as response:
                body, truncated = await _read(response, max_bytes)
            elapsed = self.clock.now().since(started)
        return Answer(response.status, response.headers, body, elapsed, truncated)

    async def close(self) -> None:
        for session in (self._kept, self._single):
            if session is not None:
                await session.close()
        self._kept = self._single = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _session(self, method: str, headers: Mapping[str, str] | None) -> aiohttp.ClientSession:
        if method in _REUSED and not _asks_to_close(headers):
            if self._kept is None:
                self._kept = _open_session(force_close=False)
            return self._kept
        if self._single is None:
            self._single = _open_session(force_close=True)
        return self._single


def shown(url: str) -> str:
    """`url` without what may be secret: user, password, query and fragment."""
    try:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    except ValueError:
        return "(not an address)"


def _refuse_bad_headers(exchange: _Exchange, headers: Mapping[str, str]) -> None:
    for name, value in headers.items():
        if _FORBIDDEN.search(name + value):
            text = f"{exchange.name}: header {name!r} holds a line break; is it in its secret?"
            raise PermanentError(text)


def _asks_to_close(headers: Mapping[str, str] | None) -> bool:
    return any(
        name.lower() == "connection" and value.lower() == "close"
        for name, value in (headers or {}).items()
    )


def _open_session(*, force_close: bool) -> aiohttp.ClientSession:
    tracing = aiohttp.TraceConfig()
    tracing.on_connection_create_end.append(_note_connected)
    tracing.on_connection_reuseconn.append(_note_connected)
    return aiohttp.ClientSession(
        # Unlimited: a hundred requests to one silent host must not make the others wait.
        connector=aiohttp.TCPConnector(limit=0, force_close=force_close),
        timeout=aiohttp.ClientTimeout(total=None),
        headers=_HEADERS,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        middlewares=(_send_once,),
        trace_configs=[tracing],
    )


async def _note_connected(_: aiohttp.ClientSession, context: SimpleNamespace, __: object) -> None:
    context.trace_request_ctx.connected = True


class _LostError(Exception):
    """Hides a broken connection from aiohttp, which would send the request once more."""


async def _send_once(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _LostError(str(error)) from error


async def _read(response: aiohttp.ClientResponse, max_bytes: int) -> tuple[bytes, bool]:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > max_bytes:
            response.close()
            return bytes(body[:max_bytes]), True
    return bytes(body), False


@asynccontextmanager
async def _translated(exchange: _Exchange, seconds: float) -> AsyncIterator[None]:
    """Every error of an exchange as one of ours."""
    try:
        yield
    except aiohttp.ClientConnectorError as error:
        text = f"{exchange.name}: cannot connect: {_cause(error)}"
        raise NotSentError(text, _why_not_connected(error)) from error
    except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError) as error:
        raise PermanentError(f"{exchange.name}: not an address of HTTP") from error
    except ValueError as error:
        if exchange.connected:
            raise AnswerLostError(_GARBLED.format(exchange.name), Failure.GARBLED) from error
        text = f"{exchange.name}: cannot be sent as it is; is a password in its address?"
        raise PermanentError(text) from error
    except TimeoutError as error:
        if exchange.connected:
            text = f"{exchange.name}: no whole answer within {seconds:g} s"
            raise AnswerLostError(text, Failure.TIMEOUT) from error
        text = f"{exchange.name}: no connection within {seconds:g} s"
        raise NotSentError(text, Failure.TIMEOUT) from error
    except aiohttp.ClientResponseError as error:
        # Its text quotes the bytes that came, and an answer may hold anything.
        raise AnswerLostError(_GARBLED.format(exchange.name), Failure.GARBLED) from error
    except (_LostError, aiohttp.ClientError, OSError) as error:
        text = f"{exchange.name}: the connection broke before the whole answer had come"
        raise AnswerLostError(text, Failure.LOST) from error


def _cause(error: aiohttp.ClientConnectorError) -> str:
    inner = error.os_error
    return inner.strerror or str(inner) or type(inner).__name__


def _why_not_connected(error: aiohttp.ClientConnectorError) -> Failure:
    match error:
        case aiohttp.ClientConnectorDNSError():
            return Failure.DNS
        case aiohttp.ClientSSLError():
            return Failure.TLS
        case _ if isinstance(error.os_error, ConnectionRefusedError):
            return Failure.REFUSED
        case _ if error.os_error.errno in _OURS:
            return Failure.OURS
        case _:
            return Failure.UNREACHABLE
