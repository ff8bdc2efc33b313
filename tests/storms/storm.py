"""Plays the storm of one seed: a daemon lives through it, crash by crash, and leaves a record."""

import asyncio
import hashlib
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from tests.simulation.crashes import RecordingWorld
from tests.storms.daemon import Machine, Parts, WholeDaemon, by_target
from tests.storms.weather import (
    LATE,
    VERSIONED,
    Act,
    Deed,
    Span,
    Weather,
    signals_of,
    steps_of,
    weather,
)
from watchdog.adapters.journal_codec import encode
from watchdog.domain.change import ChangeSeen, News, VersionGood
from watchdog.domain.errors import JournalError, WatchdogError
from watchdog.domain.events import (
    BreakerClosed,
    Event,
    LatchCleared,
    Paused,
    Record,
    Resumed,
)
from watchdog.domain.ledger import Ledger
from watchdog.testing.doubles import Crash, MemoryJournal
from watchdog.testing.virtual_time import VirtualTimeLoop, run_virtually

POLL = 1.0
# Seconds after the last trouble: whatever is not done by then hangs.
CALM = 900.0
PERSON = "ann"
AGAIN = 5.0


class StormWorld(RecordingWorld):
    """Remembers also what its signals said, and when."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[tuple[float, str, str]] = []

    def says(self, signal: str, token: str | float) -> None:
        """As a world does."""
        self.said.append((self.clock.now().elapsed, signal, str(token)))
        super().says(signal, token)

    def ever_said(self, signal: str, token: str, begins: float, ends: float) -> bool:
        """Whether `signal` said `token` at some moment from `begins` to `ends`."""
        last = ""
        for at, name, told in self.said:
            if name == signal and at <= ends:
                if at >= begins and token in (last, told):
                    return True
                last = told
        return last == token


@dataclass(slots=True)
class Aftermath:
    """What a storm left behind. `written` says when each record was, in the world's seconds.

    `killed` are the spans in which nothing may be sent; `crashes` and `stops` count ends of lives.
    """

    weather: Weather
    world: StormWorld
    machine: Machine
    records: Sequence[Record] = ()
    written: dict[int, float] = field(default_factory=dict)
    killed: list[Span] = field(default_factory=list)
    happened: Counter[str] = field(default_factory=Counter)
    hung: str = ""

    @property
    def digest(self) -> str:
        """Of every byte of the journal and every call: the same for the same seed."""
        told = hashlib.sha256()
        for record in self.records:
            told.update(f"{record.seq} {record.at} {record.epoch} {encode(record.event)}".encode())
        for sent in (*self.world.sends, *self.world.effects):
            told.update(repr(sent).encode())
        for messages in self.machine.heard.values():
            told.update(repr(messages).encode())
        return told.hexdigest()


class _StormJournal(MemoryJournal):
    """Crashes where it is told to, around every write; what was on the disk stays there."""

    def __init__(self, storm: "_Storm", survived: MemoryJournal | None) -> None:
        clock = storm.machine.clock
        super().__init__(
            clock,
            epoch=storm.lives,
            boot_id=f"boot {clock.boot}",
            survived=survived,
            before_append=storm.boundary,
            after_append=storm.was_written,
        )
        self._storm = storm

    async def keep(self, name: str, body: str) -> None:
        """As a journal does, between two boundaries."""
        self._storm.boundary(name)
        await super().keep(name, body)
        self._storm.boundary(name)


class _Storm:
    def __init__(self, chosen: Weather, parts: Parts) -> None:
        self.weather = chosen
        self.parts = parts
        self.world = StormWorld()
        self.machine = Machine(self.world)
        self.told = Aftermath(chosen, self.world, self.machine)
        self.lives = 0
        self.journal: _StormJournal = _StormJournal(self, None)
        self._left: int | None = None
        self._killing: float | None = None
        self._asking: set[asyncio.Task[None]] = set()
        self._acts = deque(chosen.acts)
        self._lengths = deque(chosen.lives)
        self._downtimes = deque(chosen.downtimes)
        self._last = max(
            [chosen.ends, *(end for spans in _spans(chosen) for _, end in spans)],
        )

    async def play(self) -> Aftermath:
        """From the first start until calm."""
        self._set_the_scene()
        await self._begin_the_journal()
        while not await self._life():
            pass
        # Whatever is still under way lands before anybody judges.
        await asyncio.sleep(10)
        self.told.records = self.journal.records
        return self.told

    # -- the world

    def _set_the_scene(self) -> None:
        world, chosen = self.world, self.weather
        world.late = LATE
        world.takes = dict(chosen.takes)
        world.boundary = self.boundary
        world.disk = lambda: self.journal.records
        world.on_effect = self._effect
        for name, replies in chosen.replies.items():
            world.will(name, *replies)
        for target in chosen.targets:
            for signal in signals_of(target.name):
                world.says(signal, 0)
        self._plan_the_weather()

    def _plan_the_weather(self) -> None:
        chosen, clock, loop = self.weather, self.machine.clock, asyncio.get_running_loop()
        for turn in chosen.turns:
            loop.call_later(turn.at, self.world.says, turn.signal, turn.token)
        for at, rate in chosen.rates:
            loop.call_later(at, clock.runs, rate)
        for at, seconds in chosen.steps:
            loop.call_later(at, clock.step, seconds)
        for at, version in chosen.deployments:
            loop.call_later(at, self._deploy, version)
        switches: Sequence[tuple[list[Span], Callable[[bool], None]]] = (
            (chosen.blind, partial(setattr, self.world, "blind")),
            (chosen.deaf, partial(setattr, self.machine, "deaf")),
            (chosen.silent, partial(setattr, self.machine, "silent")),
            (chosen.kill_file, self._put_kill_file),
        )
        for spans, switch in switches:
            for begins, ends in spans:
                loop.call_later(begins, switch, True)  # noqa: FBT003 -- a switch
                loop.call_later(ends, switch, False)  # noqa: FBT003 -- a switch

    def _put_kill_file(self, there: bool) -> None:
        """From the moment on at which a process that was frozen can see it."""
        if there:
            self.told.killed.append((self._now(), self._now() + 1e9))
        else:
            self.told.killed[-1] = (self.told.killed[-1][0], self._now())
        self.machine.kill_file.there = there

    async def _begin_the_journal(self) -> None:
        """One version has run for long, and well."""
        wall = self.machine.clock.now().wall
        self.machine.deployed[VERSIONED] = [News("v1", wall - 5000.0)]
        seen = ChangeSeen(VERSIONED, "v1", "", wall - 5000.0, "cart/changes")
        await self.journal.append(seen, VersionGood(VERSIONED, "v1", wall - 4000.0))

    def _deploy(self, version: str) -> None:
        news = News(version, self.machine.clock.now().wall)
        self.machine.deployed[VERSIONED].append(news)

    def _effect(self, name: str) -> None:
        """The last step of a plan heals what its trigger saw, where anything does."""
        for target in self.weather.targets:
            for plan, signal in (("undo", "errors"), ("cut", "outage")):
                steps = (
                    [s for s in steps_of(target.plans[plan]) if s in target.plans[plan].steps]
                    if plan in target.plans
                    else []
                )
                if target.name in self.weather.heals and steps and name == steps[-1].name:
                    self.world.says(f"{target.name} errors", 0)
                    self.world.says(f"{target.name} {signal}", 0)

    # -- boundaries

    def boundary(self, _: object) -> None:
        """Around every write and every effect: the process may be gone from here on."""
        if self._left is None:
            return
        self._left -= 1
        if self._left < 0:
            raise Crash

    def was_written(self, records: Sequence[Record]) -> None:
        """As a boundary, and remembers when it was."""
        for record in records:
            self.told.written[record.seq] = self._now()
        self.boundary(records)

    # -- one life of the process

    async def _life(self) -> bool:
        """Until it ends one way or another (False), or until there is nothing left to do (True)."""
        self.lives += 1
        self._left = self._lengths.popleft() if self._lengths else None
        if self._last < self._now():
            # By now only what hangs is not done.
            self._left = None
        self.journal = _StormJournal(self, self.journal)
        daemon = WholeDaemon(
            self.machine,
            self.weather.targets,
            self.journal,
            parts=self.parts,
            breaker=self.weather.breaker,
        )
        over = False
        down: float | None = None
        try:
            async with asyncio.TaskGroup() as tasks:
                life = tasks.create_task(daemon.live())
                down = await self._live(daemon, tasks)
                over = down is None
                if down is not None and down < 0:
                    raise Crash  # noqa: TRY301 -- as kill -9 does
                daemon.service.stop("SIGTERM")
                await asyncio.wait([life])
        except BaseException as error:
            if not _only_crashes(error, starting=not daemon.ready.is_set()):
                raise
            self.told.happened["crashes" if _has_crashed(error) else "refused starts"] += 1
            over = False
        if not over:
            await self._rest(down)
        return over

    async def _rest(self, down: float | None) -> None:
        """Nobody is there; perhaps the machine starts anew."""
        self._ends_of_kill()
        seconds, reboot = self._downtimes.popleft() if self._downtimes else (1.0, False)
        if down is not None:
            seconds = abs(down)
            reboot = reboot and seconds > 20
        await asyncio.sleep(seconds)
        if reboot:
            self.told.happened["reboots"] += 1
            self.machine.clock.reboot()

    def _ends_of_kill(self) -> None:
        """A command that could not be recorded is forgotten with the process."""
        ledger = Ledger().replay(self.journal.records)
        if self._killing is not None and not ledger.killed:
            self.told.killed.append((self._killing, self._now()))
            self._killing = None

    async def _live(self, daemon: WholeDaemon, tasks: asyncio.TaskGroup) -> float | None:
        """Seconds to be down for, negative after a crash; None when all is over."""
        while True:
            now = self._now()
            next_act = self._acts[0].at if self._acts else now + POLL
            await asyncio.sleep(max(0.0, min(POLL, next_act - now)))
            await self._journal_faults()
            while self._acts and self._acts[0].at <= self._now():
                act = self._acts.popleft()
                if act.deed is Deed.RELEASE and not self._may_release(daemon):
                    continue
                self.told.happened[act.deed.value] += 1
                down = await self._do(act, daemon, tasks)
                if down is not None:
                    return down
            if self._is_over(daemon):
                return None

    async def _journal_faults(self) -> None:
        full = any(begins <= self._now() < ends for begins, ends in self.weather.faults)
        self.journal.fault = "the disk is full" if full else ""

    async def _do(self, act: Act, daemon: WholeDaemon, tasks: asyncio.TaskGroup) -> float | None:
        match act.deed:
            case Deed.STOP:
                daemon.service.stop("SIGTERM")
                return act.seconds
            case Deed.CRASH:
                self._left = 0
                return -act.seconds
            case Deed.FREEZE:
                loop = asyncio.get_running_loop()
                assert isinstance(loop, VirtualTimeLoop)
                loop.jump(act.seconds)
            case _:
                if act.deed is Deed.KILL and daemon.ready.is_set():
                    self._killing = self._killing or self._now()
                # A person does not wait for the daemon, nor does the storm for the person.
                asking = tasks.create_task(self._ask(act, daemon))
                self._asking.add(asking)
                asking.add_done_callback(self._asking.discard)
        return None

    async def _ask(self, act: Act, daemon: WholeDaemon) -> None:
        """As `app.control` does, between two rounds of the lane."""
        if not daemon.ready.is_set():
            return
        try:
            await self._asked(act, daemon)
        except WatchdogError:
            self.told.happened["refused"] += 1

    async def _asked(self, act: Act, daemon: WholeDaemon) -> None:
        target = by_target(self.weather.targets).get(act.target)
        match act.deed:
            case Deed.PAUSE:
                await self._between(daemon, act, Paused(act.target, PERSON, "a drill", None))
            case Deed.RESUME:
                await self._between(daemon, act, Resumed(act.target, PERSON))
            case Deed.CLEAR:
                await self._between(daemon, act, LatchCleared(act.target, PERSON, "looked"))
            case Deed.CLOSE_BREAKER if daemon.ledger.breaker.why:
                async with daemon.shared.starting:
                    await daemon.journal.append(BreakerClosed(PERSON, "looked"))
            case Deed.BY_HAND if target is not None:
                lane = daemon.lanes[act.target]
                plan = target.plans["undo"]
                hands = daemon.hands
                await lane.order(lambda: lane.start_by_hand(plan, PERSON, "by hand", lambda: hands))
            case Deed.KILL:
                await daemon.service.kill(on=True, how=f"command of {PERSON}")
            case Deed.RELEASE if daemon.ledger.killed and not self.machine.kill_file.there:
                began, self._killing = self._killing, None
                if began is not None:
                    self.told.killed.append((began, self._now()))
                await daemon.service.kill(on=False, how=f"command of {PERSON}")

    async def _between(self, daemon: WholeDaemon, act: Act, event: Event) -> None:
        lanes = [daemon.lanes[act.target]] if act.target else list(daemon.lanes.values())

        async def nested(rest: Sequence[object]) -> None:
            if not rest:
                await daemon.journal.append(event)
                return
            lane = lanes[-len(rest)]
            await lane.order(lambda: nested(rest[1:]))

        await nested(lanes)

    def _may_release(self, daemon: WholeDaemon) -> bool:
        """Whoever threw the switch comes again until it is off."""
        if self._killing is None:
            return False
        if daemon.ready.is_set() and not self.machine.kill_file.there:
            return True
        self._acts.append(Act(self._now() + AGAIN, Deed.RELEASE))
        self._acts = deque(sorted(self._acts, key=lambda act: act.at))
        return False

    def _is_over(self, daemon: WholeDaemon) -> bool:
        if self._now() < self._last or self._acts or self._asking or self._killing is not None:
            return self._gives_up(daemon)
        quiet = all(lane.evaluator.quiet for lane in daemon.lanes.values())
        settled = self._now() > self._last + 80
        if daemon.idle and settled and quiet and daemon.ready.is_set():
            return True
        return self._gives_up(daemon)

    def _gives_up(self, daemon: WholeDaemon) -> bool:
        if self._now() < self._last + CALM:
            return False
        open_runs = [one.current for one in daemon.ledger.accounts.values() if one.current]
        self.told.hung = f"still at it: {open_runs}"
        return True

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


def _spans(chosen: Weather) -> Sequence[Sequence[Span]]:
    kinds = (chosen.blind, chosen.faults, chosen.deaf, chosen.silent, chosen.kill_file)
    return [*kinds, [(act.at, act.at) for act in chosen.acts]]


def _only_crashes(error: BaseException, *, starting: bool) -> bool:
    """Whether it crashed, or could not start because nothing can be written."""
    if isinstance(error, BaseExceptionGroup):
        return all(_only_crashes(one, starting=starting) for one in error.exceptions)
    return isinstance(error, Crash) or (starting and isinstance(error, JournalError))


def _has_crashed(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return any(map(_has_crashed, error.exceptions))
    return isinstance(error, Crash)


def play(seed: int, parts: Parts | None = None) -> Aftermath:
    """Play the storm of `seed` to its end."""
    return run_virtually(_played(seed, parts or Parts()))


async def _played(seed: int, parts: Parts) -> Aftermath:
    return await _Storm(weather(seed), parts).play()
