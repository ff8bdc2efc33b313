import asyncio
from typing import Any

from tests.bed.statuses import VITALS, service_of, status_of
from tests.builders import a_check, a_plan, a_target, a_trigger, a_watch
from tests.process import Process, a_world
from watchdog.domain.condition import Condition, Op
from watchdog.domain.decision import REASONS, Reason, Refusal
from watchdog.domain.events import KillSwitchChanged, Paused
from watchdog.domain.recent import Recent
from watchdog.domain.signal import Signal
from watchdog.domain.target import Limits, Mode
from watchdog.domain.trigger import Severity
from watchdog.engine.status import Vitals, snapshot, unable
from watchdog.testing.virtual_time import virtually


def target_of(process: Process) -> dict[str, Any]:
    (target,) = status_of(process)["targets"]
    assert isinstance(target, dict)
    return target


def trigger_of(process: Process) -> dict[str, Any]:
    trigger: dict[str, Any] = target_of(process)["triggers"][0]
    return trigger


def reasons(process: Process) -> list[str]:
    return [refusal["reason"] for refusal in target_of(process)["refusals"]]


# -- would it act


@virtually
async def test_an_armed_target_that_nothing_holds_back_would_act() -> None:
    async with Process(a_world()).running() as process:
        assert target_of(process)["would_act"] is True
        assert reasons(process) == []


@virtually
async def test_every_reason_why_not_is_named_with_how_to_lift_it() -> None:
    target = a_target(mode=Mode.ALERT_ONLY)
    async with Process(a_world(), target).running() as process:
        await process.journal.append(
            Paused("shop", "ann", "a release", None), KillSwitchChanged(on=True, how="a drill")
        )

        assert reasons(process) == ["kill_switch", "paused", "alert_only"]
        refusals = target_of(process)["refusals"]
        assert [one["text"] for one in refusals] == [REASONS[Reason(r)] for r in reasons(process)]
        assert refusals[1]["detail"] == "by ann: a release"
        assert target_of(process)["would_act"] is False


@virtually
async def test_a_reason_that_ends_by_itself_says_when() -> None:
    target = a_target(limits=Limits(cooldown=3600))
    world = a_world()
    world.on_effect = lambda _name: world.says("errors", 0)
    async with Process(world, target).running() as process:
        await process.see(errors="obb")
        await asyncio.sleep(300)

        (cooling, limit) = target_of(process)["refusals"]
        assert (cooling["reason"], limit["reason"]) == ("cooling_down", "target_limit")
        assert cooling["until"].startswith("2026-01-01T01:0")


@virtually
async def test_what_preflight_finds_is_a_reason() -> None:
    async with Process(a_world()).running() as process:
        unfit = {"shop": [Refusal(Reason.PREFLIGHT_FAILED, "flag off: no token")]}
        status = snapshot(service_of(process), Recent(), VITALS, unfit=unfit)

        (target,) = status["targets"]
        assert target["would_act"] is False
        assert target["refusals"][0]["detail"] == "flag off: no token"


@virtually
async def test_a_run_under_way_keeps_a_second_one_away_until_its_long_watch() -> None:
    plan = a_plan(verify=[a_check(samples=5)], watch=a_watch(long="10m"))
    world = a_world()
    world.on_effect = lambda _name: world.says("errors", 0)
    target = a_target(plans=[plan], limits=Limits(per_hour=9, per_day=9, cooldown=0))
    async with Process(world, target).running() as process:
        await process.see(errors="obb")
        assert reasons(process) == ["run_in_progress"]

        await asyncio.sleep(300)
        assert target_of(process)["watch"]["tier"] == "long"
        assert reasons(process) == []


# -- what it sees


@virtually
async def test_a_pending_trigger_says_how_long_it_held_of_how_long_it_must() -> None:
    target = a_target(a_trigger(hold="5m"))
    async with Process(a_world(), target).running() as process:
        await process.see(errors="obb?b")

        trigger = trigger_of(process)
        assert trigger["state"] == "pending"
        assert 45 <= trigger["held_seconds"] < 46
        assert trigger["for_seconds"] == 300
        assert trigger["coverage"] == round(3 / 21, 3)
        assert trigger["verdict"] == "breach"
        assert trigger["value"] == 1


@virtually
async def test_a_counting_trigger_says_how_many_of_how_many() -> None:
    signal = Signal("healthy", "probe")
    trigger = a_trigger(
        "down", fails=3, signal=signal, breach_when=Condition(Op.FAILING), source="probe"
    )
    world = a_world()
    world.says("healthy", 1)
    async with Process(world, a_target(trigger)).running() as process:
        await process.slots(1)
        world.says("healthy", 0)
        await process.slots(2)

        shown = trigger_of(process)
        assert (shown["failed_looks"], shown["fails"]) == (2, 3)
        assert shown["condition"] == "fails 3 times"
        assert shown["value_text"] == "no"


@virtually
async def test_a_look_that_learned_nothing_says_why() -> None:
    async with Process(a_world()).running() as process:
        await process.see(errors="o?")

        shown = trigger_of(process)
        assert (shown["verdict"], shown["reason"]) == ("unknown", "error")
        assert shown["note"]
        assert shown["value"] is None


@virtually
async def test_a_value_has_its_unit() -> None:
    signal = Signal("errors", "prometheus", unit="ratio")
    async with Process(a_world(), a_target(a_trigger(signal=signal))).running() as process:
        process.world.says("errors", 0.0312)
        await process.slots(1)

        shown = trigger_of(process)
        assert shown["value_text"] == "3.12 %"
        assert shown["condition"] == "above 10 % in 2 looks"


