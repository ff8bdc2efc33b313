"""Every row of the table, by name; each has a make target `faults-NAME` of its own."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.lab.boundaries import failpoints
from tests.lab.bugs import bugs
from tests.lab.clocks import clocks
from tests.lab.daemon_kills import daemon_kills
from tests.lab.disks import disks
from tests.lab.engine_kills import engine_kills
from tests.lab.network import network
from tests.lab.outage import outage
from tests.lab.row import Row
from tests.lab.sizes import size
from tests.lab.storms import model, storms


async def _kills(folder: Path) -> Row:
    return await engine_kills(folder, size("KILLS"), size("SEED"), size("TOGETHER"))


async def _daemon(folder: Path) -> Row:
    return await daemon_kills(folder, size("DAEMON_KILLS"), size("SEED"))


async def _failpoints(folder: Path) -> Row:
    return await failpoints(folder, size("VISITS"), size("SEED"), size("TOGETHER"))


async def _network(folder: Path) -> Row:
    return await network(folder, size("TOXICS"), size("SEED"))


async def _disk(folder: Path) -> Row:
    return await disks(folder, size("DISKS"), size("SEED"), size("TOGETHER"))


async def _clock(folder: Path) -> Row:
    return await clocks(folder, size("PAUSES"), size("SEED"))


async def _notifiers(folder: Path) -> Row:
    return await outage(folder, size("OUTAGE_KILLS"), size("SEED"), size("TOGETHER"))


async def _storms(folder: Path) -> Row:
    return await storms(folder, size("STORMS"), size("SEED"))


async def _model(folder: Path) -> Row:
    return await model(folder, size("SEQUENCES"), size("SEED"))


ROWS: dict[str, Callable[[Path], Awaitable[Row]]] = {
    "kills": _kills,
    "daemon": _daemon,
    "failpoints": _failpoints,
    "network": _network,
    "disk": _disk,
    "clock": _clock,
    "notifiers": _notifiers,
    "storms": _storms,
    "model": _model,
    "bugs": bugs,
}
