"""The daemon as a process: memory, start to first evaluation, and breach to first call."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import aiohttp
from aiohttp import web

from bench.figures import against_limit, say
from bench.matrix import write_target
from bench.page import Page
from bench.process import cpu_seconds, rss_mb

WARM = 30.0
RSS_LIMIT_MB, START_LIMIT_S, DELAY_LIMIT_S = 70.0, 1.5, 0.2
BREACHES = 5

_BREACH = """\
target: breach
mode: auto
armed_by: bench
sources: {{metrics: {{use: prometheus, url: "{prometheus}", every: 500ms}}}}
signals: {{load: {{from: metrics, query: bench_load}}}}
triggers: {{high: {{signal: load, above: 5, for: 2s, plan: undo}}}}
plans:
  undo:
    steps: [{{use: http, name: undo, with: {{url: "{url}/undo"}}, repeat: idempotent}}]
    verify: [{{signal: load, below: 5}}]
"""


async def measure_size(prometheus: str) -> None:
    """Print memory, CPU and start of a daemon with 200 triggers every 5 s."""
    with TemporaryDirectory() as name:
        file = write_target(Path(name) / "target.yaml", prometheus, 200)
        started = time.monotonic()
        async with daemon([file], "127.0.0.1:19095") as process:
            first = await _first_round("http://127.0.0.1:19095") - started
            used = cpu_seconds(process.pid)
            await asyncio.sleep(WARM)
            share = (cpu_seconds(process.pid) - used) / WARM * 100
            rss = rss_mb(process.pid)
    say(f"daemon with 200 triggers every 5 s, over {WARM:g} s:")
    against_limit("memory (RSS)", rss, RSS_LIMIT_MB, "MB")
    against_limit("start to first evaluation", first, START_LIMIT_S, "s")
    say(f"  CPU: {share:.2f} % of one core")


async def measure_delay(prometheus: str, page: Page) -> None:
    """Print how long after `for` and one interval the first call came, breach by breach."""
    late = [await _one_breach(prometheus, page) for _ in range(BREACHES)]
    say(f"breach in Prometheus to the first call, beyond `for` + one interval ({BREACHES} times):")
    against_limit("worst", max(late), DELAY_LIMIT_S, "s")


async def _one_breach(prometheus: str, page: Page) -> float:
    called: asyncio.Event = asyncio.Event()

    async def undo(_: web.Request) -> web.Response:
        called.set()
        return web.json_response({})

    app = web.Application()
    app.router.add_post("/undo", undo)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    page.load.set(1.0)
    await _until_prometheus_sees(prometheus, 1.0)
    with TemporaryDirectory() as name:
        file = Path(name) / "watchdog.yaml"
        file.write_text(_BREACH.format(prometheus=prometheus, url=url))
        async with daemon([file], "127.0.0.1:19096"):
            await _first_round("http://127.0.0.1:19096")
            page.load.set(9.0)
            seen = await _until_prometheus_sees(prometheus, 9.0)
            async with asyncio.timeout(30):
                await called.wait()
            taken = time.monotonic() - seen
    await runner.cleanup()
    return taken - 2.0 - 0.5


async def _until_prometheus_sees(prometheus: str, value: float) -> float:
    async with aiohttp.ClientSession() as session:
        while True:
            query = {"query": "bench_load"}
            async with session.post(f"{prometheus}/api/v1/query", data=query) as response:
                result = (await response.json())["data"]["result"]
            if result and float(result[0]["value"][1]) == value:
                return time.monotonic()
            await asyncio.sleep(0.005)


async def _first_round(url: str) -> float:
    async with aiohttp.ClientSession() as session:
        while True:
            try:
                async with session.get(f"{url}/metrics") as response:
                    if "watchdog_last_round_timestamp_seconds{" in await response.text():
                        return time.monotonic()
            except aiohttp.ClientConnectionError:
                pass
            await asyncio.sleep(0.005)


@asynccontextmanager
async def daemon(files: Sequence[Path], listen: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The daemon for `files`, with its journal in the folder of the first."""
    folder = files[0].parent
    environ = {
        **os.environ,
        "STATE_DIRECTORY": str(folder),
        "ROLLBACK_WATCHDOG_LISTEN": listen,
    }
    with (folder / "daemon.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "watchdog", "run", *map(str, files)),
            stdout=log,
            stderr=log,
            env=environ,
        )
        try:
            yield process
        finally:
            process.terminate()
            await process.wait()
