"""The engine as a process of its own: a lane, its runs, a journal on the disk, real HTTP.

Wired as the daemon, less its files, its pages and its scheduler; ends once its run is over.
"""

import asyncio
import os
import resource
import signal
import sys
import traceback
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.bed.deps import KnownSecrets
from tests.lab.failpoints import OF_THE_DISK, FailingHttp, FailingJournal, Failpoints, How
from tests.lab.ladder import CHANNEL, NAME, NOTIFY, the_target
from tests.lab.warped_clock import STEADY, Warp, WarpedClock
from watchdog.adapters.http import AioHttpClient
from watchdog.adapters.journals.sqlite import open_journal
from watchdog.adapters.notifiers.webhook import Options as WebhookOptions
from watchdog.adapters.notifiers.webhook import WebhookNotifier
from watchdog.app.eyes_and_hands import PluginEyes, PluginHands
from watchdog.app.watching import watchers_of
from watchdog.domain.breaker import BreakerLimits
from watchdog.domain.errors import JournalError
from watchdog.domain.events import DaemonStarted, Record, RunEnded, RunStarted, WatchEnded
from watchdog.domain.moment import Moment
from watchdog.domain.plan import Level
from watchdog.domain.recollection import Recollection
from watchdog.engine.announcer import Announcer
from watchdog.engine.breaker import Breaker
from watchdog.engine.decider import Shared
from watchdog.engine.lane import Lane
from watchdog.engine.recovery import recall, take_up
from watchdog.engine.service import Service
from watchdog.engine.watcher import Watcher
from watchdog.ports import Clock, Deps

JOURNAL, LOG, KILL_FILE = "journal.db", "engine.log", "kill"
REFUSED = 4
POLL = 0.02
# Seconds that a process with a broken disk may go on before it is ended: what it does must be
# nothing.
BROKEN = 0.6


@dataclass(frozen=True, slots=True)
class Life:
    """One life of the engine. `lasts`: seconds after which it ends though no run was seen.

    `boundary` fails at its `nth` time, see `Failpoints`. `file_limit`: bytes a file may have.
    `journal`: where it stands; in `folder` by default. `by`: who starts the plan by hand.
    """

    folder: str
    base: str
    look_up: bool = True
    level: int = Level.APPLICATION
    boundary: str = ""
    nth: int = 1
    how: str = How.DIE
    lasts: float = 120.0
    file_limit: int = 0
    journal: str = ""
    by: str = ""
    warp: Warp = STEADY

    def words(self) -> dict[str, object]:
        """As plain values."""
        return asdict(self)


def live(words: dict[str, object]) -> int:
    """Live; the exit code: 0 for the end of all that was to do, 4 for a refused journal."""
    warp = words.pop("warp")
    assert isinstance(warp, dict)
    life = Life(**words, warp=Warp(**warp))  # type: ignore[arg-type]
    log = os.open(Path(life.folder) / LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    if life.file_limit:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (life.file_limit, resource.RLIM_INFINITY))
    try:
        asyncio.run(_live(life))
    except BaseException as error:  # noqa: BLE001 -- the end of a process, told in its log
        traceback.print_exc()
        return REFUSED if _is_refusal(error) else 1
    finally:
        sys.stderr.flush()
    return 0


