"""A folder with the daemon's files, the admin API that they name, and what became of both."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import aiohttp

from tests.bed.patience import until
from tests.bed.wire import free_port
from tests.faults.admin_api import AdminApi, admin_api
from tests.kills.killing import daemon
from watchdog.adapters.audit import verify
from watchdog.adapters.clock import SystemClock
from watchdog.adapters.sqlite_reader import open_reader
from watchdog.domain.errors import JournalError
from watchdog.domain.events import Record
from watchdog.domain.progress import RunEnded, StepIntended

# Seconds. Far more than it takes: only a daemon that hangs gets there.
PATIENCE = 40.0
TARGET = "shop"
E = TypeVar("E")
Words = Mapping[str, Any]


@dataclass(slots=True)
class Site:
    """Where one daemon after the other works. `environ` is what it gets besides our own."""

    folder: Path
    api: AdminApi
    environ: dict[str, str] = field(default_factory=dict)
    words: tuple[str, ...] = ()
    listen: str = ""
    process: asyncio.subprocess.Process | None = None

    # -- its files

    @property
    def file(self) -> Path:
        return self.folder / "daemon.yaml"

    @property
    def journal(self) -> Path:
        return self.folder / "state/journal.db"

    @property
    def log(self) -> str:
        path = self.folder / "daemon.log"
        return path.read_text() if path.exists() else ""

    def write(self, *targets: Words, **settings: object) -> None:
        """The daemon's file, and one for each target. JSON is YAML, too."""
        (self.folder / "state").mkdir(exist_ok=True)
        for target in targets:
            self.write_target(target)
        own: dict[str, object] = {
            "journal": {"path": "state/journal.db"},
            "targets": [f"target-{target['target']}.yaml" for target in targets],
            "limits": {"per_hour": 1000},
            # Fifty targets of one test break at once, and half of them must fail.
            "breaker": {
                "unknown": "99%",
                "targets_firing": "1000 in 2m",
                "failed_plans": "1000 in 24h",
            },
            "channels": {"pager": {"use": "webhook", "url": f"{self.api.base}/pager"}},
            "defaults": {"notify": [{"to": ["pager"]}]},
        }
        self.file.write_text(json.dumps(own | settings))

    def write_target(self, target: Words) -> None:
        """The file of one target, anew."""
        (self.folder / f"target-{target['target']}.yaml").write_text(json.dumps(target))

    # -- the daemon

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[asyncio.subprocess.Process]:
        """A daemon that watches; killed at the end of the block if it still lives."""
        watching = self.log.count('"event": "watching"')
        async with daemon(self.file, *self.words, environ=self.environ) as self.process:
            await self.until(
                lambda: self.log.count('"event": "watching"') > watching, "the daemon watches"
            )
            yield self.process

    async def until(
        self, condition: Callable[[], bool], what: str, seconds: float = PATIENCE
    ) -> None:
        """Return once `condition()` is true; fail, with the log, where it never is."""

        def over() -> bool:
            return condition() or self._gone

        try:
            await until(over, what, seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log}") from None
        assert condition(), f"the daemon ended before {what}\n{self.log}"

    @property
    def _gone(self) -> bool:
        return self.process is not None and self.process.returncode is not None

    async def kill(self) -> None:
        """End the daemon as `kill -9` does."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        await self.process.wait()

    async def stop(self) -> tuple[int, float]:
        """Ask the daemon to end: its exit code, and the seconds it took."""
        assert self.process is not None
        began = SystemClock().now()
        self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE):
            code = await self.process.wait()
        return code, SystemClock().now().since(began)

    async def command(self, *words: object) -> tuple[int, str, str]:
        """Run one command of ours to its end: exit code, standard output, standard error."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "watchdog", *map(str, words),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "NO_COLOR": "1", **self.environ},
        )  # fmt: skip
        try:
            async with asyncio.timeout(PATIENCE):
                out, err = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()

    # -- its pages

    async def open_pages(self) -> None:
        """The next daemon serves its pages, on a port that is free now."""
        self.listen = f"127.0.0.1:{await free_port()}"
        self.environ["ROLLBACK_WATCHDOG_LISTEN"] = self.listen

    async def page(self, path: str) -> tuple[int, str]:
        """The status and the text of one of the daemon's pages."""
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://{self.listen}{path}") as answer,
        ):
            return answer.status, await answer.text()

    async def until_ready_says(self, status: int, text: str) -> str:
        """What /readyz shows, once it answers `status` and shows `text`."""
        deadline = SystemClock().now().after(PATIENCE)
        while True:
            seen = await self.page("/readyz")
            if seen[0] == status and text in seen[1]:
                return seen[1]
            assert SystemClock().now().since(deadline) < 0, f"/readyz: {seen}\n{self.log}"
            await asyncio.sleep(0.05)

    # -- what its journal says

    async def records(self) -> Sequence[Record]:
        try:
            async with open_reader(self.journal, SystemClock()) as reader:
                return await reader.read()
        except JournalError:
            return ()

    async def events(self, kind: type[E], **fields: object) -> list[E]:
        """The events of one kind whose fields are these."""
        return [
            record.event
            for record in await self.records()
            if isinstance(record.event, kind)
            and all(getattr(record.event, name) == value for name, value in fields.items())
        ]

    async def until_event(self, kind: type[E], count: int = 1, **fields: object) -> E:
        """The last of at least `count` such events."""
        deadline = SystemClock().now().after(PATIENCE)
        while len(found := await self.events(kind, **fields)) < count:
            assert not self._gone, f"the daemon ended before {kind.__name__}\n{self.log}"
            late = SystemClock().now().since(deadline) > 0
            assert not late, f"no {kind.__name__} {fields}\n{self.log}"
            await asyncio.sleep(0.05)
        return found[-1]

    async def outcomes(self) -> dict[str, str]:
        """How each run ended, by its target."""
        return {event.target: event.outcome.value for event in await self.events(RunEnded)}

    async def assert_sound(self) -> None:
        """The journal is as it was written, and says of every POST that it was to be sent."""
        assert await asyncio.to_thread(lambda: verify(self.journal).ok)
        intended: dict[str, float] = {}
        for record in await self.records():
            if isinstance(record.event, StepIntended):
                intended.setdefault(record.event.key, record.at.elapsed)
        for asked in self.api.posts():
            key = asked.headers["Idempotency-Key"]
            assert intended[key] < asked.at, f"{asked} went out before its intent was written"


