"""The end of sd_notify that systemd holds: a datagram socket, and what came in through it when."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from watchdog.adapters.clock import SystemClock


@dataclass(slots=True)
class Systemd:
    """`heard` holds each word with the elapsed seconds at which it came."""

    address: str
    watchdog: float
    heard: list[tuple[float, str]] = field(default_factory=list)

    @property
    def environ(self) -> dict[str, str]:
        """What a service is started with."""
        return {
            "NOTIFY_SOCKET": self.address,
            "WATCHDOG_USEC": str(int(self.watchdog * 1_000_000)),
        }

    def times(self, word: str) -> list[float]:
        return [at for at, heard in self.heard if heard == word]

    @property
    def words(self) -> list[str]:
        """What was said apart from signs of life and status."""
        return [w for _, w in self.heard if w != "WATCHDOG=1" and not w.startswith("STATUS=")]

    @property
    def status(self) -> str:
        """The last one."""
        said = [word for _, word in self.heard if word.startswith("STATUS=")]
        return said[-1].partition("=")[2] if said else ""


@asynccontextmanager
async def systemd(folder: Path, watchdog: float) -> AsyncIterator[Systemd]:
    """One that wants a sign of life every `watchdog` seconds at the latest."""
    manager = Systemd(str(folder / "notify"), watchdog)
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as own:
        own.bind(manager.address)

        def take() -> None:
            now = SystemClock().now().elapsed
            words = own.recv(65536).decode().splitlines()
            manager.heard += [(now, word) for word in words]

        loop.add_reader(own, take)
        try:
            yield manager
        finally:
            loop.remove_reader(own)
