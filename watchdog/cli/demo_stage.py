"""Sets the demonstration up: a service, its metrics, and a daemon with the shipped file."""

import asyncio
import json
import os
import re
import secrets
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from watchdog.adapters.clock import SystemClock
from watchdog.cli.demo_prometheus import OwnPrometheus, own_prometheus
from watchdog.cli.shipped import shipped
from watchdog.domain.errors import ConfigError, WatchdogError
from watchdog.testing.hybrid_service import METRICS, HybridService, serving
from watchdog.testing.misbehaviour import Trouble

TARGET = "hybrid-routing"
SCRAPE_EVERY = 0.2
# Requests a second of the service at ordinary speed; the demonstration's are as many times more.
_LOAD = 20.0
_STOPS_WITHIN = 40.0
_LAST_WORDS = 2000


class Supply(StrEnum):
    """Where the watchdog reads metrics. AUTO: Prometheus where it is installed."""

    AUTO = "auto"
    PROMETHEUS = "prometheus"
    SCRAPE = "scrape"


@dataclass(slots=True)
class Stage:
    """Everything that takes part, while it runs."""

    folder: Path
    clock: SystemClock
    speed: float
    service: HybridService
    prometheus: OwnPrometheus | None
    daemon: asyncio.subprocess.Process

    @property
    def journal(self) -> Path:
        return self.folder / "journal.db"

    @property
    def log(self) -> Path:
        return self.folder / "daemon.log"

    def scaled(self, seconds: float) -> float:
        """What `seconds` of the shipped file take here."""
        return seconds / self.speed

    async def stop_metrics(self) -> None:
        """No numbers any more, though the service is well."""
        if self.prometheus is not None:
            await self.prometheus.stop()
        else:
            self.service.misbehave(METRICS, Trouble.REFUSE, status=503)

    async def watch_over_daemon(self) -> None:
        """Raise WatchdogError should the daemon end by itself."""
        code = await self.daemon.wait()
        words = self.log.read_text(errors="replace")[-_LAST_WORDS:].strip()
        raise WatchdogError(f"the daemon ended with code {code}; {self.log} ends:\n{words}")


def chosen(supply: Supply) -> str | None:
    """The path of Prometheus when it is to be used. Raises ConfigError when it is missing."""
    if supply is Supply.SCRAPE:
        return None
    program = shutil.which("prometheus")
    if program is None and supply is Supply.PROMETHEUS:
        raise ConfigError("no `prometheus` on PATH; install it, or use --source scrape")
    return program


@asynccontextmanager
async def stage(program: str | None, speed: float) -> AsyncIterator[Stage]:
    """All of it at work; `program` is Prometheus, None: the service's own page is read."""
    folder = Path(tempfile.mkdtemp(prefix="rollback-watchdog-demo-"))
    clock, token = SystemClock(), secrets.token_hex(16)
    async with AsyncExitStack() as stack:
        service = HybridService(clock, token, per_second=_LOAD * speed)
        await stack.enter_async_context(serving(service))
        prometheus = None
        if program is not None:
            address = service.url.removeprefix("http://")
            own = own_prometheus(program, folder / "prometheus", address, SCRAPE_EVERY)
            prometheus = await stack.enter_async_context(own)
        _write_files(folder, service, scraped=prometheus is None)
        environ = {"ADMIN_TOKEN": token, "BASE_URL": service.url}
        if prometheus is not None:
            environ["PROMETHEUS_URL"] = prometheus.url
        daemon = await _start_daemon(folder, speed, environ)
        stack.push_async_callback(_stop, daemon)
        yield Stage(folder, clock, speed, service, prometheus, daemon)


def _write_files(folder: Path, service: HybridService, *, scraped: bool) -> None:
    file = shipped(f"{TARGET}/watchdog-scrape.yaml" if scraped else f"{TARGET}/watchdog.yaml")
    (folder / "watchdog.yaml").write_text(armed(file.read_text(), "demo"))
    daemon = {
        "journal": {"path": "journal.db"},
        "targets": ["watchdog.yaml"],
        "channels": {"pager": {"use": "webhook", "url": f"{service.url}/pager"}},
        "defaults": {"notify": [{"to": ["pager"]}]},
        "log": {"format": "console"},
    }
    # JSON is YAML, too.
    (folder / "daemon.yaml").write_text(json.dumps(daemon, indent=2))


def armed(text: str, by: str) -> str:
    """The file `text` with its mode turned to auto, and nothing else."""
    changed, count = re.subn(r"^mode: .*$", f"mode: auto\narmed_by: {by}", text, flags=re.MULTILINE)
    if count != 1:
        raise ConfigError("the shipped file has no line `mode: …`; install rollback-watchdog again")
    return changed


async def _start_daemon(
    folder: Path, speed: float, environ: Mapping[str, str]
) -> asyncio.subprocess.Process:
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith("ROLLBACK_WATCHDOG_")
    }
    with (folder / "daemon.log").open("wb") as log:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "watchdog",
            "run",
            str(folder / "daemon.yaml"),
            "--speed",
            f"{speed:g}",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=inherited | dict(environ),
            # Ctrl-C is for the demonstration, which then ends the daemon in order.
            start_new_session=True,
        )


async def _stop(daemon: asyncio.subprocess.Process) -> None:
    if daemon.returncode is not None:
        return
    daemon.terminate()
    try:
        async with asyncio.timeout(_STOPS_WITHIN):
            await daemon.wait()
    except TimeoutError:
        daemon.kill()
        await daemon.wait()
