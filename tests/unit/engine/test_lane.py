import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.builders import (
    a_check,
    a_plan,
    a_step,
    a_target,
    a_trigger,
    a_watch,
    ended_well,
)
from tests.process import Process, a_world
from watchdog.domain.breaker import BreakerLimits
from watchdog.domain.decision import Reason
from watchdog.domain.errors import JournalError, WatchdogError
from watchdog.domain.events import (
    ConfigLoaded,
    Decided,
    Event,
    IncidentClosed,
    IncidentOpened,
    KillSwitchChanged,
    LatchCleared,
    Outcome,
    Paused,
    Proof,
    Record,
    Resumed,
    RunEnded,
    RunParked,
    RunResumed,
    RunStarted,
    RunVerified,
    SourceSeesAgain,
    SourceWentBlind,
    Stage,
    StepAnswered,
    StepIntended,
    StopRequested,
    TriggerChanged,
    TriggerJoined,
    WatchEnded,
)
from watchdog.domain.plan import Plan, Repeat
from watchdog.domain.target import Limits, Mode, Target
from watchdog.domain.trigger import Change, Firing, Severity
from watchdog.engine.lane import Lane
from watchdog.ports import Finding
from watchdog.testing.doubles import MemoryJournal
from watchdog.testing.virtual_time import virtually
from watchdog.testing.world import Reply, World

RUN = 120.0  # more than a run of one quick step needs, its verification and short watch included


def heals(world: World, *signals: str, by: str = "flag off") -> None:
    """The effect `by` makes these signals good."""

    def effect(name: str) -> None:
        if name == by:
            for signal in signals or ("errors",):
                world.says(signal, 0)

    world.on_effect = effect


def refusals(process: Process) -> list[str]:
    return [decided.refusal for decided in process.told(Decided)]


def two_levels(*, limits: Limits | None = None, lower: Plan | None = None) -> Target:
    """A warning that turns a cache on, in two steps, and an outage that cuts the traffic."""
    lower = lower or a_plan(a_step("one", timeout="3m"), a_step("two"), name="cache", verify=[])
    return a_target(
        a_trigger("latency", plan="cache"),
        a_trigger("outage", plan="cut", severity=Severity.CRITICAL),
        plans=[lower, a_plan(a_step("cut"), name="cut", verify=[])],
        limits=limits,
    )


# -- from a breach to a verified run


@virtually
async def test_a_breach_that_holds_becomes_one_verified_run() -> None:
    world = a_world()
    heals(world)
    async with Process(world).running() as process:
        await process.see(errors="obb")
        await asyncio.sleep(RUN)

        assert world.names == ["flag off"]
        assert [run.trigger for run in process.told(RunStarted)] == ["errors"]
        assert process.run().outcome is Outcome.SUCCEEDED
        assert [ended.proof for ended in process.told(WatchEnded)] == [Proof.PASSED]
        assert ended_well(process.account)


@virtually
async def test_a_run_begins_with_the_decision_and_what_it_will_do() -> None:
    async with Process(a_world()).running() as process:
        await process.see(errors="obb")

        (decided,) = process.told(Decided)
        (started,) = process.told(RunStarted)
        assert (decided.refusal, decided.plan, decided.incident) == ("", "undo", started.incident)
        assert decided.would_do == (
            "flag off: make flag off",
            "check healthy: expect below 0.1",
        )
        assert started.plan_hash == started.plan.hash
        assert started.version == "1.0"


@virtually
async def test_nothing_is_done_while_nothing_is_wrong() -> None:
    world = a_world()
    async with Process(world).running() as process:
        await process.see(errors="obobo?b?ob")

        assert process.told(Decided) == []
        assert world.sends == []


@virtually
async def test_a_run_proves_that_its_own_trigger_no_longer_breaches() -> None:
    world = a_world()
    async with Process(world).running() as process:
        await process.see(errors="obb")
        await asyncio.sleep(15 * 60)

        verified = process.told(RunVerified)[0]
        assert verified.proof is Proof.FAILED
        assert verified.detail.startswith("trigger errors no longer breaches")
        assert process.run().outcome is Outcome.FAILED


@virtually
async def test_an_incident_is_open_from_the_firing_until_all_is_quiet_and_no_run_holds() -> None:
    world = a_world()
    heals(world)
    async with Process(world).running() as process:
        await process.see(errors="obb")
        (opened,) = process.told(IncidentOpened)
        assert (opened.trigger, process.account.incident) == ("errors", opened.incident)
        await asyncio.sleep(60)
        assert process.told(IncidentClosed) == []

        await asyncio.sleep(180)
        assert [closed.incident for closed in process.told(IncidentClosed)] == [opened.incident]


@virtually
async def test_a_failed_check_ahead_of_the_first_change_is_a_refusal() -> None:
    world = a_world()
    world.findings["flag off"] = Finding(ok=False, text="the token is missing")
    async with Process(world).running() as process:
        await process.see(errors="obbbb")

        (decided,) = process.told(Decided)
        assert decided.refusal == Reason.PREFLIGHT_FAILED
        assert "the token is missing" in decided.detail
        assert world.sends == []


# -- alert-only


@virtually
async def test_an_alert_only_target_says_what_it_would_have_done_and_has_no_hands() -> None:
    world = a_world()
    async with Process(world, a_target(mode=Mode.ALERT_ONLY)).running() as process:
        await process.see(errors="obbbbbb")
        await asyncio.sleep(RUN)

        (decided,) = process.told(Decided)
        assert decided.refusal == Reason.ALERT_ONLY
        assert decided.would_do[0] == "flag off: make flag off"
        assert process.hands.built == []
        assert world.sends == []


