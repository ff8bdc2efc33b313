"""A running daemon: how its parts start, reload and stop."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import cast

import structlog

from watchdog import __version__, catalog
from watchdog.adapters.metrics import Metrics
from watchdog.adapters.scheduler import GUARD_EVERY, SchedulerTicker
from watchdog.app.approving import ApprovalDesk
from watchdog.app.change_desk import ChangeDesk
from watchdog.app.early_signals import hear
from watchdog.app.eyes_and_hands import PluginEyes, PluginHands
from watchdog.app.hearing import heard_by
from watchdog.app.loading import Files
from watchdog.app.watching import watchers_of
from watchdog.config.loading import Loaded
from watchdog.domain.errors import ConfigError, JournalError, WatchdogError
from watchdog.domain.events import ConfigLoaded, ConfigRefused, DaemonStarted
from watchdog.domain.inbound import Board
from watchdog.domain.recent import Recent
from watchdog.domain.run import Run
from watchdog.domain.scorecard import Scorecard
from watchdog.domain.target import Mode, NotifyRule, Target
from watchdog.engine.arming import changes_of
from watchdog.engine.breaker import Breaker
from watchdog.engine.decider import Shared
from watchdog.engine.evaluator import Evaluator
from watchdog.engine.lane import Lane
from watchdog.engine.reception import Reception
from watchdog.engine.recovery import take_up
from watchdog.engine.self_watch import SelfSeen
from watchdog.engine.service import Service
from watchdog.engine.status import Status, Vitals, snapshot
from watchdog.engine.switchboard import Switchboard
from watchdog.engine.watcher import Watcher
from watchdog.ports import Deps, History

RELOAD_POLL = 5.0
# Seconds that reports and messages may take once all else is over.
SETTLE_LIMIT = 2.0
Loop = Callable[[], Awaitable[None]]


class Daemon:
    """Everything that lives as long as the process; `opening.open_daemon` makes one.

    `background` are loops that run beside the lanes, such as announcer and reporter; those
    `at_the_end` may take some seconds to finish. `rules` are told what a reload changes.
    """

    def __init__(
        self,
        files: Files,
        loaded: Loaded,
        deps: Deps,
        shared: Shared,
        rules: dict[str, tuple[NotifyRule, ...]],
    ) -> None:
        self.files = files
        self.loaded = loaded
        self.deps = deps
        self.shared = shared
        self.hands = PluginHands(deps)
        self.reception = Reception(shared.journal, deps.clock, Board())
        self.eyes = {target.name: self._eyes_of(target) for target in loaded.targets}
        self.lanes = {target.name: self._lane(target) for target in loaded.targets}
        self.breaker = Breaker(loaded.daemon.breaker, shared.ledger, shared.clock, self._evaluators)
        self.service = Service(
            shared,
            self.lanes,
            Path(loaded.daemon.kill_file),
            loaded.daemon.grace,
            self.reload,
            self.breaker,
        )
        self.switches = Switchboard(loaded.daemon.switches, shared, self.service)
        self.ticker = SchedulerTicker(deps.clock)
        self.changes = ChangeDesk(shared, deps, self.ticker)
        for target in loaded.targets:
            self.changes.know(target)
        people = loaded.daemon.people
        self.approvals = ApprovalDesk(shared, self.lanes, people, self.armed_hands)
        self.background: dict[str, Loop] = {}
        self.at_the_end: list[Callable[[float], Awaitable[object]]] = []
        self._rules = rules
        self.ready = asyncio.Event()
        self.recent = Recent()
        self.card = Scorecard()
        self.metrics = Metrics(self.status)
        self.listen = ""
        self.refused = ""
        self._retired: list[PluginEyes] = []
        self._reloading = asyncio.Lock()
        # What it knows of itself, and who is told of it; nobody where nothing is set up.
        self.itself: Callable[[], SelfSeen] = SelfSeen
        self.round_taken: Callable[[str, str], None] = _tell_nobody
        self.tell_manager: Callable[..., None] = _tell_nobody
        self._print = files.fingerprint(loaded)

    def _lane(self, target: Target) -> Lane:
        self.eyes[target.name].prepare(target)
        return Lane(target, self.shared, self.eyes[target.name], self._hands_of(target))

    def _eyes_of(self, target: Target) -> PluginEyes:
        return PluginEyes(heard_by(target.name, self.deps, self.reception.board))

    def _hands_of(self, target: Target) -> PluginHands | None:
        return None if target.mode is Mode.ALERT_ONLY else self.hands

    def _evaluators(self) -> list[Evaluator]:
        # Planned work is no sign of what goes wrong with the world at large.
        now, lanes = self.deps.clock.now(), self.lanes.values()
        return [lane.evaluator for lane in lanes if not lane.decider.windows.planned(now)]

    def neighbour(self, target: str) -> Lane | None:
        """The lane of a target; None where no file names it."""
        return self.lanes.get(target)

    def armed_hands(self) -> PluginHands:
        """Hands for a run that a named person started, whatever the target's mode."""
        return self.hands

    def targets(self) -> dict[str, Target]:
        """The targets as they are now."""
        return {name: lane.target for name, lane in self.lanes.items()}

    def memory(self, target: Target, signal: str) -> tuple[History, object] | None:
        """The history of a signal's source, and what to ask it; None where it keeps none."""
        spec = target.signals[signal]
        named = target.sources[spec.signal.source]
        source = self.eyes[target.name].source(named.use, named.options)
        if not hasattr(source, "points"):
            return None
        return cast("History", source), catalog.source(named.use).ask.model_validate(spec.ask)

    def vitals(self) -> Vitals:
        """What only the process knows of itself, for its status."""
        return Vitals(
            version=__version__,
            pid=os.getpid(),
            ready=self.ready.is_set(),
            journal=self.loaded.daemon.journal,
            journal_problem=getattr(self.shared.journal, "problem", ""),
            kill_file=self.loaded.daemon.kill_file,
            listen=self.listen,
            skipped_slots=self.ticker.skipped,
            refused=self.refused,
            itself=self.itself(),
            switches=self.switches.trouble,
        )

    def status(self) -> Status:
        """Everything at this moment, without what only preflight finds."""
        return snapshot(self.service, self.recent, self.vitals())

    async def close(self) -> None:
        """Close every source; nothing may run any more."""
        for eyes in (*self.eyes.values(), *self._retired):
            await eyes.close()
        await self.changes.close()

    # -- start and stop

    async def run(self, open_runs: list[Run], *, watching: bool = True) -> None:
        """Work until `stop`; a step under way is finished, or left for the next start.

        Not `watching`, it looks at no source and acts on no trigger: for a person's own run.
        """
        self._listen_to_signals()
        async with asyncio.TaskGroup() as tasks:
            loops = [tasks.create_task(_call(one), name=name) for name, one in self._loops()]
            await self.service.run(partial(self._begin, open_runs, watching=watching))
            self.ticker.stop()
            for settle in self.at_the_end:
                await settle(SETTLE_LIMIT)
            for loop in loops:
                loop.cancel()

    def _loops(self) -> list[tuple[str, Loop]]:
        own: list[tuple[str, Loop]] = [("files", self._watch_files), ("clock", self._watch_clock)]
        return [*own, *self.background.items()]

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_running_loop()
        self._signals: asyncio.Queue[signal.Signals] = asyncio.Queue()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.service.stop, number.name)
        # To stop is the last word of those that came before anybody listened.
        for number in (signal.SIGHUP, signal.SIGUSR2, signal.SIGUSR1):
            loop.add_signal_handler(number, self._signals.put_nowait, number)
            hear([number])
        self.background["signals"] = self._obey_signals

    async def _obey_signals(self) -> None:
        # None waits for the one before: a reload waits for lanes, a release for the disk.
        async with asyncio.TaskGroup() as tasks:
            while True:
                match await self._signals.get():
                    case signal.SIGHUP:
                        tasks.create_task(self._reload_as_told())
                    case signal.SIGUSR1:
                        tasks.create_task(self.service.kill(on=True, how="signal USR1"))
                    case signal.SIGUSR2:
                        tasks.create_task(self.service.kill(on=False, how="signal USR2"))

    async def _reload_as_told(self) -> None:
        self.tell_manager("RELOADING=1")
        await self.reload()
        self.tell_manager("READY=1")

    async def _begin(self, open_runs: list[Run], *, watching: bool) -> None:
        """The lanes work: say so, go on with what was left open, and start to look."""
        names = tuple(self.lanes)
        loaded = [_loaded(lane.target) for lane in self.lanes.values()]
        targets, journal = list(self.targets().values()), self.shared.journal
        also = changes_of(targets, self.card, self.shared.clock)
        await journal.append(DaemonStarted(__version__, os.getpid(), names), *loaded, *also)
        if watching:
            # What is gone on with asks once more which version runs.
            for lane in self.lanes.values():
                self.changes.watch(lane.target)
        # Neither is anything gone on with that somebody stopped while we were down.
        await self.switches.first_look()
        await take_up(open_runs, self.lanes, self.armed_hands, self.shared.alarm)
        if watching:
            # Whoever is here for a run of their own did not ask for those of others.
            await self.switches.once_seen(self.approvals.start_granted)
            for lane in self.lanes.values():
                self._watch(lane)
        self.ticker.start()
        self.ready.set()
        watched = {name: [one.name for one in ws] for name, ws in self.service.watchers.items()}
        structlog.get_logger().info("watching", sources=watched)

    # -- looking

    def _watch(self, lane: Lane) -> None:
        eyes = self.eyes[lane.target.name]
        watchers = watchers_of(lane.target, eyes, self.deps.clock, lane.post)
        self.service.watchers[lane.target.name] = watchers
        # Not all at once: a source that several targets ask, and the loop, are kept evenly busy.
        turn = list(self.lanes).index(lane.target.name) / len(self.lanes)
        for watcher in watchers:
            name, every = f"{lane.target.name}/{watcher.name}", watcher.every
            self.ticker.every(name, every, watcher.tick, offset=turn * every)

    async def _watch_clock(self) -> None:
        while True:
            await asyncio.sleep(GUARD_EVERY)
            self.ticker.guard()

    # -- a changed file

    async def _watch_files(self) -> None:
        while True:
            await asyncio.sleep(RELOAD_POLL)
            if self.files.fingerprint(self.loaded) != self._print:
                await self.reload()

    async def reload(self) -> None:
        """Take over changed files whole, or refuse them whole and say why."""
        async with self._reloading:
            await self._reload()

    async def _reload(self) -> None:
        self._print = self.files.fingerprint(self.loaded)
        try:
            loaded = self.files.load()
            self._refuse_what_needs_a_restart(loaded)
        except ConfigError as error:
            await self._refuse(str(error))
            return
        try:
            for target in loaded.targets:
                if target.hash != self.lanes[target.name].target.hash:
                    await self._replace(target)
        except WatchdogError as error:
            await self._refuse(f"not taken over, or not whole; SIGHUP tries again: {error}")
            return
        self.refused = ""
        self.loaded = loaded
        self._print = self.files.fingerprint(loaded)

    async def _refuse(self, error: str) -> None:
        self.refused = error
        names = ", ".join(map(str, self.files.paths))
        try:
            await self.shared.journal.append(ConfigRefused(names, error))
        except JournalError as unwritable:
            self.shared.alarm(str(unwritable))

    def _refuse_what_needs_a_restart(self, loaded: Loaded) -> None:
        names = {target.name for target in loaded.targets}
        if names != set(self.lanes):
            changed = ", ".join(sorted(names ^ set(self.lanes)))
            raise ConfigError(f"targets were added or removed ({changed}): restart the daemon")
        if loaded.daemon != self.loaded.daemon:
            raise ConfigError("the daemon's own settings changed: restart the daemon")

    async def _replace(self, target: Target) -> None:
        lane = self.lanes[target.name]
        before, eyes = self.eyes[target.name], self._eyes_of(target)
        eyes.prepare(target)
        watchers = self.service.watchers.get(target.name, ())
        await lane.order(lambda: self._take_over(lane, target, eyes, watchers))
        self.eyes[target.name] = eyes
        self._rules[target.name] = target.notify
        for watcher in watchers:
            self.ticker.drop(f"{target.name}/{watcher.name}")
        self.changes.watch(lane.target)
        self._watch(lane)
        # A run in flight keeps the plan it began with, and the eyes it looks through.
        if not lane.busy:
            await before.close()
        else:
            self._retired.append(before)

    async def _take_over(
        self, lane: Lane, target: Target, eyes: PluginEyes, watchers: Sequence[Watcher]
    ) -> None:
        # A round under way asked what the old file says: the new one must not be judged by it.
        for watcher in watchers:
            watcher.retired = True
        try:
            also = changes_of([target], self.card, self.shared.clock)
            await lane.reload(target, eyes, self._hands_of(target), also)
        except WatchdogError:
            # What cannot be recorded is not taken over.
            for watcher in watchers:
                watcher.retired = False
            raise


def _loaded(target: Target) -> ConfigLoaded:
    return ConfigLoaded(target.name, target.file, target.hash, target.mode.value, target.armed_by)


def _tell_nobody(*_words: str) -> None:
    """Nobody listens."""


async def _call(loop: Loop) -> None:
    await loop()
