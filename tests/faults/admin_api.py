"""An admin API that goes wrong on cue: it writes down every request, and counts every effect."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from aiohttp import web

from watchdog.adapters.clock import SystemClock
from watchdog.testing.request_journal import Asked, RequestJournal, content

# Longer than any test: whoever waits for this is a client without a limit.
_SILENCE = 600.0
CURE = "mend"


class Ending(StrEnum):
    """What the client gets of a request."""

    ANSWER = "answer"
    SILENCE = "silence"
    HANG_UP = "hang_up"


@dataclass(slots=True)
class Fault:
    """What the next `times` POSTs to a step meet (None: all of them) instead of a plain 200.

    With `late`, the effect comes that many seconds after the request, whoever still waits.
    """

    acts: bool = False
    ending: Ending = Ending.ANSWER
    status: int = 200
    text: str = "{}"
    headers: Mapping[str, str] = field(default_factory=dict)
    late: float = 0.0
    times: int | None = None

    @property
    def over(self) -> bool:
        return self.times is not None and self.times <= 0


@dataclass(slots=True)
class AdminApi:
    """Steps are named TARGET/STEP. A second POST is a second effect: nothing is deduplicated.

    A target in `bad` is unhealthy until its step `mend` has its effect. A step in `held` has
    its effect at once, and its answer waits for `release`. `looks` counts those at the health
    of a target, and `pages` is what was told.
    """

    base: str = ""
    faults: dict[str, Fault] = field(default_factory=dict)
    bad: set[str] = field(default_factory=set)
    held: set[str] = field(default_factory=set)
    pace: float = 0.0
    curable: bool = True
    effects: Counter[str] = field(default_factory=Counter)
    looks: Counter[str] = field(default_factory=Counter)
    pages: list[dict[str, Any]] = field(default_factory=list)
    journal: RequestJournal = field(default_factory=RequestJournal)
    _released: asyncio.Event = field(default_factory=asyncio.Event)

    def release(self) -> None:
        """Answer what is held, and hold nothing any longer."""
        self._released.set()

    def posts(self, step: str = "") -> list[Asked]:
        """The POSTs to one step, or to all of them, as they came."""
        return [asked for asked in self.journal.mutating if step in ("", step_of(asked))]

    @property
    def sent(self) -> list[str]:
        """The steps that were asked for, in order, each as often as it was."""
        return [step_of(asked) for asked in self.posts()]

    def told(self, topic: str, target: str = "") -> list[dict[str, Any]]:
        """What the channel heard about `topic`."""
        return [
            page for page in self.pages if page["topic"] == topic and target in ("", page["target"])
        ]

    # -- what it answers

    async def post(self, request: web.Request) -> web.StreamResponse:
        step = request.match_info["step"]
        asked = await self._written(request)
        await asyncio.sleep(self.pace)
        fault = self.faults.get(step)
        if fault is None or fault.over:
            self._act(step)
            if step in self.held:
                await self._released.wait()
            asked.status = 200
            return web.json_response({})
        return await self._wrong(request, asked, fault)

    async def _wrong(self, request: web.Request, asked: Asked, fault: Fault) -> web.StreamResponse:
        if fault.times is not None:
            fault.times -= 1
        await asyncio.sleep(fault.late)
        if fault.acts:
            self._act(request.match_info["step"])
        match fault.ending:
            case Ending.SILENCE:
                await asyncio.sleep(_SILENCE)
            case Ending.HANG_UP if request.transport is not None:
                request.transport.abort()
            case _:
                asked.status = fault.status
        return web.Response(status=fault.status, text=fault.text, headers=fault.headers)

    def _act(self, step: str) -> None:
        self.effects[step] += 1
        target, _, name = step.partition("/")
        if name == CURE and self.curable:
            self.bad.discard(target)

    async def look(self, request: web.Request) -> web.StreamResponse:
        """Whether a step has happened."""
        await self._written(request)
        return web.json_response({"done": self.effects[request.match_info["step"]] > 0})

    async def health(self, request: web.Request) -> web.StreamResponse:
        target = request.match_info["target"]
        self.looks[target] += 1
        bad = target in self.bad
        return web.json_response({"healthy": not bad}, status=503 if bad else 200)

    async def page(self, request: web.Request) -> web.StreamResponse:
        self.pages.append(await request.json())
        return web.json_response({})

    async def _written(self, request: web.Request) -> Asked:
        at = SystemClock().now().elapsed
        body = content(await request.read())
        asked = Asked(request.method, request.path, dict(request.headers), body, at)
        self.journal.entries.append(asked)
        return asked


def step_of(asked: Asked) -> str:
    """The TARGET/STEP that was asked for."""
    return asked.path.partition("/do/")[2]


@asynccontextmanager
async def admin_api() -> AsyncIterator[AdminApi]:
    """The API on a free port of loopback."""
    api = AdminApi()
    app = web.Application()
    app.router.add_post("/do/{step:.+}", api.post)
    app.router.add_get("/do/{step:.+}", api.look)
    app.router.add_get("/health/{target}", api.health)
    app.router.add_post("/pager{secret:.*}", api.page)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    api.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield api
    finally:
        api.release()
        await runner.cleanup()
