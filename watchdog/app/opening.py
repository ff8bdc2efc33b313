"""Opens what a daemon needs, in order, and closes it in reverse."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from watchdog import __version__, catalog
from watchdog.adapters.calendar import CronCalendar
from watchdog.adapters.clock import SystemClock
from watchdog.adapters.http import AioHttpClient
from watchdog.adapters.journals.sqlite import SqliteJournal
from watchdog.adapters.report import ReportFolder
from watchdog.adapters.secrets import EnvAndFileSecrets
from watchdog.adapters.snapshot import Recalled
from watchdog.adapters.turns import SharedTurns
from watchdog.adapters.watermark import Acceptance
from watchdog.app.act_desk import a_desk
from watchdog.app.cluster_callers import with_callers
from watchdog.app.control import Control
from watchdog.app.daemon import Daemon
from watchdog.app.event_log import log_events
from watchdog.app.hearing import doorway, givers_of, remember
from watchdog.app.journal_care import journal_loops, know_channels, open_past
from watchdog.app.loading import Files
from watchdog.app.openapi import document
from watchdog.app.self_watching import watch_itself
from watchdog.app.switching import obey_annotations
from watchdog.app.taking_turns import Turn
from watchdog.config.loading import Loaded
from watchdog.domain.errors import ConfigError
from watchdog.domain.events import Record
from watchdog.domain.recollection import Recollection
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
    files: Files,
    secrets: EnvAndFileSecrets,
    *,
    faceless: bool = False,
    accepted: Acceptance | None = None,
    turn: Turn | None = None,
) -> AsyncIterator[Opened]:
    """A daemon for `files`. Raises ConfigError or JournalError before anything has started.

    A `faceless` one has neither pages nor socket: it lives for one command of a person. `accepted`
    by a person, a journal may be another than the one last written. `turn`: it is one of several,
    and it is its turn.
    """
    loaded = files.load()
    _refuse_out_of_turn(loaded, turn)
    async with AsyncExitStack() as stack:
        deps = await stack.enter_async_context(open_deps(secrets))
        journal, found = await open_past(stack, loaded.daemon, deps.clock, accepted, turn)
        rules = {target.name: target.notify for target in loaded.targets}
        channels = await _open_channels(stack, loaded, deps, journal, found)
        announcer = Announcer(journal, deps.clock, channels, rules)
        shared = Shared(
            clock=deps.clock,
            journal=journal,
            ledger=found.memory.ledger,
            alarm=announcer.now,
            version=__version__,
            global_per_hour=loaded.daemon.per_hour,
            skew=lambda target: daemon.eyes[target].skew_seconds,
            self_stop=lambda: daemon.breaker.before_a_run(),  # noqa: PLW0108 -- made below
            look_for_changes=lambda target: daemon.changes.look(target),  # noqa: PLW0108 -- made below
            round_taken=lambda target, source: daemon.round_taken(target, source),  # noqa: PLW0108 -- made below
            calendar=CronCalendar(),
            windows=loaded.daemon.windows,
            groups=loaded.daemon.groups,
            said_by=lambda target, ask: givers_of(daemon.reception.board, target, ask, deps.clock),
            neighbour=lambda target: daemon.neighbour(target),  # noqa: PLW0108 -- made below
            unseen=lambda: daemon.switches.unseen,
        )
        daemon = Daemon(files, loaded, deps, shared, rules)
        stack.push_async_callback(daemon.close)
        open_runs = await _recall(daemon, journal, found.memory)
        reporter = Reporter(
            journal,
            ReportFolder(Path(loaded.daemon.journal).parent),
            targets=daemon.targets,
            memory=daemon.memory,
            alarm=announcer.now,
        )
        daemon.background |= {"announcer": announcer.run, "reporter": reporter.run}
        daemon.background |= {"turn": turn.hold} if turn else {}
        daemon.background |= journal_loops(journal, found, loaded.daemon, shared)
        daemon.at_the_end += [reporter.settle, announcer.settle]
        await _attend(stack, daemon, announcer, secrets)
        control = Control(daemon)
        if not faceless:
            await _show(stack, daemon, control)
        yield Opened(daemon, journal, announcer, control, open_runs)


def _keep_out(loaded: Loaded, secrets: EnvAndFileSecrets) -> None:
    """What is a secret although it may stand in the file."""
    if loaded.daemon.heartbeat is not None:
        secrets.keep_out("heartbeat", loaded.daemon.heartbeat.url)


async def _attend(
    stack: AsyncExitStack, daemon: Daemon, announcer: Announcer, secrets: EnvAndFileSecrets
) -> None:
    """What it attends to beside its targets: itself, and whatever else may stop it."""
    _keep_out(daemon.loaded, secrets)
    watch_itself(daemon, announcer)
    await obey_annotations(stack, daemon)


def _refuse_out_of_turn(loaded: Loaded, turn: Turn | None) -> None:
    """A command of its own beside a daemon that stands by would have another journal."""
    sidecar = loaded.daemon.sidecar
    if turn is None and sidecar is not None and sidecar.lease:
        raise ConfigError(
            f"one of several watchdogs acts, and this is none of them: ask the one that holds the "
            f"lease {sidecar.lease}, or start it with `run`"
        )


async def _open_channels(
    stack: AsyncExitStack, loaded: Loaded, deps: Deps, journal: SqliteJournal, found: Recalled
) -> dict[str, Notifier]:
    """Those of the file; the journal learns which there are."""
    channels: dict[str, Notifier] = {}
    for name, spec in loaded.daemon.channels.items():
        plugin = catalog.notifier(spec.use)
        channels[name] = plugin.build(plugin.options.model_validate(spec.options), deps)
        stack.push_async_callback(channels[name].close)
    await know_channels(journal, channels, found)
    return channels


async def _recall(daemon: Daemon, journal: SqliteJournal, memory: Recollection) -> list[Run]:
    """What the journal came to, into the daemon; and from now on what it is told."""
    shared, board = daemon.shared, daemon.reception.board
    open_runs = await recall(journal, shared.ledger, daemon.lanes, shared.clock, memory)
    daemon.recent, daemon.card = memory.recent, memory.card
    board.adopt(memory.board)
    for run in open_runs:
        daemon.metrics.remember(run.id, run.start.plan.name)

    def learn(records: Sequence[Record]) -> None:
        for record in records:
            shared.ledger.apply(record.event, record.at)
            daemon.recent.apply(record)
            daemon.card.apply(record)
        daemon.metrics.count(records)
        log_events(records)

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
        stalled=daemon.service.lifeless,
        unable=lambda: unable(daemon.service, daemon.vitals()),
        metrics=daemon.metrics.render,
        status=control.status,
        run=control.events,
    )
    inbound = doorway(settings, daemon.reception, daemon.deps)
    changes = daemon.changes.pages()
    acts = None
    if settings.api is not None:
        desk = await a_desk(daemon, control)
        acts = desk.acts(settings.api, document(settings.api))
        acts = await stack.enter_async_context(with_callers(acts, daemon))
    pages = serving(
        settings.listen, facts, inbound=inbound, changes=changes, acts=acts, tls=settings.tls
    )
    daemon.listen = await stack.enter_async_context(pages)
