"""Acceptance on the shipped file: what people ask for, agree to or deny, and what lapses."""

import re
from pathlib import Path

from tests.bed.end_block import assert_end_block
from tests.bed.hybrid import SLACK, SPEED, Scene, here, scene
from tests.bed.patience import until
from tests.bed.scenarios import scenario
from watchdog.domain.events import (
    Decided,
    IncidentClosed,
    LatchCleared,
    RunEnded,
    RunStarted,
)
from watchdog.domain.progress import Outcome
from watchdog.domain.requests import ApprovalDenied
from watchdog.testing.hybrid_service import (
    DISABLE,
    DISABLE_ALL,
    DISTRIBUTION,
    FLAG,
    FLAGS,
    FULL_CHECK,
    MODE,
    NOTIFY,
    OVERRIDE,
    REPORT,
    RESTART,
    RESTORE,
)
from watchdog.testing.hybrid_system import Conditions
from watchdog.testing.misbehaviour import Trouble

BROKEN = Conditions(error_ratio=0.12, p95=1800, health="degraded")
FULL = [DISABLE_ALL, RESTORE, RESTART, FULL_CHECK, REPORT]
ROUTER_HEALTH = "/admin/services/mcp-router/health"
P95_LOOKS = "/admin/metrics/p95-latency"


def told_of(on: Scene, topic: str) -> list[dict[str, object]]:
    """What the pager heard about `topic`."""
    return [page for page in on.service.pages if page["topic"] == topic]


async def said(on: Scene, name: str, *more: str) -> None:
    """A person says by a signal what only they can see."""
    words = ("--for", "3h", "--by", "ann", "--reason", "seen by hand")
    code, told = await on.command(
        "signal", "hybrid-routing", name, "--socket", "journal.sock", *words, *more
    )
    assert code == 0, told


async def asked_for_full(on: Scene) -> str:
    """Two of three components break; the name of the request that people are asked."""
    on.service.system.unhealthy |= {"ai-orchestrator", "mcp-router"}
    await on.until_event(Decided, lambda e: e.refusal == "awaiting_approval")
    await until(lambda: "approve ask-" in str(on.service.pages), "people are asked")
    found = re.search(r"approve (ask-\S+)", str(on.service.pages))
    assert found is not None
    return found[1]


# -- E0-5: the full plan, once somebody who may has agreed


@scenario
async def test_e0_5_two_of_three_components_down_take_the_full_plan_once_the_cto_agrees(
    folder: Path, prometheus: str
) -> None:
    async with scene(folder, prometheus) as on:
        on.service.system.looks_until_restarted = {"mcp-router": 2}
        on.service.system.stability = [(2.5, 1700.0), (0.7, 1200.0)]
        request = await asked_for_full(on)
        assert on.calls == []
        # An hour of silence would not be a yes either; nor is that of a stranger.
        code, refused = await on.command(
            "approve", request, "daemon.yaml", "--by", "zoe", "--reason", "let us"
        )
        assert (code, on.calls) == (6, []), refused
        code, agreed = await on.command(
            "approve", request, "daemon.yaml", "--by", "carla", "--reason", "go"
        )
        assert code == 0, agreed
        reported = await on.until_called(REPORT)
        ended = await on.until_event(RunEnded)

        assert on.calls == FULL
        assert_the_bodies_are_those_of_the_runbook(on)
        looks = [asked.at for asked in on.service.journal.to(ROUTER_HEALTH, "GET")]
        assert len(looks) == 3
        assert here(20) - 0.05 <= looks[2] - looks[0] <= here(20) + 2 * SLACK
        stable = [asked.at for asked in on.service.journal.to(P95_LOOKS, "GET")]
        assert here(30) - 0.05 <= stable[1] - stable[0] <= here(30) + SLACK
        (started,) = await on.events(RunStarted)
        began = await on.until_event(RunStarted)
        took = reported.at - began.at.elapsed
        assert isinstance(reported.body["duration_seconds"], int)
        assert abs(reported.body["duration_seconds"] - took) <= 1
        assert started.plan.name == "full"
        assert isinstance(ended.event, RunEnded)
        await assert_end_block(on, Outcome.SUCCEEDED)


def assert_the_bodies_are_those_of_the_runbook(on: Scene) -> None:
    bodies = {asked.path: asked.body for asked in on.service.journal.mutating}
    assert bodies[DISABLE_ALL] is None
    assert bodies[FULL_CHECK] is None
    assert bodies[RESTORE] == {"config": "pre_hybrid_routing", "restore_backup": True}
    assert bodies[RESTART] == {
        "services": ["ai-orchestrator", "mcp-router"],
        "restart_mode": "rolling",
    }
    assert bodies[REPORT]["type"] == "full_rollback"
    assert bodies[REPORT]["status"] == "completed"


@scenario
async def test_e0_5_a_threat_to_the_data_asks_nobody_and_says_so(
    folder: Path, prometheus: str
) -> None:
    async with scene(folder, prometheus) as on:
        await said(on, "data-integrity")
        await on.until_called(REPORT)
        await on.until_event(RunEnded)

        assert on.calls == FULL
        (told,) = told_of(on, "approval")
        assert "nobody is asked about plan full: data-integrity" in str(told["title"])


# -- E0-F5: denied


