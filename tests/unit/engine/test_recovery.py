import asyncio

from tests.builders import a_plan, a_step, a_target, a_trigger, started
from tests.process import Process, a_world
from watchdog.domain.decision import Reason
from watchdog.domain.events import (
    Decided,
    Event,
    KillSwitchChanged,
    LatchCleared,
    Outcome,
    Paused,
    RunEnded,
    RunRecovered,
    RunResumed,
    Stage,
    StepIntended,
    StopRequested,
)
from watchdog.domain.ledger import Ledger
from watchdog.domain.plan import Repeat
from watchdog.domain.progress import Recovery
from watchdog.domain.run import fold
from watchdog.domain.target import Mode
from watchdog.domain.trigger import Firing, Pending
from watchdog.engine.recovery import recall
from watchdog.testing.doubles import MemoryJournal
from watchdog.testing.virtual_time import VirtualClock, virtually

RUN = 120.0


def next_process(process: Process, *, boot_id: str = "boot", wall: float = 0.0) -> Process:
    """The daemon's next start on the same journal; another boot has another clock."""
    world = process.world
    if wall:
        world.clock = VirtualClock(process.clock.now().wall + wall)
    journal = MemoryJournal(world.clock, boot_id=boot_id, survived=process.journal)
    return Process(world, *[lane.target for lane in process.lanes.values()], journal=journal)


@virtually
async def test_a_journal_with_nothing_in_it_recalls_nothing() -> None:
    process = Process(a_world())

    runs = await recall(process.journal, process.ledger, process.lanes, process.clock)

    assert runs == []
    assert process.ledger == Ledger()


@virtually
async def test_all_that_decisions_need_is_recalled() -> None:
    world = a_world()
    process = Process(world)
    await process.journal.append(
        Paused("shop", "ann", "moving house", None),
        KillSwitchChanged(on=True, how="signal"),
        started(a_plan(), run="r1"),
        RunEnded("r1", "shop", Outcome.FAILED, "401", 5.0),
    )
    again = next_process(process)

    await recall(again.journal, again.ledger, again.lanes, again.clock)

    assert again.ledger.killed == "signal"
    assert again.account.paused is not None
    assert again.account.latched == "run r1 ended failed: 401"
    assert len(again.account.past) == 1


@virtually
async def test_a_trigger_that_was_pending_or_firing_is_recalled() -> None:
    process = Process(a_world(), a_target(a_trigger(hold="30s")))
    async with process.running():
        await process.journal.append(Paused("shop", "ann", "", None))
        await process.see(errors="ob")
    pending = next_process(process)
    async with pending.running(ticking=False):
        assert isinstance(pending.lane.evaluator.statuses["errors"].state, Pending)
    async with process.running():
        await process.see(errors="bbbb")
    firing = next_process(process)
    async with firing.running(ticking=False):
        state = firing.lane.evaluator.statuses["errors"].state
        assert isinstance(state, Firing)
        assert not state.confirmed


@virtually
async def test_what_was_refused_before_a_restart_is_not_told_again() -> None:
    process = Process(a_world())
    async with process.running():
        await process.journal.append(Paused("shop", "ann", "", None))
        await process.see(errors="obbb")
    again = next_process(process)
    async with again.running():
        await again.see(errors="bbbb")

        assert [decided.refusal for decided in again.told(Decided)] == [Reason.PAUSED]


@virtually
async def test_an_open_run_is_taken_up_where_it_was() -> None:
    world = a_world()
    plan = a_plan(a_step("one"), a_step("two"), verify_trigger=False)
    process = Process(world, a_target(plans=[plan]))
    run = started(plan, run="r1")
    world.land("r1/steps/0", "one")
    await process.journal.append(run, StepIntended("r1", Stage.STEPS, 0, "one", "r1/steps/0", 1))
    again = next_process(process)
    async with again.running():
        await asyncio.sleep(RUN)

        assert world.names == ["one", "two"]
        assert [sent.name for sent in world.sends] == ["two"]
        assert [resumed.attempt for resumed in again.told(RunResumed)] == [1]
        assert again.run().outcome is Outcome.SUCCEEDED


