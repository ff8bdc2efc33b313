"""A real Prometheus on loopback, for one test."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from tests.bed.wire import free_port

READY_WITHIN = 60.0


@dataclass(slots=True)
class Prometheus:
    """One running server. `url` is its address, without a slash at the end."""

    program: str
    folder: Path
    port: int
    process: asyncio.subprocess.Process

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def freeze(self) -> None:
        """It accepts connections and answers nothing, until `thaw`."""
        self.process.send_signal(signal.SIGSTOP)
        # On a busy machine its threads go on for a moment.
        stat = Path(f"/proc/{self.process.pid}/stat")
        while stat.read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "T":
            pass

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    async def stop(self) -> None:
        """End it; its data stay, and `start` goes on with them."""
        if self.process.returncode is not None:
            return
        self.thaw()
        self.process.terminate()
        try:
            async with asyncio.timeout(10):
                await self.process.wait()
        except TimeoutError:
            self.process.kill()
            await self.process.wait()

    async def start(self) -> None:
        """Start it again after `stop`, at the same address."""
        self.process = await _launch(self.program, self.folder, self.port)
        await self._ready()

    async def number(self, query: str) -> float | None:
        """The one value that `query` gives now, or None: asked without any code of ours."""
        async with aiohttp.ClientSession() as session:
            address = f"{self.url}/api/v1/query"
            async with session.get(address, params={"query": query}) as response:
                result = (await response.json())["data"]["result"]
        return float(result[0]["value"][1]) if len(result) == 1 else None

    async def until_number(self, query: str, seconds: float = 30) -> float:
        """Wait until `query` gives one value."""
        async with asyncio.timeout(seconds):
            while True:
                found = await self.number(query)
                if found is not None:
                    return found
                await asyncio.sleep(0.05)

    async def _ready(self) -> None:
        async with asyncio.timeout(READY_WITHIN), aiohttp.ClientSession() as session:
            while True:
                if self.process.returncode is not None:
                    raise OSError(f"Prometheus ended at once: {_log(self.folder)}")
                try:
                    async with session.get(f"{self.url}/-/ready") as response:
                        if response.status == 200:
                            return
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.05)


@asynccontextmanager
async def start_prometheus(
    program: str,
    folder: Path,
    targets: Sequence[str],
    *,
    scrape_interval: str = "200ms",
    rules: str = "",
    alertmanager: str = "",
) -> AsyncIterator[Prometheus]:
    """A Prometheus that scrapes `targets` (host:port, page /metrics) as the job `bed`.

    `program` is its path, from the fixture `require_program`. `rules`: a rule file's text.
    `alertmanager`: host:port of whoever is told of alerts.
    """
    _write_configuration(folder, targets, scrape_interval, rules, alertmanager)
    server = await _start_on_a_free_port(program, folder)
    try:
        yield server
    finally:
        await server.stop()


async def _start_on_a_free_port(program: str, folder: Path, attempts: int = 3) -> Prometheus:
    for attempt in range(attempts):
        port = await free_port()
        process = await _launch(program, folder, port)
        server = Prometheus(program, folder, port, process)
        try:
            await server._ready()  # noqa: SLF001 (this module's own)
        except OSError:
            # Somebody else may have taken the port in the meantime.
            if attempt == attempts - 1:
                raise
        else:
            return server
    raise AssertionError("unreachable")


async def _launch(program: str, folder: Path, port: int) -> asyncio.subprocess.Process:
    with (folder / "prometheus.log").open("ab") as log:
        return await asyncio.create_subprocess_exec(
            program,
            f"--config.file={folder / 'prometheus.json'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--rules.alert.resend-delay=1s",
            "--log.level=warn",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={"PATH": os.environ["PATH"], "GOMAXPROCS": "2"},
        )


def _write_configuration(
    folder: Path, targets: Sequence[str], scrape_interval: str, rules: str, alertmanager: str
) -> None:
    told = [{"static_configs": [{"targets": [alertmanager]}]}] if alertmanager else []
    configuration = {
        "global": {
            "scrape_interval": scrape_interval,
            "scrape_timeout": scrape_interval,
            "evaluation_interval": scrape_interval,
        },
        "rule_files": [str(folder / "rules.yaml")] if rules else [],
        "alerting": {"alertmanagers": told},
        "scrape_configs": [{"job_name": "bed", "static_configs": [{"targets": list(targets)}]}],
    }
    # JSON is YAML, too.
    (folder / "prometheus.json").write_text(json.dumps(configuration))
    if rules:
        (folder / "rules.yaml").write_text(rules)


def _log(folder: Path) -> str:
    return (folder / "prometheus.log").read_text()[-2_000:]
