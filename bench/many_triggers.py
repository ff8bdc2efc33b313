"""The curve from 1,000 to 10,000 triggers every 15 s, in the real daemon process.

BENCH_MINUTES: how long each size is watched (2 by default; 10 for the figure that is promised).
"""

import asyncio
import os
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import aiohttp

from bench.figures import quantile, say
from bench.matrix import write_targets
from bench.page import Page
from bench.process import cpu_seconds, peak_rss_mb, rss_mb
from bench.stand_in import set_mood, stand_in
from bench.whole_daemon import daemon
from tests.bed.prometheus import Prometheus
from tests.bed.wire import free_port
from watchdog.adapters.clock import SystemClock
from watchdog.adapters.sqlite_reader import open_reader
from watchdog.domain.events import Decided, TriggerChanged
from watchdog.domain.trigger import Change

SIZES = (1_000, 2_500, 5_000, 10_000)
PER_TARGET = 100
EVERY = 15.0
MINUTES = float(os.environ.get("BENCH_MINUTES", "2"))
# A whole number of slots, so that each is looked at as often as it has any.
WINDOW = max(4, round(MINUTES * 60 / EVERY)) * EVERY
CPU_LIMIT, RSS_LIMIT, LATE_LIMIT = 20.0, 200.0, 1.0
# Of the canaries: long enough to fire at the second look, and to be over again.
_IN_BREACH, _CALM = 2.2 * EVERY, 2.8 * EVERY
_STARTED_WITHIN = 180.0
_LAST_ROUND = re.compile(r"^watchdog_last_round_timestamp_seconds\{.*} (\S+)", re.MULTILINE)
_PULSE = 0.25

# Sets `bench_load` everywhere to what is a breach, or is none.
Mood = Callable[[str], Awaitable[None]]
CALM, BREACH = "calm", "breach"


@dataclass(frozen=True, slots=True)
class Row:
    """One size: CPU in percent of a core, memory in MiB, times in seconds."""

    triggers: int
    started: float
    cpu: float
    rss: float
    peak: float
    skipped: float
    looks: float
    expected: float
    decisions: Sequence[float]
    deaf: float


async def measure(server: Prometheus, page: Page) -> None:
    """Print the curve over the stand-in, and over a real Prometheus that scrapes `page`."""

    async def real(mood: str) -> None:
        page.load.set(9.0 if mood == BREACH else 1.0)

    async with stand_in() as url:
        say(_title("a stand-in that answers at once"))
        for size in SIZES:
            _say(await _one(size, url, partial(set_mood, url)))
    say(_title("a real Prometheus on the same cores"))
    for size in SIZES:
        used, since = cpu_seconds(server.process.pid), time.monotonic()
        _say(await _one(size, server.url, real))
        share = (cpu_seconds(server.process.pid) - used) / (time.monotonic() - since) * 100
        say(f"             Prometheus itself: {share:.0f} % of one core")


def _title(source: str) -> str:
    return (
        f"daemon with triggers every {EVERY:g} s, {PER_TARGET} a target, {WINDOW / 60:.3g} minutes "
        f"a size, over {source}\n"
        f"  (limits at 10,000: CPU {CPU_LIMIT:g} % of one core, RSS {RSS_LIMIT:g} MB, no slot "
        f"missed, decided {LATE_LIMIT:g} s after the slot; x is the share of the limit)\n"
        "  triggers |  CPU % of a core |      RSS MB (peak) | missed | judged | decided after the "
        "slot: p50, p99, worst s | deaf s | start s"
    )


def _say(row: Row) -> None:
    late = [quantile(row.decisions, share) for share in (0.5, 0.99, 1.0)]
    say(
        f"  {row.triggers:>8} | {row.cpu:6.2f} {row.cpu / CPU_LIMIT:6.2f}x"
        f"   | {row.rss:6.1f} ({row.peak:.1f}) {row.peak / RSS_LIMIT:.2f}x"
        f" | {row.skipped:6g} | {row.looks / row.expected:6.1%}"
        f" | {late[0]:.3f}, {late[1]:.3f}, {late[2]:.3f} of {len(row.decisions)}"
        f" {late[2] / LATE_LIMIT:.2f}x | {row.deaf:6.2f} | {row.started:.1f}"
    )


