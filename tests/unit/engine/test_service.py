import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.builders import a_plan, a_step, a_target
from tests.process import Process, a_world
from watchdog.domain.decision import Reason
from watchdog.domain.errors import JournalError
from watchdog.domain.events import (
    ClockStepped,
    DaemonStopped,
    Decided,
    Event,
    KillSwitchChanged,
    Outcome,
    Record,
    RunParked,
    RunStarted,
)
from watchdog.domain.trigger import Inactive, Pending
from watchdog.engine.service import FILE_HOW, PROBE_EVERY, Service
from watchdog.ports import Clock
from watchdog.testing.doubles import MemoryJournal
from watchdog.testing.virtual_time import VirtualClock, virtually
from watchdog.testing.world import World

TWO_STEPS = a_target(plans=[a_plan(a_step("one"), a_step("two"), verify_trigger=False)])


class Daemon(Process):
    """A process whose lanes are run by the service."""

    def __init__(
        self,
        world: World,
        kill_file: Path,
        *,
        grace: float = 25.0,
        journal: MemoryJournal | None = None,
        breaking: bool = False,
    ) -> None:
        super().__init__(world, TWO_STEPS, journal=journal)
        self.reloads = 0
        breaker = self.breaker if breaking else None
        self.service = Service(self.shared, self.lanes, kill_file, grace, self._reloaded, breaker)
        self.service.watchers = self.watchers
        self.journal.listen(self._keep_ledger)

    async def _reloaded(self) -> None:
        self.reloads += 1

    @asynccontextmanager
    async def serving(
        self, ready: Callable[[], Awaitable[None]] | None = None
    ) -> AsyncIterator["Daemon"]:
        """Until the end of the block, which stops the service as SIGTERM does."""
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(self.service.run(ready or _nothing))
            ticker = tasks.create_task(self._ticker().run())
            await asyncio.sleep(0.001)
            try:
                yield self
            finally:
                self.service.stop("SIGTERM")
                await asyncio.wait([running])
                ticker.cancel()


async def _nothing() -> None:
    """Nothing to do once it is ready."""


@pytest.fixture
def kill_file(tmp_path: Path) -> Path:
    return tmp_path / "kill"


# -- the kill switch


def test_a_kill_file_stops_a_run_before_its_next_step(kill_file: Path) -> None:
    @virtually
    async def scenario() -> None:
        world = a_world()
        world.takes["one"] = 10
        async with Daemon(world, kill_file).serving() as daemon:
            await daemon.see(errors="obb")
            kill_file.touch()
            await asyncio.sleep(60)

            assert world.names == ["one"]
            assert daemon.run().outcome is Outcome.STOPPED
            assert daemon.ledger.killed == FILE_HOW

    scenario()


def test_a_kill_file_is_heeded_within_a_second(kill_file: Path) -> None:
    @virtually
    async def scenario() -> None:
        async with Daemon(a_world(), kill_file).serving() as daemon:
            kill_file.touch()
            await asyncio.sleep(1)
            assert daemon.ledger.killed

            await daemon.see(errors="obb")
            assert daemon.told(RunStarted) == []
            assert [decided.refusal for decided in daemon.told(Decided)] == [Reason.KILL_SWITCH]

    scenario()


def test_the_removal_of_the_kill_file_lets_go(kill_file: Path) -> None:
    @virtually
    async def scenario() -> None:
        kill_file.touch()
        async with Daemon(a_world(), kill_file).serving() as daemon:
            await asyncio.sleep(1)
            kill_file.unlink()
            await asyncio.sleep(1)

            changes = daemon.told(KillSwitchChanged)
            assert [(change.on, change.how) for change in changes] == [
                (True, FILE_HOW),
                (False, "the kill file was removed"),
            ]
            assert daemon.ledger.killed == ""

    scenario()


def test_a_kill_switch_thrown_otherwise_is_not_lifted_by_the_lack_of_a_file(
    kill_file: Path,
) -> None:
    @virtually
    async def scenario() -> None:
        async with Daemon(a_world(), kill_file).serving() as daemon:
            await daemon.service.kill(on=True, how="signal USR1")
            await asyncio.sleep(10)
            assert daemon.ledger.killed == "signal USR1"

            await daemon.service.kill(on=False, how="signal USR2")
            assert daemon.ledger.killed == ""

    scenario()