def _is_refusal(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return all(map(_is_refusal, error.exceptions))
    return isinstance(error, JournalError)


@asynccontextmanager
async def _deps(life: Life, clock: Clock, points: Failpoints) -> AsyncIterator[Deps]:
    async with AioHttpClient(clock) as http:
        yield Deps(clock, FailingHttp(http, points, life.base), KnownSecrets())


async def _live(life: Life) -> None:
    folder = Path(life.folder)
    path = Path(life.journal) if life.journal else folder / JOURNAL
    clock = WarpedClock(life.warp)
    points = Failpoints(folder, life.boundary, life.nth, How(life.how))
    async with _deps(life, clock, points) as deps, open_journal(path, clock) as disk:
        journal = FailingJournal(disk, points)
        pager = WebhookNotifier(WebhookOptions(url=f"{life.base}/pager"), deps)
        announcer = Announcer(journal, clock, {CHANNEL: pager}, {NAME: NOTIFY})
        memory = (await disk.recalled()).memory
        engine = _Engine(life, deps, points, journal, announcer, memory)
        await engine.run()


class _Engine:
    """One target and its lane, as `watchdog.app.daemon` wires them."""

    def __init__(  # noqa: PLR0917 -- each is one of a kind
        self,
        life: Life,
        deps: Deps,
        points: Failpoints,
        journal: FailingJournal,
        announcer: Announcer,
        memory: Recollection,
    ) -> None:
        self.life = life
        self.memory = memory
        self.points = points
        self.deps = deps
        self.journal = journal
        self.announcer = announcer
        self.shared = Shared(
            clock=deps.clock,
            journal=journal,
            ledger=memory.ledger,
            alarm=announcer.now,
            version="lab",
            self_stop=lambda: self.breaker.before_a_run(),  # noqa: PLW0108 -- made below
        )
        target = the_target(life.base, look_up=life.look_up, level=Level(life.level))
        self.eyes = PluginEyes(deps)
        self.hands = PluginHands(deps)
        self.eyes.prepare(target)
        self.lane = Lane(target, self.shared, self.eyes, self.hands)
        self.lanes = {NAME: self.lane}
        self.breaker = Breaker(
            BreakerLimits(), self.shared.ledger, deps.clock, lambda: [self.lane.evaluator]
        )
        self.service = Service(
            self.shared, self.lanes, Path(life.folder) / KILL_FILE, 3.0, self._reload, self.breaker
        )

    async def run(self) -> None:
        open_runs = await recall(
            self.journal, self.shared.ledger, self.lanes, self.deps.clock, self.memory
        )
        self.journal.listen(self._learn)

        async def begin() -> None:
            await self.journal.append(DaemonStarted("lab", os.getpid(), (NAME,)))
            await take_up(open_runs, self.lanes, lambda: self.hands, self.shared.alarm)
            if self.life.by and not await self._has_begun():
                await self.lane.order(self._start_by_hand)

        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGUSR1, _tell_of_tasks, loop)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.service.stop, "SIGTERM")
        async with asyncio.TaskGroup() as tasks:
            loops = [tasks.create_task(self.announcer.run(), name="announcer")]
            watchers = watchers_of(self.lane.target, self.eyes, self.deps.clock, self.lane.post)
            loops += [tasks.create_task(_tick(one, self.deps.clock)) for one in watchers]
            loops.append(tasks.create_task(self._until_over(), name="end"))
            await self.service.run(begin)
            await self.announcer.settle(5.0)
            for one in loops:
                one.cancel()
        await self.eyes.close()

    async def _has_begun(self) -> bool:
        return bool(await self.journal.read(kinds=[RunStarted]))

    async def _is_known_to_be_over(self) -> bool:
        """By the journal itself: the ledger hears of a record a moment after it is written."""
        kinds = (RunStarted, RunEnded, WatchEnded)
        records = await self.journal.read(kinds=kinds)
        return bool(records) and not isinstance(records[-1].event, RunStarted)

    async def _start_by_hand(self) -> None:
        plan = self.lane.target.plans["undo"]
        await self.lane.start_by_hand(
            plan, self.life.by, "the lab", lambda: self.hands, approval="operator"
        )

    async def _reload(self) -> None:
        """There is no file."""

    def _learn(self, records: Sequence[Record]) -> None:
        for record in records:
            self.shared.ledger.apply(record.event, record.at)

    async def _until_over(self) -> None:
        """Stop once a run is over and told of, or when its time is up."""
        loop = asyncio.get_running_loop()
        ends, ending = loop.time() + self.life.lasts, False
        while loop.time() < ends and not await self._is_over():
            await asyncio.sleep(POLL)
            if self._has_broken_its_disk and not ending:
                loop.call_later(BROKEN, os.kill, os.getpid(), signal.SIGKILL)
                ending = True
        self.service.stop("over")

    @property
    def _has_broken_its_disk(self) -> bool:
        return self.points.fired and self.points.boundary.endswith(OF_THE_DISK)

    async def _is_over(self) -> bool:
        account = self.shared.ledger.account(NAME)
        idle = account.current is None and not self.lane.busy and self.journal.healthy
        return idle and await self._is_known_to_be_over() and await self.announcer.settle(0.5)


def _tell_of_tasks(loop: asyncio.AbstractEventLoop) -> None:
    """For whoever wonders why it does not end."""
    for task in asyncio.all_tasks(loop):
        task.print_stack(file=sys.stderr)


async def _tick(watcher: Watcher, clock: Clock) -> None:
    """Look once a slot, until cancelled."""
    slot = int(clock.now().elapsed / watcher.every)
    while True:
        now = clock.now()
        slot = max(slot, int(now.elapsed / watcher.every)) + 1
        at = Moment(slot * watcher.every, now.wall + slot * watcher.every - now.elapsed)
        await asyncio.sleep(at.since(now))
        await watcher.tick(slot, at)
