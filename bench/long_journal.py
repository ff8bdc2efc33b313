"""The journal of a year: start, status and append with a million records behind them."""

import asyncio
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import aiohttp

from bench.figures import against_limit, quantile, say
from bench.process import peak_rss_mb
from bench.stand_in import stand_in
from bench.whole_daemon import daemon
from tests.bed.wire import free_port
from tests.bed.year import write_year
from watchdog.adapters.audit import verify
from watchdog.adapters.clock import SystemClock
from watchdog.adapters.journals.sqlite import SqliteJournal, open_journal
from watchdog.app.retaining import Keeping, Retention
from watchdog.domain.events import DaemonStopped
from watchdog.domain.ledger import Ledger

RECORDS, TARGETS, STARTS, ASKED = 1_000_000, 100, 5, 100
START_LIMIT_S, STATUS_LIMIT_S, APPEND_LIMIT_S = 3.0, 0.05, 0.06
# What is older than this goes; the rest of a year stays.
KEPT_DAYS = 335.0
PATIENCE = 600.0
DAY = 86400.0

_TARGET = """\
target: {name}
sources: {{metrics: {{use: prometheus, url: "{url}", every: 15s}}}}
signals: {{load: {{from: metrics, query: bench_load}}}}
triggers: {{errors: {{signal: load, above: 99, for: 1m, plan: undo}}}}
plans:
  undo:
    steps: [{{use: http, name: undo, with: {{url: "http://127.0.0.1:9/undo"}}, repeat: idempotent}}]
    verify: [{{signal: load, below: 5}}]
"""


async def measure() -> None:
    """Print how long a daemon takes on a journal of a year, and what else is done to it."""
    with TemporaryDirectory() as name:
        journal = Path(name) / "journal.db"
        began = time.monotonic()
        write_year(journal, RECORDS, ends=SystemClock().now().wall - 60, targets=TARGETS)
        size = journal.stat().st_size / 2**20
        say(f"a journal of {RECORDS:,} records, {size:.0f} MB ({time.monotonic() - began:.0f} s):")
        async with stand_in() as server:
            files = _files(Path(name), server)
            with TemporaryDirectory() as other:
                nothing = await _started(_files(Path(other), server))
            say(f"  start on an empty journal, {TARGETS} targets: {nothing[0]:.2f} s")
            first = await _started(files)
            say(f"  first start, everything read and proved, no snapshot: {first[0]:.1f} s")
            found = [await _started(files) for _ in range(STARTS)]
        starts, statuses = [one[0] for one in found], [s for one in found for s in one[1]]
        against_limit(f"start until ready, worst of {STARTS}", max(starts), START_LIMIT_S, "s")
        say(f"  the median of them: {statistics.median(starts):.2f} s")
        half, most = quantile(statuses, 0.5), quantile(statuses, 0.99)
        against_limit(f"status of {TARGETS} targets over HTTP, p50", half, STATUS_LIMIT_S, "s")
        against_limit("the same, p99, while the chain is proved", most, STATUS_LIMIT_S, "s")
        say(f"  memory at most: {max(one[2] for one in found):.0f} MB")
        alone, beside, removed = await _retained(journal)
        say(f"  append alone: p50 {1000 * statistics.median(alone):.1f} ms")
        say(f"  retention of a month ({removed:,} records) beside it:")
        against_limit("append, p99", quantile(beside, 0.99), APPEND_LIMIT_S, "s")
        began = time.monotonic()
        whole = await asyncio.to_thread(verify, journal)
        took = time.monotonic() - began
        say(f"  audit verify: {'ok' if whole.ok else whole.problem}, {took:.0f} s")


def _files(folder: Path, url: str) -> Sequence[Path]:
    """A file for each target, with the daemon's own."""
    names = [f"shop-{number}" for number in range(TARGETS)]
    files = [folder / f"{name}.yaml" for name in names]
    for name, file in zip(names, files, strict=True):
        file.write_text(_TARGET.format(name=name, url=url))
    return files


async def _started(files: Sequence[Path]) -> tuple[float, list[float], float]:
    """Seconds until ready, and for each status after that; MiB at most."""
    port = await free_port()
    began = time.monotonic()
    async with daemon(files, f"127.0.0.1:{port}") as process, aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{port}"
        async with asyncio.timeout(PATIENCE):
            while not await _is_ready(session, url):
                if process.returncode is not None:
                    raise RuntimeError(f"no daemon; see {files[0].parent}/daemon.log")
                await asyncio.sleep(0.01)
        taken = time.monotonic() - began
        asked = []
        for _ in range(ASKED):
            before = time.monotonic()
            async with session.get(f"{url}/api/v1/status") as response:
                await response.read()
            asked.append(time.monotonic() - before)
            await asyncio.sleep(0.02)
        return taken, asked, peak_rss_mb(process.pid)


async def _is_ready(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(f"{url}/readyz") as response:
            return response.status == 200
    except aiohttp.ClientConnectionError:
        return False


async def _retained(journal: Path) -> tuple[list[float], list[float], int]:
    """How long appends take alone and beside a pass of retention; how much it removed."""
    clock = SystemClock()
    async with open_journal(journal, clock) as opened:
        alone = [await _append(opened) for _ in range(ASKED)]
        beside: list[float] = []
        keeping = Keeping(KEPT_DAYS * DAY, journal.parent / "archive")
        retention = Retention(opened, clock, Ledger(), keeping, say, pause=0.05)
        async with asyncio.TaskGroup() as tasks:
            removing = tasks.create_task(retention.once())
            while not removing.done():
                beside.append(await _append(opened))
                await asyncio.sleep(0.02)
    return alone, beside, removing.result()


async def _append(journal: SqliteJournal) -> float:
    before = time.monotonic()
    await journal.append(DaemonStopped("bench"))
    return time.monotonic() - before
