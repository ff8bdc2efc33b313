"""From the answer that completes `for` to the first byte of the first rollback call."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from aiohttp import web

from bench.figures import against_limit, quantile, say
from watchdog.adapters.journals.sqlite import open_journal
from watchdog.adapters.secrets import EnvAndFileSecrets
from watchdog.app.eyes_and_hands import PluginEyes, PluginHands
from watchdog.app.loading import Files
from watchdog.app.opening import open_deps
from watchdog.domain.events import Record
from watchdog.domain.ledger import Ledger
from watchdog.domain.moment import Moment
from watchdog.domain.observation import Sample
from watchdog.domain.target import Target
from watchdog.engine.decider import Shared
from watchdog.engine.evaluator import Looked
from watchdog.engine.lane import Lane
from watchdog.ports import Deps

TIMES = 200
LIMITS_MS = {0.5: 15.0, 0.99: 60.0}

_FILE = """\
target: bench-{n}
mode: auto
armed_by: bench
sources: {{health: {{use: http, url: "{url}/health", every: 1s}}}}
signals: {{healthy: {{from: health, expect: {{status: 200}}}}}}
triggers: {{down: {{signal: healthy, fails: 3, plan: undo}}}}
plans:
  undo:
    steps: [{{use: http, name: undo, with: {{url: "{url}/undo"}}, repeat: idempotent}}]
    verify: [{{signal: healthy, is: ok}}]
"""


async def measure() -> None:
    """Print the quantiles over fresh lanes, with the journal on disk."""
    arrived: asyncio.Queue[float] = asyncio.Queue()

    async def undo(_: web.Request) -> web.Response:
        arrived.put_nowait(time.perf_counter())
        return web.json_response({})

    app = web.Application()
    app.router.add_post("/undo", undo)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    with TemporaryDirectory(dir=".") as name:
        taken = await _reactions(Path(name), url, arrived)
    await runner.cleanup()
    say(
        f"from the answer that completes `for` to the first byte of the first call ({TIMES} times):"
    )
    for share, limit in LIMITS_MS.items():
        against_limit(f"p{share * 100:g}", quantile(taken, share) * 1e3, limit, "ms")


async def _reactions(folder: Path, url: str, arrived: "asyncio.Queue[float]") -> list[float]:
    taken = []
    async with (
        open_deps(EnvAndFileSecrets()) as deps,
        open_journal(folder / "journal.db", deps.clock) as journal,
    ):
        ledger = Ledger()

        def learn(records: Sequence[Record]) -> None:
            ledger.replay(records)

        journal.listen(learn)
        shared = Shared(deps.clock, journal, ledger, say, global_per_hour=10 * TIMES)
        for n in range(TIMES):
            file = folder / f"{n}.yaml"
            file.write_text(_FILE.format(n=n, url=url))
            [target] = Files([file]).load().targets
            taken.append(await _reaction(target, shared, deps, arrived))
    return taken


async def _reaction(
    target: Target, shared: Shared, deps: Deps, arrived: "asyncio.Queue[float]"
) -> float:
    eyes = PluginEyes(deps)
    eyes.prepare(target)
    lane = Lane(target, shared, eyes, PluginHands(deps))
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(lane.run())
        now = deps.clock.now()
        for slot in range(2):
            lane.post(_failed(slot, now))
        await lane.order(_nothing)
        started = time.perf_counter()
        lane.post(_failed(2, now))
        async with asyncio.timeout(10):
            taken = await arrived.get() - started
        task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    await eyes.close()
    return taken


def _failed(slot: int, now: Moment) -> Looked:
    return Looked("health", slot, Moment(now.elapsed + slot, now.wall), {"healthy": Sample((0.0,))})


async def _nothing() -> None:
    """Done once all rounds before it were."""
