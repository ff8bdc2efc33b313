"""Warnings about who could listen in on the API, or act through it."""

import ipaddress
from collections.abc import Iterator

from watchdog.config.problems import Path
from watchdog.domain.target import Daemon

LOCAL = frozenset({"localhost", "localhost.localdomain", "ip6-localhost"})


def lint_api(settings: Daemon) -> Iterator[tuple[Path, str]]:
    """Everything that is worth a word about the daemon's API."""
    if settings.api is not None and settings.tls is None and not _is_local(settings.listen):
        text = (
            f"tokens cross the network in the clear: {settings.listen} is not of this machine "
            "alone; give it `tls`, or let `listen` be a loopback address behind a proxy that has"
        )
        yield ("api",), text


def _is_local(listen: str) -> bool:
    host = listen.rpartition(":")[0].strip("[]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() in LOCAL
