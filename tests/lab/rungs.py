"""A stateful service on loopback with something to undo on four levels, and a pager.

It writes down every request and every effect; a second request is a second effect.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from aiohttp import web

from tests.bed.patience import until
from watchdog.adapters.clock import SystemClock
from watchdog.ports import Clock
from watchdog.testing.world import Sent

# Least harm first; two changes on each level.
LEVELS = {
    "flags": ("flags-off", "flags-flush"),
    "routing": ("routing-drain", "routing-shift"),
    "application": ("application-restore", "application-restart"),
    "data": ("data-freeze", "data-restore"),
}
STEPS = tuple(step for steps in LEVELS.values() for step in steps)
FINISHED, HEALTH = "finished", "health"
# Seconds. A late effect comes well before a "not done" is believed: see `SETTLE` of the target.
LATEST = 0.5
_UNSAID = 0.25


class Fate(StrEnum):
    """What becomes of one request to change something."""

    WORKS = "works"
    LATE = "late"  # acts after a while, whoever still waits
    LOST = "lost"  # acts, and hangs up
    DROPPED = "dropped"  # hangs up, and does not act
    DENIED = "denied"  # a definite no


_CHANCES = {Fate.WORKS: 80, Fate.LATE: 8, Fate.LOST: 7, Fate.DROPPED: 5}


@dataclass(slots=True)
class Room:
    """What one target sees of the service.

    `troubled`: requests meet a random fate. `script`: fates of the next requests of a step.
    `curable`: it is healthy once every step was done. `paging`: the share of messages that the
    pager takes; of those, one in four is answered by hanging up.
    `arrived` is called with each request that changes something, before anything becomes of it,
    `looked` with each look. `clock` says when something happened.
    """

    name: str
    chance: random.Random
    base: str = ""
    troubled: bool = False
    curable: bool = True
    paging: float = 1.0
    pace: float = 0.02
    needed: tuple[str, ...] = STEPS
    script: dict[str, list[Fate]] = field(default_factory=dict)
    sends: list[Sent] = field(default_factory=list)
    effects: list[Sent] = field(default_factory=list)
    pages: list[dict[str, Any]] = field(default_factory=list)
    looks: Counter[str] = field(default_factory=Counter)
    numbers: dict[str, float] = field(default_factory=dict)
    under_way: int = 0
    arrived: Callable[[str], None] = lambda _step: None
    looked: Callable[[str], None] = lambda _what: None
    clock: Clock = field(default_factory=SystemClock)

    @property
    def done(self) -> Counter[str]:
        """How often each step was really done."""
        return Counter(effect.name for effect in self.effects)

    @property
    def healthy(self) -> bool:
        return self.curable and all(self.done[step] for step in self.needed)

    async def settled(self) -> None:
        """Until nothing that was asked for is still under way."""
        await until(lambda: not self.under_way, "all that was asked for is done")

    async def post(self, request: web.Request) -> web.Response:
        step, key = request.match_info["step"], request.headers.get("Idempotency-Key", "")
        self.sends.append(Sent(key, step, self.clock.now()))
        self.under_way += 1
        try:
            self.arrived(step)
            return await self._answer(request, step, key)
        finally:
            self.under_way -= 1

    async def _answer(self, request: web.Request, step: str, key: str) -> web.Response:
        fate = self._fate(step)
        if fate is Fate.DENIED:
            return web.json_response({"error": "no"}, status=403)
        late = fate is Fate.LATE
        await asyncio.sleep(self.chance.uniform(LATEST / 2, LATEST) if late else self._moment())
        if fate is not Fate.DROPPED:
            self.effects.append(Sent(key, step, self.clock.now()))
        if fate in (Fate.LOST, Fate.DROPPED) and request.transport is not None:
            request.transport.abort()
        await asyncio.sleep(self._moment())
        return web.json_response({"accepted": True})

    def _moment(self) -> float:
        return self.chance.uniform(0, self.pace)

    def _fate(self, step: str) -> Fate:
        if self.script.get(step):
            return self.script[step].pop(0)
        if not self.troubled:
            return Fate.WORKS
        (fate,) = self.chance.choices(list(_CHANCES), list(_CHANCES.values()))
        return fate


@dataclass(slots=True)
class Rungs:
    """All rooms of one server."""

    base: str = ""
    rooms: dict[str, Room] = field(default_factory=dict)

    def room(self, name: str, seed: int) -> Room:
        """A new one, in which nothing has happened."""
        self.rooms[name] = Room(name, random.Random(seed), f"{self.base}/{name}")
        return self.rooms[name]

    def forget(self, room: Room) -> None:
        """It was judged; its requests are remembered no longer."""
        del self.rooms[room.name]

    def _of(self, request: web.Request) -> Room:
        return self.rooms[request.match_info["room"]]

    async def post(self, request: web.Request) -> web.Response:
        return await self._of(request).post(request)

    async def look(self, request: web.Request) -> web.Response:
        """Whether a step has been done."""
        room, step = self._of(request), request.match_info["step"]
        room.looks[step] += 1
        room.looked(step)
        return web.json_response({"done": room.done[step] > 0})

    async def health(self, request: web.Request) -> web.Response:
        room = self._of(request)
        room.looks[HEALTH] += 1
        room.looked(HEALTH)
        return web.json_response({"healthy": room.healthy}, status=200 if room.healthy else 503)

    async def told_numbers(self, request: web.Request) -> web.Response:
        return web.json_response(self._of(request).numbers)

    async def page(self, request: web.Request) -> web.Response:
        room = self._of(request)
        if room.paging < 1.0 and room.chance.random() >= room.paging:
            return web.Response(status=503)
        room.pages.append(await request.json())
        if room.paging < 1.0 and request.transport is not None and room.chance.random() < _UNSAID:
            request.transport.abort()
        return web.json_response({})


@asynccontextmanager
async def rungs() -> AsyncIterator[Rungs]:
    """The service on a free port of loopback."""
    service = Rungs()
    app = web.Application()
    app.router.add_post("/{room}/do/{step}", service.post)
    app.router.add_get("/{room}/do/{step}", service.look)
    app.router.add_get("/{room}/health", service.health)
    app.router.add_get("/{room}/numbers", service.told_numbers)
    app.router.add_post("/{room}/pager", service.page)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=512).start()
    service.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield service
    finally:
        await runner.cleanup()
