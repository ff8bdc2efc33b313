"""Tells systemd how the daemon is: sd_notify, a datagram a word, on the socket that it names."""

import os
import socket
from collections.abc import Mapping

_MICROSECONDS = 1e6


class ServiceManager:
    """Tells nobody where none is named. Never waits, and never fails: what is lost is lost."""

    def __init__(self, environ: Mapping[str, str], pid: int) -> None:
        self._address = _address(environ.get("NOTIFY_SOCKET", ""))
        usec, meant = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
        ours = self._address and usec.isdecimal() and meant in {"", str(pid)}
        # Twice as often as it is asked for, so that one late beat kills nobody.
        self.every = int(usec) / _MICROSECONDS / 2 if ours else 0.0

    @property
    def listens(self) -> bool:
        """Whether there is one."""
        return bool(self._address)

    def tell(self, *words: str) -> None:
        """Such as `READY=1`. A line break in a word would begin another."""
        if not self._address:
            return
        text = "\n".join(" ".join(word.splitlines()) for word in words)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as own:
            try:
                own.sendto(os.fsencode(text), self._address)
            except OSError:
                # Its queue is full, or it is gone: the next word says the same.
                return


def _address(name: str) -> str:
    """The socket's address; empty where it is none of this kind."""
    if name.startswith("@"):
        return "\0" + name[1:]
    return name if name.startswith("/") else ""
