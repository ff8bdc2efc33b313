"""The daemon as configured: its file and the environment, or defaults where there is neither."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath

from watchdog.config.api_schema import api_of
from watchdog.config.breaker_schema import breaker_limits
from watchdog.config.crossing import unknown_channels
from watchdog.config.group_schema import groups_of
from watchdog.config.heartbeat_schema import heartbeat_of
from watchdog.config.inbound_schema import doors_of, tls_of
from watchdog.config.layers import Layers, daemon_settings
from watchdog.config.mapping import LOG_CHANNEL
from watchdog.config.options import Plugins, channel_options
from watchdog.config.people_schema import people_of
from watchdog.config.problems import ConfigProblems, Problem, one_a_key
from watchdog.config.reading import Document
from watchdog.config.references import expanded
from watchdog.config.settings import DaemonFile, Defaults
from watchdog.config.sidecar_schema import sidecar_of
from watchdog.config.switches_schema import switches_of
from watchdog.config.walking import Content, names
from watchdog.config.window_schema import windows_of
from watchdog.domain.target import ChannelSpec, Daemon

STATE_FOLDER = "var/rollback-watchdog"
# Where the shipped unit keeps its journal: a person's shell knows nothing of STATE_DIRECTORY, and
# must reach the daemon all the same, or at least not run beside it.
SYSTEM_FOLDER = "/var/lib/rollback-watchdog"


@dataclass(slots=True)
class DaemonRead:
    """What is known of the daemon, so that its targets can be read even where it is wrong."""

    file: Document
    channels: tuple[str, ...] = (LOG_CHANNEL,)
    settings: Daemon | None = None
    defaults: Defaults = field(default_factory=Defaults)
    targets: tuple[str, ...] = ()
    problems: list[Problem] = field(default_factory=list)


def daemon_of(
    document: Document | None, plugins: Plugins, environ: Mapping[str, str]
) -> DaemonRead:
    """The daemon that `document` and the environment describe; what is wrong is in `problems`."""
    layers = Layers.of(document, environ)
    read = DaemonRead(layers)
    content: Content = {}
    if document is not None:
        content, problems = expanded(document, environ)
        read.problems += problems
        read.channels = tuple(dict.fromkeys((*names(content, "channels"), LOG_CHANNEL)))
    try:
        settings = daemon_settings(layers, content, environ)
    except ConfigProblems as error:
        read.problems = one_a_key([*read.problems, *error.problems])
        return read
    read.channels = tuple(dict.fromkeys((*settings.channels, LOG_CHANNEL)))
    read.defaults = settings.defaults
    read.targets = tuple(settings.targets)
    written = settings.model_dump(mode="json", by_alias=True)
    read.problems += [
        layers.problem(path, text) for path, text in unknown_channels(written, read.channels)
    ]
    options = channel_options(layers, written, plugins)
    read.problems = one_a_key([*read.problems, *options.problems])
    channels = {
        name: ChannelSpec(name, channel.use, options.plain.get(("channels", name), {}))
        for name, channel in settings.channels.items()
    }
    channels.setdefault(LOG_CHANNEL, ChannelSpec(LOG_CHANNEL, LOG_CHANNEL, {}))
    read.settings = _daemon(settings, channels, environ)
    return read


def _daemon(
    settings: DaemonFile, channels: Mapping[str, ChannelSpec], environ: Mapping[str, str]
) -> Daemon:
    # systemd gives one folder or several, with colons between.
    state = environ.get("STATE_DIRECTORY", "").partition(":")[0] or _state_folder()
    journal = FilePath(settings.journal.path or f"{state}/journal.db")
    return Daemon(
        journal=str(journal),
        socket=settings.socket or str(journal.with_suffix(".sock")),
        listen=settings.listen,
        kill_file=settings.kill_file or str(journal.with_name("KILL")),
        per_hour=settings.limits.per_hour,
        channels=channels,
        log_format=settings.log.format,
        grace=settings.grace,
        inbound=doors_of(settings.inbound),
        tls=tls_of(settings.tls),
        breaker=breaker_limits(settings.breaker),
        heartbeat=heartbeat_of(settings.heartbeat),
        keep=settings.journal.keep,
        archive=settings.journal.archive or "",
        people=people_of(settings.people),
        windows=windows_of(settings.freeze, settings.maintenance),
        groups=groups_of(settings.groups),
        api=api_of(settings.api),
        sidecar=sidecar_of(settings.sidecar),
        switches=switches_of(settings.switches),
    )


def _state_folder() -> str:
    return SYSTEM_FOLDER if os.path.lexists(SYSTEM_FOLDER) else STATE_FOLDER
