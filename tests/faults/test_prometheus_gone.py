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


async def test_ten_minutes_without_prometheus_roll_nothing_back_and_tell_once(
    watched: Site, page: MetricsPage, prometheus: Prometheus
) -> None:
    api = watched.api
    async with watched.at_work():
        # One begins to look bad just before the end, and is well again when it can be seen.
        page.gauge("trouble", BAD, which="short")
        await watched.until_event(TriggerChanged, trigger="short-trouble", change=Change.PENDING)
        await prometheus.stop()
        gone = elapsed()
        page.gauge("trouble", WELL, which="short")
        await until_it_was_gone_for(watched, OUTAGE, gone)
        told_meanwhile = list(api.told("blind"))
        await prometheus.start()
        await watched.until_event(SourceSeesAgain)
        await watched.until(lambda: bool(api.told("seeing")), "the channel hears of it")
        back = elapsed()
        # Long enough for whatever was pending to have fired.
        await until_it_was_gone_for(watched, 1.5 * HOLD, back)
        code, _ = await watched.stop()

    assert code == 0
    assert api.sent == []
    assert await watched.events(RunStarted) == []
    (blind,) = told_meanwhile
    assert api.told("blind") == [blind]
    assert len(api.told("seeing")) == 1
    assert blind["severity"] == "critical"
    for name in ("calm-trouble", "short-trouble", "lasting-trouble"):
        assert name in blind["text"]
    assert len(await watched.events(SourceWentBlind)) == 1
    changes = [event.change for event in await watched.events(TriggerChanged)]
    assert Change.FIRING not in changes
    assert changes[-1] is Change.PENDING_LOST


async def test_what_was_pending_before_the_outage_must_hold_anew_after_it(
    watched: Site, page: MetricsPage, prometheus: Prometheus
) -> None:
    api = watched.api
    async with watched.at_work():
        page.gauge("trouble", BAD, which="lasting")
        await watched.until_event(TriggerChanged, trigger="lasting-trouble", change=Change.PENDING)
        await prometheus.stop()
        # Longer than it would have had to hold.
        await until_it_was_gone_for(watched, 1.2 * HOLD, elapsed())
        sent_meanwhile = list(api.sent)
        restarted = elapsed()
        await prometheus.start()
        await watched.until(lambda: api.sent == [MEND], "it fires in the end")
        page.gauge("trouble", WELL, which="lasting")
        ended = await watched.until_event(RunEnded)

    assert sent_meanwhile == []
    assert api.posts(MEND)[0].at - restarted >= here(HOLD)
    assert ended.outcome.value == "succeeded"
    assert api.sent == [MEND]
    await watched.assert_sound()
