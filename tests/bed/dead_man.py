"""A dead-man service that writes down when it heard a beat, and answers as a test wants."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from tests.bed.patience import until
from tests.bed.wire import web_server
from watchdog.adapters.clock import SystemClock

# What whoever knows it could keep the dead man quiet with.
TOKEN = "c4n4ry-dead-man-token"


@dataclass(slots=True)
class DeadMan:
    """`beats` are elapsed seconds of this machine. While `silent`, nobody gets an answer."""

    url: str = ""
    status: int = 200
    silent: bool = False
    beats: list[float] = field(default_factory=list)

    async def answer(self, _: web.Request) -> web.Response:
        self.beats.append(SystemClock().now().elapsed)
        await until(lambda: not self.silent, "the dead man speaks again", seconds=600)
        return web.Response(status=self.status)

    def quiet_for(self) -> float:
        """Seconds since the last beat."""
        return SystemClock().now().elapsed - self.beats[-1]


@asynccontextmanager
async def dead_man() -> AsyncIterator[DeadMan]:
    """One on a free port of loopback, for as long as the block lasts."""
    man = DeadMan()
    async with web_server(man.answer) as base:
        man.url = f"{base}/ping/{TOKEN}"
        try:
            yield man
        finally:
            man.silent = False
