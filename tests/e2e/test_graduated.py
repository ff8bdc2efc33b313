"""Acceptance on levels that follow one another, while somebody writes to a database throughout."""

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bed import lost_rows
from tests.bed.end_block import assert_no_secret, assert_report_is_whole, rollbacks
from tests.bed.hybrid import Scene, here, scene
from tests.bed.patience import until
from tests.bed.postgres import Postgres, postgres
from watchdog.domain.events import BudgetExceeded, ReportWritten, RunEnded, RunStarted
from watchdog.domain.progress import Outcome, Proof, RunVerified, StepEnded
from watchdog.testing.hybrid_service import (
    DISTRIBUTION,
    FLAG,
    FLAGS,
    OVERRIDE,
    RESTART,
    RESTORE,
)
from watchdog.testing.hybrid_system import SERVICES, Conditions

BROKEN = Conditions(error_ratio=0.11, p95=1800.0)
MENDED = Conditions(error_ratio=0.005, p95=1100.0)
DIRECT, INTELLIGENT = "ENABLE_DIRECT_BEDROCK_FALLBACK", "ENABLE_INTELLIGENT_ROUTING"
ROUTING_WITHIN, APPLICATION_WITHIN, RECOVERED_WITHIN = 300.0, 600.0, 300.0
SHARE = 'sum(rate(http_requests_total{code=~"5.."}[1m])) / sum(rate(http_requests_total[1m]))'


def post(name: str, path: str, body: dict[str, Any], **more: object) -> dict[str, Any]:
    options = {"method": "POST", "url": f"${{BASE_URL}}{path}", "auth": "admin", "json": body}
    return {"name": name, "use": "http", "with": options, **more}


def seen(path: str, **values: object) -> dict[str, Any]:
    return {"get": f"${{BASE_URL}}{path}", "auth": "admin", "json": values}


def flag_off(flag: str) -> dict[str, Any]:
    """A step that switches a flag off, and the look that shows it."""
    body = {"flag": flag, "enabled": False}
    return post(f"{flag} off", FLAG, body, done_when=seen(FLAGS, **{flag: False}), settle="2s")


def plans() -> dict[str, Any]:
    """Level 1 is flags, level 2 that and the routing, level 3 the configuration of before."""
    recovered = {"signal": "error_rate", "below": "1%", "samples": 3}
    # A minute of looks, all of them bad.
    quickly = {**recovered, "fails_after": 4}
    kept = {"name": "Data loss", "signal": "lost_rows", "at_most": 0}
    override = {"routing_mode": "mcp_only", "emergency": True}
    restart = {"services": list(SERVICES), "restart_mode": "rolling"}
    watch = {"watch": {"short": "0s", "long": "0s"}, "verify_trigger": False}
    healthy = [
        {"check": {**seen(f"/admin/services/{name}/health", status="healthy"), "tries": 10}}
        for name in SERVICES
    ]
    return {
        "flags": {
            "level": "flags", "steps": [flag_off(DIRECT)], "verify": [quickly], **watch,
        },
        "routing": {
            "level": "routing", "includes": ["flags"], "within": f"{ROUTING_WITHIN:g}s",
            "steps": [
                post("MCP only", OVERRIDE, override, settle="2s",
                     done_when=seen(DISTRIBUTION, routing_mode="mcp_only")),
                flag_off(INTELLIGENT),
            ],
            "verify": [seen(DISTRIBUTION, mcp=100)],
            "on_failure": {"then": "auto_next", "plans": ["application"]},
            **watch,
        },
        "application": {
            "level": "application", "within": f"{APPLICATION_WITHIN:g}s",
            "steps": [
                post("Restore", RESTORE, {"config": "pre_hybrid_routing", "restore_backup": True},
                     repeat="idempotent"),
                post("Restart", RESTART, restart, repeat="once"),
                *healthy,
            ],
            "verify": [{**recovered, "within": f"{RECOVERED_WITHIN:g}s"}, kept],
            **watch,
        },
    }  # fmt: skip


