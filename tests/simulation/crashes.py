"""One seeded schedule: a plan, a world that loses answers, and a process that keeps crashing."""

import asyncio
import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tests.builders import a_check, a_plan, a_step, a_target, a_trigger, a_watch
from tests.process import Parts, Process
from watchdog.domain.errors import JournalError
from watchdog.domain.events import KillSwitchChanged, Outcome, Record, RunStarted, StepIntended
from watchdog.domain.plan import Check, OnError, Plan, Repeat, Step
from watchdog.domain.target import Limits, Target
from watchdog.domain.trigger import Severity
from watchdog.testing.doubles import Crash, MemoryJournal
from watchdog.testing.virtual_time import VirtualClock, run_virtually
from watchdog.testing.world import Reply, World

EVERY = 5.0
SETTLE = 2.0
LATE = 0.9 * SETTLE
BREAKS = 12.0
POLL = 1.0
# Longer than any schedule needs: who is not done by then has hung.
ENDS = 1200.0
KILL = KillSwitchChanged(on=True, how="signal")
REPLIES = {
    Reply.WORKS: 60,
    Reply.LOST: 12,
    Reply.DROPPED: 10,
    Reply.LATE: 10,
    Reply.REFUSED: 8,
    Reply.DENIED: 2,
    Reply.HANGS: 3,
    Reply.HANGS_DONE: 3,
}


class RecordingWorld(World):
    """Notes every request whose intent is not on the disk."""

    def __init__(self) -> None:
        super().__init__(VirtualClock())
        self.stubborn = True
        self.unintended: list[str] = []
        self.disk: Callable[[], Sequence[Record]] = tuple

    async def request(self, key: str, name: str) -> str:
        """As the world does."""
        events = (record.event for record in self.disk())
        if not any(isinstance(event, StepIntended) and event.key == key for event in events):
            self.unintended.append(key)
        return await super().request(key, name)


@dataclass(slots=True)
class Schedule:
    """All that chance decides. `lives` are boundaries until each crash, the last life endless.

    Times in virtual seconds. In `blind` spans nobody can tell whether a step happened, in
    `dark` ones no check is answered, in `faults` the journal cannot be written.
    """

    seed: int
    undo: Plan
    cut: Plan | None
    replies: dict[str, list[Reply]]
    takes: dict[str, float]
    lives: list[int]
    downtimes: list[float]
    blind: list[tuple[float, float]]
    faults: list[tuple[float, float]]
    dark: list[tuple[float, float]]
    heals: bool
    worsens: float | None
    relapses: float | None
    kill: float | None
    park: float | None

    @property
    def target(self) -> Target:
        triggers = [a_trigger("errors", plan="undo", every=EVERY, keep_firing_for=10)]
        if self.cut is not None:
            severity = Severity.CRITICAL
            triggers.append(
                a_trigger("outage", plan="cut", every=EVERY, severity=severity, keep_firing_for=10)
            )
        plans = [self.undo, *([self.cut] if self.cut else [])]
        return a_target(*triggers, plans=plans, limits=Limits(per_hour=1, per_day=2, cooldown=60))


def schedule(seed: int) -> Schedule:
    """The schedule of that seed, always the same."""
    chance = random.Random(seed)
    undo = _plan(chance, "undo", 4)
    cut = _plan(chance, "cut", 2) if chance.random() < 0.25 else None
    names = [
        step.name
        for plan in (undo, cut)
        if plan is not None
        for step in (*plan.steps, *plan.final)
        if isinstance(step, Step)
    ]

    def moment() -> float:
        return chance.uniform(BREAKS, 90)

    return Schedule(
        seed=seed,
        undo=undo,
        cut=cut,
        replies={
            name: chance.choices(list(REPLIES), list(REPLIES.values()), k=6) for name in names
        },
        takes={name: chance.choice([0.0, 0.0, 0.3, LATE, 4.0]) for name in names},
        lives=[chance.randint(1, 70) for _ in range(chance.choice([0, 1, 1, 2, 2, 3, 5]))],
        downtimes=[chance.choice([0.0, 0.2, 3.0, 30.0]) for _ in range(5)],
        blind=[_span(chance, moment())] if chance.random() < 0.15 else [],
        faults=[_span(chance, moment())] if chance.random() < 0.2 else [],
        dark=[_span(chance, moment(), 200.0)] if chance.random() < 0.1 else [],
        heals=chance.random() < 0.85,
        relapses=moment() if chance.random() < 0.1 else None,
        worsens=moment() if cut and chance.random() < 0.9 else None,
        kill=moment() if chance.random() < 0.12 else None,
        park=moment() if chance.random() < 0.1 else None,
    )


