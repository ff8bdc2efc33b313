"""A service with four steps that take their time: it counts how often each was really done."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

STEPS = ("flags", "routing", "restart", "cache")


@dataclass(slots=True)
class Arrival:
    """One POST, as it came in."""

    step: str
    key: str


@dataclass(slots=True)
class SteppingService:
    """Unhealthy until every step was done. Never deduplicates: a second POST is a second effect."""

    chance: random.Random
    base: str = ""
    arrivals: list[Arrival] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    told: list[dict[str, object]] = field(default_factory=list)
    finished: asyncio.Event = field(default_factory=asyncio.Event)
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)
    hold: asyncio.Event | None = None

    async def post(self, request: web.Request) -> web.Response:
        """Do a step: after a while, and the answer takes a while longer."""
        step = request.match_info["step"]
        async with self.arrived:
            self.arrivals.append(Arrival(step, request.headers.get("Idempotency-Key", "")))
            self.arrived.notify_all()
        # Now and then an effect comes so late that the next process is looking already.
        late = self.chance.random() < 0.1
        await asyncio.sleep(self.chance.uniform(0.5, 1.2) if late else self.chance.uniform(0, 0.03))
        self.done[step] += 1
        if self.hold is not None:
            await self.hold.wait()
        await asyncio.sleep(self.chance.uniform(0, 0.03))
        return web.json_response({"accepted": True})

    async def get(self, request: web.Request) -> web.Response:
        """Whether a step has been done."""
        return web.json_response({"done": self.done[request.match_info["step"]] > 0})

    async def health(self, _: web.Request) -> web.Response:
        """Healthy once every step was done."""
        healthy = all(self.done[step] for step in STEPS)
        return web.json_response({"healthy": healthy}, status=200 if healthy else 500)

    async def finish(self, request: web.Request) -> web.Response:
        """The plan's final step."""
        self.told.append(await request.json())
        self.finished.set()
        return web.json_response({})

    async def wait_for_arrivals(self, count: int) -> None:
        """Until that many POSTs came in, or the plan is finished."""
        async with self.arrived:
            await self.arrived.wait_for(
                lambda: len(self.arrivals) >= count or self.finished.is_set()
            )


@asynccontextmanager
async def stepping_service(seed: int) -> AsyncIterator[SteppingService]:
    """The service on a free loopback port."""
    service = SteppingService(random.Random(seed))
    app = web.Application()
    app.router.add_post("/steps/{step}", service.post)
    app.router.add_get("/steps/{step}", service.get)
    app.router.add_get("/health", service.health)
    app.router.add_post("/finished", service.finish)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    service.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield service
    finally:
        if service.hold is not None:
            service.hold.set()
        await runner.cleanup()
