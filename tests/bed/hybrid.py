"""The shipped file of hybrid routing at work: service, real Prometheus, daemon as a process."""

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import aiohttp

from tests.bed.patience import until
from tests.bed.prometheus import Prometheus, start_prometheus
from tests.bed.wire import free_port
from watchdog.adapters.clock import SystemClock
from watchdog.adapters.sqlite_reader import open_reader
from watchdog.domain.errors import JournalError
from watchdog.domain.events import Record
from watchdog.testing.hybrid_service import HEALTH, HybridService, serving
from watchdog.testing.request_journal import Asked
from watchdog.testing.simulated_load import BOUNDS

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "config/hybrid-routing/watchdog.yaml"
TOKEN = "canary-5f1d77e2c0b94a3f"
# One divisor for every duration of the file, the ranges of its queries included.
SPEED = 30.0
# What a request, a query and a write to the disk may take on a busy machine, in real seconds.
SLACK = 0.35
EVERY = 15.0
PATIENCE = 60.0

E = TypeVar("E")


def here(seconds: float) -> float:
    """What `seconds` of the file take in the test."""
    return seconds / SPEED


@dataclass(slots=True)
class Scene:
    """A daemon with the shipped file, and what it watches."""

    folder: Path
    service: HybridService
    prometheus: Prometheus
    listen: str
    environ: Mapping[str, str]
    clock: SystemClock = field(default_factory=SystemClock)
    daemon: asyncio.subprocess.Process | None = None

    # -- the daemon

    @property
    def log(self) -> str:
        return (self.folder / "daemon.log").read_text()

    async def start(self) -> None:
        with (self.folder / "daemon.log").open("ab") as log:
            self.daemon = await self._program(
                "run", str(self.folder / "daemon.yaml"), "--speed", f"{SPEED:g}", output=log
            )

    async def until_it_looks(self) -> None:
        await until(lambda: len(self.service.journal.to(HEALTH)) > 1 or self._ended, "it looks", 60)
        assert not self._ended, self.log

    @property
    def _ended(self) -> bool:
        return self.daemon is not None and self.daemon.returncode is not None

    async def stop(self) -> int:
        """Ask the daemon to end, and give its exit code."""
        assert self.daemon is not None
        with suppress(ProcessLookupError):
            self.daemon.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE):
            return await self.daemon.wait()

    async def _program(self, *arguments: str, output: Any) -> asyncio.subprocess.Process:  # noqa: ANN401
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "watchdog", *arguments,
            stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output,
            env={**os.environ, **self.environ}, cwd=self.folder,
        )  # fmt: skip

    async def command(self, *arguments: str) -> tuple[int, str]:
        """Run one command of ours beside the daemon: its exit code and what it printed."""
        process = await self._program(*arguments, output=asyncio.subprocess.PIPE)
        async with asyncio.timeout(PATIENCE):
            out, err = await process.communicate()
        assert process.returncode is not None
        return process.returncode, (out + err).decode()

    async def page(self, path: str) -> str:
        """What the daemon's own face shows."""
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://{self.listen}{path}") as answer,
        ):
            return await answer.text()

    # -- what the journal says

    async def records(self) -> Sequence[Record]:
        try:
            async with open_reader(self.folder / "journal.db", self.clock) as reader:
                return await reader.read()
        except JournalError:
            return ()

    async def events(self, kind: type[E]) -> list[E]:
        return [r.event for r in await self.records() if isinstance(r.event, kind)]

    async def until_event(
        self, kind: type[E], is_it: Callable[[E], bool] = lambda _: True, seconds: float = PATIENCE
    ) -> Record:
        """The first record of `kind` for which `is_it` holds, once there is one."""
        try:
            async with asyncio.timeout(seconds):
                while True:
                    for record in await self.records():
                        if isinstance(record.event, kind) and is_it(record.event):
                            return record
                    assert not self._ended, self.log
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"no such {kind.__name__} in {seconds:g} s\n{self.log}") from None

    # -- what the service says

    @property
    def calls(self) -> list[str]:
        """The paths of every call that could have changed something, in order."""
        return [asked.path for asked in self.service.journal.mutating]

    async def until_called(self, path: str, seconds: float = PATIENCE) -> Asked:
        """The first call to `path`, once it has come."""
        try:
            await until(lambda: bool(self.service.journal.to(path)), f"{path} is called", seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log}") from None
        return self.service.journal.to(path)[0]

    # -- what Prometheus says

    async def series(self, query: str, since: float) -> list[tuple[float, float]]:
        """`query` from `since` (elapsed seconds) to now: elapsed seconds and value, 50 ms apart."""
        now = self.clock.now()
        wall = now.wall - now.elapsed
        parameters = {
            "query": query, "step": "0.05",
            "start": f"{since + wall:.3f}", "end": f"{now.wall:.3f}",
        }  # fmt: skip
        address = f"{self.prometheus.url}/api/v1/query_range"
        async with (
            aiohttp.ClientSession() as session,
            session.get(address, params=parameters) as got,
        ):
            result = (await got.json())["data"]["result"]
        values = result[0]["values"] if result else []
        return [(float(at) - wall, float(value)) for at, value in values]

    async def first_over(self, query: str, limit: float, since: float) -> float:
        """The elapsed second at which `query` is first above `limit`, once it has been."""
        async with asyncio.timeout(PATIENCE):
            while True:
                over = [at for at, value in await self.series(query, since) if value > limit]
                if over:
                    return over[0]
                await asyncio.sleep(0.05)