@scenario
async def test_e0_f5_a_full_rollback_that_is_denied_calls_nothing_and_says_why(
    folder: Path, prometheus: str
) -> None:
    async with scene(folder, prometheus) as on:
        request = await asked_for_full(on)
        code, denied = await on.command(
            "deny", request, "daemon.yaml", "--by", "victor", "--reason", "the fix is on its way"
        )
        assert code == 0, denied
        await until(
            lambda: "the fix is on its way" in str(on.service.pages), "people hear of the denial"
        )
        quiet = on.clock.now().elapsed + here(300)
        await until(lambda: on.clock.now().elapsed >= quiet, "five more minutes")
        code, late = await on.command(
            "approve", request, "daemon.yaml", "--by", "carla", "--reason", "and yet"
        )

        assert (code, on.calls) == (6, []), late
        assert await on.events(RunStarted) == []
        (closed,) = await on.events(ApprovalDenied)
        assert (closed.by, closed.roles) == ("victor", ("vp-engineering",))
        assert closed.reason == "the fix is on its way"
        code, told = await on.command("audit", "verify", "--journal", "journal.db")
        assert code == 0, told


# -- E0-4: what lapses by itself


@scenario
async def test_e0_4_renewed_once_while_it_is_needed_and_warned_of_before_it_lapses(
    folder: Path, prometheus: str
) -> None:
    async with scene(folder, prometheus) as on:
        on.service.system.minute = here(60)
        await said(on, "direct-provider-trouble")
        override = await on.until_called(OVERRIDE)
        await on.until_event(RunEnded)
        assert on.calls == [FLAG, OVERRIDE]
        assert override.body == {"route_override": "mcp_only", "duration_minutes": 60}
        assert on.service.journal.to(DISTRIBUTION, "GET")
        await until(lambda: bool(told_of(on, "expiring")), "people are warned", here(60 * 60))
        warned = on.clock.now().elapsed - override.at
        await until(lambda: len(on.service.journal.to(OVERRIDE)) > 1, "it is renewed", here(900))
        renewed = on.service.journal.to(OVERRIDE)[1].at - override.at

        assert here(50 * 60) - SLACK <= warned <= here(50 * 60 + 30) + 2 * SLACK
        assert here(60 * 60) - SLACK <= renewed <= here(60 * 60 + 45) + 2 * SLACK
        again = await on.until_event(RunStarted, lambda e: bool(e.renews))
        assert isinstance(again.event, RunStarted)
        name = again.event.run
        done = await on.until_event(RunEnded, lambda e: e.run == name)
        first, second = await on.events(RunStarted)
        assert (second.renews, second.incident) == (first.run, first.incident)
        assert isinstance(done.event, RunEnded)
        assert done.event.outcome is Outcome.SUCCEEDED
        assert "it is done once more" in str(told_of(on, "started")[-1]["text"])
        assert on.calls == [FLAG, OVERRIDE, OVERRIDE]


@scenario
async def test_e0_4_let_go_where_it_lapses_when_all_is_well(folder: Path, prometheus: str) -> None:
    async with scene(folder, prometheus) as on:
        on.service.system.minute = here(60)
        await said(on, "direct-provider-trouble")
        override = await on.until_called(OVERRIDE)
        await on.until_event(RunEnded)
        await said(on, "direct-provider-trouble", "--withdraw")
        over = override.at + here(62 * 60)
        await until(lambda: on.clock.now().elapsed >= over, "more than an hour", here(80 * 60))
        await on.until_event(IncidentClosed)

        assert on.calls == [FLAG, OVERRIDE]
        assert on.service.system.mcp_percent < 100


# -- bypass, and a flag that sticks


@scenario
async def test_trouble_of_the_router_takes_the_simple_rule(folder: Path, prometheus: str) -> None:
    async with scene(folder, prometheus) as on:
        await said(on, "routing-trouble")
        await on.until_called(MODE)
        await on.until_event(RunEnded)

        assert on.calls == [FLAG, MODE]
        assert [asked.body for asked in on.service.journal.mutating] == [
            {"flag": "ENABLE_INTELLIGENT_ROUTING", "enabled": False},
            {"routing_mode": "simple", "default_route": "mcp"},
        ]
        await assert_end_block(on, Outcome.SUCCEEDED)


@scenario
async def test_e0_f1_a_flag_that_sticks_ends_the_plan_before_the_routing_is_forced(
    folder: Path, prometheus: str
) -> None:
    async with scene(folder, prometheus) as on:
        on.service.misbehave(DISABLE, Trouble.IGNORE)
        on.service.worsen(BROKEN)
        await on.until_called(DISABLE)
        ended = await on.until_event(RunEnded)
        notice = await on.until_called(NOTIFY)
        quiet = on.clock.now().elapsed + here(300)
        await until(lambda: on.clock.now().elapsed >= quiet, "five more minutes")
        _, status = await on.command("status", "daemon.yaml")

        assert isinstance(ended.event, RunEnded)
        assert ended.event.outcome is Outcome.FAILED
        assert on.calls == [DISABLE, NOTIFY]
        assert [asked.at for asked in on.service.journal.to(FLAGS, "GET")][-1] < notice.at
        assert notice.body["status"] == "failed"
        assert "LATCHED" in status
        assert len(await on.events(RunStarted)) == 1
        assert await on.events(LatchCleared) == []
        # By hand it comes to the same end, and says so to whoever typed it.
        words = ("--yes", "--by", "carla", "--reason", "once more", "--speed", f"{SPEED:g}")
        code, said_so = await on.command("rollback", "daemon.yaml", "immediate", *words)
        assert code == 1, said_so
        assert on.calls == [DISABLE, NOTIFY] * 2
