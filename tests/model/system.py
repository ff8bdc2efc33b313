"""The engine under test: a whole daemon over a fake world that answers when it is told to."""

import asyncio
import json
import math
import tempfile
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from tests.builders import a_check, a_plan, a_signal, a_step, a_target, a_trigger, a_watch
from tests.model.in_step import DiskJournal
from tests.model.spec import (
    COOLDOWN,
    EVERY,
    GLOBAL_PER_HOUR,
    KEEP_FIRING,
    PER_DAY,
    PER_HOUR,
    RESUME_WITHIN,
    RETRIES,
    SECOND,
    SETTLE,
    SIGNALS,
    TARGETS,
    TIMEOUT,
    VERIFY_EVERY,
    VERIFY_SAMPLES,
    VERIFY_WITHIN,
    WATCH_EVERY,
    PlanSpec,
    StepSpec,
    TargetSpec,
)
from tests.storms.daemon import Machine, Parts, WholeDaemon
from watchdog.domain.breaker import BreakerLimits
from watchdog.domain.errors import InDoubtError, PermanentError, TransientError, WatchdogError
from watchdog.domain.events import BreakerClosed, Event, LatchCleared, Paused, Resumed
from watchdog.domain.moment import Moment
from watchdog.domain.plan import Plan, Repeat, Step
from watchdog.domain.target import Limits, Target
from watchdog.domain.trigger import Severity
from watchdog.engine.watcher import Watcher
from watchdog.ports import Clock, Question
from watchdog.testing.doubles import Crash, MemoryJournal
from watchdog.testing.virtual_time import VirtualTimeLoop
from watchdog.testing.world import Sent, World, WorldSource

PERSON = "ann"
KILL_HOW = "command of ann"
TOKENS = {"bad": "1", "good": "0", "dark": "err"}
# A disk that is none, where the system has one: what it promises is tested elsewhere.
_IN_MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 -- tests alone
T = TypeVar("T")


def engine_target(spec: TargetSpec) -> Target:
    """The target as the engine knows it."""
    triggers = [
        a_trigger(
            one.name,
            signal=a_signal(f"{spec.name} {one.name}"),
            plan=one.plan,
            every=EVERY / SECOND,
            severity=Severity(one.severity),
            keep_firing_for=KEEP_FIRING / SECOND,
            blind_after="100h",
        )
        for one in spec.triggers
    ]
    plans = [_plan(spec, one) for one in spec.plans.values()]
    limits = Limits(PER_HOUR, PER_DAY, COOLDOWN / SECOND)
    return a_target(*triggers, name=spec.name, plans=plans, limits=limits)


def _plan(target: TargetSpec, spec: PlanSpec) -> Plan:
    proof = a_check(
        f"{target.name} healthy",
        pause=VERIFY_EVERY / SECOND,
        samples=VERIFY_SAMPLES,
        within=VERIFY_WITHIN / SECOND,
    )
    plan = a_plan(
        *(_step(one) for one in spec.steps),
        name=spec.name,
        verify=[proof],
        final=[_step(one) for one in spec.final],
        watch=a_watch(
            short=spec.short / SECOND, long=spec.long / SECOND, every=WATCH_EVERY / SECOND
        ),
        within="10h",
        resume_within=RESUME_WITHIN / SECOND,
        verify_trigger=False,
    )
    return replace(plan)


def _step(spec: StepSpec) -> Step:
    return a_step(
        spec.name,
        repeat=Repeat(spec.kind),
        timeout=TIMEOUT / SECOND,
        retries=RETRIES,
        settle=SETTLE / SECOND,
    )


@dataclass(slots=True)
class Request:
    """One that waits for its answer, or was given up and may land all the same."""

    key: str
    name: str
    answer: "asyncio.Future[str]"


class PatientWorld(World):
    """Answers a request when it is told to; what is given up stays in `limbo`."""

    def __init__(self, machine_clock: Any) -> None:  # noqa: ANN401 -- a Clock
        super().__init__(machine_clock)
        self.open: dict[str, Request] = {}
        self.limbo: list[Request] = []

    async def request(self, key: str, name: str) -> str:
        """Wait for `answer`."""
        self.boundary("before effect")
        self.sends.append(Sent(key, name, self.clock.now()))
        mine = Request(key, name, asyncio.get_running_loop().create_future())
        self.open[name.partition(" ")[0]] = mine
        try:
            return await mine.answer
        except asyncio.CancelledError:
            self.limbo.append(mine)
            raise
        finally:
            if self.open.get(name.partition(" ")[0]) is mine:
                del self.open[name.partition(" ")[0]]

    def answer(self, target: str, how: str, *, acts: bool) -> None:
        """Answer `target`'s request: ok, refused, denied or lost; `acts`: what is lost happened."""
        mine = self.open[target]
        match how:
            case "ok":
                self.land(mine.key, mine.name)
                mine.answer.set_result("200 OK")
            case "refused":
                mine.answer.set_exception(TransientError("503"))
            case "denied":
                mine.answer.set_exception(PermanentError("401"))
            case _:
                if acts:
                    self.land(mine.key, mine.name)
                else:
                    self.limbo.append(mine)
                mine.answer.set_exception(InDoubtError("the connection was lost"))


