"""Fifty runs at once in the real daemon: how soon each begins, and whether they hold others up."""

import asyncio
import json
import os
import statistics
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from aiohttp import web

from bench.figures import against_limit, quantile, say
from bench.process import cpu_seconds
from bench.whole_daemon import daemon
from tests.bed.by_health import target_by_health
from tests.bed.wire import free_port
from watchdog.adapters.clock import SystemClock
from watchdog.adapters.sqlite_reader import open_reader
from watchdog.domain.events import BreakerOpened, Decided, RunEnded, RunStarted
from watchdog.domain.progress import Outcome

TOGETHER, ALONE = 50, 7
FIRST_EFFECT_LIMIT_S, DELAY_LIMIT_PERCENT = 0.25, 10.0
# How long the API takes for a step, and seconds between two looks at health.
_STEP_TAKES, _EVERY = 1.0, 1.0
_STEPS = ("flag-off", "shift", "restart")
_PATIENCE = 120.0
# Far more than it takes to begin every run that will ever begin.
_SETTLED = 10.0
_RAISED = {
    "limits": {"per_hour": 1000},
    "breaker": {"unknown": "99%", "targets_firing": "1000 in 2m", "failed_plans": "1000 in 24h"},
}
_SOUND: Sequence[str] = [f"shop-{number}" for number in range(TOGETHER)]
_SINGLE: Sequence[str] = [f"alone-{number}" for number in range(ALONE)]


@dataclass(slots=True)
class Api:
    """Of each target: whether it is sick, and when (elapsed seconds) each step was asked for."""

    sick: set[str] = field(default_factory=set)
    asked: dict[str, dict[str, float]] = field(default_factory=dict)

    async def health(self, request: web.Request) -> web.Response:
        """Sick until the last step was done."""
        return web.Response(status=503 if request.match_info["target"] in self.sick else 200)

    async def do(self, request: web.Request) -> web.Response:
        """One step; the answer comes once it is done."""
        target, step = request.match_info["target"], request.match_info["step"]
        self.asked.setdefault(target, {}).setdefault(step, SystemClock().now().elapsed)
        await asyncio.sleep(_STEP_TAKES)
        if step == _STEPS[-1]:
            self.sick.discard(target)
        return web.json_response({})


@dataclass(frozen=True, slots=True)
class Course:
    """One run, in elapsed seconds."""

    target: str
    decided: float
    started: float
    ended: float
    first_effect: float
    outcome: Outcome


async def measure() -> None:
    """Print the start and the length of runs, one alone and fifty at once; and what defaults do."""
    async with _api() as (api, url):
        with TemporaryDirectory() as name:
            alone, together, used = await _raised(Path(name), api, url)
        with TemporaryDirectory() as name:
            begun, breaker = await _by_default(Path(name), api, url)
    load = os.getloadavg()[0]
    say(f"{TOGETHER} runs at once in one daemon (load of the machine: {load:.1f}):")
    say(f"  all of them under way at once for {_overlap(together):.1f} s")
    late = [1000 * (one.first_effect - one.decided) for one in together]
    half = quantile(late, 0.5)
    say(f"  decision to the first effect, p50: {half:.0f} ms")
    worst = quantile(late, 0.99)
    against_limit("the same, p99", worst, 1000 * FIRST_EFFECT_LIMIT_S, "ms")
    base = statistics.median(_lengths(alone))
    most = max(_lengths(together))
    say(f"  a run alone: {base:.2f} s (median of {ALONE}); longest of {TOGETHER}: {most:.2f} s")
    against_limit(
        "longest run, beyond one alone", 100 * (most / base - 1), DELAY_LIMIT_PERCENT, "%"
    )
    failed = [one.target for one in (*alone, *together) if one.outcome is not Outcome.SUCCEEDED]
    say(f"  CPU of the daemon for one of them: {1000 * used / TOGETHER:.0f} ms")
    say(f"  not succeeded: {len(failed)} of {ALONE + TOGETHER}")
    say(f"the same {TOGETHER} targets with the default limits and breaker:")
    against_limit("runs that began", begun, 3, "runs")
    say(f"  the breaker: {breaker or 'CLOSED'}")


def _lengths(courses: Sequence[Course]) -> list[float]:
    return [one.ended - one.started for one in courses]


def _overlap(courses: Sequence[Course]) -> float:
    return min(one.ended for one in courses) - max(one.started for one in courses)