@pytest.mark.parametrize("mode", Mode)
def test_hands_are_for_armed_targets_and_only_for_them(mode: Mode) -> None:
    process = Process(a_world())
    wrong = process.hands if mode is Mode.ALERT_ONLY else None

    with pytest.raises(ValueError, match="hands are for armed targets"):
        Lane(a_target(mode=mode), process.shared, process.eyes, wrong)


@virtually
async def test_a_person_may_roll_an_alert_only_target_back() -> None:
    world = a_world()
    async with Process(world, a_target(mode=Mode.ALERT_ONLY)).running() as process:
        name = await by_hand(process)
        await asyncio.sleep(RUN)

        assert world.names == ["flag off"]
        (started,) = process.told(RunStarted)
        assert (started.run, started.by, started.trigger) == (name, "ann", "")


async def by_hand(process: Process, plan: str = "undo") -> str:
    lane = process.lane
    chosen = lane.target.plans[plan]
    return str(
        await lane.order(lambda: lane.start_by_hand(chosen, "ann", "drill", lambda: process.hands))
    )


# -- one run a target


@virtually
async def test_a_second_trigger_joins_the_run_under_way() -> None:
    world = a_world()
    world.takes["flag off"] = 40
    target = a_target(a_trigger("errors"), a_trigger("latency"))
    async with Process(world, target).running() as process:
        await process.see(errors="obbbb", latency="ooobb")

        assert len(process.told(RunStarted)) == 1
        assert [joined.trigger for joined in process.told(TriggerJoined)] == ["latency"]
        assert len(process.told(IncidentOpened)) == 1


@virtually
async def test_two_triggers_at_once_start_the_plan_of_the_first() -> None:
    target = a_target(
        a_trigger("errors", plan="undo"),
        a_trigger("latency", plan="other"),
        plans=[a_plan(), a_plan(name="other")],
    )
    async with Process(a_world(), target).running() as process:
        await process.see(errors="obb", latency="obb")

        assert [run.plan.name for run in process.told(RunStarted)] == ["undo"]
        assert [joined.trigger for joined in process.told(TriggerJoined)] == ["latency"]


@virtually
async def test_of_two_triggers_at_once_the_graver_decides() -> None:
    async with Process(a_world(), two_levels()).running() as process:
        await process.see(latency="obb", outage="obb")

        assert [run.plan.name for run in process.told(RunStarted)] == ["cut"]


@virtually
async def test_a_person_cannot_start_a_run_beside_another() -> None:
    world = a_world()
    world.takes["flag off"] = 40
    async with Process(world).running() as process:
        await process.see(errors="obb")

        with pytest.raises(WatchdogError, match="only one run a target at a time"):
            await by_hand(process)
        assert len(process.told(RunStarted)) == 1


@virtually
async def test_a_run_by_hand_takes_the_place_of_a_watch() -> None:
    world = a_world()
    heals(world)
    async with Process(world).running() as process:
        await process.see(errors="obb")
        await asyncio.sleep(45)
        assert process.run().stage is Stage.WATCH_SHORT

        await by_hand(process)
        await asyncio.sleep(RUN)

        assert process.run(0).stage is Stage.ENDED
        assert process.run(1).outcome is Outcome.SUCCEEDED
        assert ended_well(process.account)


@virtually
async def test_a_run_by_hand_is_refused_by_the_kill_switch() -> None:
    async with Process(a_world()).running() as process:
        process.ledger.apply(KillSwitchChanged(on=True, how="signal"), process.clock.now())

        with pytest.raises(WatchdogError, match="the kill switch is on: signal"):
            await by_hand(process)


@virtually
async def test_a_run_by_hand_in_a_quiet_hour_opens_an_incident_of_its_own() -> None:
    async with Process(a_world()).running() as process:
        await by_hand(process)
        assert len(process.told(IncidentOpened)) == 1
        await asyncio.sleep(RUN)

        assert len(process.told(IncidentClosed)) == 1


@virtually
async def test_runs_started_at_one_and_the_same_moment_have_names_of_their_own() -> None:
    process = Process(a_world())
    decider = process.lane.decider
    names = [decider.started(a_plan(), "i1", process.clock.now()).run for _ in range(4)]

    assert len(set(names)) == 4


# -- a graver trigger supersedes


@virtually
async def test_a_graver_trigger_takes_over_once_the_step_under_way_is_done() -> None:
    world = a_world()
    world.takes["one"] = 40
    async with Process(world, two_levels()).running() as process:
        await process.see(latency="obbbbb", outage="ooobbb")
        await asyncio.sleep(RUN)

        assert world.names == ["one", "cut"]
        lower, higher = process.told(RunStarted)
        assert process.run(0).outcome is Outcome.SUPERSEDED
        assert (higher.plan.name, higher.incident) == ("cut", lower.incident)
        ended = next(r for r in process.journal.records if isinstance(r.event, RunEnded))
        begun = [r for r in process.journal.records if isinstance(r.event, RunStarted)][1]
        assert ended.seq < begun.seq


