"""What a person reads of a status, in the states that matter."""

import asyncio
from contextlib import suppress
from dataclasses import replace

from tests.bed.statuses import VITALS, service_of, status_of
from tests.builders import a_check, a_plan, a_target, a_trigger, a_watch
from tests.process import Process, a_world
from watchdog.cli.status_text import text
from watchdog.domain.decision_table import Then
from watchdog.domain.errors import JournalError
from watchdog.domain.events import (
    BreakerOpened,
    DaemonStopped,
    KillSwitchChanged,
    OutcomeEscalated,
    OutcomeOpened,
    Paused,
)
from watchdog.domain.target import Limits, Mode
from watchdog.domain.trigger import Severity
from watchdog.engine.self_watch import SelfSeen
from watchdog.engine.status import Vitals
from watchdog.testing.virtual_time import virtually


def lines_of(process: Process, vitals: Vitals = VITALS) -> list[str]:
    return text(status_of(process, vitals=vitals)).splitlines()


@virtually
async def test_it_begins_with_whether_each_target_would_act() -> None:
    shop, bank = a_target(name="shop"), a_target(name="bank", mode=Mode.ALERT_ONLY)
    async with Process(a_world(), shop, bank).running() as process:
        assert lines_of(process)[:3] == [
            "shop: WOULD ACT now: a trigger that fires starts its plan",
            "bank: would NOT act now",
            "  - alert_only: the target is in alert-only mode; `mode: auto` and `armed_by` arm it",
        ]


@virtually
async def test_each_reason_why_not_says_how_to_lift_it_and_when_it_ends() -> None:
    async with Process(a_world()).running() as process:
        until = process.clock.now().wall + 3600
        await process.journal.append(
            KillSwitchChanged(on=True, how="a drill"),
            Paused("shop", "ann", "a release", until),
            Paused("", "bob", "a fire", None),
        )
        lines = lines_of(process)

    assert lines[:5] == [
        "shop: would NOT act now",
        "  - kill_switch: the kill switch is on; remove what holds it, or `kill --off` lifts it",
        "    a drill",
        "  - paused: a person paused it; `resume` lifts it, or removing the annotation",
        "    all targets, by bob: a fire",
    ]
    assert "KILL SWITCH ON: a drill" in lines
    assert "ALL PAUSED by bob, until somebody resumes: a fire" in lines
    assert "  PAUSED by ann, until 2026-01-01T01:00:00Z: a release" in lines


@virtually
async def test_a_trigger_shows_its_state_value_condition_and_how_far_it_is() -> None:
    async with Process(a_world(), a_target(a_trigger(hold="5m"))).running() as process:
        await process.see(errors="obb")

        (line,) = (line for line in lines_of(process) if line.startswith("    errors"))
        assert line.endswith("above 0.1 for 300 s  held 15s of 5m, 10% seen, needs 80%")
        assert line.split()[:4] == ["errors", "pending", "1", "breach"]


@virtually
async def test_what_is_not_known_shows_why_and_blindness_is_said_first() -> None:
    async with Process(a_world()).running() as process:
        await process.see(errors="o")
        process.world.says("errors", "err")
        await asyncio.sleep(400)
        lines = lines_of(process)

    assert "  ! it sees nothing from prometheus: its triggers cannot fire" in lines
    assert any("unknown" in line and "BLIND" in line and "error" in line for line in lines)
    assert any(
        line.startswith("    prometheus  every 15s") and "BLIND since" in line for line in lines
    )


@virtually
async def test_a_run_shows_its_step_and_its_budget_and_then_its_watch() -> None:
    plan = a_plan(
        verify=[a_check(samples=5, pause="10s")], within="20s", watch=a_watch(short="10m")
    )
    world = a_world()
    world.on_effect = lambda _name: world.says("errors", 0)
    async with Process(world, a_target(plans=[plan])).running() as process:
        await process.see(errors="obb")
        await asyncio.sleep(31)
        lines = lines_of(process)
        assert "    verify  check 1 of 2: healthy" in lines
        assert "    spent 31s of 20s, OVER BUDGET" in lines

        await asyncio.sleep(100)
        assert any(line.startswith("    short watch, until ") for line in lines_of(process))


