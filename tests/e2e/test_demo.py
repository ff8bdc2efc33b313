"""The demonstration, as a person starts it."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.bed.patience import until

MILESTONES = ["breach", "detected", "decided", "first call", "verified", "stable"]
_LINE = re.compile(r"^ *([+-]\d+\.\d\d) s  (\w+(?: call)?) ", re.MULTILINE)


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # Short: the path of a socket in it has 107 bytes at most.
    return tmp_path_factory.mktemp("demo")


async def demo(*arguments: str, folder: Path, path: str | None = None) -> tuple[int, str]:
    """The exit code of `demo`, and what it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "watchdog", "demo", *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "TMPDIR": str(folder), **({} if path is None else {"PATH": path})},
    )  # fmt: skip
    async with asyncio.timeout(110):
        shown, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, shown.decode()


def assert_everything_was_shown(code: int, shown: str) -> None:
    assert code == 0, shown
    assert "NO " not in shown
    assert "\x1b" not in shown
    timeline = shown.partition("\nTimeline\n")[2].partition("\nWhat the admin API")[0]
    lines = _LINE.findall(timeline)
    assert [word for _, word in lines] == MILESTONES
    seconds = [float(at) for at, _ in lines]
    assert seconds == sorted(seconds)
    wrote = shown.partition("What the admin API wrote down")[2].partition("Act 2")[0]
    assert re.findall(r"POST (/\S+)", wrote) == [
        "/admin/emergency/disable-hybrid-routing",
        "/admin/config/routing-override",
        "/admin/notifications/emergency",
    ]
    dark = shown.partition("Act 2")[2]
    assert len(re.findall(r" s  blind ", dark)) == 1
    assert "0 calls, 1 alert" in dark
    *_, verdict, report = shown.strip().splitlines()
    assert verdict.startswith("Rolled back and verified")
    assert "# Rollback incident report" in Path(report.removeprefix("Report: ")).read_text()


async def test_it_shows_a_verified_rollback_and_a_blind_watchdog_that_does_nothing(
    folder: Path,
) -> None:
    code, shown = await demo("--source", "scrape", "--speed", "100", folder=folder)

    assert "by the `scrape` source" in shown
    assert_everything_was_shown(code, shown)


async def test_it_uses_a_real_prometheus_where_there_is_one(
    folder: Path, require_program: Callable[[str], str]
) -> None:
    program = require_program("prometheus")
    code, shown = await demo(folder=folder)

    assert f"{program}, scraping every" in shown
    assert "Prometheus is gone" in shown
    assert_everything_was_shown(code, shown)


async def test_asking_for_a_prometheus_that_is_missing_says_what_to_do(folder: Path) -> None:
    code, shown = await demo("--source", "prometheus", folder=folder, path=str(folder))

    assert code == 2
    assert "no `prometheus` on PATH; install it, or use --source scrape" in shown


async def test_ending_it_leaves_nothing_running(folder: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "watchdog", "demo", "--source", "scrape",
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL, env={**os.environ, "TMPDIR": str(folder)},
    )  # fmt: skip
    await until(lambda: bool(daemons_of(folder)), "the daemon runs", 60)
    process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(60):
        code = await process.wait()

    assert code == 130
    assert daemons_of(folder) == []


def daemons_of(folder: Path) -> list[str]:
    """The processes whose command line names something in `folder`."""
    found = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = process.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in line:
            found.append(line)
    return found