@virtually
async def test_a_run_that_gave_way_to_nothing_latches_and_is_told() -> None:
    world = a_world()
    world.takes["one"] = 40
    async with Process(world, two_levels()).running() as process:
        await process.see(latency="obbbbb", outage="oobboo")
        await process.see(latency="b" * 240, outage="o")

        assert world.names == ["one"]
        assert process.run().outcome is Outcome.SUPERSEDED
        assert "gave way, and no graver one began" in process.account.latched
        grave = [one for one in process.told(Decided) if one.severity is Severity.CRITICAL]
        assert [(one.refusal, one.plan) for one in grave] == [(Reason.LATCHED, "cache")]


@virtually
async def test_a_run_that_gives_way_is_asked_once() -> None:
    world = a_world()
    world.takes["one"] = 100
    async with Process(world, two_levels()).running() as process:
        await process.see(latency="obbbbbbb", outage="ooobbbbb")
        await asyncio.sleep(RUN)

        assert len(process.told(StopRequested)) == 1


@pytest.mark.parametrize(
    "limits",
    [Limits(per_hour=1, per_day=1), Limits(per_hour=1, per_day=2)],
    ids=["the day's last", "the hour's last"],
)
def test_the_run_it_gives_way_to_starts_though_the_limit_is_used_up(limits: Limits) -> None:
    @virtually
    async def scenario() -> None:
        world = a_world()
        world.takes["one"] = 40
        process = Process(world, two_levels(limits=limits), global_per_hour=1)
        async with process.running():
            await process.see(latency="obbbbb", outage="ooobbb")
            await asyncio.sleep(RUN)

            assert world.names == ["one", "cut"]

    scenario()


@virtually
async def test_a_graver_trigger_takes_over_from_a_watch() -> None:
    world = a_world()
    heals(world, "latency", by="two")
    lower = a_plan(a_step("one"), a_step("two"), name="cache")
    async with Process(world, two_levels(lower=lower)).running() as process:
        await process.see(latency="obb", outage="o")
        await asyncio.sleep(40)
        assert process.run().stage is Stage.WATCH_SHORT
        await process.see(outage="bb")
        await asyncio.sleep(RUN)

        assert world.names == ["one", "two", "cut"]
        assert process.run(0).outcome is Outcome.SUCCEEDED
        assert not [e for e in process.told(WatchEnded) if e.proof is Proof.FAILED]


@virtually
async def test_no_graver_trigger_takes_over_from_a_step_in_doubt() -> None:
    world = a_world()
    world.will("one", Reply.LOST)
    world.takes["one"] = 40
    lower = a_plan(a_step("one", repeat=Repeat.ONCE, timeout="1m"), name="cache", verify=[])
    async with Process(world, two_levels(lower=lower)).running() as process:
        await process.see(latency="obbbbb", outage="ooobbb")
        await asyncio.sleep(RUN)

        assert process.run().outcome is Outcome.INTERRUPTED
        assert world.names == ["one"]
        assert Reason.LATCHED in refusals(process)


@virtually
async def test_what_a_lower_run_had_begun_is_settled_before_the_graver_one_begins() -> None:
    world = a_world()
    world.will("one", Reply.DROPPED)
    world.takes["one"] = 40
    lower = a_plan(
        a_step("one", repeat=Repeat.IDEMPOTENT, timeout="1m"), a_step("two"), name="cache"
    )
    async with Process(world, two_levels(lower=lower)).running() as process:
        await process.see(latency="obbbbb", outage="ooobbb")
        await asyncio.sleep(RUN)

        assert world.names == ["one", "cut"]
        assert process.run(0).outcome is Outcome.SUPERSEDED


# -- the short watch


@virtually
async def test_a_check_that_breaches_again_in_the_watch_latches_and_starts_nothing() -> None:
    world = a_world()
    heals(world)
    async with Process(world).running() as process:
        await process.see(errors="obb")
        await asyncio.sleep(40)
        assert process.run().stage is Stage.WATCH_SHORT
        await process.see(healthy="bbbbbbbb", errors="b")

        assert [ended.proof for ended in process.told(WatchEnded)] == [Proof.FAILED]
        assert "relapsed" in process.account.latched
        assert world.names == ["flag off"]


@virtually
async def test_another_trigger_in_the_watch_latches_and_starts_nothing() -> None:
    world = a_world()
    heals(world)
    target = a_target(a_trigger("errors"), a_trigger("latency"))
    async with Process(world, target).running() as process:
        await process.see(errors="obb", latency="o")
        await asyncio.sleep(40)
        assert process.run().stage is Stage.WATCH_SHORT
        await process.see(latency="bbbbbb")

        (ended,) = process.told(WatchEnded)
        assert (ended.proof, ended.detail) == (Proof.FAILED, "trigger latency fires again")
        assert len(process.told(RunStarted)) == 1
        assert Reason.LATCHED in refusals(process)


@virtually
async def test_a_trigger_that_fired_all_along_is_no_relapse() -> None:
    world = a_world()
    heals(world)
    target = a_target(a_trigger("errors"), a_trigger("latency"))
    async with Process(world, target).running() as process:
        await process.see(errors="obb", latency="obb")
        await asyncio.sleep(RUN)

        assert [ended.proof for ended in process.told(WatchEnded)] == [Proof.PASSED]
        assert process.account.latched == ""
        assert refusals(process)[-1] == Reason.COOLING_DOWN


@virtually
async def test_a_relapse_in_the_long_watch_latches() -> None:
    world = a_world()
    heals(world)
    target = a_target(plans=[a_plan(watch=a_watch(short="1m", long="1h"))])
    async with Process(world, target).running() as process:
        await process.see(errors="obb")
        await asyncio.sleep(RUN)
        assert process.run().stage is Stage.WATCH_LONG
        world.says("healthy", 1)
        await asyncio.sleep(240)

        assert "relapsed" in process.account.latched