@virtually
async def test_a_run_that_is_over_is_not_taken_up() -> None:
    world = a_world()
    process = Process(world)
    async with process.running():
        await process.see(errors="obb")
        world.says("errors", 0)
        await asyncio.sleep(RUN)
        assert process.run().stage is Stage.ENDED
    again = next_process(process)
    async with again.running():
        await asyncio.sleep(RUN)

        assert again.told(RunResumed) == []
        assert again.account.current is None


@virtually
async def test_a_step_that_nobody_can_look_at_is_interrupted_and_never_sent_again() -> None:
    world = a_world()
    plan = a_plan(a_step("one", repeat=Repeat.ONCE), a_step("two"))
    process = Process(world, a_target(plans=[plan]))
    await process.journal.append(
        started(plan, run="r1"), StepIntended("r1", Stage.STEPS, 0, "one", "r1/steps/0", 1)
    )
    again = next_process(process)
    async with again.running():
        await asyncio.sleep(RUN)

        assert world.sends == []
        assert again.run().outcome is Outcome.INTERRUPTED
        assert "interrupted" in again.account.latched


@virtually
async def test_a_run_found_after_too_long_is_interrupted() -> None:
    world = a_world()
    plan = a_plan(a_step("one"), resume_within="15m")
    process = Process(world, a_target(plans=[plan]))
    await process.journal.append(started(plan, run="r1"))
    again = next_process(process, boot_id="next", wall=1000)
    async with again.running():
        await asyncio.sleep(RUN)

        assert world.sends == []
        assert again.run().outcome is Outcome.INTERRUPTED


@virtually
async def test_a_run_found_by_a_clock_that_is_behind_is_interrupted() -> None:
    process = Process(a_world(), a_target(plans=[a_plan(a_step("one"), a_step("two"))]))
    process.world.takes["one"] = 20
    async with process.running():
        await process.see(errors="obb")
    again = next_process(process, boot_id="other", wall=-86400)
    async with again.running():
        await asyncio.sleep(RUN)

        assert again.world.names == []
        assert "nobody knows how old it is" in again.run().broken
        assert again.account.latched


@virtually
async def test_a_clock_that_was_ahead_at_the_start_forgets_no_cool_down() -> None:
    process = Process(a_world())
    async with process.running():
        await process.see(errors="obbo")
        await asyncio.sleep(RUN)
    again = next_process(process, boot_id="other", wall=25 * 3600)
    async with again.running():
        await asyncio.sleep(20)
        assert isinstance(again.clock, VirtualClock)
        again.clock.step(-25 * 3600)
        await again.see(errors="obbbb")

        assert again.world.names == ["flag off"]
        assert again.told(Decided)[-1].refusal == Reason.COOLING_DOWN


@virtually
async def test_a_stop_told_to_a_run_outlives_a_crash_and_the_kill_switch() -> None:
    process = Process(a_world(), a_target(plans=[a_plan(a_step("one"), a_step("two"))]))
    process.world.takes["one"] = 20
    async with process.running():
        await process.see(errors="obb")
        await process.journal.append(KillSwitchChanged(on=True, how="the kill file exists"))
        process.lane.stop_run(Outcome.STOPPED, "kill switch")
    again = next_process(process)
    await again.journal.append(KillSwitchChanged(on=False, how="the kill file was removed"))
    async with again.running():
        await asyncio.sleep(RUN)

        assert again.ledger.killed == ""
        assert again.world.names == []
        assert again.run().outcome is Outcome.STOPPED


@virtually
async def test_a_run_of_a_target_that_no_file_names_any_more_is_told() -> None:
    world = a_world()
    process = Process(world, a_target(name="cart"))
    await process.journal.append(started(a_plan(), run="r1", target="cart"))
    again = Process(world, a_target(name="shop"), journal=process.journal)
    async with again.running():
        (alarm,) = again.alarms

        assert "run r1 of target cart is open in the journal" in alarm
        assert "start again with its file" in alarm