def _span(chance: random.Random, begins: float, longest: float = 40.0) -> tuple[float, float]:
    return begins, begins + chance.choice([0.7, 5.0, longest])


def _plan(chance: random.Random, name: str, most: int) -> Plan:
    steps: list[Step | Check] = [
        _step(chance, f"{name} {number}") for number in range(chance.randint(1, most))
    ]
    if chance.random() < 0.2:
        steps.insert(chance.randint(0, len(steps)), a_check("ready", pause=1, within=20))
    final = [_step(chance, f"tell {name} {number}") for number in range(chance.choice([0, 0, 1]))]
    return a_plan(
        *steps,
        name=name,
        verify=[a_check("healthy", pause=2, within=20)],
        final=final,
        watch=a_watch(short=20, long=chance.choice([0, 0, 40]), every=5),
        verify_within=40,
    )


def _step(chance: random.Random, name: str) -> Step:
    return a_step(
        name,
        repeat=chance.choice(
            [Repeat.OBSERVABLE, Repeat.OBSERVABLE, Repeat.IDEMPOTENT, Repeat.ONCE]
        ),
        on_error=OnError.CONTINUE if chance.random() < 0.1 else OnError.ABORT,
        timeout=6,
        retries=chance.choice([0, 1, 2, 5]),
        settle=SETTLE,
    )


@dataclass(slots=True)
class Told:
    """What a schedule left behind, for the invariants to look at."""

    schedule: Schedule
    world: RecordingWorld
    records: Sequence[Record]
    crashes: int = 0
    killed_at: float | None = None
    hung: bool = False