def the_file(database: Postgres) -> str:
    count = [sys.executable, "-I", lost_rows.__file__, database.psql, str(database.folder)]
    target = {
        "target": "hybrid-routing",
        "mode": "auto",
        "armed_by": "e2e",
        "auth": {"admin": {"bearer": {"env": "ADMIN_TOKEN"}}},
        "sources": {
            "metrics": {"use": "prometheus", "url": "${PROMETHEUS_URL}", "every": "15s"},
            "rows": {"use": "command", "argv": count, "every": "60s"},
            "health": {"use": "http", "url": "${BASE_URL}/health", "every": "10s"},
        },
        "signals": {
            "error_rate": {"from": "metrics", "query": SHARE, "unit": "ratio", "on_nodata": "ok",
                           "volume": "sum(increase(http_requests_total[5m]))"},
            "lost_rows": {"from": "rows", "number": True},
            "alive": {"from": "health", "expect": {"status": 200}},
        },
        "triggers": {
            "errors-high": {"signal": "error_rate", "above": "10%", "for": "2m",
                            "severity": "critical", "plan": "routing"},
            "down": {"signal": "alive", "fails": 3, "severity": "critical"},
        },
        "plans": plans(),
    }  # fmt: skip
    return json.dumps(target)


async def test_e1_3_level_2_does_not_help_level_3_does_and_no_row_is_lost(
    tmp_path: Path, require_program: Callable[[str], str]
) -> None:
    program = require_program("prometheus")
    async with (
        postgres(require_program) as database,
        asyncio.TaskGroup() as tasks,
    ):
        writing = tasks.create_task(database.write())
        await database.until_written(1)
        async with scene(tmp_path, program, file=the_file(database)) as on:
            # What level 2 does changes nothing of it.
            on.service.worsen(BROKEN, curable=False)
            await on.until_called(RESTART)
            on.service.worsen(MENDED, curable=False)
            last = await on.until_event(RunEnded, lambda one: one.outcome is Outcome.SUCCEEDED)
            written = database.acknowledged
            quiet = on.clock.now().elapsed + here(60)
            await until(lambda: on.clock.now().elapsed >= quiet, "one more minute")
            await assert_it_went_from_level_to_level(on)
            await assert_the_report_knows(on, last.event)
        database.enough = True
        await writing
        rows = await database.number("SELECT count(*) FROM orders")

    # It was written to throughout, and what was acknowledged is there: no more, and no less.
    assert rows == database.acknowledged > written > 1


async def assert_it_went_from_level_to_level(on: Scene) -> None:
    """Level 2 once, then level 3 once, each in its time, and nothing beside them."""
    assert on.calls == [FLAG, OVERRIDE, FLAG, RESTORE, RESTART]
    second, third = await on.events(RunStarted)
    assert (second.plan.name, third.plan.name) == ("routing", "application")
    assert (third.follows, third.incident) == (second.run, second.incident)
    failed, succeeded = await on.events(RunEnded)
    assert [failed.outcome, succeeded.outcome] == [Outcome.FAILED, Outcome.SUCCEEDED]
    assert failed.elapsed <= here(ROUTING_WITHIN)
    assert succeeded.elapsed <= here(APPLICATION_WITHIN)
    records = await on.records()
    ((done, _), (proven, proof)) = (
        [(one.at.elapsed, one.event) for one in records if isinstance(one.event, kind)][-1]
        for kind in (StepEnded, RunVerified)
    )
    assert isinstance(proof, RunVerified)
    assert (proof.run, proof.proof) == (third.run, Proof.PASSED)
    assert proven - done <= here(RECOVERED_WITHIN)
    assert await on.events(BudgetExceeded) == []


async def assert_the_report_knows(on: Scene, last: object) -> None:
    """The report of level 3 says that nothing was lost, and everything is on record."""
    assert isinstance(last, RunEnded)
    written = await on.until_event(ReportWritten, lambda one: one.run == last.run)
    assert isinstance(written.event, ReportWritten)
    report = Path(written.event.path).read_text()
    assert_report_is_whole(report, Outcome.SUCCEEDED)
    (line,) = [line for line in report.splitlines() if "Data loss" in line]
    assert "passed" in line
    code, told = await on.command("audit", "verify", "--journal", "journal.db")
    assert code == 0, told
    metrics = await on.page("/metrics")
    assert rollbacks(metrics) == {"failed": 1.0, "succeeded": 1.0}
    assert_no_secret(on, report, metrics, told)