@virtually
async def test_a_run_by_hand_on_an_alert_only_target_is_taken_up_with_hands() -> None:
    world = a_world()
    plan = a_plan(a_step("one"), verify_trigger=False)
    process = Process(world, a_target(plans=[plan], mode=Mode.ALERT_ONLY))
    await process.journal.append(started(plan, run="r1", by="ann", trigger="", episode=""))
    again = next_process(process)
    async with again.running():
        await asyncio.sleep(RUN)

        assert world.names == ["one"]
        assert again.run().outcome is Outcome.SUCCEEDED


@virtually
async def test_a_run_that_a_person_recovered_is_taken_up_with_hands_as_one_they_began() -> None:
    world = a_world()
    plan = a_plan(a_step("one"), verify_trigger=False)
    process = Process(world, a_target(plans=[plan], mode=Mode.ALERT_ONLY))
    run, here = "r1", "shop"
    await process.journal.append(
        started(plan, run=run),
        StopRequested(run, Outcome.STOPPED, "kill switch"),
        RunEnded(run, here, Outcome.STOPPED, "kill switch", 1.0),
        RunRecovered(run, here, Recovery.RESUME, "ann", "I looked"),
    )
    again = next_process(process)
    async with again.running():
        await asyncio.sleep(RUN)

        assert world.names == ["one"]
        assert again.run().outcome is Outcome.SUCCEEDED


@virtually
async def test_a_watch_goes_on_after_a_restart_from_where_it_was() -> None:
    world = a_world()
    process = Process(world)
    async with process.running():
        await process.see(errors="obb")
        world.says("errors", 0)
        await asyncio.sleep(60)
        assert process.run().stage is Stage.WATCH_SHORT
    until = process.run().watch_until
    again = next_process(process)
    async with again.running():
        await asyncio.sleep(60)

        assert again.run().stage is Stage.ENDED
        assert again.run().watch_until == until
        assert again.account.current is None


@virtually
async def test_clearing_lasts_across_a_restart() -> None:
    process = Process(a_world())
    await process.journal.append(
        started(a_plan(), run="r1"),
        RunEnded("r1", "shop", Outcome.FAILED, "401", 5.0),
        LatchCleared("shop", "ann", "looked"),
    )
    again = next_process(process)
    async with again.running():
        assert again.account.latched == ""


@virtually
async def test_the_ledger_and_the_runs_agree_on_what_holds_a_target() -> None:
    plan = a_plan(verify=())
    process = Process(a_world(), a_target(plans=[plan]))
    events: list[Event] = [
        started(plan, run="r1"),
        RunEnded("r1", "shop", Outcome.SUCCEEDED, "", 1.0),
        StopRequested("r1", Outcome.SUPERSEDED, "why"),
    ]
    for event in events:
        await process.journal.append(event)
        ledger = Ledger().replay(await process.journal.read())
        run = fold(await process.journal.read(run="r1"))
        current = ledger.account("shop").current

        assert (current is not None) == (run.stage is not Stage.ENDED)


@virtually
async def test_a_run_that_was_taken_up_and_ended_before_its_turn_is_not_taken_up_again() -> None:
    process = Process(a_world())
    await process.journal.append(
        started(a_plan(a_step("one")), run="r1"),
        KillSwitchChanged(on=True, how="signal"),
        StopRequested("r1", Outcome.STOPPED, "kill switch: signal"),
    )
    again = next_process(process)
    (stale,) = await recall(again.journal, Ledger(), again.lanes, again.clock)

    async with again.running(ticking=False):
        # A round came first, in which what nobody drives is taken up.
        await asyncio.sleep(RUN)
        await again.lane.order(lambda: again.lane.resume(stale, lambda: again.hands))
        await asyncio.sleep(RUN)

    assert again.kinds("r1").count("RunResumed") == 1
    assert again.kinds("r1").count("RunEnded") == 1
