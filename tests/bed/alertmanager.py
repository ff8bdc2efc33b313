"""A real Alertmanager on loopback, for one test."""

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import aiohttp

from tests.bed.wire import free_port

READY_WITHIN = 60.0
# As far ahead as Prometheus, which says again that an alert fires, dates its end.
FIRES_FOR = 240.0


@dataclass(slots=True)
class Alertmanager:
    """One running server. `url` is its address, without a slash at the end."""

    program: str
    folder: Path
    port: int
    process: asyncio.subprocess.Process

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """What it has written down so far."""
        return (self.folder / "alertmanager.log").read_text()

    async def fire(self, began: float, **labels: str) -> None:
        """Tell it, as a Prometheus does, that an alert has fired since Unix time `began`."""
        await self._tell(began, began + FIRES_FOR, labels)

    async def resolve(self, began: float, **labels: str) -> None:
        """Tell it that the alert is over."""
        await self._tell(began, time.time(), labels)

    async def _tell(self, began: float, ends: float, labels: Mapping[str, str]) -> None:
        alert = {
            "labels": dict(labels),
            "annotations": {"summary": "it burns"},
            "startsAt": _rfc3339(began),
            "endsAt": _rfc3339(ends),
        }
        await self._post("alerts", [alert])

    async def silence(self, comment: str, minutes: float = 5, **labels: str) -> str:
        """Silence these labels as Ann would, and return the silence's name."""
        now = time.time()
        silence = {
            "matchers": [
                {"name": name, "value": value, "isRegex": False, "isEqual": True}
                for name, value in labels.items()
            ],
            "startsAt": _rfc3339(now),
            "endsAt": _rfc3339(now + minutes * 60),
            "createdBy": "ann",
            "comment": comment,
        }
        return str((await self._post("silences", silence))["silenceID"])

    async def unsilence(self, name: str) -> None:
        async with (
            aiohttp.ClientSession() as session,
            session.delete(f"{self.url}/api/v2/silence/{name}") as response,
        ):
            assert response.status == 200, await response.text()

    async def _post(self, what: str, body: object) -> dict[str, str]:
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self.url}/api/v2/{what}", json=body) as response,
        ):
            text = await response.text()
            assert response.status == 200, text
            return dict(json.loads(text)) if text.strip() else {}

    async def stop(self) -> None:
        """End it."""
        if self.process.returncode is None:
            self.process.terminate()
            try:
                async with asyncio.timeout(10):
                    await self.process.wait()
            except TimeoutError:
                self.process.kill()
                await self.process.wait()

    async def start(self) -> None:
        """Start it again after `stop`, at the same address; of alerts it knows nothing any more."""
        self.process = await _launch(self.program, self.folder, self.port)
        await self.ready()

    async def ready(self) -> None:
        """Wait until it answers."""
        async with asyncio.timeout(READY_WITHIN), aiohttp.ClientSession() as session:
            while True:
                if self.process.returncode is not None:
                    raise OSError(f"Alertmanager ended at once: {self.log[-2000:]}")
                try:
                    async with session.get(f"{self.url}/-/ready") as response:
                        if response.status == 200:
                            return
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.05)


def _rfc3339(wall: float) -> str:
    return datetime.fromtimestamp(wall, UTC).isoformat()


@asynccontextmanager
async def start_alertmanager(
    program: str, folder: Path, webhook: str, token: str, *, repeat_interval: str = "1s"
) -> AsyncIterator[Alertmanager]:
    """An Alertmanager that sends everything to `webhook`, at once and again and again.

    `program` is its path, from the fixture `require_program`.
    """
    folder.mkdir(exist_ok=True)
    _write_configuration(folder, webhook, token, repeat_interval)
    port = await free_port()
    server = Alertmanager(program, folder, port, await _launch(program, folder, port))
    try:
        await server.ready()
        yield server
    finally:
        await server.stop()


async def _launch(program: str, folder: Path, port: int) -> asyncio.subprocess.Process:
    with (folder / "alertmanager.log").open("ab") as log:
        return await asyncio.create_subprocess_exec(
            program,
            f"--config.file={folder / 'alertmanager.json'}",
            f"--storage.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--cluster.listen-address=",
            "--log.level=debug",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={"PATH": os.environ["PATH"], "GOMAXPROCS": "2"},
        )


def _write_configuration(folder: Path, webhook: str, token: str, repeat_interval: str) -> None:
    configuration = {
        "route": {
            "receiver": "watchdog",
            "group_by": ["..."],
            "group_wait": "0s",
            "group_interval": "200ms",
            "repeat_interval": repeat_interval,
        },
        "receivers": [
            {
                "name": "watchdog",
                "webhook_configs": [
                    {
                        "url": webhook,
                        "send_resolved": True,
                        "http_config": {"authorization": {"credentials": token}},
                    }
                ],
            }
        ],
    }
    # JSON is YAML, too.
    (folder / "alertmanager.json").write_text(json.dumps(configuration))
