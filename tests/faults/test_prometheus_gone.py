"""Prometheus is gone for ten minutes, and the service is well: nothing is rolled back."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.bed.metrics_page import MetricsPage, metrics_page
from tests.bed.prometheus import Prometheus, start_prometheus
from tests.faults.site import TARGET, Site, a_step
from watchdog.adapters.clock import SystemClock
from watchdog.domain.events import RunStarted, SourceSeesAgain, SourceWentBlind, TriggerChanged
from watchdog.domain.progress import RunEnded
from watchdog.domain.trigger import Change

# One divisor for every duration of the file.
SPEED = 40.0
HOLD = 180.0
OUTAGE = 600.0
MEND = f"{TARGET}/mend"
WELL = 0.001
BAD = 0.5


def here(seconds: float) -> float:
    """What `seconds` of the file take in the test."""
    return seconds / SPEED


def elapsed() -> float:
    return SystemClock().now().elapsed


@pytest.fixture
async def page() -> AsyncIterator[MetricsPage]:
    """A service with three numbers, all of them good."""
    async with metrics_page() as page:
        for which in ("calm", "short", "lasting"):
            page.gauge("trouble", WELL, which=which)
        yield page


@pytest.fixture
async def prometheus(
    page: MetricsPage, tmp_path: Path, require_program: Callable[[str], str]
) -> AsyncIterator[Prometheus]:
    folder = tmp_path / "prometheus"
    folder.mkdir()
    async with start_prometheus(require_program("prometheus"), folder, [page.target]) as server:
        for which in ("calm", "short", "lasting"):
            await server.until_number(f'trouble{{which="{which}"}}')
        yield server


def the_file(site: Site, prometheus: Prometheus) -> dict[str, Any]:
    """A trigger and a signal for each number, and one plan for all."""
    names = ("calm", "short", "lasting")
    trigger = {"above": 0.1, "for": f"{HOLD}s", "severity": "critical", "plan": "undo"}
    return {
        "target": TARGET,
        "mode": "auto",
        "armed_by": "the fault tests",
        "sources": {"metrics": {"use": "prometheus", "url": prometheus.url, "every": "15s"}},
        "signals": {
            name: {"from": "metrics", "query": f'max(trouble{{which="{name}"}})'} for name in names
        },
        "triggers": {f"{name}-trouble": {"signal": name, **trigger} for name in names},
        "plans": {
            "undo": {
                "steps": [a_step(site.api, MEND)],
                "verify": [{"signal": "lasting", "below": 0.1}],
                "watch": {"short": "0s", "long": "0s"},
            }
        },
    }


@pytest.fixture
def watched(site: Site, prometheus: Prometheus) -> Site:
    site.write(the_file(site, prometheus))
    site.words = ("--speed", f"{SPEED:g}")
    return site


async def until_it_was_gone_for(site: Site, seconds: float, since: float) -> None:
    await site.until(lambda: elapsed() >= since + here(seconds), f"{seconds:g} s have gone by")


async def is_blind(site: Site) -> bool:
    """What its own metrics say."""
    _, shown = await site.page("/metrics")
    (line,) = [line for line in shown.splitlines() if line.startswith("watchdog_source_blind{")]
    return line.endswith(" 1.0")


async def test_ex_3_ten_minutes_without_prometheus_fire_nothing_and_are_told_once(
    watched: Site, page: MetricsPage, prometheus: Prometheus
) -> None:
    api = watched.api
    await watched.open_pages()
    async with watched.at_work():
        # Two begin to look bad just before the end, and one of them is well again in the dark.
        for which in ("short", "lasting"):
            page.gauge("trouble", BAD, which=which)
            trigger = f"{which}-trouble"
            await watched.until_event(TriggerChanged, trigger=trigger, change=Change.PENDING)
        await prometheus.stop()
        page.gauge("trouble", WELL, which="short")
        await until_it_was_gone_for(watched, OUTAGE, elapsed())
        sent_in_the_dark, told_in_the_dark = list(api.sent), list(api.told("blind"))
        _, status, _ = await watched.command("status", watched.file)
        assert "it sees nothing from metrics" in status
        assert await is_blind(watched)
        back = elapsed()
        await prometheus.start()
        await watched.until_event(SourceSeesAgain)
        # What was bad all along is bad still: it fires once it was watched for long enough.
        await watched.until(lambda: api.sent == [MEND], "it fires in the end")
        assert not await is_blind(watched)
        page.gauge("trouble", WELL, which="lasting")
        ended = await watched.until_event(RunEnded)
        code, _ = await watched.stop()

    assert sent_in_the_dark == []
    assert api.posts(MEND)[0].at - back >= here(HOLD)
    assert ended.outcome.value == "succeeded"
    (firing,) = await watched.events(TriggerChanged, change=Change.FIRING)
    assert firing.trigger == "lasting-trouble"
    lost = await watched.events(TriggerChanged, change=Change.PENDING_LOST)
    assert {each.trigger for each in lost} == {"short-trouble", "lasting-trouble"}
    assert len(await watched.events(RunStarted)) == 1
    assert_it_was_told_once(watched, told_in_the_dark)
    assert len(await watched.events(SourceWentBlind)) == 1
    assert code == 0
    await watched.assert_sound()


def assert_it_was_told_once(watched: Site, told_in_the_dark: list[dict[str, Any]]) -> None:
    """One message that it is blind, while it was, and one that it sees again."""
    (blind,) = told_in_the_dark
    assert watched.api.told("blind") == [blind]
    assert len(watched.api.told("seeing")) == 1
    assert blind["severity"] == "critical"
    for name in ("calm-trouble", "short-trouble", "lasting-trouble"):
        assert name in blind["text"]