ERRORS = (
    f'sum(rate(http_requests_total{{code=~"5.."}}[{here(60) * 1000:.0f}ms]))'
    f" / sum(rate(http_requests_total[{here(60) * 1000:.0f}ms]))"
)
P95 = (
    "histogram_quantile(0.95, sum by (le) "
    f"(rate(http_request_duration_seconds_bucket[{here(60) * 1000:.0f}ms])))"
)


def armed(text: str) -> str:
    """The shipped file with exactly its mode changed."""
    changed, count = re.subn(
        "^mode: alert-only$", "mode: auto\narmed_by: e2e", text, flags=re.MULTILINE
    )
    assert count == 1
    return changed


@asynccontextmanager
async def scene(
    folder: Path,
    prometheus: str,
    *,
    auto: bool = True,
    bounds: Sequence[float] = BOUNDS,
    file: str = "",
    environ: Mapping[str, str] | None = None,
    **settings: object,
) -> AsyncIterator[Scene]:
    """Everything at work, the service calm. `prometheus`: the program's path.

    `file` is the target's text in place of the shipped one, `environ` what the daemon gets besides;
    `settings` are of the daemon's file.
    """
    async with AsyncExitStack() as stack:
        service = HybridService(SystemClock(), TOKEN, per_second=20 * SPEED, bounds=bounds)
        await stack.enter_async_context(serving(service))
        scraped = [service.url.removeprefix("http://")]
        server = await stack.enter_async_context(start_prometheus(prometheus, folder, scraped))
        listen = f"127.0.0.1:{await free_port()}"
        text = file or (armed(SHIPPED.read_text()) if auto else SHIPPED.read_text())
        (folder / "watchdog.yaml").write_text(text)
        _write_daemon_file(folder, service, listen, settings)
        own = {"ADMIN_TOKEN": TOKEN, "BASE_URL": service.url, "PROMETHEUS_URL": server.url}
        at_work = Scene(folder, service, server, listen, {**own, **(environ or {})})
        await server.until_number(ERRORS)
        await at_work.start()
        try:
            # It looks: what breaks from now on is seen from its beginning.
            await at_work.until_it_looks()
            yield at_work
        finally:
            await at_work.stop()


def _write_daemon_file(
    folder: Path, service: HybridService, listen: str, settings: Mapping[str, object]
) -> None:
    daemon: dict[str, object] = {
        "journal": {"path": "journal.db"},
        "listen": listen,
        "targets": ["watchdog.yaml"],
        "channels": {"pager": {"use": "webhook", "url": f"{service.url}/pager"}},
        "defaults": {"notify": [{"to": ["pager"]}]},
        "people": {
            "carla": {"roles": ["cto"]},
            "victor": {"roles": ["vp-engineering"]},
            "zoe": {"roles": ["intern"]},
        },
    }
    (folder / "daemon.yaml").write_text(json.dumps({**daemon, **settings}))