@asynccontextmanager
async def a_site(folder: Path) -> AsyncIterator[Site]:
    """An empty folder, and the API at work."""
    async with admin_api() as api:
        yield Site(folder, api)


def a_step(api: AdminApi, step: str, repeat: str = "observable", **more: object) -> dict[str, Any]:
    """A step that asks the API for TARGET/STEP."""
    url = f"{api.base}/do/{step}"
    entry: dict[str, Any] = {"name": step, "use": "http", "with": {"url": url}}
    if repeat == "observable":
        entry |= {"done_when": {"get": url, "json": {"done": True}}, "settle": "300ms"}
    return {**entry, "repeat": repeat, "timeout": "20s", **more}


def a_target(
    api: AdminApi, *steps: Words, name: str = TARGET, plan: Words | None = None, **more: object
) -> dict[str, Any]:
    """An armed target whose steps run as soon as two looks find it unhealthy.

    Only a latch, or the firing it has dealt with already, keeps it from running them again.
    """
    health = {"use": "http", "url": f"{api.base}/health/{name}", "every": "200ms", "timeout": "5s"}
    proof = {"signal": "healthy", "is": "ok", "samples": 2, "pause": "50ms", "within": "2s"}
    undo = {
        "steps": steps,
        "verify": [proof],
        "verify_trigger": False,
        "watch": {"short": "0s", "long": "0s"},
    }
    down = {"signal": "healthy", "fails": 2, "severity": "critical", "plan": "undo"}
    return {
        "target": name,
        "mode": "auto",
        "armed_by": "the fault tests",
        "sources": {"health": health},
        "signals": {"healthy": {"from": "health"}},
        "triggers": {"down": {**down, "keep_firing_for": "1s"}},
        "plans": {"undo": {**undo, **(plan or {})}},
        "limits": {"per_hour": 100, "per_day": 100, "cooldown": "0s"},
        **more,
    }