@dataclass(slots=True)
class _Simulation:
    schedule: Schedule
    parts: Parts
    world: RecordingWorld = field(default_factory=RecordingWorld)
    journal: MemoryJournal = field(init=False)
    left: int | None = None
    crashes: int = 0
    killed_at: float | None = None

    async def play(self) -> Told:
        self._set_the_scene()
        self.journal = MemoryJournal(self.world.clock)
        lives: deque[int] = deque(self.schedule.lives)
        downtimes = deque(self.schedule.downtimes)
        over = False
        while not over:
            over = await self._life(lives.popleft() if lives else None)
            await asyncio.sleep(downtimes.popleft() if downtimes else 1.0)
        # Whatever is still under way lands before anybody judges.
        await asyncio.sleep(10)
        return Told(
            schedule=self.schedule,
            world=self.world,
            records=self.journal.records,
            crashes=self.crashes,
            killed_at=self.killed_at,
            hung=self._now() >= ENDS,
        )

    # -- the world

    def _set_the_scene(self) -> None:
        world, chosen = self.world, self.schedule
        world.late = LATE
        world.takes = dict(chosen.takes)
        world.boundary = self._boundary
        world.disk = lambda: self.journal.records
        for name, replies in chosen.replies.items():
            world.will(name, *replies)
        for signal in ("errors", "outage", "healthy", "ready"):
            world.says(signal, 0)
        world.on_effect = self._effect
        loop = asyncio.get_running_loop()
        loop.call_later(BREAKS, world.says, "errors", 1)
        if chosen.worsens is not None:
            loop.call_later(chosen.worsens, world.says, "outage", 1)
        if chosen.relapses is not None:
            loop.call_later(chosen.relapses, world.says, "healthy", 1)
        for begins, ends in chosen.dark:
            loop.call_later(begins, world.says, "healthy", "err")
            loop.call_later(ends, world.says, "healthy", 0)
        for begins, ends in chosen.blind:
            loop.call_later(begins, setattr, world, "blind", True)  # noqa: FBT003
            loop.call_later(ends, setattr, world, "blind", False)  # noqa: FBT003

    def _effect(self, name: str) -> None:
        """The last step of a plan heals what its trigger saw, where anything does."""
        for plan, signal in ((self.schedule.undo, "errors"), (self.schedule.cut, "outage")):
            steps = [one for one in plan.steps if isinstance(one, Step)] if plan else []
            if self.schedule.heals and steps and name == steps[-1].name:
                self.world.says("errors", 0)
                self.world.says(signal, 0)

    # -- one life of the process

    def _boundary(self, _: object) -> None:
        if self.left is None:
            return
        self.left -= 1
        if self.left < 0:
            raise Crash

    async def _life(self, boundaries: int | None) -> bool:
        """Until it crashes (False), or until there is nothing left to do (True)."""
        self.left = boundaries
        self.journal = MemoryJournal(
            self.world.clock,
            survived=self.journal,
            before_append=self._boundary,
            after_append=self._boundary,
        )
        process = Process(self.world, self.schedule.target, journal=self.journal, parts=self.parts)
        if self.killed_at is not None and KillSwitchChanged not in map(type, self.journal.events):
            # It could not be recorded, but the file that threw it is still there.
            process.ledger.apply(KILL, process.clock.now())
        try:
            async with process.running():
                return await self._live(process)
        except BaseException as error:
            if not _only_crashes(error):
                raise
            self.crashes += 1
            return False

    async def _live(self, process: Process) -> bool:
        parked = self._now() > (self.schedule.park or 0.0)
        while self._now() < ENDS:
            await asyncio.sleep(POLL)
            await self._journal_faults(process)
            await self._kill_switch(process)
            if not parked and self.schedule.park and self._now() > self.schedule.park:
                await process.lane.park("SIGTERM", grace=3)
                return False
            if self._done(process):
                return True
        return True

    async def _journal_faults(self, process: Process) -> None:
        """As the service does: probe, and wake the lanes."""
        full = any(begins <= self._now() < ends for begins, ends in self.schedule.faults)
        self.journal.fault = "the disk is full" if full else ""
        if not full and not self.journal.healthy:
            await self.journal.probe()
            process.lane.wake()

    async def _kill_switch(self, process: Process) -> None:
        """As the service does."""
        kill = self.schedule.kill
        if kill is None or self._now() < kill or process.ledger.killed:
            return
        self.killed_at = self.killed_at or self._now()
        process.ledger.apply(KILL, process.clock.now())
        process.lane.stop_run(Outcome.STOPPED, "kill switch: signal")
        try:
            await self.journal.append(KILL)
        except JournalError:
            return

    def _done(self, process: Process) -> bool:
        """Long enough after the last thing that chance holds, with no run open."""
        spans = [end for _, end in (*self.schedule.faults, *self.schedule.blind)]
        last = max([BREAKS + 30, *spans, self.schedule.worsens or 0, self.schedule.kill or 0])
        started = any(isinstance(event, RunStarted) for event in self.journal.events)
        idle = process.account.current is None and process.lane.runner is None
        settled = started or self.killed_at is not None or self._now() > last + 60
        return idle and settled and self._now() > last + 20

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


def _only_crashes(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return all(_only_crashes(one) for one in error.exceptions)
    return isinstance(error, Crash)


def play(seed: int, parts: Parts | None = None) -> Told:
    """Play the schedule of `seed` to its end."""
    return run_virtually(_Simulation(schedule(seed), parts or Parts()).play())