async def _one(size: int, prometheus: str, mood: Mood) -> Row:
    await mood(CALM)
    with TemporaryDirectory() as name:
        folder = Path(name)
        files = write_targets(folder, prometheus, size, per_target=PER_TARGET)
        address = f"127.0.0.1:{await free_port()}"
        began = time.monotonic()
        async with daemon(files, address) as process, aiohttp.ClientSession() as session:
            url = f"http://{address}"
            await _all_looked(session, url, len(files))
            started = time.monotonic() - began
            # Two rounds to settle: the first look of all of them comes at once.
            await asyncio.sleep(2 * EVERY)
            before, skipped = await _judged(session, url)
            used, since = cpu_seconds(process.pid), time.monotonic()
            deaf = await _watched(url, mood)
            taken = time.monotonic() - since
            share = (cpu_seconds(process.pid) - used) / taken * 100
            rss = rss_mb(process.pid)
            after, skipped_after = await _judged(session, url)
            peak = peak_rss_mb(process.pid)
        decisions = await _decisions(folder / "journal.db")
    return Row(
        triggers=size,
        started=started,
        cpu=share,
        rss=rss,
        peak=peak,
        skipped=skipped_after - skipped,
        looks=after - before,
        expected=size * taken / EVERY,
        decisions=decisions,
        deaf=deaf,
    )


async def _watched(url: str, mood: Mood) -> float:
    """Have every canary fire and calm down, again and again; the longest that it did not answer."""
    silences: list[float] = []
    async with asyncio.TaskGroup() as tasks:
        pulse = tasks.create_task(_listen(url, silences))
        with suppress(TimeoutError):
            async with asyncio.timeout(WINDOW):
                while True:
                    await mood(BREACH)
                    await asyncio.sleep(_IN_BREACH)
                    await mood(CALM)
                    await asyncio.sleep(_CALM)
        pulse.cancel()
    return max(silences)


async def _listen(url: str, silences: list[float]) -> None:
    """Ask for a page that costs nothing, often: what it waits for is the event loop."""
    async with aiohttp.ClientSession() as session:
        while True:
            asked = time.monotonic()
            async with session.get(f"{url}/livez") as response:
                await response.read()
            silences.append(time.monotonic() - asked)
            await asyncio.sleep(_PULSE)


async def _all_looked(session: aiohttp.ClientSession, url: str, targets: int) -> None:
    async with asyncio.timeout(_STARTED_WITHIN):
        while True:
            with suppress(aiohttp.ClientConnectionError):
                text = await _page(session, url)
                rounds = re.findall(
                    r"^watchdog_last_round_timestamp_seconds\{.*} (\S+)", text, re.MULTILINE
                )
                if sum(float(each) > 0 for each in rounds) == targets:
                    return
            await asyncio.sleep(0.5)


async def _judged(session: aiohttp.ClientSession, url: str) -> tuple[float, float]:
    """How many looks were judged so far, and how many slots were missed."""
    text = await _page(session, url)
    judged = re.findall(r"^watchdog_evaluations_total\{.*} (\S+)", text, re.MULTILINE)
    missed = re.findall(r"^watchdog_missed_slots_total (\S+)", text, re.MULTILINE)
    return sum(map(float, judged)), float(missed[0])


async def _page(session: aiohttp.ClientSession, url: str) -> str:
    async with session.get(f"{url}/metrics") as response:
        return await response.text()


async def _decisions(journal: Path) -> list[float]:
    """Seconds from the start of the slot to each decision about a canary that fired."""
    async with open_reader(journal, SystemClock()) as reader:
        records = await reader.read(kinds=[TriggerChanged, Decided])
    slots: dict[str, float] = {}
    late = []
    for record in records:
        match record.event:
            case TriggerChanged(target=target, change=Change.FIRING, evidence=evidence):
                slots[target] = evidence[-1].at
            case Decided(target=target) if target in slots:
                late.append(record.at.wall - slots.pop(target))
    return late