@virtually
async def test_a_trigger_of_the_same_plan_in_the_long_watch_latches_and_starts_nothing() -> None:
    world = a_world()
    heals(world)
    target = a_target(
        a_trigger("errors"),
        a_trigger("latency"),
        plans=[a_plan(watch=a_watch(short="1m", long="6h"))],
        limits=Limits(per_hour=9, per_day=9, cooldown=1.0),
    )
    async with Process(world, target).running() as process:
        await process.see(errors="obb", latency="o")
        await process.see(errors="oooooooooooo")
        await asyncio.sleep(RUN)
        assert process.run().stage is Stage.WATCH_LONG
        await process.see(latency="bbbbbb")

        assert process.told(WatchEnded)[-1].proof is Proof.FAILED
        assert "relapsed" in process.account.latched
        assert world.names == ["flag off"]


@virtually
async def test_the_dark_in_a_watch_is_neither_a_pass_nor_a_relapse() -> None:
    world = a_world()
    heals(world)
    async with Process(world).running() as process:
        await process.see(errors="obb")
        await asyncio.sleep(40)
        await process.see(healthy="?" * 12)

        assert [ended.proof for ended in process.told(WatchEnded)] == [Proof.INCONCLUSIVE]
        assert ended_well(process.account)


# -- the latch, and limits


@pytest.mark.parametrize("letter", ["b", "?"])
def test_a_verification_that_does_not_pass_latches(letter: str) -> None:
    @virtually
    async def scenario() -> None:
        world = a_world()
        async with Process(world).running() as process:
            await process.see(errors="obb", healthy=letter)
            await asyncio.sleep(11 * 60)
            assert process.account.latched

            await process.see(errors="o" * 10 + "bbb")
            assert refusals(process)[-1] == Reason.LATCHED
            assert len(process.told(RunStarted)) == 1

    scenario()


@virtually
async def test_after_a_named_person_cleared_it_the_next_episode_may_run_again() -> None:
    world = a_world()
    async with Process(world, a_target(limits=Limits(per_hour=9, per_day=9))).running() as process:
        await process.see(errors="obb")
        await asyncio.sleep(15 * 60)
        await process.journal.append(LatchCleared("shop", "ann", "looked"))

        await process.see(errors="bbb")
        assert len(process.told(RunStarted)) == 1, "this firing had its run"
        await process.see(errors="o" * 10 + "bb")
        assert len(process.told(RunStarted)) == 2


@virtually
async def test_the_cool_down_holds_and_is_told_once_an_episode() -> None:
    world = a_world()
    heals(world)
    target = a_target(limits=Limits(per_hour=9, per_day=9, cooldown=3600.0))
    async with Process(world, target).running() as process:
        await process.see(errors="obb")
        await asyncio.sleep(300)
        await process.see(errors="bbbbbb")
        assert refusals(process) == ["", Reason.COOLING_DOWN]

        await asyncio.sleep(3600)
        await process.see(errors="b")
        assert len(process.told(RunStarted)) == 2


@pytest.mark.parametrize(
    ("limits", "allowed"),
    [(Limits(per_hour=2, per_day=9, cooldown=0.0), 2), (Limits(9, 2, 0.0), 2)],
)
def test_limits_count_runs_of_one_incident_and_of_several(limits: Limits, allowed: int) -> None:
    @virtually
    async def scenario() -> None:
        world = a_world()
        heals(world)
        async with Process(world, a_target(limits=limits)).running() as process:
            for _ in range(allowed + 2):
                await process.see(errors="obb")
                await asyncio.sleep(400)

            assert len(process.told(RunStarted)) == allowed
            assert refusals(process)[-1] == Reason.TARGET_LIMIT

    scenario()


def many_targets(count: int) -> list[Target]:
    return [a_target(name=f"shop{number}") for number in range(count)]


@virtually
async def test_the_limit_of_all_targets_holds_though_all_decide_at_once() -> None:
    world = a_world()
    world.ponders = 1.0
    many = BreakerLimits(targets=9)
    process = Process(world, *many_targets(5), global_per_hour=2, breaker=many)
    async with process.running():
        await process.see(errors="obb")
        await asyncio.sleep(2)

        assert len(process.told(RunStarted)) == 2
        assert sorted(refusals(process)) == ["", "", *[Reason.GLOBAL_LIMIT] * 3]


@virtually
async def test_every_limit_holds_across_a_restart() -> None:
    world = a_world()
    heals(world)
    first = Process(world, *many_targets(2), global_per_hour=1)
    async with first.running():
        await first.see(errors="obb")
        await asyncio.sleep(400)
    second = Process(world, *many_targets(2), journal=first.journal, global_per_hour=1)
    async with second.running():
        await second.see(errors="obbb")

        assert len(second.told(RunStarted)) == 1
        assert {Reason.COOLING_DOWN, Reason.GLOBAL_LIMIT} <= set(refusals(second)) | set(
            refusals(first)
        )


@virtually
async def test_a_latch_holds_across_a_restart() -> None:
    world = a_world()
    first = Process(world)
    async with first.running():
        await first.see(errors="obb")
        await asyncio.sleep(15 * 60)
        assert first.account.latched
    second = Process(world, journal=first.journal)
    async with second.running():
        await second.see(errors="o" * 10 + "bbb")

        assert second.account.latched
        assert len(second.told(RunStarted)) == 1