def test_a_kill_file_is_seen_before_anything_is_taken_up(kill_file: Path) -> None:
    @virtually
    async def scenario() -> None:
        kill_file.touch()
        daemon = Daemon(a_world(), kill_file)
        killed: list[str] = []

        async def ready() -> None:
            killed.append(daemon.ledger.killed)

        async with daemon.serving(ready):
            assert killed == [FILE_HOW]

    scenario()


def test_a_kill_file_that_cannot_be_looked_at_counts_as_one(tmp_path: Path) -> None:
    @virtually
    async def scenario() -> None:
        async with Daemon(a_world(), tmp_path / ("x" * 300)).serving() as daemon:
            assert daemon.ledger.killed == FILE_HOW

    scenario()


def test_the_kill_switch_works_without_a_journal(kill_file: Path) -> None:
    @virtually
    async def scenario() -> None:
        world = a_world()
        world.takes["one"] = 10
        async with Daemon(world, kill_file).serving() as daemon:
            await daemon.see(errors="obb")
            daemon.journal.fault = "the disk is full"
            await daemon.service.kill(on=True, how="signal USR1")
            assert daemon.alarms == ["the disk is full"]

            daemon.journal.fault = ""
            await asyncio.sleep(60)
            assert world.names == ["one"]
            assert daemon.run().outcome is Outcome.STOPPED

    scenario()


def test_a_kill_switch_thrown_without_a_journal_holds_at_the_next_start(kill_file: Path) -> None:
    @virtually
    async def scenario() -> None:
        world = a_world()
        async with Daemon(world, kill_file).serving() as daemon:
            daemon.journal.fault = "the disk is full"
            await daemon.service.kill(on=True, how="signal USR1")
            await asyncio.sleep(10)
            daemon.journal.fault = ""
            await asyncio.sleep(1)

            assert [change.how for change in daemon.told(KillSwitchChanged)] == ["signal USR1"]
        journal = MemoryJournal(world.clock, survived=daemon.journal)
        async with Process(world, TWO_STEPS, journal=journal).running() as again:
            assert again.ledger.killed == "signal USR1"

    scenario()


def test_a_journal_that_is_well_by_itself_learns_of_the_kill_switch(kill_file: Path) -> None:
    @virtually
    async def scenario() -> None:
        async with Daemon(a_world(), kill_file).serving() as daemon:
            daemon.journal.fault = "the disk is full"
            await daemon.service.kill(on=True, how="signal USR1")
            daemon.journal.fault = ""
            await daemon.journal.probe()
            await asyncio.sleep(1)

            assert len(daemon.told(KillSwitchChanged)) == 1

    scenario()


def test_a_kill_switch_thrown_without_a_journal_is_recorded_at_the_end(kill_file: Path) -> None:
    @virtually
    async def scenario() -> None:
        async with Daemon(a_world(), kill_file).serving() as daemon:
            daemon.journal.fault = "the disk is full"
            await daemon.service.kill(on=True, how="signal USR1")
            daemon.journal.fault = ""
            await daemon.journal.probe()

        assert len(daemon.told(KillSwitchChanged)) == 1

    scenario()


def test_nobody_lifts_what_the_kill_file_holds(kill_file: Path) -> None:
    @virtually
    async def scenario() -> None:
        async with Daemon(a_world(), kill_file).serving() as daemon:
            await daemon.service.kill(on=True, how="signal USR1")
            kill_file.touch()
            await daemon.service.kill(on=False, how="signal USR2")
            assert daemon.ledger.killed == FILE_HOW
            assert "remove it" in daemon.alarms[-1]

            await daemon.service.kill(on=False, how="signal USR2")
            assert len(daemon.told(KillSwitchChanged)) == 2

            kill_file.unlink()
            await asyncio.sleep(1)
            assert daemon.ledger.killed == ""

    scenario()


