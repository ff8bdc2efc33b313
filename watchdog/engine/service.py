"""Runs the lanes, and watches over them: kill switch, clock, reload, drain, own health."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from watchdog.domain.errors import JournalError
from watchdog.domain.events import ClockStepped, DaemonStopped, KillSwitchChanged, Record
from watchdog.domain.heartbeat import Place
from watchdog.domain.moment import Moment
from watchdog.domain.progress import Outcome
from watchdog.engine.breaker import Breaker
from watchdog.engine.decider import Shared
from watchdog.engine.lane import Lane
from watchdog.engine.watcher import Watcher

KILL_POLL = 0.25
CLOCK_STEP = 5.0
# Seconds; what opens the breaker takes minutes to come about, unless something is to begin.
BREAKER_POLL = 5.0
# Seconds. While all is well nothing else is written, and nobody would know that it cannot be.
PROBE_EVERY = 30.0
MISSED_ROUNDS = 3
# Seconds. Longer than any write to the journal may take, for which the guard may wait.
GUARD_LATE = 60.0
FILE_HOW = "the kill file exists"
FOR_KILL_FILE = "for the kill file"
FOR_THE_REST = "at the clock and the journal"


@dataclass(frozen=True, slots=True)
class Stalled:
    """A source whose rounds stopped: nothing of it was evaluated for `seconds`."""

    target: str
    source: str
    seconds: float

    def __str__(self) -> str:
        return f"{self.target}/{self.source}: no round for {self.seconds:.0f} s"


class Service:
    """Everything that goes on for as long as the daemon lives."""

    def __init__(  # noqa: PLR0917 -- each is one of a kind
        self,
        shared: Shared,
        lanes: Mapping[str, Lane],
        kill_file: Path,
        grace: float,
        reload: Callable[[], Awaitable[None]],
        breaker: Breaker | None = None,
    ) -> None:
        self.shared = shared
        self.lanes = lanes
        self.watchers: dict[str, list[Watcher]] = {}
        self.started = shared.clock.now()
        self.kill_file = kill_file
        self._grace = grace
        self._reload = reload
        self._breaker = breaker
        self._stopping = asyncio.Event()
        self._why = ""
        # Changes of the kill switch that could not be recorded yet, in order.
        self._unwritten: list[KillSwitchChanged] = []
        self._writing = asyncio.Lock()
        # How an annotation of the cluster throws it, for as long as it is there.
        self.annotation = ""
        # When the kill file was last looked for, and all else that a guard looks at.
        self._guarded: dict[str, Moment] = {}

    def stop(self, why: str) -> None:
        """Ask for an orderly end; safe to call from a signal handler."""
        self._why = why
        self._stopping.set()

    @property
    def stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._stopping.is_set()

    async def run(self, ready: Callable[[], Awaitable[None]]) -> None:
        """Run until `stop`, then drain. `ready` is called once the lanes work."""
        async with asyncio.TaskGroup() as tasks:
            loops = [
                tasks.create_task(lane.run(), name=f"lane {name}")
                for name, lane in self.lanes.items()
            ]
            # Behind whoever takes it into account: they all listen by now.
            self.shared.journal.listen(self._say_again)
            guards = (self._guard, self._watch_kill_file)
            loops += [tasks.create_task(guard(), name=guard.__name__) for guard in guards]
            # Before any run is taken up again: a kill file may have come while we were down.
            await self._check_kill_file()
            await ready()
            await self._stopping.wait()
            await self._drain()
            for loop in loops:
                loop.cancel()

    async def _drain(self) -> None:
        """Let each step under way finish, or leave it in doubt for the next start to look at."""
        parks = (lane.park(self._why, self._grace) for lane in self.lanes.values())
        await asyncio.gather(*parks)
        try:
            await self.shared.journal.append(*self._unwritten, DaemonStopped(self._why))
        except JournalError as error:
            self.shared.alarm(str(error))

    async def _watch_kill_file(self) -> None:
        """Look for it a few times a second: nothing else is waited for, such as a slow disk."""
        while True:
            self._guarded[FOR_KILL_FILE] = self.shared.clock.now()
            await asyncio.sleep(KILL_POLL)
            await self._check_kill_file()

    async def _guard(self) -> None:
        """Clock steps and journal health, a few times a second."""
        seen = looked = probed = self.shared.clock.now()
        while True:
            self._guarded[FOR_THE_REST] = self.shared.clock.now()
            await asyncio.sleep(KILL_POLL)
            seen = await self._check_clock(seen)
            if seen.since(looked) >= BREAKER_POLL:
                await self._check_breaker()
                self._check_tables(seen)
                looked = seen
            if not self.shared.journal.healthy:
                await self._probe_journal()
            elif self._unwritten:
                await self._try_to_write_changes()
            elif seen.since(probed) >= PROBE_EVERY:
                probed = seen
                await self._check_journal()

    # -- kill switch

    async def _check_kill_file(self) -> None:
        ledger = self.shared.ledger
        exists = self._kill_file_exists()
        if exists and not ledger.killed:
            await self.kill(on=True, how=FILE_HOW)
        elif not exists and ledger.killed == FILE_HOW:
            await self.kill(on=False, how="the kill file was removed")

    def _kill_file_exists(self) -> bool:
        try:
            os.stat(self.kill_file)  # noqa: PTH116 -- Path.exists takes some errors for a no
        except FileNotFoundError:
            return False
        except OSError:
            # Whoever cannot see whether to stop must not go on.
            return True
        return True

    def held(self) -> tuple[str, str]:
        """How it is thrown for as long as something is there, and what that is; empty: nothing."""
        if self._kill_file_exists():
            return FILE_HOW, f"the file {self.kill_file} exists"
        return self.annotation, f"there is {self.annotation}"

    async def kill(self, *, on: bool, how: str) -> None:
        """As `throw`, and recorded."""
        self.throw(on=on, how=how)
        await self.record_changes()

    def throw(self, *, on: bool, how: str) -> None:
        """Throw or release the kill switch: effective before the next step, journal or not.

        While the kill file or an annotation is there it is not released: from then on it is that
        which holds it.
        """
        holder, what = self.held()
        if not on and holder:
            self.shared.alarm(f"the kill switch stays on as long as {what}: remove it")
            if self.shared.ledger.killed == holder:
                return
            on, how = True, holder
        event = KillSwitchChanged(on, how)
        self.shared.ledger.apply(event, self.shared.clock.now())
        if on:
            for lane in self.lanes.values():
                lane.stop_run(Outcome.STOPPED, f"kill switch: {how}")
        self._unwritten.append(event)

    async def record_changes(self) -> None:
        """Record what became of the kill switch; what cannot be now is tried again."""
        try:
            await self._write_changes()
        except JournalError as error:
            self.shared.alarm(str(error))

    async def _write_changes(self) -> None:
        """Record what became of the kill switch, so that the next start knows it."""
        async with self._writing:
            pending = tuple(self._unwritten)
            await self.shared.journal.append(*pending)
            del self._unwritten[: len(pending)]

    def _say_again(self, records: Sequence[Record]) -> None:
        """What the disk kept waiting is applied as it is recorded: the last word stays the last."""
        if self._unwritten and any(isinstance(r.event, KillSwitchChanged) for r in records):
            self.shared.ledger.apply(self._unwritten[-1], self.shared.clock.now())

    async def _try_to_write_changes(self) -> bool:
        try:
            await self._write_changes()
        except JournalError:
            # Told when it was thrown; the guard tries again.
            return False
        return True

    # -- what concerns all targets, and their clocks

    async def _check_breaker(self) -> None:
        if self._breaker is None or not self.shared.journal.healthy:
            return
        async with self.shared.starting:
            try:
                await self.shared.journal.append(*self._breaker.meanwhile())
            except JournalError as error:
                self.shared.alarm(str(error))

    def _check_tables(self, now: Moment) -> None:
        """What is due by the clock is so also where no source answers: a table's time, a window."""
        for lane in self.lanes.values():
            decider = lane.decider
            late = any(one.is_due(now) for one in decider.account.requests)
            late = late or lane.expiries.is_due(now)
            if late or lane.table.is_due(decider.account, now) or decider.windows.is_due(now):
                lane.wake()

    # -- clock, journal

    async def _check_clock(self, seen: Moment) -> Moment:
        now = self.shared.clock.now()
        jump = (now.wall - seen.wall) - now.since(seen)
        if abs(jump) > CLOCK_STEP:
            for lane in self.lanes.values():
                lane.evaluator.clock_stepped()
            try:
                await self.shared.journal.append(ClockStepped(jump))
            except JournalError as error:
                self.shared.alarm(str(error))
        return now

    async def _check_journal(self) -> None:
        try:
            await self.shared.journal.probe()
        except JournalError as error:
            self.shared.alarm(str(error))

    async def _probe_journal(self) -> None:
        try:
            await self.shared.journal.probe()
        except JournalError:
            return
        if not await self._try_to_write_changes():
            return
        self.shared.alarm("the journal can be written again; automatic runs are possible again")
        for lane in self.lanes.values():
            lane.wake()

    # -- own health

    def stalled(self) -> list[Stalled]:
        """The sources whose last round, asked and evaluated, is more than three intervals old."""
        now = self.shared.clock.now()
        late = []
        for target, watchers in self.watchers.items():
            for watcher in watchers:
                taken = self.lanes[target].taken.get(watcher.name)
                # After a reload a watcher is as new as at the start.
                lasts = [watcher.since, *([taken] if taken else [])]
                quiet = min(now.since(last) for last in lasts)
                if quiet > MISSED_ROUNDS * watcher.every + 1:
                    late.append(Stalled(target, watcher.name, quiet))
        return late

    def lifeless(self) -> list[str]:
        """What has stopped although the loop lives; empty when all goes on."""
        stopped = [str(one) for one in self.stalled()]
        now = self.shared.clock.now()
        for what, at in self._guarded.items():
            if now.since(at) > GUARD_LATE:
                stopped.append(f"nobody has looked {what} for {now.since(at):.0f} s")
        return stopped

    def places(self) -> list[Place]:
        """Every source that is asked, with its target."""
        return [(name, one.name) for name, watchers in self.watchers.items() for one in watchers]

    def intervals(self) -> list[float]:
        """Seconds between two rounds, of every source that is asked."""
        return [one.every for watchers in self.watchers.values() for one in watchers]

    def taken(self) -> dict[Place, Moment]:
        """When the last round of each source was evaluated."""
        return {
            (name, source): at
            for name, lane in self.lanes.items()
            for source, at in lane.taken.items()
        }

    async def asked_to_stop(self) -> None:
        """Wait until `stop` was called."""
        await self._stopping.wait()

    async def reload(self) -> None:
        """Read the files again; what is wrong is refused whole and told."""
        await self._reload()