class _Turns:
    """Looks at each target in its own turn of every slot."""

    def __init__(
        self, clock: Clock, jobs: Sequence[tuple[int, Callable[[int, Moment], Awaitable[None]]]]
    ) -> None:
        self._clock = clock
        self._jobs = jobs

    async def run(self) -> None:
        """Tick until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for turn, call in self._jobs:
                tasks.create_task(self._tick(turn / SECOND, call))

    async def _tick(self, turn: float, call: Callable[[int, Moment], Awaitable[None]]) -> None:
        every, loop = EVERY / SECOND, asyncio.get_running_loop()
        slot = math.floor((loop.time() - turn) / every)
        while True:
            slot += 1
            await asyncio.sleep(slot * every + turn - loop.time())
            await call(slot, replace(self._clock.now(), elapsed=slot * every + turn))


class _Daemon(WholeDaemon):
    def _ticker(self) -> Any:  # noqa: ANN401 -- what `live` runs
        jobs = []
        for spec in TARGETS:
            lane = self.lanes[spec.name]
            (source,) = lane.target.sources.values()
            questions = [Question(name, one.ask) for name, one in lane.target.signals.items()]
            watcher = Watcher(
                name=source.name,
                every=source.every,
                source=WorldSource(self.machine.world),
                questions=questions,
                clock=self.clock,
                post=lane.post,
            )
            self.service.watchers[spec.name] = [watcher]
            jobs.append((spec.turn, watcher.tick))
        return _Turns(self.clock, jobs)


class _Clock:
    """The loop's time; `step` moves the wall clock alone."""

    boot = 1

    def __init__(self, loop: VirtualTimeLoop) -> None:
        self.ahead = 0.0
        self._loop = loop

    def now(self) -> Moment:
        """The present moment; the epoch is far from zero."""
        elapsed = self._loop.time()
        return Moment(elapsed, 1_767_225_600.0 + elapsed + self.ahead)


