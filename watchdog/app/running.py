"""The daemon as a process: log set-up, opening, running, and an orderly end."""

import os
from functools import partial
from pathlib import Path
from typing import TextIO

import structlog

from watchdog import __version__
from watchdog.adapters.clock import SystemClock
from watchdog.adapters.logs import Style, logs_to
from watchdog.adapters.secrets import EnvAndFileSecrets
from watchdog.adapters.service_manager import ServiceManager
from watchdog.adapters.watermark import Acceptance
from watchdog.app.channel_alarms import tell_channels
from watchdog.app.loading import Files, daemon_settings
from watchdog.app.opening import Opened, open_daemon
from watchdog.app.self_watching import obey_manager
from watchdog.app.settling import settle_memory
from watchdog.app.taking_turns import our_turn
from watchdog.config.daemon import STATE_FOLDER
from watchdog.domain.errors import WatchdogError


async def serve(
    files: Files,
    secrets: EnvAndFileSecrets,
    stream: TextIO,
    style: Style | None = None,
    accepted: Acceptance | None = None,
) -> bool:
    """Run until SIGTERM or SIGINT, with the log on `stream`, in the style of the files by default.

    False when a mistake in the program ended it; the log has it. Raises ConfigError or
    JournalError, alone or in groups of tasks, before it has looked at anything.
    """
    settings = daemon_settings(files.paths)
    make_default_folder(Path(settings.journal))
    shape = style or Style(settings.log_format)
    with logs_to(stream, clock=SystemClock(), secrets=secrets, style=shape):
        if settings.sidecar is not None:
            # A wrong file is told at once, and not only once it is this one's turn.
            settings = files.load().daemon
        tell = partial(tell_channels, settings.channels, secrets)
        accepts = accepted is not None
        async with (
            our_turn(settings, SystemClock(), tell, accepts_older=accepts) as turn,
            open_daemon(files, secrets, accepted=accepted, turn=turn) as opened,
        ):
            _introduce(opened)
            obey_manager(opened.daemon, ServiceManager(os.environ, os.getpid()))
            opened.daemon.background["memory"] = partial(settle_memory, opened.daemon.ready)
            try:
                await opened.daemon.run(opened.open_runs)
            # Supervises: a mistake in the program ends everything, and is logged.
            except Exception as error:
                if _is_on_purpose(error):
                    raise
                structlog.get_logger().critical("crashed", exc_info=True)
                return False
    return True


def _is_on_purpose(error: Exception) -> bool:
    """Whether nothing went wrong but what has words of its own, such as a disk that is full."""
    if isinstance(error, ExceptionGroup):
        return all(map(_is_on_purpose, error.exceptions))
    return isinstance(error, WatchdogError)


def _introduce(opened: Opened) -> None:
    daemon = opened.daemon
    settings = daemon.loaded.daemon
    log = structlog.get_logger()
    for problem in daemon.loaded.warnings:
        log.warning("config_warning", problem=str(problem))
    log.info(
        "opened",
        version=__version__,
        targets={name: lane.target.mode.value for name, lane in daemon.lanes.items()},
        journal=settings.journal,
        socket=settings.socket,
        pages=daemon.listen or "off",
        open_runs=[run.id for run in opened.open_runs],
    )


def make_default_folder(journal: Path) -> None:
    """Make the folder that is the default; any other one, a missing mount perhaps, is not ours."""
    if journal.parent == Path(STATE_FOLDER):
        journal.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