async def _raised(folder: Path, api: Api, url: str) -> tuple[list[Course], list[Course], float]:
    """With limits that let all begin: the runs alone, those at once, and CPU seconds of these."""
    file = _write(folder, url, _RAISED)
    async with daemon([file], f"127.0.0.1:{await free_port()}") as process:
        await _watching(folder)
        for target in _SINGLE:
            api.sick.add(target)
            await _until(lambda target=target: target not in api.sick)  # type: ignore[misc]
            await _ended(folder, [target])
        api.sick |= set(_SOUND)
        before = cpu_seconds(process.pid)
        await _ended(folder, _SOUND)
        used = cpu_seconds(process.pid) - before
        courses = await _courses(folder, api)
    return [courses[one] for one in _SINGLE], [courses[one] for one in _SOUND], used


async def _by_default(folder: Path, api: Api, url: str) -> tuple[int, str]:
    """How many runs began, and why the breaker opened."""
    file = _write(folder, url, {})
    async with daemon([file], f"127.0.0.1:{await free_port()}"):
        await _watching(folder)
        api.sick |= set(_SOUND)
        await asyncio.sleep(_SETTLED)
        async with open_reader(folder / "journal.db", SystemClock()) as reader:
            begun = await reader.read(kinds=[RunStarted])
            opened = await reader.read(kinds=[BreakerOpened])
    api.sick.clear()
    return len(begun), next((r.event.why for r in opened if isinstance(r.event, BreakerOpened)), "")


def _write(folder: Path, url: str, settings: dict[str, object]) -> Path:
    """The daemon's file, and one for each target. JSON is YAML, too."""
    for name in (*_SINGLE, *_SOUND):
        (folder / f"{name}.yaml").write_text(json.dumps(_target(name, f"{url}/{name}")))
    own = {"journal": {"path": "journal.db"}, "targets": ["alone-*.yaml", "shop-*.yaml"]}
    file = folder / "daemon.yaml"
    file.write_text(json.dumps(own | settings))
    return file


def _target(name: str, url: str) -> dict[str, object]:
    steps = [
        {"name": step, "use": "http", "with": {"url": f"{url}/do/{step}"}, "repeat": "idempotent"}
        for step in _STEPS
    ]
    health, every = f"{url}/health", f"{_EVERY:g}s"
    return target_by_health(name, health, steps, every=every, samples=3, pause="1s", within="30s")


@asynccontextmanager
async def _api() -> AsyncIterator[tuple[Api, str]]:
    api, app = Api(), web.Application()
    app.router.add_get("/{target}/health", api.health)
    app.router.add_post("/{target}/do/{step}", api.do)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    try:
        yield api, f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def _watching(folder: Path) -> None:
    """Until the daemon watches, and has looked at every target twice."""
    log = folder / "daemon.log"
    await _until(lambda: '"event": "watching"' in log.read_text())
    await asyncio.sleep(3 * _EVERY)


async def _ended(folder: Path, targets: Sequence[str]) -> None:
    """Until the runs of these targets are over. Asked seldom: it shares the machine."""
    async with asyncio.timeout(_PATIENCE):
        while True:
            if await _are_over(folder, targets):
                return
            await asyncio.sleep(1.0)


async def _are_over(folder: Path, targets: Sequence[str]) -> bool:
    async with open_reader(folder / "journal.db", SystemClock()) as reader:
        records = await reader.read(kinds=[RunEnded])
    over = {record.event.target for record in records if isinstance(record.event, RunEnded)}
    return over.issuperset(targets)


async def _courses(folder: Path, api: Api) -> dict[str, Course]:
    async with open_reader(folder / "journal.db", SystemClock()) as reader:
        records = await reader.read(kinds=[Decided, RunStarted, RunEnded])
    decided: dict[str, float] = {}
    started: dict[str, float] = {}
    courses = {}
    for record in records:
        match record.event:
            case Decided(target=target, refusal=""):
                decided[target] = record.at.elapsed
            case RunStarted(target=target):
                started[target] = record.at.elapsed
            case RunEnded(target=target, outcome=outcome):
                courses[target] = Course(
                    target,
                    decided[target],
                    started[target],
                    record.at.elapsed,
                    api.asked[target][_STEPS[0]],
                    outcome,
                )
    return courses


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(_PATIENCE):
        while True:
            if condition():
                return
            await asyncio.sleep(0.05)