class System:
    """The daemon, its machine, and the loop they live on; every call runs that loop for a while."""

    def __init__(self, parts: Parts | None = None, *, on_disk: bool = False) -> None:
        self._folder = tempfile.TemporaryDirectory(dir=_IN_MEMORY) if on_disk else None
        self.loop = VirtualTimeLoop()
        self.clock = _Clock(self.loop)
        self.world = PatientWorld(self.clock)
        self.machine = Machine(self.world, clock=self.clock)  # type: ignore[arg-type]
        self.targets = [engine_target(spec) for spec in TARGETS]
        self._parts = parts
        self._life: asyncio.Task[None] | None = None
        self._left: int | None = None
        self.crashed = False
        self.world.boundary = self._boundary
        self.journal: MemoryJournal | DiskJournal = self.run(self._open(None))
        self.daemon: _Daemon
        self.signals = dict.fromkeys(SIGNALS, "good")
        self.run(self._quiet())

    async def _quiet(self) -> None:
        for signal in SIGNALS:
            self.says(signal, "good")

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run the loop until `work` is done."""
        return self.loop.run_until_complete(work)

    def close(self) -> None:
        """Everything ends."""
        self.crash()
        if isinstance(self.journal, DiskJournal):
            self.journal.close()
        if self._folder is not None:
            self._folder.cleanup()
        self.loop.close()

    # -- the process

    async def _open(
        self, survived: MemoryJournal | DiskJournal | None
    ) -> MemoryJournal | DiskJournal:
        if isinstance(survived, DiskJournal):
            survived.close()
        if self._folder is not None:
            return DiskJournal(Path(self._folder.name) / "journal.db", self.clock, self._boundary)
        return MemoryJournal(
            self.clock,
            survived=survived if isinstance(survived, MemoryJournal) else None,
            before_append=self._boundary,
            after_append=self._boundary,
        )

    def _boundary(self, _: object) -> None:
        if self._left is None:
            return
        self._left -= 1
        if self._left < 0:
            self.crashed = True
            raise Crash

    def start(self) -> None:
        """Let the process begin, and wait until it is there."""
        self._left, self.crashed = None, False
        self.journal = self.run(self._open(self.journal))
        self.daemon = _Daemon(
            self.machine,
            self.targets,
            self.journal,
            parts=self._parts,
            breaker=BreakerLimits(unknown=1.0, targets=9),
            global_per_hour=GLOBAL_PER_HOUR,
        )
        self.run(self._begun())

    async def _begun(self) -> None:
        self._life = asyncio.get_running_loop().create_task(self.daemon.live())
        ready = asyncio.get_running_loop().create_task(self.daemon.ready.wait())
        await asyncio.wait([ready, self._life], return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if self._life.done():
            self._life.result()

    def crash_after(self, boundaries: int) -> None:
        """From now on a crash looms: so many boundaries are still passed."""
        self._left = boundaries

    def is_safe(self) -> None:
        """It looms no longer."""
        if not self.crashed:
            self._left = None

    def crash(self) -> None:
        """The process is gone: what it does now reaches neither disk nor world."""
        self._left = 0
        if self._life is not None:
            self.run(self._end(self._life))
        self._life = None

    async def _end(self, life: "asyncio.Task[None]") -> None:
        life.cancel()
        await asyncio.wait([life])
        if not life.cancelled() and not _only_crashes(life.exception()):
            life.result()

    def stop(self) -> None:
        """SIGTERM: the process ends in order."""
        self.run(self._stopped())

    async def _stopped(self) -> None:
        assert self._life is not None
        self.daemon.service.stop("SIGTERM")
        await asyncio.wait([self._life])
        self._life.result()
        self._life = None

    # -- time

    def until(self, hundredths: int) -> None:
        """Let time go by until then."""
        self.run(self._until(hundredths / SECOND))

    async def _until(self, seconds: float) -> None:
        left = seconds - self.loop.time()
        if left > 0:
            await asyncio.sleep(left)
        if self._life is not None and self._life.done() and not self.crashed:
            self._life.result()
            raise AssertionError("the daemon ended by itself")

    def settle(self) -> None:
        """Let everybody finish what they are doing at this moment."""
        self.run(self._settled())

    async def _settled(self) -> None:
        for _ in range(200):
            await asyncio.sleep(0)

    # -- the world and its people

    def says(self, signal: str, seen: str) -> None:
        """From now on the signal says this."""
        self.signals[signal] = seen
        self.world.says(signal, TOKENS[seen])

    def step_clock(self, seconds: float) -> None:
        """The wall clock steps."""
        self.clock.ahead += seconds

    def fill_disk(self, *, full: bool) -> None:
        """From now on nothing can be written, or all can again."""
        self.journal.fault = "the disk is full" if full else ""

    def ask(self, call: Callable[[], Awaitable[object]]) -> bool:
        """Somebody asks something; whether it was not refused."""
        return self.run(self._asked(call))

    async def _asked(self, call: Callable[[], Awaitable[object]]) -> bool:
        try:
            await call()
        except WatchdogError:
            return False
        return True

    def write(self, target: str, event: Event) -> None:
        """Put a person's act on record between two rounds of the target's lane."""
        lane = self.daemon.lanes[target or TARGETS[0].name]
        self.ask(lambda: lane.order(lambda: self.journal.append(event)))

    def pause(self, target: str) -> None:
        self.write(target, Paused(target, PERSON, "a drill", None))

    def resume(self, target: str) -> None:
        self.write(target, Resumed(target, PERSON))

    def clear(self, target: str) -> None:
        self.write(target, LatchCleared(target, PERSON, "looked"))

    def close_breaker(self) -> None:
        self.write("", BreakerClosed(PERSON, "looked"))

    def kill(self, *, on: bool) -> None:
        self.ask(lambda: self.daemon.service.kill(on=on, how=KILL_HOW))

    def by_hand(self, target: str, plan: str) -> bool:
        """A person starts a plan; whether that was taken."""
        lane, hands = self.daemon.lanes[target], self.daemon.hands
        chosen = lane.target.plans[plan]
        start = lambda: lane.start_by_hand(chosen, PERSON, "by hand", lambda: hands)  # noqa: E731
        return self.ask(lambda: lane.order(start))

    def checkpoint(self, target: str) -> tuple[dict[str, int], bool]:
        """The firing triggers of the checkpoint on the disk and since when; and if there is one."""
        note = _note(self.journal, f"triggers/{target}")
        if note is None:
            return {}, False
        kept = json.loads(note)["triggers"]
        return {
            name: round(one["since"][0] * SECOND)
            for name, one in kept.items()
            if one["state"] == "Firing"
        }, True


def _note(journal: MemoryJournal | DiskJournal, name: str) -> str | None:
    if isinstance(journal, DiskJournal):
        return journal.note(name)
    kept = journal.disk.notes.get(name)
    return None if kept is None else kept[0]


def _only_crashes(error: BaseException | None) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return all(map(_only_crashes, error.exceptions))
    return error is None or isinstance(error, Crash | asyncio.CancelledError)
