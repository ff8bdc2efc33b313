"""Acceptance on the shipped file: the immediate plan, asserted on the service's own journal."""

import re
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from tests.bed.end_block import assert_end_block
from tests.bed.hybrid import ERRORS, EVERY, SLACK, TOKEN, Scene, here, scene
from tests.bed.patience import until
from tests.bed.scenarios import scenario
from watchdog.domain.events import (
    CheckSampled,
    Decided,
    RunEnded,
    RunStarted,
    TriggerChanged,
    WatchEnded,
    WatchStarted,
)
from watchdog.domain.progress import Outcome, Proof, Stage
from watchdog.domain.trigger import Change
from watchdog.testing.hybrid_service import DISABLE, FLAGS, HEALTH, NOTIFY, OVERRIDE
from watchdog.testing.hybrid_system import Conditions
from watchdog.testing.misbehaviour import Trouble
from watchdog.testing.request_journal import Asked

BROKEN = Conditions(error_ratio=0.12, p95=1800, health="degraded")
HOLD = 120.0
OpenScene = Callable[..., AbstractAsyncContextManager[Scene]]
DISABLING = {"emergency": True, "reason": "immediate_rollback"}
OVERRIDING = {"routing_mode": "mcp_only", "emergency": True}
WHOLE = (DISABLE, OVERRIDE, NOTIFY)


def fires_at(start: float) -> tuple[float, float]:
    """When the first call must come for a breach that Prometheus shows from `start` on."""
    return start + here(HOLD) - 0.06, start + here(HOLD + EVERY + 2) + SLACK


@scenario
async def test_e0_1_errors_above_10_percent_for_two_minutes_switch_hybrid_routing_off(
    folder: Path, prometheus: str
) -> None:
    async with scene(folder, prometheus) as on:
        # Four looks 5 s apart find it degraded, the fifth healthy.
        on.service.system.slow_health = here(17.5)
        broke = on.clock.now().elapsed
        on.service.worsen(BROKEN)
        await on.until_event(TriggerChanged, lambda e: e.change is Change.PENDING)
        code, shown = await on.command("status", "--json", "daemon.yaml")
        first = await on.until_called(DISABLE)
        noticed = await on.until_called(NOTIFY)
        start = await on.first_over(ERRORS, 0.1, broke)

        assert code == 0
        assert '"pending"' in shown
        earliest, latest = fires_at(start)
        assert earliest <= first.at <= latest
        await assert_the_plan_was_carried_out(on, first, noticed)
        await assert_it_was_watched_until_stable(on)
        assert on.calls == [*WHOLE]
        await assert_end_block(on, Outcome.SUCCEEDED)


async def assert_the_plan_was_carried_out(on: Scene, first: Asked, noticed: Asked) -> None:
    override = on.service.journal.to(OVERRIDE)[0]
    assert (first.body, override.body) == (DISABLING, OVERRIDING)
    for asked in (first, override, noticed):
        assert asked.headers["Authorization"] == f"Bearer {TOKEN}"
        assert asked.headers["Content-Type"] == "application/json"
    looked = [asked for asked in on.service.journal.to(FLAGS, "GET") if asked.at > first.at]
    assert first.at < looked[0].at < override.at
    assert_five_looks_at_health(on, override, noticed)
    assert noticed.body["type"] == "emergency_rollback"
    assert noticed.body["status"] == "completed"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", noticed.body["timestamp"])
    assert noticed.at - first.at < here(300)
    assert set(on.service.system.flags.values()) == {False}
    assert on.service.system.mcp_percent == 100
    for name in ("system-health", "error-summary"):
        assert on.service.journal.to(f"/admin/metrics/{name}", "GET")


def assert_five_looks_at_health(on: Scene, override: Asked, noticed: Asked) -> None:
    """Five looks, 5 s apart, beside those of the source, which looks every 10 s anyway."""
    looks = [
        asked
        for asked in on.service.journal.to(HEALTH, "GET")
        if override.at < asked.at < noticed.at
    ]
    assert all("Authorization" not in asked.headers for asked in looks)
    # The step goes on as soon as it sees `healthy`; what follows at once is the proof.
    proof = min(asked.at for asked in on.service.journal.to(FLAGS) if asked.at > looks[0].at)
    waited = [asked for asked in looks if asked.at < proof]
    every = here(10)
    polls = int(proof / every) - int(waited[0].at / every)
    # A poll within a few milliseconds of either end may count or not.
    unsure = min(waited[0].at % every, proof % every) < 0.05
    assert abs(len(waited) - polls - 5) <= unsure
    assert here(20) - 0.1 <= proof - waited[0].at <= here(20) + SLACK


