"""The pages: /livez, /readyz, /metrics, status and runs as JSON; and what may come in."""

import json
import logging
import os
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from watchdog.domain.doors import TlsFiles
from watchdog.domain.errors import ConfigError, JournalError
from watchdog.web.acts import PREFIX as ACTS
from watchdog.web.acts import ActPages, Acts
from watchdog.web.changes import PREFIX as OF_TARGETS
from watchdog.web.changes import ChangePages, Changes
from watchdog.web.doorkeeper import Doorkeeper
from watchdog.web.inbound import PREFIX, Inbound, InboundPages

# No page takes a body, and no honest client needs long headers.
MAX_BODY = 1024
MAX_LINE = 4096
MAX_HEADERS = 64
# Seconds that a client may keep an idle connection, and that one under way has at the end.
KEEPALIVE = 75.0
SHUTDOWN = 2.0
# Seconds in which what is left of a refused body is read, so that the refusal arrives.
LINGER = 2.0
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_INDEX = (
    "/livez\n/readyz\n/metrics\n/api/v1/status\n/api/v1/runs/RUN\n"
    "/targets/TARGET/versions/VERSION\n"
)


@dataclass(frozen=True, slots=True)
class Facts:
    """Where the pages have from what they show.

    `stalled` and `unable` say what is wrong, one sentence each; `run` gives the events of a
    run, none for one that is not known.
    """

    stalled: Callable[[], Sequence[str]]
    unable: Callable[[], Sequence[str]]
    metrics: Callable[[], bytes]
    status: Callable[[], Awaitable[Mapping[str, Any]]]
    run: Callable[[str], Awaitable[Sequence[Mapping[str, Any]]]]


@asynccontextmanager
async def serving(
    listen: str,
    facts: Facts,
    *,
    inbound: Inbound | None = None,
    changes: Changes | None = None,
    acts: Acts | None = None,
    tls: TlsFiles | None = None,
) -> AsyncIterator[str]:
    """Serve the pages at `listen` (HOST:PORT) for the length of the block; yields the address.

    Raises ConfigError when the address cannot be had, or a certificate cannot be read.
    """
    host, _, port = listen.rpartition(":")
    context = _context(tls) if tls else None
    doorkeeper = Doorkeeper()
    runner = web.AppRunner(
        _application(facts, inbound, changes, acts, doorkeeper),
        access_log=None,
        logger=_logger(),
        keepalive_timeout=KEEPALIVE,
        max_line_size=MAX_LINE,
        max_field_size=MAX_LINE,
        max_headers=MAX_HEADERS,
        lingering_time=LINGER,
        auto_decompress=False,
        shutdown_timeout=SHUTDOWN,
    )
    await runner.setup()
    try:
        listening = doorkeeper.listening(runner, host.strip("[]"), int(port), context)
        async with AsyncExitStack() as stack:
            try:
                name, bound = await stack.enter_async_context(listening)
            except OSError as error:
                raise ConfigError(_cannot_listen(listen, error)) from error
            shown = f"[{name}]" if ":" in name else name
            yield f"{'https' if tls else 'http'}://{shown}:{bound}"
    finally:
        await runner.cleanup()


def _logger() -> logging.Logger:
    """For mistakes of ours. Those of strangers are theirs, and might fill the log."""
    logger = logging.getLogger(__name__)
    if _is_ours not in logger.filters:
        logger.addFilter(_is_ours)
    return logger


def _is_ours(record: logging.LogRecord) -> bool:
    kind = record.exc_info[0] if record.exc_info else None
    return kind is None or not issubclass(kind, HttpProcessingError)


def _context(tls: TlsFiles) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(tls.certificate, tls.key)
        if tls.client_ca:
            context.load_verify_locations(tls.client_ca)
            # Asked for, and not demanded: whoever probes /livez has none.
            context.verify_mode = ssl.CERT_OPTIONAL
    except OSError as error:
        files = ", ".join(filter(None, [tls.certificate, tls.key, tls.client_ca]))
        raise ConfigError(
            f"tls: one of {files} cannot be used: {error.strerror or error}; they must be PEM "
            "files that the user of this program can read, and the key that of the certificate"
        ) from error
    return context


