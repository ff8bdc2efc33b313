"""`python -m tests.faults.unwell_daemon FILE`: the daemon as it is, and something in it hangs.

What hangs is the name of the first file that appears in the folder of FILE: `lane`, `ticker`, or
`loop`. Only this is planted; what notices it is the daemon's own.
"""

import asyncio
import os
import sys
import time
from pathlib import Path

from watchdog.adapters.clock import SystemClock
from watchdog.adapters.logs import Style, logs_to
from watchdog.adapters.secrets import EnvAndFileSecrets
from watchdog.adapters.service_manager import ServiceManager
from watchdog.app.daemon import Daemon
from watchdog.app.loading import Files
from watchdog.app.opening import open_daemon
from watchdog.app.self_watching import obey_manager

FOREVER = 3600.0


async def main(file: Path) -> None:
    secrets = EnvAndFileSecrets()
    style = Style("json")
    with logs_to(sys.stderr, clock=SystemClock(), secrets=secrets, style=style):
        async with open_daemon(Files((file,), 1.0), secrets) as opened:
            obey_manager(opened.daemon, ServiceManager(os.environ, os.getpid()))
            opened.daemon.background["unwell"] = lambda: _unwell(opened.daemon, file.parent)
            await opened.daemon.run(opened.open_runs)


async def _unwell(daemon: Daemon, folder: Path) -> None:
    while True:
        await asyncio.sleep(0.02)
        if (folder / "lane").exists():
            (lane,) = daemon.lanes.values()
            await lane.order(lambda: asyncio.sleep(FOREVER))
        if (folder / "ticker").exists():
            daemon.ticker.stop()
            await asyncio.sleep(FOREVER)
        if (folder / "loop").exists():
            time.sleep(FOREVER)  # noqa: ASYNC251 -- it is the loop that is to hang


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