@virtually
async def test_a_firing_trigger_restored_after_a_restart_is_not_confirmed() -> None:
    process = Process(a_world(), a_target(mode=Mode.ALERT_ONLY))
    async with process.running():
        await process.see(errors="obb")
        assert trigger_of(process)["confirmed"] is True

    again = Process(process.world, a_target(mode=Mode.ALERT_ONLY), journal=process.journal)
    async with again.running(ticking=False):
        assert trigger_of(again)["state"] == "firing"
        assert trigger_of(again)["confirmed"] is False


@virtually
async def test_a_source_says_when_it_was_last_asked_and_since_when_it_is_blind() -> None:
    async with Process(a_world()).running() as process:
        await process.see(errors="o")
        process.world.says("errors", "err")
        await asyncio.sleep(400)

        (source,) = target_of(process)["sources"]
        assert source["source"] == "prometheus"
        assert source["last_round_seconds_ago"] < 15
        assert source["blind_since"] == "2026-01-01T00:00:30Z"
        assert trigger_of(process)["blind"] is True


# -- runs


@virtually
async def test_a_run_says_its_step_and_how_much_of_its_budget_is_spent() -> None:
    plan = a_plan(verify=[a_check(samples=5, pause="10s")], within="4m")
    async with Process(a_world(), a_target(plans=[plan])).running() as process:
        await process.see(errors="obb")
        await asyncio.sleep(20)

        run = target_of(process)["run"]
        assert run["plan"] == "undo"
        assert run["trigger"] == "errors"
        assert (run["stage"], run["number"], run["of"], run["item"]) == ("verify", 1, 2, "healthy")
        assert 19 <= run["elapsed_seconds"] <= 21
        assert run["budget_seconds"] == 240
        assert run["samples"]["good_in_a_row"] >= 2


@virtually
async def test_a_watch_says_its_tier_and_what_is_left_of_it() -> None:
    world = a_world()
    world.on_effect = lambda _name: world.says("errors", 0)
    plan = a_plan(watch=a_watch(short="10m"))
    async with Process(world, a_target(plans=[plan])).running() as process:
        await process.see(errors="obb")
        await asyncio.sleep(120)

        watch = target_of(process)["watch"]
        assert watch["tier"] == "short"
        assert 400 < watch["left_seconds"] < 600
        assert next(check["name"] for check in watch["checks"] if check) == "healthy"


@virtually
async def test_a_failed_run_leaves_a_latch_and_an_incident_that_tell_of_it() -> None:
    plan = a_plan(verify=[], verify_within="1m")
    async with Process(a_world(), a_target(plans=[plan])).running() as process:
        await process.see(errors="obb")
        await asyncio.sleep(300)

        target = target_of(process)
        (incident,) = status_of(process)["incidents"]
        assert "latched" in reasons(process)
        assert "ended failed" in target["latched"]
        assert incident["severity"] == Severity.WARNING.name.lower()
        assert [run["outcome"] for run in incident["runs"]] == ["failed"]
        assert incident["closed"] is None


# -- the process


@virtually
async def test_the_daemon_says_how_long_it_is_up_and_what_holds_all_targets() -> None:
    async with Process(a_world()).running() as process:
        service = service_of(process)
        await asyncio.sleep(90)
        await process.journal.append(Paused("", "ann", "a drill", None))

        daemon = status_of(process, service)["daemon"]
        assert daemon["uptime_seconds"] == 90
        assert daemon["paused"] == {"by": "ann", "reason": "a drill", "until": None}
        assert daemon["unable"] == []
        assert reasons(process) == ["paused"]


@virtually
async def test_a_pause_that_is_over_is_not_shown() -> None:
    async with Process(a_world()).running() as process:
        until = process.clock.now().wall + 60
        await process.journal.append(Paused("", "a", "r", until), Paused("shop", "a", "r", until))
        assert reasons(process) == ["paused"]

        await asyncio.sleep(61)
        assert reasons(process) == []
        assert target_of(process)["paused"] is None
        assert status_of(process)["daemon"]["paused"] is None


@virtually
async def test_it_is_unable_when_the_journal_cannot_be_written() -> None:
    async with Process(a_world()).running() as process:
        process.journal.fault = "disk full"
        await process.see(errors="obb")

        vitals = Vitals("1.0", 1, True, "/j.db", journal_problem="disk full")  # noqa: FBT003
        assert unable(service_of(process), vitals) == ["the journal cannot be written: disk full"]
        assert "journal_unwritable" in reasons(process)


@virtually
async def test_it_is_unable_before_it_has_started_and_while_it_stops() -> None:
    async with Process(a_world()).running() as process:
        service = service_of(process)
        assert unable(service, Vitals("1.0", 1, False, "/j.db")) == ["it has not started yet"]  # noqa: FBT003

        service.stop("SIGTERM")
        assert unable(service, VITALS) == ["it is stopping"]


@virtually
async def test_it_is_unable_while_the_kill_switch_is_on() -> None:
    async with Process(a_world()).running() as process:
        service = service_of(process)
        await service.kill(on=True, how="a person")

        assert unable(service, VITALS) == ["the kill switch is on: a person"]


@virtually
async def test_a_source_whose_rounds_stop_is_stalled_after_three_of_them() -> None:
    process = Process(a_world())
    service = service_of(process)
    async with process.running():
        service.watchers = process.watchers
        await process.slots(2)
        (watcher,) = process.watchers["shop"]
        assert service.stalled() == []

        watcher.retired = True
        await asyncio.sleep(40)
        assert service.stalled() == []
        await asyncio.sleep(20)

        (stalled,) = service.stalled()
        assert (stalled.target, stalled.source) == ("shop", "prometheus")
        assert str(stalled).startswith("shop/prometheus: no round for ")
        assert status_of(process, service)["targets"][0]["sources"][0]["stalled"] is True