def _cannot_listen(listen: str, error: OSError) -> str:
    # asyncio wraps the reason in a sentence of its own.
    why = os.strerror(error.errno) if error.errno else str(error)
    return (
        f"listen: {listen} cannot be had: {why.lower()}; stop what uses it, give another "
        "HOST:PORT, or switch the pages off with an empty `listen`"
    )


def _application(
    facts: Facts,
    inbound: Inbound | None,
    changes: Changes | None,
    acts: Acts | None,
    doorkeeper: Doorkeeper,
) -> web.Application:
    act_pages = ActPages(acts) if acts else None
    pages = _Pages(facts, act_pages)
    app = web.Application(middlewares=[doorkeeper.heard, _only_get], client_max_size=MAX_BODY)
    app.router.add_get("/", pages.index)
    app.router.add_get("/livez", pages.livez)
    app.router.add_get("/readyz", pages.readyz)
    app.router.add_get("/metrics", pages.metrics)
    app.router.add_get("/api/v1/status", pages.status)
    app.router.add_get("/api/v1/runs/{run}", pages.run)
    if inbound is not None:
        InboundPages(inbound).add_to(app)
    if changes is not None:
        ChangePages(changes).add_to(app)
    if act_pages is not None:
        act_pages.add_to(app)
    return app


@web.middleware
async def _only_get(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    if request.method not in ("GET", "HEAD") and not _comes_in(request):
        text = "these pages are read-only; commands go through the socket\n"
        return web.Response(status=405, text=text, headers={**_HEADERS, "Allow": "GET, HEAD"})
    try:
        response = await handler(request)
    except JournalError as error:
        response = web.Response(status=503, text=f"{error}\n")
    response.headers.update(_HEADERS)
    return response


def _comes_in(request: web.Request) -> bool:
    """Whether it is for an endpoint that takes signals or acts, which answers for itself."""
    found = request.match_info.route.resource
    return found is not None and found.canonical.startswith((PREFIX, OF_TARGETS, ACTS))


class _Pages:
    def __init__(self, facts: Facts, acts: ActPages | None) -> None:
        self._facts = facts
        self._acts = acts

    async def index(self, _: web.Request) -> web.Response:
        return web.Response(text=_INDEX)

    async def livez(self, _: web.Request) -> web.Response:
        """503 when rounds stopped: a restart may help."""
        return _health(self._facts.stalled(), "rounds have stopped")

    async def readyz(self, _: web.Request) -> web.Response:
        """503 when it could not act, whatever fires."""
        return _health(self._facts.unable(), "it could not act")

    async def metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=self._facts.metrics(), headers={"Content-Type": METRICS_TYPE})

    async def status(self, request: web.Request) -> web.Response:
        refusal = await self._acts.refuse_reading(request) if self._acts else None
        return refusal or _json(await self._facts.status())

    async def run(self, request: web.Request) -> web.Response:
        refusal = await self._acts.refuse_reading(request) if self._acts else None
        if refusal is not None:
            return refusal
        name = request.match_info["run"]
        events = await self._facts.run(name)
        if not events:
            return web.Response(status=404, text=f"the journal knows no run {name[:200]!r}\n")
        return _json({"run": name, "events": list(events)})


def _health(problems: Sequence[str], what: str) -> web.Response:
    if not problems:
        return web.Response(text="ok\n")
    lines = [f"{what}:", *(f"- {problem}" for problem in problems), ""]
    return web.Response(status=503, text="\n".join(lines))


def _json(value: object) -> web.Response:
    # NaN and infinity are no JSON, and a value may be either.
    text = json.dumps(_finite(value), ensure_ascii=False, allow_nan=False)
    return web.Response(text=text + "\n", content_type="application/json")


def _finite(value: object) -> object:
    """`value` with the numbers that JSON lacks as text."""
    if isinstance(value, float) and value - value != 0:
        return str(value)
    if isinstance(value, Mapping):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return value