# -- the kill switch, pauses


async def throw(process: Process) -> None:
    """What the service does when the kill switch is thrown."""
    event = KillSwitchChanged(on=True, how="signal")
    process.ledger.apply(event, process.clock.now())
    for lane in process.lanes.values():
        lane.stop_run(Outcome.STOPPED, "kill switch: signal")
    await process.journal.append(event)


@virtually
async def test_the_kill_switch_stops_a_run_before_its_next_step() -> None:
    world = a_world()
    world.takes["one"] = 10
    target = a_target(plans=[a_plan(a_step("one"), a_step("two"), final=[a_step("tell")])])
    async with Process(world, target).running() as process:
        await process.see(errors="obb")
        await asyncio.sleep(5)
        await throw(process)
        await asyncio.sleep(RUN)

        assert world.names == ["one"]
        assert process.run().outcome is Outcome.STOPPED
        assert process.account.latched


@virtually
async def test_the_kill_switch_stops_the_tries_within_a_step() -> None:
    world = a_world()
    world.will("flag off", Reply.REFUSED)
    async with Process(world).running() as process:
        await process.see(errors="obb")
        assert [sent.name for sent in world.sends] == ["flag off"]
        await throw(process)
        await asyncio.sleep(RUN)

        assert len(world.sends) == 1
        assert process.run().outcome in (Outcome.STOPPED, Outcome.FAILED)


@virtually
async def test_the_kill_switch_thrown_while_a_decision_is_written_is_not_missed() -> None:
    world = a_world()
    process = Process(world)
    process.journal.listen(
        lambda records: (
            process.ledger.apply(KillSwitchChanged(on=True, how="signal"), process.clock.now())
            if any(isinstance(record.event, RunStarted) for record in records)
            else None
        )
    )
    async with process.running():
        await process.see(errors="obb")
        await asyncio.sleep(RUN)

        assert world.sends == []
        assert process.run().outcome is Outcome.STOPPED


@virtually
async def test_a_run_found_open_is_not_taken_up_while_the_kill_switch_is_on() -> None:
    world = a_world()
    world.takes["one"] = 10
    target = a_target(plans=[a_plan(a_step("one"), a_step("two"))])
    first = Process(world, target)
    async with first.running():
        await first.see(errors="obb")
        await asyncio.sleep(5)
    await first.journal.append(KillSwitchChanged(on=True, how="signal"))
    second = Process(world, target, journal=first.journal)
    async with second.running():
        await asyncio.sleep(RUN)

        assert world.names == []
        assert second.run().outcome is Outcome.STOPPED


@virtually
async def test_the_kill_switch_starts_nothing_and_lets_a_watch_go_on_watching() -> None:
    world = a_world()
    heals(world)
    async with Process(world).running() as process:
        await process.see(errors="obb")
        await asyncio.sleep(40)
        assert process.run().stage is Stage.WATCH_SHORT
        await throw(process)
        await asyncio.sleep(RUN)
        assert [ended.proof for ended in process.told(WatchEnded)] == [Proof.PASSED]

        await process.see(errors="o" * 10 + "bbb")
        assert refusals(process)[-1] == Reason.KILL_SWITCH
        assert len(process.told(RunStarted)) == 1


@virtually
async def test_a_paused_target_does_nothing_until_it_is_resumed() -> None:
    world = a_world()
    async with Process(world).running() as process:
        await process.journal.append(Paused("shop", "ann", "moving house", None))
        await process.see(errors="obbbbb")
        assert refusals(process) == [Reason.PAUSED]
        assert world.sends == []

        await process.journal.append(Resumed("shop", "ann"))
        await process.see(errors="b")
        assert world.names == ["flag off"]


@virtually
async def test_a_pause_of_all_targets_ends_by_itself() -> None:
    world = a_world()
    async with Process(world).running() as process:
        until = process.clock.now().wall + 100
        await process.journal.append(Paused("", "ann", "moving house", until))
        await process.see(errors="obbb")
        assert refusals(process) == [Reason.PAUSED]

        await process.see(errors="bbb")
        assert world.names == ["flag off"]


# -- the journal


@virtually
async def test_what_cannot_be_recorded_is_not_done_and_told_once() -> None:
    world = a_world()
    async with Process(world).running() as process:
        process.journal.fault = "the disk is full"
        await process.see(errors="obbbbbbb")

        assert world.sends == []
        assert process.alarms == ["shop: the disk is full"]
        process.journal.fault = "the disk is on fire"
        with pytest.raises(JournalError):
            await process.journal.probe()
        await process.see(errors="bb")
        assert process.alarms == ["shop: the disk is full", "shop: the disk is on fire"]


@virtually
async def test_when_it_can_be_recorded_again_it_is_done_and_nothing_is_lost() -> None:
    world = a_world()
    heals(world)
    async with Process(world).running() as process:
        process.journal.fault = "the disk is full"
        await process.see(errors="obbbb")
        process.journal.fault = ""
        await process.see(errors="b")
        await process.journal.probe()
        await process.see(errors="b")
        await asyncio.sleep(RUN)

        changes = [e.change for e in process.told(TriggerChanged)]
        assert changes[:2] == [Change.PENDING, Change.FIRING]
        assert world.names == ["flag off"]
        (opened,) = process.told(IncidentOpened)
        assert [run.incident for run in process.told(RunStarted)] == [opened.incident]