def test_a_kill_file_behind_what_is_no_folder_counts_as_one(tmp_path: Path) -> None:
    @virtually
    async def scenario() -> None:
        (tmp_path / "file").touch()
        async with Daemon(a_world(), tmp_path / "file" / "kill").serving() as daemon:
            assert daemon.ledger.killed == FILE_HOW

    scenario()


# -- the clock, the journal


def test_a_step_of_the_wall_clock_is_told_and_starts_pending_triggers_over(
    kill_file: Path,
) -> None:
    @virtually
    async def scenario() -> None:
        daemon = Daemon(a_world(), kill_file)
        assert isinstance(daemon.clock, VirtualClock)
        async with daemon.serving():
            await daemon.see(errors="ob")
            assert state(daemon) is Pending

            daemon.clock.step(4)
            await asyncio.sleep(1)
            assert daemon.told(ClockStepped) == []

            daemon.clock.step(-3600)
            await asyncio.sleep(1)
            assert state(daemon) is Inactive
            assert [stepped.seconds for stepped in daemon.told(ClockStepped)] == [
                pytest.approx(-3600)
            ]

            daemon.journal.fault = "the disk is full"
            daemon.clock.step(3600)
            await asyncio.sleep(0.3)
            assert "the disk is full" in daemon.alarms

    scenario()


def state(daemon: Daemon) -> type[object]:
    return type(daemon.lane.evaluator.statuses["errors"].state)


def test_a_run_is_taken_up_as_soon_as_the_journal_is_well_again(kill_file: Path) -> None:
    @virtually
    async def scenario() -> None:
        world = a_world()
        world.takes["one"] = 3
        async with Daemon(world, kill_file).serving() as daemon:
            await daemon.see(errors="obb")
            daemon.journal.fault = "the disk is full"
            await asyncio.sleep(4)
            assert daemon.lane.runner is None

            daemon.journal.fault = ""
            await asyncio.sleep(3)

            assert world.names == ["one", "two"]
            assert "the journal can be written again" in daemon.alarms[-1]
            assert len(daemon.alarms) == 2

    scenario()


# -- the end


def test_a_stop_lets_the_step_under_way_finish(kill_file: Path) -> None:
    @virtually
    async def scenario() -> None:
        world = a_world()
        world.takes["one"] = 10
        async with Daemon(world, kill_file).serving() as daemon:
            await daemon.see(errors="obb")

        assert world.names == ["one"]
        assert [parked.reason for parked in daemon.told(RunParked)] == ["SIGTERM"]
        assert isinstance(daemon.journal.events[-1], DaemonStopped)

    scenario()


def test_a_stop_waits_no_longer_than_the_grace(kill_file: Path) -> None:
    @virtually
    async def scenario() -> None:
        world = a_world()
        world.takes["one"] = 29
        async with Daemon(world, kill_file, grace=5.0).serving() as daemon:
            await daemon.see(errors="obb")
            asked = asyncio.get_running_loop().time()

        assert asyncio.get_running_loop().time() - asked < 6
        assert world.names == []
        assert daemon.told(RunParked) == []

    scenario()


def test_a_stop_without_a_journal_is_told_and_ends_all_the_same(kill_file: Path) -> None:
    @virtually
    async def scenario() -> None:
        daemon = Daemon(a_world(), kill_file)
        stopping = [daemon.service.stopping]
        async with daemon.serving():
            daemon.journal.fault = "the disk is full"

        assert [*stopping, daemon.service.stopping] == [False, True]
        assert daemon.alarms == ["the disk is full"]

    scenario()


# -- own health


def test_a_source_whose_rounds_stop_is_named(kill_file: Path) -> None:
    @virtually
    async def scenario() -> None:
        async with Daemon(a_world(), kill_file).serving() as daemon:
            await daemon.slots(3)
            assert daemon.service.stalled() == []

        await asyncio.sleep(30)
        assert daemon.service.stalled() == []
        await asyncio.sleep(30)
        (stalled,) = daemon.service.stalled()
        assert str(stalled) == "shop/prometheus: no round for 60 s"

    scenario()


