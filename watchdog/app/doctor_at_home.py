"""The doctor's look at this machine: the installation, the journal, the socket, the address."""

import os
import platform
import socket
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from watchdog import __version__
from watchdog.adapters.sqlite_file import open_for_reading
from watchdog.app.examined import Examined, Health
from watchdog.config.daemon import STATE_FOLDER
from watchdog.domain.errors import JournalError
from watchdog.domain.target import Daemon

# Before it, SQLite could damage a file that two connections wrote to; ours is written by one.
_SQLITE_FIXED = (3, 51, 3)


def installation() -> Iterator[Examined]:
    """The versions that matter."""
    versions = f"rollback-watchdog {__version__}, Python {platform.python_version()}"
    yield Examined(Health.OK, "installation", versions)
    text = f"SQLite {sqlite3.sqlite_version}"
    if sqlite3.sqlite_version_info < _SQLITE_FIXED:
        text += (
            ": before 3.51.3 two writers could damage a file; the daemon is the only one, so "
            "never let another program write to the journal"
        )
        yield Examined(Health.NOTE, "installation", text)
    else:
        yield Examined(Health.OK, "installation", text)


def journal(path: Path) -> Examined:
    """Whether the journal can be read, or made."""
    about = f"journal {path}"
    if path.exists():
        try:
            open_for_reading(path).close()
        except JournalError as error:
            return Examined(Health.WRONG, about, str(error))
        if not os.access(path, os.W_OK):
            text = "is not writable for this user; a daemon of this user could not act"
            return Examined(Health.WRONG, about, text)
        return Examined(Health.OK, about, "can be read and written")
    if not path.parent.is_dir() and path.parent == Path(STATE_FOLDER):
        return Examined(Health.OK, about, "will be made, with its folder, at the first start")
    if not path.parent.is_dir():
        text = f"there is no folder {path.parent}; create it, owned by the user of the daemon"
        return Examined(Health.NOTE, about, text)
    if not os.access(path.parent, os.W_OK):
        text = f"the folder {path.parent} is not writable for this user"
        return Examined(Health.WRONG, about, text)
    return Examined(Health.OK, about, "will be made at the first start")


def address(listen: str) -> Examined:
    """Whether the pages' address can be had, while no daemon has it."""
    if not listen:
        return Examined(Health.NOTE, "pages", "off: no /livez, /readyz and /metrics")
    host, _, port = listen.rpartition(":")
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, int(port)))
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            text = f"cannot be had: {why}; stop what uses it, or give another `listen`"
            return Examined(Health.WRONG, f"pages {listen}", text)
    return Examined(Health.OK, f"pages {listen}", "can be had")


def kill_file(daemon: Daemon) -> Iterator[Examined]:
    """The kill file, where it exists."""
    if Path(daemon.kill_file).exists():
        text = "exists: nothing will be done until it is removed"
        yield Examined(Health.NOTE, f"kill file {daemon.kill_file}", text)