@virtually
async def test_blindness_that_could_not_be_recorded_is_told_later() -> None:
    world = a_world()
    async with Process(world).running() as process:
        process.journal.fault = "the disk is full"
        await process.see(errors="o" + "?" * 25)
        process.journal.fault = ""
        await process.journal.probe()
        await process.see(errors="?o")

        assert len(process.told(SourceWentBlind)) == 1
        assert len(process.told(SourceSeesAgain)) == 1


@pytest.mark.parametrize("before", ["o", "ob", "obb"], ids=["inactive", "pending", "firing"])
def test_ten_minutes_without_prometheus_start_nothing_and_are_told_once(before: str) -> None:
    @virtually
    async def scenario() -> None:
        world = a_world()
        async with Process(world, a_target(mode=Mode.AUTO)).running() as process:
            await process.journal.append(Paused("shop", "ann", "", None))
            await process.see(errors=before)
            await process.journal.append(Resumed("shop", "ann"))
            await process.see(errors="?" * 40)
            assert process.told(RunStarted) == []
            assert len(process.told(SourceWentBlind)) == 1

            await process.see(errors="o")
            assert len(process.told(SourceSeesAgain)) == 1

    scenario()


@virtually
async def test_a_run_that_could_not_go_on_is_taken_up_when_the_journal_is_well_again() -> None:
    world = a_world()
    heals(world)
    world.takes["one"] = 10
    target = a_target(plans=[a_plan(a_step("one"), a_step("two"))])
    async with Process(world, target).running() as process:
        await process.see(errors="obb")
        await asyncio.sleep(5)
        process.journal.fault = "the disk is full"
        await process.see(errors="bbbb")
        assert world.names == ["one"]
        assert process.lane.runner is None
        assert process.lane.busy

        process.journal.fault = ""
        await process.journal.probe()
        heals(world, by="two")
        await process.see(errors="b")
        await asyncio.sleep(RUN)

        assert world.names == ["one", "two"]
        assert [resumed.attempt for resumed in process.told(RunResumed)] == [1]
        assert process.run().outcome is Outcome.SUCCEEDED
        assert not process.lane.busy


class LateOnce(MemoryJournal):
    """Its first write of a start is given up, and lands on the disk half a minute later."""

    late = False

    async def append(self, *events: Event) -> Sequence[Record]:
        if self.late or not any(isinstance(event, RunStarted) for event in events):
            return await super().append(*events)
        self.late = True
        self._problem = "no answer within 30 s"
        asyncio.get_running_loop().call_later(30, self._land, events)
        raise JournalError(self._problem)

    def _land(self, events: Sequence[Event]) -> None:
        records = [self._record(number, event) for number, event in enumerate(events, 1)]
        self.disk.records += [(record, self._boot) for record in records]
        self._problem = ""
        for call in self._listeners:
            call(records)


@pytest.mark.parametrize("mode", [Mode.AUTO, Mode.ALERT_ONLY])
def test_a_start_written_later_than_anybody_waited_is_driven(mode: Mode) -> None:
    @virtually
    async def scenario() -> None:
        world = a_world()
        journal = LateOnce(world.clock)
        async with Process(world, a_target(mode=mode), journal=journal).running() as process:
            if mode is Mode.AUTO:
                await process.see(errors="obbo")
            else:
                with pytest.raises(JournalError):
                    await by_hand(process)
            await process.see(errors="oooo")
            await asyncio.sleep(RUN)

            assert len(process.told(RunStarted)) == 1
            assert world.names == ["flag off"]
            assert process.run().outcome is Outcome.SUCCEEDED

    scenario()


@virtually
async def test_a_stop_told_to_a_run_that_waits_for_the_journal_holds() -> None:
    world = a_world()
    world.takes["one"] = 10
    target = a_target(plans=[a_plan(a_step("one"), a_step("two"))])
    async with Process(world, target).running() as process:
        await process.see(errors="obb")
        process.journal.fault = "the disk is full"
        await asyncio.sleep(12)
        assert process.lane.runner is None
        process.lane.stop_run(Outcome.STOPPED, "kill switch: signal USR1")
        process.journal.fault = ""
        await process.journal.probe()
        await process.see(errors="o")
        await asyncio.sleep(RUN)

        assert world.names == ["one"]
        assert process.run().outcome is Outcome.STOPPED


@virtually
async def test_a_stop_that_could_not_be_recorded_holds_when_the_run_is_taken_up() -> None:
    world = a_world()
    world.takes["one"] = 10
    target = a_target(plans=[a_plan(a_step("one"), a_step("two"))])
    async with Process(world, target).running() as process:
        await process.see(errors="obb")
        process.journal.fault = "the disk is full"
        process.lane.stop_run(Outcome.STOPPED, "kill switch: signal USR1")
        await asyncio.sleep(12)
        process.journal.fault = ""
        await process.journal.probe()
        await process.see(errors="o")
        await asyncio.sleep(RUN)

        assert world.names == ["one"]
        assert process.run().outcome is Outcome.STOPPED


@virtually
async def test_a_defect_in_an_executor_leaves_the_other_lanes_alive() -> None:
    world = a_world()
    targets = [a_target(name=name, plans=[a_plan(a_step(name))]) for name in ("shop", "cart")]

    def defect(name: str) -> None:
        if name == "shop":
            raise KeyError(name)

    world.on_effect = defect
    async with Process(world, *targets).running() as process:
        await process.see(errors="obbo")
        await asyncio.sleep(RUN)

        assert sorted(world.names) == ["cart", "shop"]
        assert process.told(StepAnswered)[0].ok is None
        assert [process.run(n).outcome for n in (0, 1)] == [Outcome.SUCCEEDED] * 2


