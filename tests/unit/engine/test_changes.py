"""Changes, versions and quarantine in a whole process, in virtual time."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from tests.builders import a_plan, a_step, a_target, a_trigger, started
from tests.process import Process, a_world
from watchdog.domain.change import (
    ChangeSeen,
    News,
    VersionGood,
    VersionQuarantined,
    VersionReleased,
)
from watchdog.domain.decision import Reason
from watchdog.domain.errors import TransientError
from watchdog.domain.events import Decided, IncidentOpened, RunEnded, RunStarted, StepIntended
from watchdog.domain.plan import Return
from watchdog.domain.progress import Outcome
from watchdog.domain.target import ChangeRules, Limits, Target
from watchdog.domain.versions import Versions
from watchdog.engine.change_watcher import SILENT, ChangeRecorder, ChangeWatcher
from watchdog.testing.doubles import MemoryJournal
from watchdog.testing.virtual_time import virtually
from watchdog.testing.world import Reply, World

BAKE = 300.0
RUN = 120.0
UNDO = replace(
    a_plan(a_step(options={"effect": "flag off", "to": "{{ run.to_version }}"})),
    returns_to=Return.PREVIOUS.value,
)


def a_shop(*, once: bool = False) -> Target:
    trigger = replace(a_trigger(), once_per_version=once)
    plan = UNDO if not once else a_plan()
    target = a_target(trigger, plans=[plan], limits=Limits(per_hour=9, per_day=9, cooldown=0))
    return replace(target, changes=ChangeRules(bake=BAKE))


async def told(process: Process, version: str, ago: float = 0.0) -> None:
    at = process.clock.now().wall - ago
    await ChangeRecorder("shop", process.shared).take([News(version, at)], "ci")


def versions(process: Process) -> Versions:
    return process.ledger.versions.of("shop")


def refusals(process: Process) -> list[str]:
    return [decided.refusal for decided in process.told(Decided)]


def heals(world: World) -> None:
    world.on_effect = lambda _name: world.says("errors", 0)


async def with_a_good_version(process: Process) -> None:
    """v1 has run for hours and has proven itself; then v2 comes."""
    await proven(process)
    await told(process, "v2")


async def proven(process: Process) -> None:
    """v1 has run for hours, and is good."""
    await told(process, "v1", ago=3 * 3600)
    await process.slots(round(BAKE / 15) + 3)
    assert "v1" in versions(process).good


@virtually
async def test_a_breach_after_a_change_returns_to_the_version_before() -> None:
    world = a_world()
    heals(world)
    async with Process(world, a_shop()).running() as process:
        await with_a_good_version(process)
        await process.see(errors="obb")
        await asyncio.sleep(RUN)

        (start,) = process.told(RunStarted)
        assert (start.from_version, start.to_version) == ("v2", "v1")
        assert [one.values["run.to_version"] for one in process.told(StepIntended)] == ["v1"]
        assert [one.version for one in process.told(VersionQuarantined)] == ["v2"]
        assert versions(process).running == "v1"
        assert process.run().outcome is Outcome.SUCCEEDED


@virtually
async def test_a_breach_that_began_before_the_change_is_refused() -> None:
    world = a_world()
    target = replace(a_target(a_trigger(hold="1m"), plans=[UNDO]), changes=ChangeRules(bake=BAKE))
    async with Process(world, target).running() as process:
        await proven(process)
        await process.see(errors="ob")
        await told(process, "v2")
        await process.see(errors="bbbbb")

        assert refusals(process) == [Reason.BREACH_BEFORE_CHANGE]
        assert world.sends == []


@virtually
async def test_a_restart_makes_no_breach_younger_than_the_change() -> None:
    world = a_world()
    target = a_target(a_trigger(hold="2m"), plans=[UNDO])
    target = replace(target, changes=ChangeRules(bake=BAKE))
    async with Process(world, target).running() as process:
        await proven(process)
        await process.see(errors="obb")
        await told(process, "v2")
    journal = MemoryJournal(world.clock, survived=process.journal)
    # Down for a minute, by which the pending trigger is put off.
    await asyncio.sleep(60)
    async with Process(world, target, journal=journal).running() as process:
        await process.see(errors="b" * 12)

        assert refusals(process) == [Reason.BREACH_BEFORE_CHANGE]
        assert world.sends == []


@virtually
async def test_a_change_and_what_was_good_survive_a_kill_before_the_decision() -> None:
    world = a_world()
    heals(world)
    async with Process(world, a_shop()).running() as process:
        await with_a_good_version(process)
        await process.see(errors="o")
    journal = MemoryJournal(world.clock, survived=process.journal)
    async with Process(world, a_shop(), journal=journal).running() as process:
        await process.see(errors="bbb")
        await asyncio.sleep(RUN)

        assert [start.to_version for start in process.told(RunStarted)] == ["v1"]
        assert world.names == ["flag off"]


@virtually
async def test_what_nobody_saw_for_long_before_the_breach_is_no_reason_to_act() -> None:
    world = a_world()
    async with Process(world, a_shop()).running() as process:
        await proven(process)
        await process.see(errors="o?????")
        await told(process, "v2")
        await process.see(errors="?bbb")

        assert refusals(process) == [Reason.BREACH_BEFORE_CHANGE]
        assert world.sends == []


@virtually
async def test_a_target_whose_sources_are_silent_does_nothing_after_a_change() -> None:
    world = a_world()
    async with Process(world, a_shop()).running() as process:
        await with_a_good_version(process)
        await process.see(errors="?" * 40)

        assert process.told(Decided) == []
        assert world.sends == []


@virtually
async def test_news_that_come_after_the_refusal_still_help() -> None:
    world = a_world()
    heals(world)
    async with Process(world, a_shop()).running() as process:
        await proven(process)
        await process.see(errors="obb")
        assert refusals(process) == [Reason.NO_RECENT_CHANGE]
        # CI tells at the end of its job that v2 began to go out just before the breach.
        await told(process, "v2", ago=25)
        await process.see(errors="b")
        await asyncio.sleep(RUN)

        assert [start.to_version for start in process.told(RunStarted)] == ["v1"]


@virtually
async def test_a_version_is_rolled_back_from_once_even_when_it_comes_back() -> None:
    world = a_world()
    heals(world)
    async with Process(world, a_shop()).running() as process:
        await with_a_good_version(process)
        await process.see(errors="obb")
        await asyncio.sleep(RUN)
        await told(process, "v2")
        await process.see(errors="obbb")
        await asyncio.sleep(RUN)

        assert process.told(ChangeSeen)[-1].warning.startswith("since ")
        assert len(process.told(RunStarted)) == 1
        assert refusals(process)[-1] == Reason.VERSION_HAD_ITS_RUN


@virtually
async def test_what_was_done_for_a_version_is_remembered_over_a_restart() -> None:
    world = a_world()
    heals(world)
    async with Process(world, a_shop()).running() as process:
        await with_a_good_version(process)
        await process.see(errors="obb")
        await asyncio.sleep(RUN)
    journal = MemoryJournal(world.clock, survived=process.journal)
    async with Process(world, a_shop(), journal=journal).running() as process:
        assert versions(process).runs.keys() == {"v2"}
        assert versions(process).quarantined.keys() == {"v2"}
        assert versions(process).running == "v1"


@virtually
async def test_a_change_seen_right_before_the_first_step_stops_the_run() -> None:
    world = a_world()

    async def somebody_was_quicker(_: str) -> None:
        await told(process, "v3")

    process = Process(world, a_shop())
    process.shared = replace(process.shared, look_for_changes=somebody_was_quicker)
    for lane in process.lanes.values():
        lane.decider._shared = process.shared  # noqa: SLF001 (as the daemon wires it)
    async with process.running():
        await with_a_good_version(process)
        await process.see(errors="obb")

        assert refusals(process) == [Reason.VERSION_MOVED_ON]
        assert process.told(RunStarted) == []
        assert process.told(VersionQuarantined) == []


@pytest.mark.parametrize("version", ["v3", "v1", ""])
@virtually
async def test_a_run_found_before_its_first_step_begins_only_if_that_version_still_runs(
    version: str,
) -> None:
    world = a_world()
    heals(world)
    async with Process(world, a_shop()).running() as process:
        await with_a_good_version(process)
        start = replace(started(UNDO), from_version="v2", to_version="v1")
        await process.journal.append(IncidentOpened("shop", "i1", "errors", start.severity), start)

    async def meanwhile(_: str) -> None:
        if version:
            await told(process, version)

    process = Process(world, a_shop(), journal=MemoryJournal(world.clock, survived=process.journal))
    process.shared = replace(process.shared, look_for_changes=meanwhile)
    for lane in process.lanes.values():
        lane._shared = process.shared  # noqa: SLF001 (as the daemon wires it)
    async with process.running():
        await asyncio.sleep(RUN)

        run = process.run()
        if version:
            assert (run.outcome, process.told(StepIntended)) == (Outcome.INTERRUPTED, [])
            (ended,) = process.told(RunEnded)
            assert ended.detail == f"v2 was to be undone, and {version} runs now"
        else:
            assert len(process.told(StepIntended)) == 1


@pytest.mark.parametrize("version", ["v3", "v1", ""])
@virtually
async def test_a_step_that_did_not_happen_is_sent_again_only_if_that_version_still_runs(
    version: str,
) -> None:
    world = a_world()
    heals(world)
    world.will("flag off", Reply.DROPPED)
    process = Process(world, a_shop())

    async def meanwhile(_: str) -> None:
        if version and world.sends:
            await told(process, version)

    process.shared = replace(process.shared, look_for_changes=meanwhile)
    for lane in process.lanes.values():
        lane._shared = lane.decider._shared = process.shared  # noqa: SLF001 (as the daemon wires it)
    async with process.running():
        await with_a_good_version(process)
        await process.see(errors="obb")
        await asyncio.sleep(RUN)

        run = process.run()
        if version:
            assert (run.outcome, world.effects) == (Outcome.INTERRUPTED, [])
            (ended,) = process.told(RunEnded)
            assert ended.detail == f"v2 was to be undone, and {version} runs now"
        else:
            assert (run.outcome, world.names) == (Outcome.SUCCEEDED, ["flag off"])
        assert len(world.sends) == (1 if version else 2)


@virtually
async def test_what_our_own_step_brought_about_does_not_stop_it() -> None:
    world = a_world()
    heals(world)
    world.will("flag off", Reply.LOST)
    process = Process(world, a_shop())

    async def meanwhile(_: str) -> None:
        if world.effects:
            await told(process, "v1")

    process.shared = replace(process.shared, look_for_changes=meanwhile)
    for lane in process.lanes.values():
        lane._shared = lane.decider._shared = process.shared  # noqa: SLF001 (as the daemon wires it)
    async with process.running():
        await with_a_good_version(process)
        await process.see(errors="obb")
        await asyncio.sleep(RUN)

        assert (process.run().outcome, world.names) == (Outcome.SUCCEEDED, ["flag off"])


@virtually
async def test_a_trigger_that_acts_once_a_version_is_freed_by_the_next_one() -> None:
    world = a_world()
    heals(world)
    async with Process(world, a_shop(once=True)).running() as process:
        await told(process, "v1")
        for _ in range(2):
            await process.see(errors="obb")
            await asyncio.sleep(RUN + 300)
        assert refusals(process) == ["", Reason.ONCE_PER_VERSION]
        await told(process, "v2")
        await process.see(errors="obb")
        await asyncio.sleep(RUN)

        assert len(process.told(RunStarted)) == 2


# -- the bake


@virtually
async def test_a_version_is_good_once_it_was_watched_for_its_bake() -> None:
    async with Process(a_world(), a_shop()).running() as process:
        await told(process, "v1")
        await process.slots(round(BAKE / 15) - 2)
        assert process.told(VersionGood) == []
        await process.slots(5)

        assert [good.version for good in process.told(VersionGood)] == ["v1"]


@virtually
async def test_a_version_whose_trigger_fired_bakes_anew() -> None:
    async with Process(a_world(), a_shop(once=True)).running() as process:
        await told(process, "v1")
        await process.slots(10)
        await process.see(errors="bbb")
        process.world.says("errors", 0)
        await process.slots(round(BAKE / 15))

        assert process.told(VersionGood) == []


@virtually
async def test_a_version_that_nobody_could_see_is_not_good() -> None:
    async with Process(a_world(), a_shop()).running() as process:
        await told(process, "v1")
        await process.see(errors="~" * 60)

        assert process.told(VersionGood) == []


@virtually
async def test_a_version_is_good_although_every_tenth_look_told_nothing() -> None:
    async with Process(a_world(), a_shop()).running() as process:
        await told(process, "v1")
        await process.see(errors="ooooooooo?" * 3)

        assert len(process.told(VersionGood)) == 1


# -- by hand


@virtually
async def test_a_person_who_returns_to_a_version_quarantines_the_other_one() -> None:
    world = a_world()
    async with Process(world, a_shop()).running() as process:
        await with_a_good_version(process)
        lane = process.lane
        await lane.order(
            lambda: lane.start_by_hand(UNDO, "ann", "it is slow", lambda: process.hands)
        )
        await asyncio.sleep(RUN)

        assert [(q.version, q.why) for q in process.told(VersionQuarantined)] == [
            ("v2", "it is slow")
        ]
        assert versions(process).runs == {}
        await process.journal.append(VersionReleased("shop", "v2", "ann", "it was the disk"))
        assert versions(process).quarantined == {}


# -- sources


@dataclass
class Tellers:
    """A source of changes that tells what a test says, or fails."""

    news_now: list[News] = field(default_factory=list)
    fault: str = ""

    async def news(self) -> Sequence[News]:
        if self.fault:
            raise TransientError(self.fault)
        return self.news_now

    async def close(self) -> None:
        """Nothing is open."""


def a_watcher(process: Process, source: Tellers) -> ChangeWatcher:
    recorder = ChangeRecorder("shop", process.shared)
    return ChangeWatcher("shop/changes/file", 30, source, recorder, process.shared)


@virtually
async def test_what_a_source_tells_again_is_recorded_once() -> None:
    async with Process(a_world(), a_shop()).running() as process:
        source = Tellers([News("v1", process.clock.now().wall)])
        watcher = a_watcher(process, source)
        for slot in range(3):
            await watcher.tick(slot, process.clock.now())
        source.news_now = [*source.news_now * 2, News("v2", process.clock.now().wall)]
        await watcher.tick(4, process.clock.now())

        assert [seen.version for seen in process.told(ChangeSeen)] == ["v1", "v2"]
        assert process.told(ChangeSeen)[0].source == "shop/changes/file"


@virtually
async def test_two_who_tell_of_the_same_change_at_once_make_one_of_it() -> None:
    async with Process(a_world(), a_shop()).running() as process:
        recorder = ChangeRecorder("shop", process.shared)
        news = [News("v1", process.clock.now().wall)]
        await asyncio.gather(*(recorder.take(news, name) for name in ("ci", "file", "git")))

        assert len(process.told(ChangeSeen)) == 1


@virtually
async def test_a_silent_source_is_told_of_once_it_lasts_and_when_it_is_over() -> None:
    async with Process(a_world(), a_shop()).running() as process:
        source = Tellers(fault="there is no such file")
        watcher = a_watcher(process, source)
        await watcher.look()
        assert process.alarms == []
        assert watcher.problem == "there is no such file"
        await asyncio.sleep(SILENT)
        for _ in range(3):
            await watcher.look()
        assert len(process.alarms) == 1
        assert "there is no such file" in process.alarms[0]
        source.fault = ""
        await watcher.look()

        assert process.alarms[1:] == ["shop/changes/file tells of changes again"]


@virtually
async def test_what_cannot_be_believed_is_left_out() -> None:
    async with Process(a_world(), a_shop()).running() as process:
        now = process.clock.now().wall
        source = Tellers([News("-rf", now), News("v1", now + 3600), News("v2", now)])
        watcher = a_watcher(process, source)
        await watcher.look()

        assert [seen.version for seen in process.told(ChangeSeen)] == ["v2"]
        assert watcher.problem == ""


@virtually
async def test_when_the_newest_news_cannot_be_believed_people_are_told() -> None:
    async with Process(a_world(), a_shop()).running() as process:
        now = process.clock.now().wall
        source = Tellers([News("v1", now - 9), News("release 2 of may", now)])
        watcher = a_watcher(process, source)
        await watcher.look()
        await asyncio.sleep(SILENT)
        await watcher.look()

        assert [seen.version for seen in process.told(ChangeSeen)] == ["v1"]
        assert "'release 2 of may' is no version" in process.alarms[0]
