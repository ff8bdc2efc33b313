"""docs/getting-started.md, as a new user types it, beside a Prometheus with a past."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from subprocess import DEVNULL, PIPE, STDOUT, Popen, run

from tests.bed.backfilled import Past, backfilled_prometheus
from tests.bed.metrics_page import Load, metrics_page, under_load
from tests.bed.shop import wait_until
from watchdog.adapters.clock import SystemClock

PAGE = (Path(__file__).parents[2] / "docs/getting-started.md").read_text()
HOUR, MINUTE = 3600, 60
# Hours before now at which an incident began, and how many minutes each took.
INCIDENTS = ((9.0, 35), (3.0, 25))
BOUNDS = {"0.1": 0.5, "0.25": 1.0, "0.5": 1.0, "1.0": 1.0, "10.0": 1.0, "+Inf": 1.0}
SLOW = {"0.1": 0.1, "0.25": 0.2, "0.5": 0.3, "1.0": 0.5, "10.0": 1.0, "+Inf": 1.0}
A_MINUTE = 2400
DAY = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def spells(now: float) -> list[tuple[float, float]]:
    """From when until when each incident was."""
    begun = [(now - hours * HOUR, minutes * MINUTE) for hours, minutes in INCIDENTS]
    return [(start, start + seconds) for start, seconds in begun]


def past_of(instance: str, now: float) -> Past:
    """Twelve hours of requests and their durations, until a minute ago."""
    labels = f'instance="{instance}",job="bed"'
    counted = dict.fromkeys(("200", "500", *BOUNDS), 0.0)
    past: dict[str, list[tuple[float, float]]] = {}
    for minute in range(12 * 60):
        at = now - 12 * HOUR + minute * MINUTE
        bad = any(start <= at < end for start, end in spells(now))
        counted["500"] += A_MINUTE * (0.06 if bad else 0.001)
        counted["200"] += A_MINUTE * (0.94 if bad else 0.999)
        for bound, share in (SLOW if bad else BOUNDS).items():
            counted[bound] += A_MINUTE * share
        for key, value in counted.items():
            name = (
                f'http_request_duration_seconds_bucket{{le="{key}",{labels}}}'
                if key in BOUNDS
                else f'http_requests_total{{code="{key}",{labels}}}'
            )
            past.setdefault(name, []).append((at, value))
        past.setdefault(f"up{{{labels}}}", []).append((at, 1.0))
    return past


@dataclass
class NewUser:
    """Types what the page says into one shell after the other, with its placeholders replaced."""

    folder: Path
    replaced: Sequence[tuple[str, str]]
    exports: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        program = self.folder / "bin" / "rollback-watchdog"
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -m watchdog "$@"\n')
        program.chmod(0o755)
        self.environ = {
            "PATH": f"{program.parent}:{os.environ['PATH']}",
            "HOME": str(self.folder),
            "PYTHONPATH": str(Path(__file__).parents[2]),
        }

    def types(self, block: str) -> str:
        """What it prints; it has to end well."""
        done = run(
            self._argv(block), cwd=self.folder, env=self.environ, stdin=DEVNULL,
            stdout=PIPE, stderr=STDOUT, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{block}\n{done.stdout}"
        self.exports += re.findall(r"^export .*$", self._meant(block), re.MULTILINE)
        return done.stdout

    @contextmanager
    def leaves_running(self, block: str) -> Iterator[None]:
        """Beside the rest, until Ctrl-C; then it has to end well, too."""
        log = self.folder / "run.log"
        argv = self._argv(f"exec {block}")
        with (
            log.open("wb") as stream,
            Popen(
                argv, cwd=self.folder, env=self.environ, stdin=DEVNULL, stdout=stream, stderr=stream
            ) as process,
        ):
            try:
                wait_until(lambda: '"watching"' in log.read_text(), "it watches", 60)
                yield
            finally:
                process.send_signal(signal.SIGINT)
        assert process.returncode == 0, log.read_text()

    def _argv(self, block: str) -> list[str]:
        script = "\n".join(["set -euo pipefail", *self.exports, self._meant(block)])
        return ["bash", "-c", script]

    def _meant(self, block: str) -> str:
        for placeholder, meant in self.replaced:
            assert placeholder in PAGE
            block = block.replace(placeholder, meant)
        return block


def shown(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@asynccontextmanager
async def new_user(folder: Path, require_program: Callable[[str], str]) -> AsyncIterator[NewUser]:
    programs = require_program("prometheus"), require_program("promtool")
    now = SystemClock().now().wall
    times = zip(
        DAY.findall(PAGE), (shown(at) for spell in spells(now) for at in spell), strict=True
    )
    load = Load(share_of_errors=0.001)
    async with metrics_page() as page, under_load(page, load):
        page.count(500)
        past = past_of(page.target, now)
        (folder / "prometheus").mkdir()
        server_at = backfilled_prometheus(*programs, folder / "prometheus", past, [page.target])
        async with server_at as server:
            await server.until_number("rate(http_requests_total{code='200'}[1m]) > 0")
            yield NewUser(
                folder,
                [
                    ("http://localhost:9090", server.url),
                    ("JOB=shop", "JOB=bed"),
                    ("kubectl rollout undo deployment/shop", "true"),
                    *times,
                ],
            )


def follow(user: NewUser) -> None:
    """Every command of the page, in its order."""
    install, have, first, look, cases, back, labelled, watch, status, card, plan = blocks("sh")
    assert "rollback-watchdog[backtest]" in install
    user.types(have)

    file = user.types(first)
    assert "slow: {signal: p95, above: " in file
    assert len((user.folder / "watchdog.yaml").read_text().splitlines()) == 30
    looked = user.types(look)
    assert "ok: target bed (alert-only): 3 triggers, 1 plan" in looked
    assert "\n0 wrong, " in looked
    assert "2 passed, 0 failed" in user.types(cases)
    tried = user.types(back)
    assert "nothing is known before " in tried
    assert "bed: errors-high (errors above 1 %, for 5m)\n  fired 2 times" in tried
    tried = user.types(labelled)
    assert "bed, all triggers together: detected 2 of 2 incidents, 0 false alarms" in tried
    assert "1 % (now)" in tried
    assert "database down" in (user.folder / "backtest.html").read_text()
    with user.leaves_running(watch):
        assert user.types(status).startswith("bed: would NOT act now\n")
        assert "0 of 3 triggers meet the bar" in user.types(card)
    assert "plan undo of target bed" in user.types(plan)

    path = user.folder / "watchdog.yaml"
    (armed,) = blocks("yaml")
    path.write_text(path.read_text().replace("mode: alert-only\n", armed))
    assert "ok: target bed (auto, armed by ann): " in user.types(
        "rollback-watchdog check watchdog.yaml"
    )


async def test_every_command_of_the_page_does_what_the_page_says(
    tmp_path: Path, require_program: Callable[[str], str]
) -> None:
    async with new_user(tmp_path, require_program) as user:
        await asyncio.to_thread(follow, user)