@virtually
async def test_a_journal_that_fails_again_leaves_the_run_for_the_next_time() -> None:
    world = a_world()
    world.takes["one"] = 10
    target = a_target(plans=[a_plan(a_step("one"), a_step("two"))])
    async with Process(world, target).running() as process:
        await process.see(errors="obb")
        process.journal.fault = "the disk is full"
        await process.see(errors="b")
        process.journal.fault = ""
        await process.journal.probe()
        process.journal.fault = "the disk is full"
        await process.see(errors="bb")
        assert process.lane.runner is None
        process.journal.fault = ""
        await process.journal.probe()
        await process.see(errors="b")

        assert world.names == ["one", "two"]
        assert len(process.told(RunResumed)) == 1


@virtually
async def test_no_graver_run_starts_beside_one_that_waits_to_be_taken_up() -> None:
    world = a_world()
    world.takes["one"] = 10
    async with Process(world, two_levels()).running() as process:
        await process.see(latency="obb", outage="o")
        process.journal.fault = "the disk is full"
        await process.see(latency="bbbb", outage="bbbb")
        process.journal.fault = ""
        await process.journal.probe()
        await process.see(outage="b")
        await asyncio.sleep(RUN)

        assert world.names == ["one", "cut"]
        assert [run.plan.name for run in process.told(RunStarted)] == ["cache", "cut"]
        assert process.run(0).outcome is Outcome.SUPERSEDED


@virtually
async def test_a_run_that_ended_as_the_journal_failed_is_not_taken_up() -> None:
    world = a_world()
    async with Process(world).running() as process:
        await process.see(errors="obb")
        await asyncio.sleep(5)
        process.journal.fault = "the disk is full"
        await process.see(errors="bb")
        process.journal.fault = ""
        run = process.run()
        ended = RunEnded(run.id, "shop", Outcome.FAILED, "by the books", 1.0)
        await process.journal.probe()
        await process.journal.append(ended)
        await process.see(errors="bb")

        assert process.told(RunResumed) == []


@virtually
async def test_a_person_cannot_start_a_run_while_one_waits_to_be_taken_up() -> None:
    world = a_world()
    world.takes["flag off"] = 10
    async with Process(world).running() as process:
        await process.see(errors="obb")
        process.journal.fault = "the disk is full"
        await asyncio.sleep(12)
        assert process.lane.runner is None
        process.journal.fault = ""
        await process.journal.probe()

        with pytest.raises(WatchdogError, match="waits to be taken up"):
            await by_hand(process)


# -- the end of the daemon


@virtually
async def test_a_run_is_parked_after_the_step_under_way_and_goes_on_at_the_next_start() -> None:
    world = a_world()
    world.takes["one"] = 10
    target = a_target(plans=[a_plan(a_step("one"), a_step("two"))])
    first = Process(world, target)
    async with first.running():
        await first.see(errors="obb")
        await asyncio.sleep(5)
        await first.lane.park("SIGTERM", grace=25)
        assert world.names == ["one"]
        assert len(first.told(RunParked)) == 1

    heals(world, by="two")
    second = Process(world, target, journal=first.journal)
    async with second.running():
        await asyncio.sleep(RUN)

        assert world.names == ["one", "two"]
        assert second.run().outcome is Outcome.SUCCEEDED


@virtually
async def test_a_step_that_outlasts_the_grace_is_left_in_doubt_and_looked_at_later() -> None:
    world = a_world()
    heals(world)
    world.will("flag off", Reply.HANGS_DONE)
    first = Process(world)
    async with first.running():
        await first.see(errors="obb")
        await first.lane.park("SIGTERM", grace=5)
        assert first.told(RunParked) == []

    second = Process(world, journal=first.journal)
    async with second.running():
        await asyncio.sleep(RUN)

        assert world.names == ["flag off"]
        assert len(world.sends) == 1
        assert second.run().outcome is Outcome.SUCCEEDED


@virtually
async def test_nothing_starts_any_more_once_the_daemon_is_to_end() -> None:
    world = a_world()
    async with Process(world).running() as process:
        await process.lane.park("SIGTERM", grace=1)
        await process.see(errors="obbb")

        assert process.told(RunStarted) == []


@virtually
async def test_an_order_given_to_a_lane_that_has_ended_is_answered() -> None:
    process = Process(a_world())
    async with process.running():
        await asyncio.sleep(1)

    with pytest.raises(WatchdogError, match="shop: the daemon is stopping"):
        await by_hand(process)


@virtually
async def test_a_person_cannot_start_a_run_while_the_daemon_is_stopping() -> None:
    async with Process(a_world()).running() as process:
        await process.lane.park("SIGTERM", grace=1)

        with pytest.raises(WatchdogError, match="the daemon is stopping"):
            await by_hand(process)


@pytest.mark.parametrize("orders", [1, 2], ids=["the one obeyed", "one that waits"])
def test_an_order_under_way_at_the_end_is_answered(orders: int) -> None:
    @virtually
    async def scenario() -> None:
        process = Process(a_world())
        answers: list[str] = []

        async def ask() -> None:
            try:
                await process.lane.order(asyncio.Event().wait)
            except WatchdogError as error:
                answers.append(str(error))

        async with asyncio.TaskGroup() as tasks, process.running():
            for _ in range(orders):
                tasks.create_task(ask())
            await asyncio.sleep(1)

        assert len(answers) == orders

    scenario()


