"""A service with the admin API of hybrid model routing, under load, that breaks on cue.

It listens on loopback, keeps a journal of what it was asked, and recovers only when the right
calls come in the right order: for tests, and for the demonstration.
"""

import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from watchdog.ports import Clock
from watchdog.testing.front_door import FrontDoor, Handler
from watchdog.testing.hybrid_system import COMPONENTS, Conditions, HybridSystem, missing
from watchdog.testing.misbehaviour import Trouble
from watchdog.testing.request_journal import content
from watchdog.testing.simulated_load import BOUNDS, SimulatedLoad

DISABLE = "/admin/emergency/disable-hybrid-routing"
FLAGS = "/admin/feature-flags/bedrock"
OVERRIDE = "/admin/config/routing-override"
NOTIFY = "/admin/notifications/emergency"
CACHE = "/admin/config/cache-optimization"
ROUTING = "/admin/config/routing-optimization"
COSTS = "/admin/config/cost-controls"
PREFERENCE = "/admin/config/cache-preference"
THROTTLING = "/admin/config/operation-throttling"
DISABLE_ALL = "/admin/emergency/disable-all-bedrock-features"
RESTORE = "/admin/config/restore-backup"
RESTART = "/admin/services/restart"
FULL_CHECK = "/admin/validation/full-system-check"
REPORT = "/admin/reports/rollback"
FLAG = "/admin/feature-flags/bedrock/update"
MODE = "/admin/config/routing-mode"
DISTRIBUTION = "/admin/metrics/routing-distribution"
HEALTH = "/health"
METRICS = "/metrics"
PAGER = "/pager"
# What each change must say at the least.
_NEEDS = {
    DISABLE: ("emergency", "reason"),
    OVERRIDE: (),
    NOTIFY: ("type", "message", "timestamp", "status"),
    CACHE: ("cache_ttl_multiplier", "cache_aggressive_mode"),
    ROUTING: ("routing_complexity", "fallback_threshold_ms"),
    COSTS: ("cost_control_mode", "budget_limit_percent"),
    PREFERENCE: ("cache_preference", "cache_ttl_hours"),
    THROTTLING: ("throttle_background_tasks", "priority_operations_only"),
    RESTORE: ("config", "restore_backup"),
    RESTART: ("services", "restart_mode"),
    REPORT: ("type", "duration_seconds", "timestamp", "status"),
    FLAG: ("flag", "enabled"),
    MODE: ("routing_mode", "default_route"),
}
# What is asked for without a body.
_BARE = (DISABLE_ALL, FULL_CHECK)