async def assert_it_was_watched_until_stable(on: Scene) -> None:
    ended = await on.until_event(RunEnded)
    stable = await on.until_event(WatchEnded)
    assert isinstance(stable.event, WatchEnded)
    assert stable.event.proof is Proof.PASSED
    took = stable.at.elapsed - ended.at.elapsed
    assert here(900) <= took <= here(900 + EVERY) + SLACK
    samples = [e for e in await on.events(CheckSampled) if e.stage is Stage.WATCH_SHORT]
    assert len(samples) >= 60
    opened = await on.until_event(WatchStarted, lambda e: e.stage is Stage.WATCH_LONG)
    assert opened.seq > stable.seq
    _, shown = await on.command("status", "daemon.yaml")
    assert "watch" in shown


@scenario
async def test_e0_1_a_dip_to_9_percent_restarts_the_hold(folder: Path, prometheus: str) -> None:
    async with scene(folder, prometheus) as on:
        broke = on.clock.now().elapsed
        on.service.worsen(BROKEN)
        start = await on.first_over(ERRORS, 0.1, broke)
        # From 12 % the minute's mean takes 40 s to fall below 10 %.
        await until(lambda: on.clock.now().elapsed >= start + here(20), "20 s have gone by")
        on.service.worsen(Conditions(error_ratio=0.09, p95=1800))
        await on.until_event(TriggerChanged, lambda e: e.change is Change.PENDING_CLEARED)
        dipped = on.clock.now().elapsed
        on.service.worsen(BROKEN)
        again = await on.first_over(ERRORS, 0.1, dipped)
        first = await on.until_called(DISABLE)

        assert dipped < start + here(HOLD)
        earliest, latest = fires_at(again)
        assert earliest <= first.at <= latest


@scenario
async def test_ex_1_alert_only_calls_nothing_and_tells_what_it_would_have_done(
    folder: Path, prometheus: str
) -> None:
    async with scene(folder, prometheus, auto=False) as on:
        broke = on.clock.now().elapsed
        on.service.worsen(BROKEN)
        decision = await on.until_event(Decided)
        start = await on.first_over(ERRORS, 0.1, broke)
        await until(lambda: bool(told_of(on, "decided")), "the pager hears of it")
        await until(
            lambda: on.clock.now().elapsed >= decision.at.elapsed + here(300),
            "the plan would have been over",
        )

        earliest, latest = fires_at(start)
        assert earliest <= decision.at.elapsed <= latest
        assert isinstance(decision.event, Decided)
        assert decision.event.refusal == "alert_only"
        would = "\n".join(decision.event.would_do)
        assert would.index(DISABLE) < would.index(OVERRIDE) < would.index(NOTIFY)
        assert on.calls == []
        assert await on.events(RunStarted) == []
        (told,) = told_of(on, "decided")
        assert DISABLE in str(told)


def told_of(on: Scene, topic: str) -> list[dict[str, object]]:
    """What the pager heard about `topic`."""
    return [page for page in on.service.pages if page["topic"] == topic]


@scenario
async def test_e0_f3_a_refused_token_ends_the_run_at_once_and_names_the_credentials(
    folder: Path, prometheus: str
) -> None:
    async with scene(folder, prometheus) as on:
        on.service.misbehave(DISABLE, Trouble.REFUSE, status=401)
        on.service.worsen(BROKEN)
        first = await on.until_called(DISABLE)
        ended = await on.until_event(RunEnded)
        await until(lambda: bool(told_of(on, "failed")), "the pager hears of it")

        assert ended.at.elapsed - first.at < here(30) + SLACK
        assert isinstance(ended.event, RunEnded)
        assert ended.event.outcome is Outcome.FAILED
        # Nothing was tried again, and nothing further was changed: only the final notice went out.
        assert on.calls == [DISABLE, NOTIFY]
        assert on.service.journal.to(NOTIFY)[0].body["status"] == "failed"
        assert "credentials" in str(told_of(on, "failed"))
        await assert_end_block(on, Outcome.FAILED)


@scenario
async def test_e0_f6_errors_that_come_back_in_the_watch_page_and_start_nothing(
    folder: Path, prometheus: str
) -> None:
    async with scene(folder, prometheus) as on:
        on.service.worsen(BROKEN)
        ended = await on.until_event(RunEnded)
        ninth_minute = ended.at.elapsed + here(9 * 60)
        await until(lambda: on.clock.now().elapsed >= ninth_minute, "nine minutes", here(600))
        on.service.worsen(Conditions(error_ratio=0.03, p95=1100), curable=False)
        over = await on.until_event(WatchEnded)
        await until(lambda: bool(told_of(on, "relapsed")), "the pager hears of it")
        # Long enough for what must not come: another run.
        quiet = on.clock.now().elapsed + here(300)
        await until(lambda: on.clock.now().elapsed >= quiet, "five more minutes")

        assert isinstance(over.event, WatchEnded)
        assert over.event.proof is Proof.FAILED
        assert over.at.elapsed < ended.at.elapsed + here(900)
        assert len(await on.events(RunStarted)) == 1
        assert on.calls == [*WHOLE]
        assert told_of(on, "stable") == []
        assert [page["severity"] for page in told_of(on, "relapsed")] == ["critical"]