@pytest.mark.parametrize("fails", [True, False])
def test_nobody_need_wait_for_the_answer_to_an_order(fails: bool) -> None:
    @virtually
    async def scenario() -> None:
        async with Process(a_world()).running() as process:

            async def call() -> None:
                await asyncio.sleep(10)
                if fails:
                    raise WatchdogError("no")

            with pytest.raises(TimeoutError):
                async with asyncio.timeout(5):
                    await process.lane.order(call)
            await asyncio.sleep(10)
            await process.see(errors="obb")

            assert len(process.told(RunStarted)) == 1

    scenario()


@virtually
async def test_an_order_given_up_is_not_missed_at_the_end() -> None:
    async with Process(a_world()).running() as process:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await process.lane.order(asyncio.Event().wait)


@virtually
async def test_a_lane_that_does_not_run_drives_nothing() -> None:
    process = Process(a_world())
    lane = process.lane

    with pytest.raises(RuntimeError, match="shop: the lane is not running"):
        await lane.start_by_hand(a_plan(), "ann", "", lambda: process.hands)


# -- a changed file


async def reload(process: Process, target: Target) -> None:
    lane = process.lane
    hands = process.hands if target.mode is Mode.AUTO else None
    await lane.order(lambda: lane.reload(target, process.eyes, hands))


@virtually
async def test_a_changed_file_never_changes_the_run_under_way() -> None:
    world = a_world()
    heals(world)
    world.takes["one"] = 10
    before = a_target(plans=[a_plan(a_step("one"), a_step("two"))])
    async with Process(world, before).running() as process:
        await process.see(errors="obb")
        await asyncio.sleep(5)
        await reload(process, a_target(plans=[a_plan(a_step("other"))], mode=Mode.ALERT_ONLY))
        heals(world, by="two")
        await asyncio.sleep(RUN)

        assert world.names == ["one", "two"]
        assert process.run().outcome is Outcome.SUCCEEDED
        assert [loaded.mode for loaded in process.told(ConfigLoaded)] == ["alert-only"]


@virtually
async def test_a_changed_file_is_taken_over_whole() -> None:
    world = a_world()
    async with Process(world).running() as process:
        await process.see(errors="o")
        await reload(process, a_target(plans=[a_plan(a_step("other"))]))
        await process.see(errors="bb")

        assert world.names == ["other"]


@virtually
async def test_a_reload_never_fires_at_the_first_look_after_it() -> None:
    world = a_world()
    async with Process(world).running() as process:
        await process.see(errors="ob")
        await reload(process, a_target(plans=[a_plan(name="undo")]))
        await process.see(errors="b")
        assert process.told(RunStarted) == []

        await process.see(errors="b")
        assert len(process.told(RunStarted)) == 1


@virtually
async def test_a_trigger_that_fires_through_a_reload_needs_a_fresh_breach() -> None:
    world = a_world()
    target = a_target()
    async with Process(world, target).running() as process:
        await process.journal.append(Paused("shop", "ann", "", None))
        await process.see(errors="obb")
        await reload(process, replace(target, hash="2"))
        state = process.lane.evaluator.statuses["errors"].state
        assert isinstance(state, Firing)
        assert not state.confirmed

        await process.journal.append(Resumed("shop", "ann"))
        await process.see(errors="b")
        assert len(process.told(RunStarted)) == 1


@virtually
async def test_a_file_that_does_not_fit_its_hands_changes_nothing() -> None:
    async with Process(a_world()).running() as process:
        lane = process.lane
        alert_only = a_target(mode=Mode.ALERT_ONLY)
        with pytest.raises(ValueError, match="hands are for armed targets"):
            await lane.reload(alert_only, process.eyes, process.hands)

        assert process.told(ConfigLoaded) == []
        assert lane.target.mode is Mode.AUTO


@virtually
async def test_a_run_taken_up_on_a_target_that_is_alert_only_now_changes_nothing() -> None:
    world = a_world()
    world.takes["one"] = 10
    plans = [a_plan(a_step("one"), a_step("two"))]
    first = Process(world, a_target(plans=plans))
    async with first.running():
        await first.see(errors="obb")
        await asyncio.sleep(5)
        await first.lane.park("SIGTERM", grace=25)
    second = Process(world, a_target(plans=plans, mode=Mode.ALERT_ONLY), journal=first.journal)
    async with second.running():
        await asyncio.sleep(RUN)

        assert world.names == ["one"]
        assert second.run().outcome is Outcome.PARTIALLY_APPLIED
        assert second.hands.built == []


# -- order of things


@virtually
async def test_every_effect_follows_its_intent_in_the_journal() -> None:
    world = a_world()
    process = Process(world)
    intended: list[bool] = []
    world.boundary = lambda where: intended.append(
        any(isinstance(event, StepIntended) for event in process.journal.events)
    )
    async with process.running():
        await process.see(errors="obb")

        assert intended == [True, True]


@virtually
async def test_a_check_among_the_steps_is_waited_for() -> None:
    world = a_world()
    world.says("ready", 1)
    plan = a_plan(a_step("one"), a_check("ready"), a_step("two"))
    async with Process(world, a_target(plans=[plan])).running() as process:
        await process.see(errors="obb")
        assert world.names == ["one"]
        world.says("ready", 0)
        await asyncio.sleep(6)

        assert world.names == ["one", "two"]