class HybridService:
    """The service at `url`, once it is serving.

    `pages` holds what was posted to `/pager`, which stands for whoever is told. For another
    process, `GET /__journal` shows the journal, and `POST /__control` is `worsen` and the like.
    """

    def __init__(
        self,
        clock: Clock,
        token: str,
        *,
        per_second: float = 400.0,
        bounds: Sequence[float] = BOUNDS,
    ) -> None:
        self.url = ""
        self.system = HybridSystem()
        self.door = FrontDoor(clock, token, unrecorded=(METRICS, PAGER))
        self.journal = self.door.journal
        self.pages: list[dict[str, Any]] = []
        self._clock = clock
        self._load = SimulatedLoad(clock, per_second, bounds)
        self._follow()

    # -- what a test or the demonstration does to it

    def worsen(self, trouble: Conditions, *, curable: bool = True) -> None:
        """From now on it has `trouble`, which the right calls end if it is `curable`."""
        self.system.trouble = trouble
        self.system.curable = curable
        self._follow()

    def calm(self) -> None:
        """Its trouble ends by itself."""
        self.system.trouble = None
        self._follow()

    def misbehave(self, path: str, kind: Trouble, **details: Any) -> None:  # noqa: ANN401
        """Go wrong at `path`; `details` are those of `Misbehaviour`."""
        self.door.misbehave(path, kind, **details)

    def behave(self) -> None:
        """Go wrong nowhere any longer."""
        self.door.misbehaves.clear()

    def _pass_time(self) -> None:
        self.system.pass_time(self._clock.now().elapsed)

    def _follow(self) -> None:
        """Let the load show the system's conditions."""
        conditions = self.system.conditions
        self._load.become(conditions.error_ratio, conditions.p95 / 1000)

    # -- what it answers

    def application(self) -> web.Application:
        app = self.door.application()
        for path, read in self._reads().items():
            app.router.add_get(path, self._reading(read))
        for path in (*_NEEDS, *_BARE):
            app.router.add_post(path, self._change)
        app.router.add_get("/admin/services/{name}/health", self._component)
        app.router.add_get(HEALTH, self._health)
        app.router.add_get(METRICS, self._metrics)
        app.router.add_post(PAGER, self._page)
        app.router.add_post("/__control", self._control)
        return app

    def _reads(self) -> dict[str, Callable[[], object]]:
        system = self.system
        return {
            FLAGS: lambda: system.flags,
            "/admin/metrics/error-rate": lambda: {"value": system.error_percent(), "unit": "%"},
            "/admin/metrics/p95-latency": lambda: {"value": system.p95(), "unit": "ms"},
            "/admin/metrics/cost": lambda: {"budget": {"used_percent": system.used_percent}},
            DISTRIBUTION: system.distribution,
            "/admin/metrics/system-health": system.system_health,
            "/admin/metrics/error-summary": system.error_summary,
            "/__journal": self.journal.as_json,
        }

    def _reading(self, read: Callable[[], object]) -> Handler:
        async def answer(_: web.Request) -> web.StreamResponse:
            self._pass_time()
            # Pretty-printed, so that who looks for text instead of reading JSON finds nothing.
            return web.Response(text=json.dumps(read(), indent=2), content_type="application/json")

        return answer

    async def _health(self, _: web.Request) -> web.StreamResponse:
        return web.json_response({"status": self.system.health(self._clock.now().elapsed)})

    async def _metrics(self, _: web.Request) -> web.StreamResponse:
        return web.Response(text=self._load.page(), content_type="text/plain")

    async def _page(self, request: web.Request) -> web.StreamResponse:
        self.pages.append(await request.json())
        return web.json_response({"ok": True})

    async def _component(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"status": self.system.component(request.match_info["name"])})

    async def _change(self, request: web.Request) -> web.StreamResponse:
        text = await request.read()
        body = content(text)
        if request.path in _BARE:
            problem = "it takes no body" if text else ""
        else:
            problem = missing(body, _NEEDS[request.path])
        if problem:
            return web.json_response({"error": problem}, status=400)
        self._pass_time()
        system = self.system
        changes: dict[str, Callable[[dict[str, Any]], None]] = {
            DISABLE: system.disable_hybrid_routing,
            OVERRIDE: lambda body: system.override_routing(body, self._clock.now().elapsed),
            NOTIFY: system.announce,
            CACHE: system.optimize_cache,
            ROUTING: system.optimize_routing,
            COSTS: system.control_costs,
            PREFERENCE: system.prefer_cache,
            THROTTLING: system.throttle,
            DISABLE_ALL: system.disable_hybrid_routing,
            FULL_CHECK: lambda _: None,
            RESTORE: system.restore,
            RESTART: system.restart,
            REPORT: system.report,
            FLAG: system.switch_flag,
            MODE: system.route,
        }
        changes[request.path](body)
        self._follow()
        return web.json_response({"ok": True, "passed": not system.unhealthy - {COMPONENTS[-1]}})

    async def _control(self, request: web.Request) -> web.StreamResponse:
        wish = await request.json()
        if "trouble" in wish:
            self.worsen(Conditions(**wish["trouble"]), curable=wish.get("curable", True))
        if wish.get("calm"):
            self.calm()
        for path, details in wish.get("misbehaves", {}).items():
            self.misbehave(path, Trouble(details.pop("kind")), **details)
        for name in ("cost_percent", "slow_health", "p95_answers", "minute"):
            if name in wish:
                setattr(self.system, name, wish[name])
        return web.json_response({"ok": True})


@asynccontextmanager
async def serving(service: HybridService, port: int = 0) -> AsyncIterator[HybridService]:
    """`service` at work on loopback, at its `url`."""
    runner = web.AppRunner(service.application(), handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    service.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield service
    finally:
        await runner.cleanup()
