"""A controller of two environments, one of which is live: every rollback switches to the other."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from watchdog.adapters.clock import SystemClock
from watchdog.testing.request_journal import Asked, RequestJournal, content

BLUE, GREEN = "BLUE", "GREEN"
STATUS = "/deployment/status"
ROLLBACK = "/deployment/rollback"
HEALTH = "/health"
_OTHER = {BLUE: GREEN, GREEN: BLUE}
_BEFORE = 7


@dataclass(slots=True)
class BlueGreen:
    """BLUE is live and bad, GREEN stands by and is good. Nobody has to prove who they are.

    A second rollback would switch back: nothing is deduplicated. `hangs_up` drops the connection
    of so many rollbacks once they have switched, so that nobody hears that they did.
    """

    base: str = ""
    live: str = BLUE
    versions: dict[str, str] = field(default_factory=lambda: {BLUE: "v2.4.1", GREEN: "v2.4.0"})
    bad: set[str] = field(default_factory=lambda: {BLUE})
    hangs_up: int = 0
    history: list[dict[str, str]] = field(default_factory=list)
    journal: RequestJournal = field(default_factory=RequestJournal)

    def __post_init__(self) -> None:
        self.history += [{"event": "deploy", "version": f"v2.3.{n}"} for n in range(_BEFORE)]

    @property
    def switches(self) -> list[Asked]:
        """Every request to switch, as it came."""
        return self.journal.to(ROLLBACK, "POST")

    # -- what it answers

    async def status(self, request: web.Request) -> web.StreamResponse:
        await self._written(request)
        standby = _OTHER[self.live]
        return web.json_response(
            {
                "currentEnvironment": self.live,
                "version": self.versions[self.live],
                "standby": {"environment": standby, "version": self.versions[standby]},
                "deploymentHistory": self.history,
            }
        )

    async def rollback(self, request: web.Request) -> web.StreamResponse:
        asked = await self._written(request)
        self.live = _OTHER[self.live]
        self.history.append({"event": "rollback", "version": self.versions[self.live]})
        if self.hangs_up and request.transport is not None:
            self.hangs_up -= 1
            request.transport.abort()
        asked.status = 200
        return web.json_response({"ok": True})

    async def health(self, request: web.Request) -> web.StreamResponse:
        await self._written(request)
        # As a controller does that answers for a broken environment: 200, and its word in JSON.
        word = "unhealthy" if self.live in self.bad else "healthy"
        return web.json_response({"health": word})

    async def _written(self, request: web.Request) -> Asked:
        at = SystemClock().now().elapsed
        body = content(await request.read())
        asked = Asked(request.method, request.path, dict(request.headers), body, at)
        self.journal.entries.append(asked)
        return asked


@asynccontextmanager
async def blue_green() -> AsyncIterator[BlueGreen]:
    """The controller on a free port of loopback."""
    controller = BlueGreen()
    app = web.Application()
    app.router.add_get(STATUS, controller.status)
    app.router.add_post(ROLLBACK, controller.rollback)
    app.router.add_get(HEALTH, controller.health)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    controller.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield controller
    finally:
        await runner.cleanup()
