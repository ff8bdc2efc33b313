"""A Prometheus of the demonstration's own, where the program is installed."""

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from watchdog.domain.errors import WatchdogError

READY_WITHIN = 30.0
GOES_WITHIN = 10.0
_LAST_WORDS = 500


@dataclass(slots=True)
class OwnPrometheus:
    """A running server, at `url`."""

    url: str
    process: asyncio.subprocess.Process

    async def stop(self) -> None:
        """End it; a second time does nothing."""
        if self.process.returncode is not None:
            return
        self.process.terminate()
        try:
            async with asyncio.timeout(GOES_WITHIN):
                await self.process.wait()
        except TimeoutError:
            self.process.kill()
            await self.process.wait()


@asynccontextmanager
async def own_prometheus(
    program: str, folder: Path, scraped: str, every: float
) -> AsyncIterator[OwnPrometheus]:
    """A Prometheus that reads `scraped` (host:port) every `every` seconds; its data in `folder`.

    Raises WatchdogError when it does not start.
    """
    file = _configuration(folder, scraped, every)
    port = _free_port()
    log = folder / "prometheus.log"
    with log.open("wb") as written:
        process = await asyncio.create_subprocess_exec(
            program,
            f"--config.file={file}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=written,
            stderr=written,
            env={"PATH": os.environ.get("PATH", "")},
            start_new_session=True,
        )
    server = OwnPrometheus(f"http://127.0.0.1:{port}", process)
    try:
        await _ready(server, port, log)
        yield server
    finally:
        await server.stop()


def _configuration(folder: Path, scraped: str, every: float) -> Path:
    folder.mkdir()
    interval = f"{every * 1000:.0f}ms"
    configuration = {
        "global": {"scrape_interval": interval, "scrape_timeout": interval},
        "scrape_configs": [{"job_name": "demo", "static_configs": [{"targets": [scraped]}]}],
    }
    # JSON is YAML, too.
    file = folder / "prometheus.yml"
    file.write_text(json.dumps(configuration, indent=2))
    return file


async def _ready(server: OwnPrometheus, port: int, log: Path) -> None:
    try:
        async with asyncio.timeout(READY_WITHIN):
            while not await _is_ready(port):
                if server.process.returncode is not None:
                    raise WatchdogError(f"Prometheus ended at once: {_last_words(log)}")
                await asyncio.sleep(0.05)
    except TimeoutError as error:
        raise WatchdogError(
            f"Prometheus is not ready after {READY_WITHIN:g} s; see {log}, or use --source scrape"
        ) from error


async def _is_ready(port: int) -> bool:
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    try:
        writer.write(b"GET /-/ready HTTP/1.0\r\n\r\n")
        return b" 200 " in await reader.readline()
    except OSError:
        return False
    finally:
        writer.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _last_words(log: Path) -> str:
    return log.read_text(errors="replace")[-_LAST_WORDS:].strip()
