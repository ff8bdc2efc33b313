"""One whole daemon in memory, wired as the real one. Its journal and its world outlive it."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from tests.storms.drifting import DriftingClock, KillFile
from watchdog.domain.breaker import BreakerLimits
from watchdog.domain.change import News
from watchdog.domain.errors import TransientError
from watchdog.domain.events import DaemonStarted, Record
from watchdog.domain.ledger import Ledger
from watchdog.domain.run import Run
from watchdog.domain.target import Mode, Target
from watchdog.engine.announcer import Announcer
from watchdog.engine.breaker import Breaker
from watchdog.engine.change_watcher import ChangeRecorder, ChangeWatcher, look_everywhere
from watchdog.engine.decider import Shared
from watchdog.engine.lane import Lane
from watchdog.engine.recovery import recall, take_up
from watchdog.engine.service import Service
from watchdog.engine.watcher import Watcher
from watchdog.ports import Journal, Message, Question
from watchdog.testing.virtual_time import VirtualTicker
from watchdog.testing.world import World, WorldEyes, WorldHands, WorldSource

CHANNELS = ("pager", "chat")
GLOBAL_PER_HOUR = 2


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a daemon that a planted bug may take the place of.

    `recalled` is handed the ledger once it knows what the journal does: a bug may forget some.
    """

    lane: type[Lane] = Lane
    ledger: type[Ledger] = Ledger
    service: type[Service] = Service
    recalled: Callable[[Ledger], None] = lambda _ledger: None


@dataclass(slots=True)
class Machine:
    """What outlives the process, but for the journal: clocks, kill file, people's channels.

    `deployed` is what a source of changes tells of each target; None: it does not answer.
    """

    world: World
    clock: DriftingClock = field(default_factory=DriftingClock)
    kill_file: KillFile = field(default_factory=KillFile)
    deaf: bool = False
    heard: dict[str, list[Message]] = field(default_factory=lambda: {one: [] for one in CHANNELS})
    deployed: dict[str, list[News]] = field(default_factory=dict)
    silent: bool = False


class _Channel:
    def __init__(self, machine: Machine, name: str) -> None:
        self._machine = machine
        self._name = name

    async def send(self, message: Message) -> None:
        """Arrives, unless nobody can be reached."""
        if self._machine.deaf:
            raise TransientError("nobody can be reached")
        self._machine.heard[self._name].append(message)

    async def close(self) -> None:
        """There is nothing to close."""


class _Deployments:
    def __init__(self, machine: Machine, target: str) -> None:
        self._machine = machine
        self._target = target

    async def news(self) -> Sequence[News]:
        """What was deployed so far."""
        if self._machine.silent:
            raise TransientError("no answer")
        return list(self._machine.deployed.get(self._target, ()))

    async def close(self) -> None:
        """There is nothing to close."""


class WholeDaemon:
    """Lanes, guard, watchers, messengers: `live` is its life, from the start to the end."""

    def __init__(
        self,
        machine: Machine,
        targets: Sequence[Target],
        journal: Journal,
        *,
        parts: Parts | None = None,
        breaker: BreakerLimits | None = None,
        global_per_hour: int = GLOBAL_PER_HOUR,
        grace: float = 3.0,
    ) -> None:
        parts = parts or Parts()
        self.machine = machine
        self.journal = journal
        self.clock = machine.clock
        self.ledger = parts.ledger()
        self._recalled = parts.recalled
        self.eyes = WorldEyes(machine.world)
        self.hands = WorldHands(machine.world)
        rules = {target.name: target.notify for target in targets}
        channels = {name: _Channel(machine, name) for name in CHANNELS}
        self.announcer = Announcer(journal, self.clock, channels, rules)
        self.shared = Shared(
            clock=self.clock,
            journal=journal,
            ledger=self.ledger,
            alarm=self.announcer.now,
            version="1.0",
            global_per_hour=global_per_hour,
            self_stop=lambda: self.breaker.before_a_run(),  # noqa: PLW0108 -- made below
            look_for_changes=self._look_for_changes,
        )
        self.lanes = {target.name: self._lane(parts.lane, target) for target in targets}
        self.breaker = Breaker(
            breaker or BreakerLimits(),
            self.ledger,
            self.clock,
            lambda: [lane.evaluator for lane in self.lanes.values()],
        )
        self.service = parts.service(
            self.shared,
            self.lanes,
            cast("Path", machine.kill_file),
            grace,
            self._reload,
            self.breaker,
        )
        self.ready = asyncio.Event()
        self._changes = {target.name: self._change_watchers(target) for target in targets}

    def _lane(self, kind: type[Lane], target: Target) -> Lane:
        armed = target.mode is not Mode.ALERT_ONLY
        return kind(target, self.shared, self.eyes, self.hands if armed else None)

    def _change_watchers(self, target: Target) -> list[ChangeWatcher]:
        if target.changes is None:
            return []
        source = _Deployments(self.machine, target.name)
        recorder = ChangeRecorder(target.name, self.shared)
        return [ChangeWatcher(f"{target.name}/changes", 20.0, source, recorder, self.shared)]

    async def _look_for_changes(self, target: str) -> None:
        await look_everywhere(self._changes, target)

    async def _reload(self) -> None:
        """No file changes here."""

    async def live(self) -> None:
        """Until it is stopped or cancelled, or crashes."""
        runs = await recall(self.journal, self.ledger, self.lanes, self.clock)
        self._recalled(self.ledger)
        self.journal.listen(self._learn)
        async with asyncio.TaskGroup() as tasks:
            telling = tasks.create_task(self.announcer.run())
            ticker = self._ticker()
            ticking: list[asyncio.Task[None]] = []

            async def begin() -> None:
                await self._begin(runs)
                ticking.append(tasks.create_task(ticker.run()))
                self.ready.set()

            await self.service.run(begin)
            await self.announcer.settle(2.0)
            for loop in (telling, *ticking):
                loop.cancel()

    async def _begin(self, runs: list[Run]) -> None:
        await self.journal.append(DaemonStarted("1.0", 1, tuple(self.lanes)))
        await take_up(runs, self.lanes, lambda: self.hands, self.shared.alarm)

    def _learn(self, records: Sequence[Record]) -> None:
        for record in records:
            self.ledger.apply(record.event, record.at)

    def _ticker(self) -> VirtualTicker:
        ticker = VirtualTicker(self.clock)
        for name, lane in self.lanes.items():
            self.service.watchers[name] = []
            for source in lane.target.sources.values():
                questions = [
                    Question(signal, spec.ask)
                    for signal, spec in lane.target.signals.items()
                    if spec.signal.source == source.name
                ]
                watcher = Watcher(
                    name=source.name,
                    every=source.every,
                    source=WorldSource(self.machine.world),
                    questions=questions,
                    clock=self.clock,
                    post=lane.post,
                )
                self.service.watchers[name].append(watcher)
                ticker.every(f"{name}/{source.name}", source.every, watcher.tick)
            for changes in self._changes[name]:
                ticker.every(changes.name, changes.every, changes.tick)
        return ticker

    @property
    def idle(self) -> bool:
        """Whether no run is under way, or waits to be taken up again."""
        held = any(one.current for one in self.ledger.accounts.values())
        return not held and not any(lane.busy for lane in self.lanes.values())


def by_target(targets: Sequence[Target]) -> Mapping[str, Target]:
    """The targets by their names."""
    return {target.name: target for target in targets}
