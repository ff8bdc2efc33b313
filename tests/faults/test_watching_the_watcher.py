"""Who waits for signs of life gets them while rounds go on, and within three intervals no more."""

import asyncio
import json
import os
import re
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from itertools import pairwise
from pathlib import Path

import pytest

from tests.bed.dead_man import TOKEN, DeadMan, dead_man
from tests.bed.patience import until
from tests.bed.systemd import Systemd, systemd
from tests.faults.site import TARGET, Site, a_step, a_target
from watchdog.adapters.clock import SystemClock
from watchdog.domain.ailments import AilmentFound, AilmentOver, Organ
from watchdog.domain.progress import RunEnded, RunStarted

ROOT = Path(__file__).parents[2]
# Seconds between two rounds of a target; three of them, and one, is what a stall may take.
EVERY = 0.2
STALL = 3 * EVERY + 1
# What a busy machine may take longer.
SLACK = 3.0
BEAT = 0.4


@pytest.fixture
async def man() -> AsyncIterator[DeadMan]:
    async with dead_man() as man:
        yield man


@pytest.fixture
async def manager(tmp_path: Path) -> AsyncIterator[Systemd]:
    async with systemd(tmp_path, watchdog=1.0) as manager:
        yield manager


def write(site: Site, man: DeadMan, **settings: object) -> None:
    """One target that is well, and the dead man."""
    heartbeat = {"url": man.url, "every": f"{BEAT}s", "timeout": "400ms"}
    step = a_step(site.api, f"{TARGET}/mend")
    site.write(a_target(site.api, step), heartbeat=heartbeat, **settings)


async def until_beats(man: DeadMan, more: int = 3) -> None:
    count = len(man.beats) + more
    await until(lambda: len(man.beats) >= count, f"{more} more beats", seconds=30)


async def test_beats_come_while_rounds_go_on_and_end_with_the_daemon(
    site: Site, man: DeadMan
) -> None:
    write(site, man)
    async with site.at_work():
        await until_beats(man, 5)
        await site.stop()
    count = len(man.beats)

    apart = [after - before for before, after in pairwise(man.beats)]
    assert min(apart[1:]) > BEAT / 2
    await asyncio.sleep(2 * BEAT)
    assert len(man.beats) == count


async def test_a_daemon_that_is_stopped_gives_no_sign_of_life_and_goes_on_afterwards(
    site: Site, man: DeadMan, manager: Systemd
) -> None:
    write(site, man)
    site.environ |= manager.environ
    await site.open_pages()
    async with site.at_work() as process:
        await until_beats(man)
        process.send_signal(signal.SIGSTOP)
        # While it sleeps the target breaks and mends itself: what it slept through is not acted on.
        site.api.bad.add(TARGET)
        stopped = SystemClock().now().elapsed
        await until(lambda: SystemClock().now().elapsed > stopped + STALL + 1, "time goes by")
        site.api.bad.clear()
        beats, signs = len(man.beats), len(manager.times("WATCHDOG=1"))
        assert man.beats[-1] <= stopped + STALL
        assert manager.times("WATCHDOG=1")[-1] <= stopped + 1

        process.send_signal(signal.SIGCONT)
        await until_beats(man)
        await until(lambda: len(manager.times("WATCHDOG=1")) > signs + 2, "signs of life")
        live = await site.page("/livez")

    assert len(man.beats) > beats
    assert live == (200, "ok\n")
    assert site.api.sent == []
    assert await site.events(RunStarted) == []


@asynccontextmanager
async def unwell(site: Site) -> AsyncIterator[asyncio.subprocess.Process]:
    """The daemon, in which a file of the folder makes something hang."""
    environ = {**os.environ, "STATE_DIRECTORY": str(site.folder), **site.environ}
    with (site.folder / "daemon.log").open("ab") as log:
        site.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.faults.unwell_daemon", str(site.file),
            stdout=log, stderr=log, env=environ, cwd=ROOT,
        )  # fmt: skip
    try:
        await site.until(lambda: '"event": "watching"' in site.log, "the daemon watches")
        yield site.process
    finally:
        with suppress(ProcessLookupError):
            site.process.send_signal(signal.SIGKILL)
        await site.process.wait()


@pytest.mark.parametrize("part", ["lane", "ticker"])
async def test_rounds_that_stop_while_the_loop_lives_end_every_sign_of_life(
    site: Site, man: DeadMan, manager: Systemd, part: str
) -> None:
    write(site, man)
    site.environ |= manager.environ
    await site.open_pages()
    async with unwell(site):
        await until_beats(man)
        assert await site.page("/livez") == (200, "ok\n")
        (site.folder / part).touch()
        hung = SystemClock().now().elapsed
        await until(lambda: man.quiet_for() > STALL + SLACK, "no more beats", seconds=60)
        live = await site.page("/livez")
        # It is found, and told; a hanging lane holds no message back.
        found = await site.until_event(AilmentFound, organ=Organ.ROUNDS, target=TARGET)
        await site.until(lambda: bool(site.api.told("ailing")), "the channel hears of it")

    assert man.beats[-1] <= hung + STALL + SLACK
    assert live[0] == 503
    assert f"{TARGET}/health: no round for" in live[1]
    assert manager.times("WATCHDOG=1")[-1] <= hung + STALL + SLACK
    assert manager.status.startswith("rounds have stopped")
    assert found.about == "health"


