"""One daemon process in memory, wired as the real one. Its journal and its world outlive it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

from tests.builders import a_target
from watchdog.adapters.calendar import CronCalendar
from watchdog.domain.account import Account
from watchdog.domain.breaker import BreakerLimits
from watchdog.domain.events import Event, Record, RunStarted
from watchdog.domain.ledger import Ledger
from watchdog.domain.run import Run, fold
from watchdog.domain.target import Mode, Target
from watchdog.domain.windows import Window
from watchdog.engine.breaker import Breaker
from watchdog.engine.decider import Shared
from watchdog.engine.lane import Lane
from watchdog.engine.recovery import recall, take_up
from watchdog.engine.watcher import Watcher
from watchdog.ports import Question
from watchdog.testing.doubles import MemoryJournal
from watchdog.testing.virtual_time import VirtualClock, VirtualTicker
from watchdog.testing.world import World, WorldEyes, WorldHands, WorldSource

EVERY = 15.0
TOKENS = {"b": "1", "o": "0", "?": "err", "~": "quiet"}
E = TypeVar("E")


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a process that a planted bug may take the place of.

    `recalled` is handed the ledger once it knows what the journal does: a bug may forget some.
    """

    lane: type[Lane] = Lane
    ledger: type[Ledger] = Ledger
    recalled: Callable[[Ledger], None] = lambda _ledger: None


class Process:
    """A daemon: `async with process.running()` is its life."""

    def __init__(
        self,
        world: World,
        *targets: Target,
        journal: MemoryJournal | None = None,
        parts: Parts | None = None,
        global_per_hour: int = 3,
        breaker: BreakerLimits | None = None,
        groups: Mapping[str, tuple[str, ...]] | None = None,
        windows: tuple[Window, ...] = (),
    ) -> None:
        parts = parts or Parts()
        targets = targets or (a_target(),)
        self.world = world
        self.clock = world.clock
        self.journal = journal or MemoryJournal(world.clock)
        self.ledger = parts.ledger()
        self._recalled = parts.recalled
        self.alarms: list[str] = []
        self.round_taken: Callable[[str, str], None] = lambda _target, _source: None
        self.eyes = WorldEyes(world)
        self.hands = WorldHands(world)
        self.shared = Shared(
            clock=self.clock,
            journal=self.journal,
            ledger=self.ledger,
            alarm=self.alarms.append,
            version="1.0",
            global_per_hour=global_per_hour,
            self_stop=lambda: self.breaker.before_a_run(),  # noqa: PLW0108 -- made below
            calendar=CronCalendar(),
            windows=windows,
            groups=groups or {},
            neighbour=lambda target: self.lanes.get(target),  # noqa: PLW0108 -- made below
            round_taken=lambda *place: self.round_taken(*place),  # noqa: PLW0108 -- set by tests
        )
        self.breaker = Breaker(
            breaker or BreakerLimits(),
            self.ledger,
            self.clock,
            lambda: [lane.evaluator for lane in self.lanes.values()],
        )
        self.lanes = {
            target.name: parts.lane(
                target,
                self.shared,
                self.eyes,
                self.hands if target.mode is not Mode.ALERT_ONLY else None,
            )
            for target in targets
        }
        self.watchers: dict[str, list[Watcher]] = {}

    @asynccontextmanager
    async def running(self, *, ticking: bool = True) -> AsyncIterator["Process"]:
        """From its start to its sudden end."""
        runs = await recall(self.journal, self.ledger, self.lanes, self.clock)
        self._recalled(self.ledger)
        self.journal.listen(self._keep_ledger)
        try:
            async with asyncio.TaskGroup() as tasks:
                loops = [tasks.create_task(lane.run()) for lane in self.lanes.values()]
                await take_up(runs, self.lanes, lambda: self.hands, self.alarms.append)
                if ticking:
                    loops.append(tasks.create_task(self._ticker().run()))
                try:
                    yield self
                finally:
                    for loop in loops:
                        loop.cancel()
        except BaseExceptionGroup as group:
            if len(group.exceptions) == 1:
                raise group.exceptions[0] from None
            raise

    def _keep_ledger(self, records: Sequence[Record]) -> None:
        for record in records:
            self.ledger.apply(record.event, record.at)

    def _ticker(self) -> VirtualTicker:
        assert isinstance(self.clock, VirtualClock)
        ticker = VirtualTicker(self.clock)
        for name, lane in self.lanes.items():
            self.watchers[name] = []
            for source in lane.target.sources.values():
                questions = [
                    Question(signal, spec.ask)
                    for signal, spec in lane.target.signals.items()
                    if spec.signal.source == source.name
                ]
                watcher = Watcher(
                    name=source.name,
                    every=source.every,
                    source=WorldSource(self.world),
                    questions=questions,
                    clock=self.clock,
                    post=lane.post,
                )
                self.watchers[name].append(watcher)
                ticker.every(f"{name}/{source.name}", source.every, watcher.tick)
        return ticker

    # -- what a test does with it

    async def see(self, **signals: str) -> None:
        """One letter a slot and signal: b bad, o ok, ? no answer, ~ too little traffic."""
        for number in range(max(len(letters) for letters in signals.values())):
            for name, letters in signals.items():
                self.world.says(name, TOKENS[letters[min(number, len(letters) - 1)]])
            await self.slots(1)

    async def slots(self, count: int) -> None:
        """Until shortly after the next slots of 15 seconds."""
        now = self.clock.now().elapsed
        await asyncio.sleep((int(now / EVERY) + count) * EVERY + 0.01 - now)

    # -- what a test asks it

    @property
    def lane(self) -> Lane:
        (lane,) = self.lanes.values()
        return lane

    @property
    def account(self) -> Account:
        return self.ledger.account(self.lane.target.name)

    def told(self, kind: type[E]) -> list[E]:
        """The journalled events of one kind."""
        return [event for event in self.journal.events if isinstance(event, kind)]

    def run(self, number: int = -1) -> Run:
        """One of the runs, as its records tell of it."""
        name = self.told(RunStarted)[number].run
        return fold([r for r in self.journal.records if getattr(r.event, "run", "") == name])

    def kinds(self, run: str) -> list[str]:
        """The names of the events of one run, in order."""
        return [
            type(event).__name__
            for event in self.journal.events
            if getattr(event, "run", "") == run
        ]


def a_world() -> World:
    """A virtual world in which every signal of the builders is good."""
    world = World(VirtualClock())
    for signal in ("errors", "latency", "healthy", "outage"):
        world.says(signal, 0)
    return world


def events_of(process: Process) -> list[Event]:
    return list(process.journal.events)