def test_a_round_that_is_looked_at_but_never_evaluated_is_stalled_as_well(
    kill_file: Path,
) -> None:
    @virtually
    async def scenario() -> None:
        async with Daemon(a_world(), kill_file).serving() as daemon:
            await daemon.slots(1)
            with_no_end = asyncio.Event()
            async with asyncio.TaskGroup() as tasks:
                stuck = tasks.create_task(daemon.lane.order(with_no_end.wait))
                await daemon.slots(5)
                assert [stalled.source for stalled in daemon.service.stalled()] == ["prometheus"]
                with_no_end.set()
                await stuck

    scenario()


def test_a_reload_is_handed_on(kill_file: Path) -> None:
    @virtually
    async def scenario() -> None:
        async with Daemon(a_world(), kill_file).serving() as daemon:
            await daemon.service.reload()

            assert daemon.reloads == 1

    scenario()


class StallingJournal(MemoryJournal):
    """One whose disk keeps each write waiting for as long as `stalls` says of it."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.stalls: Callable[[tuple[Event, ...]], float] = lambda _events: 0.0

    async def append(self, *events: Event) -> Sequence[Record]:
        await asyncio.sleep(self.stalls(events))
        return await super().append(*events)


def test_a_kill_file_is_heeded_though_the_start_of_a_run_waits_for_the_disk(
    kill_file: Path,
) -> None:
    """What the disk keeps waiting is the start: its first step must not go out afterwards."""

    @virtually
    async def scenario() -> None:
        world = a_world()
        journal = StallingJournal(world.clock)
        journal.stalls = lambda events: 20.0 if _has(RunStarted, events) else 0.0
        daemon = Daemon(world, kill_file, journal=journal, breaking=True)
        async with daemon.serving():
            await daemon.see(errors="obb")
            await asyncio.sleep(10)
            kill_file.touch()
            await asyncio.sleep(60)

            assert daemon.told(RunStarted)
            assert world.names == []

    scenario()


def test_a_kill_file_is_heeded_while_the_journal_is_probed(kill_file: Path) -> None:
    class Probed(MemoryJournal):
        async def probe(self) -> None:
            await asyncio.sleep(20)
            await super().probe()

    @virtually
    async def scenario() -> None:
        world = a_world()
        journal = Probed(world.clock)
        async with Daemon(world, kill_file, journal=journal).serving() as daemon:
            journal.fault = "disk full"
            await daemon.see(errors="o")
            with pytest.raises(JournalError):
                await journal.append(ClockStepped(1.0))
            await asyncio.sleep(2)
            kill_file.touch()
            await asyncio.sleep(1)

            assert daemon.ledger.killed == FILE_HOW

    scenario()


def test_a_release_that_the_disk_keeps_waiting_does_not_release_what_was_thrown_since(
    kill_file: Path,
) -> None:
    @virtually
    async def scenario() -> None:
        world = a_world()
        journal = StallingJournal(world.clock)
        async with Daemon(world, kill_file, journal=journal).serving() as daemon:
            await daemon.service.kill(on=True, how="ann")
            journal.stalls = lambda events: 5.0 if _has(KillSwitchChanged, events) else 0.0
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(daemon.service.kill(on=False, how="ann"))
                await asyncio.sleep(1)
                tasks.create_task(daemon.service.kill(on=True, how="bob"))
                seen = set()
                for _ in range(200):
                    await asyncio.sleep(0.1)
                    seen.add(daemon.ledger.killed)

            assert seen == {"bob"}

    scenario()


def _has(kind: type[Event], events: Sequence[Event]) -> bool:
    return any(isinstance(one, kind) for one in events)


def test_a_journal_that_cannot_be_written_is_noticed_while_nothing_happens(
    kill_file: Path,
) -> None:
    @virtually
    async def scenario() -> None:
        world = a_world()
        async with Daemon(world, kill_file).serving() as daemon:
            await daemon.see(errors="o")
            daemon.journal.fault = "read-only file system"
            await asyncio.sleep(PROBE_EVERY + 1)

            healthy = [daemon.journal.healthy]
            assert daemon.alarms == ["read-only file system"]

            daemon.journal.fault = ""
            await asyncio.sleep(1)
            assert [*healthy, daemon.journal.healthy] == [False, True]
            assert len(daemon.alarms) == 2

    scenario()