async def test_a_loop_that_hangs_gives_no_sign_of_life(
    site: Site, man: DeadMan, manager: Systemd
) -> None:
    write(site, man)
    site.environ |= manager.environ
    async with unwell(site):
        await until_beats(man)
        (site.folder / "loop").touch()
        hung = SystemClock().now().elapsed
        await until(lambda: man.quiet_for() > STALL, "no more beats", seconds=60)

    assert man.beats[-1] <= hung + BEAT + 1
    assert manager.times("WATCHDOG=1")[-1] <= hung + 1


async def test_a_journal_that_somebody_else_locks_ends_the_beats_until_it_is_free(
    site: Site, man: DeadMan
) -> None:
    write(site, man)
    await site.open_pages()
    async with site.at_work():
        await until_beats(man)
        with closing(sqlite3.connect(site.journal, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            site.api.bad.add(TARGET)
            # It wants to write that the target is in breach, and cannot.
            await until(lambda: man.quiet_for() > STALL, "no more beats", seconds=60)
            live, ready = await site.page("/livez"), await site.page("/readyz")
            assert 503 in {live[0], ready[0]}
            assert site.api.sent == []
            other.execute("ROLLBACK")
        await until_beats(man)
        await site.until_event(RunEnded)

    assert site.api.sent == [f"{TARGET}/mend"]


async def test_a_dead_man_who_does_not_answer_holds_nothing_back_and_is_told_of_once(
    site: Site, man: DeadMan
) -> None:
    man.silent = True
    write(site, man)
    await site.open_pages()
    async with site.at_work():
        site.api.bad.add(TARGET)
        ended = await site.until_event(RunEnded)
        await site.until_event(AilmentFound, organ=Organ.HEARTBEAT)
        page = (await site.page("/metrics"))[1]
        man.silent = False
        await site.until_event(AilmentOver, organ=Organ.HEARTBEAT)

    assert ended.outcome.value == "succeeded"
    failed = [float(n) for n in re.findall(r'heartbeats_total{result="failed"} (\S+)', page)]
    assert failed[0] >= 3
    assert len(await site.events(AilmentFound, organ=Organ.HEARTBEAT)) == 1


@pytest.mark.parametrize("by_reference", [False, True])
async def test_the_address_of_the_dead_man_is_shown_nowhere(
    site: Site,
    man: DeadMan,
    by_reference: bool,
) -> None:
    man.status = 500
    write(site, man)
    if by_reference:
        heartbeat = {"url": {"env": "DEAD_MAN"}, "every": f"{BEAT}s", "timeout": "400ms"}
        site.environ["DEAD_MAN"] = man.url
        site.write(a_target(site.api, a_step(site.api, f"{TARGET}/mend")), heartbeat=heartbeat)
    await site.open_pages()
    async with site.at_work():
        found = await site.until_event(AilmentFound, organ=Organ.HEARTBEAT)
        await site.until(lambda: bool(site.api.told("ailing")), "the channel hears of it")
        pages = [await site.page(path) for path in ("/metrics", "/api/v1/status", "/livez")]
        said = [await site.command("status", site.file), await site.command("check", site.file)]

    assert "500 Internal Server Error" in found.detail
    shown = json.dumps([*pages, *said, site.api.pages, site.log])
    assert man.beats
    assert TOKEN not in shown
    for file in site.journal.parent.iterdir():
        if file.is_file():
            assert TOKEN.encode() not in file.read_bytes()


async def test_the_service_manager_hears_of_start_reload_and_stop(
    site: Site, man: DeadMan, manager: Systemd
) -> None:
    write(site, man)
    site.environ |= manager.environ
    async with site.at_work() as process:
        await until(lambda: len(manager.times("WATCHDOG=1")) > 2, "signs of life", seconds=30)
        assert manager.status == "watching 1 target"
        process.send_signal(signal.SIGHUP)
        await until(lambda: manager.words.count("READY=1") == 2, "it is read again", seconds=30)
        code, _ = await site.stop()

    assert code == 0
    assert manager.words == ["READY=1", "RELOADING=1", "READY=1", "STOPPING=1"]
    signs = manager.times("WATCHDOG=1")
    # Half of what is asked for, and never much more.
    assert max(after - before for before, after in pairwise(signs)) < 1.0
