"""Opens what a daemon needs, in order, and closes it in reverse."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from watchdog import __version__, catalog
from watchdog.adapters.clock import SystemClock
from watchdog.adapters.http import AioHttpClient
from watchdog.adapters.journals.sqlite import SqliteJournal, open_journal
from watchdog.adapters.report import ReportFolder
from watchdog.adapters.secrets import EnvAndFileSecrets
from watchdog.adapters.turns import SharedTurns
from watchdog.app.auditing import audit
from watchdog.app.control import Control
from watchdog.app.daemon import Daemon
from watchdog.app.event_log import log_events
from watchdog.app.hearing import doorway, remember
from watchdog.app.loading import Files
from watchdog.config.loading import Loaded
from watchdog.domain.events import Record, SignalReceived
from watchdog.domain.ledger import Ledger
from watchdog.domain.recent import Recent
from watchdog.domain.run import Run
from watchdog.engine.announcer import Announcer
from watchdog.engine.decider import Shared
from watchdog.engine.recovery import recall
from watchdog.engine.reporter import Reporter
from watchdog.engine.status import unable
from watchdog.ports import Deps, Notifier
from watchdog.web.control import taking_commands
from watchdog.web.face import Facts, serving


@dataclass(frozen=True, slots=True)
class Opened:
    """A daemon that is ready to run, and the runs it found open."""

    daemon: Daemon
    journal: SqliteJournal
    announcer: Announcer
    control: Control
    open_runs: list[Run]


@asynccontextmanager
async def open_deps(secrets: EnvAndFileSecrets) -> AsyncIterator[Deps]:
    """What plugins may use; commands that look but run nothing need no more."""
    clock = SystemClock()
    async with AioHttpClient(clock) as http:
        yield Deps(clock, http, secrets, turns=SharedTurns())


@asynccontextmanager
async def open_daemon(
    files: Files, secrets: EnvAndFileSecrets, *, faceless: bool = False
) -> AsyncIterator[Opened]:
    """A daemon for `files`. Raises ConfigError or JournalError before anything has started.

    A `faceless` one has neither pages nor socket: it lives for one command of a person.
    """
    loaded = files.load()
    async with AsyncExitStack() as stack:
        deps = await stack.enter_async_context(open_deps(secrets))
        path = Path(loaded.daemon.journal)
        journal = await stack.enter_async_context(open_journal(path, deps.clock))
        rules = {target.name: target.notify for target in loaded.targets}
        channels = await _open_channels(stack, loaded, deps)
        announcer = Announcer(journal, deps.clock, channels, rules)
        shared = Shared(
            clock=deps.clock,
            journal=journal,
            ledger=Ledger(),
            alarm=announcer.now,
            version=__version__,
            global_per_hour=loaded.daemon.per_hour,
            skew=lambda target: daemon.eyes[target].skew_seconds,
            self_stop=lambda: daemon.breaker.before_a_run(),  # noqa: PLW0108 -- made below
            look_for_changes=lambda target: daemon.changes.look(target),  # noqa: PLW0108 -- made below
        )
        daemon = Daemon(files, loaded, deps, shared, rules)
        stack.push_async_callback(daemon.close)
        open_runs = await _recall(daemon, journal)
        reporter = Reporter(
            journal,
            ReportFolder(path.parent),
            targets=daemon.targets,
            memory=daemon.memory,
            alarm=announcer.now,
        )
        daemon.background |= {
            "announcer": announcer.run,
            "reporter": reporter.run,
            "audit": lambda: audit(path, announcer.now),
        }
        daemon.at_the_end += [reporter.settle, announcer.settle]
        control = Control(daemon)
        if not faceless:
            await _show(stack, daemon, control)
        yield Opened(daemon, journal, announcer, control, open_runs)


async def _open_channels(stack: AsyncExitStack, loaded: Loaded, deps: Deps) -> dict[str, Notifier]:
    channels: dict[str, Notifier] = {}
    for name, spec in loaded.daemon.channels.items():
        plugin = catalog.notifier(spec.use)
        channels[name] = plugin.build(plugin.options.model_validate(spec.options), deps)
        stack.push_async_callback(channels[name].close)
    return channels


async def _recall(daemon: Daemon, journal: SqliteJournal) -> list[Run]:
    """What the journal knows, into the daemon's memory; and from now on what it is told."""
    shared = daemon.shared
    open_runs = await recall(journal, shared.ledger, daemon.lanes, shared.clock)
    daemon.recent.replay(await journal.read(kinds=Recent.KINDS))
    for run in open_runs:
        daemon.metrics.remember(run.id, run.start.plan.name)

    def learn(records: Sequence[Record]) -> None:
        for record in records:
            shared.ledger.apply(record.event, record.at)
            daemon.recent.apply(record)
        daemon.metrics.count(records)
        log_events(records)

    board = daemon.reception.board
    remember(board, await journal.read(kinds=[SignalReceived]))
    journal.listen(lambda records: remember(board, records))
    journal.listen(learn)
    return open_runs


async def _show(stack: AsyncExitStack, daemon: Daemon, control: Control) -> None:
    """The socket, and the pages where they are wanted."""
    settings = daemon.loaded.daemon
    await stack.enter_async_context(taking_commands(Path(settings.socket), control.obey))
    if not settings.listen:
        return
    facts = Facts(
        stalled=lambda: [str(one) for one in daemon.service.stalled()],
        unable=lambda: unable(daemon.service, daemon.vitals()),
        metrics=daemon.metrics.render,
        status=control.status,
        run=control.events,
    )
    inbound = doorway(settings, daemon.reception, daemon.deps)
    changes = daemon.changes.pages()
    pages = serving(settings.listen, facts, inbound=inbound, changes=changes, tls=settings.tls)
    daemon.listen = await stack.enter_async_context(pages)