@virtually
async def test_an_open_breaker_shows_why_and_what_people_were_asked_shows_its_clock() -> None:
    async with Process(a_world()).running() as process:
        asked = ("shop", "i1", "latency is degraded", Then.INVESTIGATE)
        await process.journal.append(
            BreakerOpened("2 plans failed within 24h"),
            OutcomeOpened(*asked, Severity.WARNING, 300.0, 0.0),
        )
        await asyncio.sleep(60)
        lines = lines_of(process)
        (opened,) = (line for line in lines if line.startswith("BREAKER OPEN since 2026"))
        assert opened.endswith(": 2 plans failed within 24h")
        (line,) = (line for line in lines if line.startswith("  INVESTIGATE  latency is degraded"))
        assert line.endswith(": 4m left to decide")

        await process.journal.append(OutcomeEscalated(*asked, 0.0, "it still holds"))
        assert any(line.endswith(": NOBODY DECIDED") for line in lines_of(process))


@virtually
async def test_a_failed_run_shows_the_latch_and_the_incident() -> None:
    plan = a_plan(verify=[], verify_within="30s")
    triggers = (a_trigger("errors"), a_trigger("latency"))
    target = a_target(*triggers, plans=[plan], limits=Limits(per_hour=9, per_day=9, cooldown=0))
    async with Process(a_world(), target).running() as process:
        await process.see(errors="obb")
        await asyncio.sleep(160)
        # Of the firing that had its run nothing more is told; another one meets the latch.
        await process.see(latency="obb")
        lines = lines_of(process)

    assert any(line.startswith("  LATCHED  run shop-") for line in lines)
    (line,) = (line for line in lines if line.startswith("    errors"))
    assert "FIRING" in line
    assert line.endswith("above 0.1 in 2 looks  for 3m 15s")
    assert any(line.endswith("shop  errors  warning  OPEN") for line in lines)
    assert any("of plan undo: failed in" in line for line in lines)
    assert "    not acted on: latched" in lines


@virtually
async def test_the_daemon_shows_what_is_wrong_with_itself() -> None:
    process = Process(a_world())
    async with process.running():
        service = service_of(process)
        service.watchers = process.watchers
        process.watchers["shop"][0].retired = True
        await asyncio.sleep(100)
        process.journal.fault = "disk full"
        with suppress(JournalError):
            await process.journal.append(DaemonStopped("nobody hears of it"))
        vitals = Vitals(
            *("1.0", 1, True, "/j.db"),
            journal_problem="disk full",
            skipped_slots=3,
            refused="a.yaml:1: wrong\nb.yaml:2: wrong",
        )
        lines = text(status_of(process, service, vitals)).splitlines()

    assert "journal  /j.db, CANNOT BE WRITTEN: disk full" in lines
    assert lines[lines.index("FILES REFUSED; what was loaded before goes on:") + 2] == (
        "  b.yaml:2: wrong"
    )
    assert "STALLED  shop/prometheus: no round for 100 s" in lines
    assert "skipped  3 rounds: the one before still ran" in lines


@virtually
async def test_what_ails_the_watchdog_itself_is_said_and_why_no_beat_is_sent() -> None:
    failing = {"withheld": "", "failure": "the connection was refused"}
    ailing = SelfSeen(ailments=["run r1: no progress for 5m"], heartbeat=failing)
    withheld = SelfSeen(heartbeat={"withheld": "the journal cannot be written", "failure": ""})
    async with Process(a_world()).running() as process:
        lines = lines_of(process, replace(VITALS, itself=ailing))
        others = lines_of(process, replace(VITALS, itself=withheld))

    assert "AILING   run r1: no progress for 5m" in lines
    assert "NO BEAT  the heartbeat was not taken: the connection was refused" in lines
    assert "NO BEAT  the heartbeat is withheld: the journal cannot be written" in others
