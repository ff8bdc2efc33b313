"""The read-only pages: /livez, /readyz, /metrics, and the status and runs as JSON."""

import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from watchdog.domain.errors import ConfigError, JournalError

# Nothing here takes a body, and no honest client needs long headers.
MAX_BODY = 1024
MAX_LINE = 4096
MAX_HEADERS = 64
# Seconds that a client may keep an idle connection, and that one under way has at the end.
KEEPALIVE = 75.0
SHUTDOWN = 2.0
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_INDEX = "/livez\n/readyz\n/metrics\n/api/v1/status\n/api/v1/runs/RUN\n"


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
async def serving(listen: str, facts: Facts) -> AsyncIterator[str]:
    """Serve the pages at `listen` (HOST:PORT) for the length of the block; yields the address.

    Raises ConfigError when the address cannot be had.
    """
    host, _, port = listen.rpartition(":")
    app = _application(facts)
    runner = web.AppRunner(
        app,
        access_log=None,
        keepalive_timeout=KEEPALIVE,
        max_line_size=MAX_LINE,
        max_field_size=MAX_LINE,
        max_headers=MAX_HEADERS,
        shutdown_timeout=SHUTDOWN,
    )
    await runner.setup()
    try:
        site = web.TCPSite(runner, host.strip("[]"), int(port))
        try:
            await site.start()
        except OSError as error:
            raise ConfigError(_cannot_listen(listen, error)) from error
        bound = runner.addresses[0]
        name = f"[{bound[0]}]" if ":" in bound[0] else bound[0]
        yield f"http://{name}:{bound[1]}"
    finally:
        await runner.cleanup()


def _cannot_listen(listen: str, error: OSError) -> str:
    # asyncio wraps the reason in a sentence of its own.
    why = os.strerror(error.errno) if error.errno else str(error)
    return (
        f"listen: {listen} cannot be had: {why.lower()}; stop what uses it, give another "
        "HOST:PORT, or switch the pages off with an empty `listen`"
    )


def _application(facts: Facts) -> web.Application:
    pages = _Pages(facts)
    app = web.Application(middlewares=[_only_get], client_max_size=MAX_BODY)
    app.router.add_get("/", pages.index)
    app.router.add_get("/livez", pages.livez)
    app.router.add_get("/readyz", pages.readyz)
    app.router.add_get("/metrics", pages.metrics)
    app.router.add_get("/api/v1/status", pages.status)
    app.router.add_get("/api/v1/runs/{run}", pages.run)
    return app


@web.middleware
async def _only_get(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    if request.method not in ("GET", "HEAD"):
        text = "these pages are read-only; commands go through the socket\n"
        return web.Response(status=405, text=text, headers={**_HEADERS, "Allow": "GET, HEAD"})
    try:
        response = await handler(request)
    except JournalError as error:
        response = web.Response(status=503, text=f"{error}\n")
    response.headers.update(_HEADERS)
    return response


class _Pages:
    def __init__(self, facts: Facts) -> None:
        self._facts = facts

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

    async def status(self, _: web.Request) -> web.Response:
        return _json(await self._facts.status())

    async def run(self, request: web.Request) -> web.Response:
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
