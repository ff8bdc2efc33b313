"""One process at a time: a lock file that names its holder and dies with it."""

import errno
import fcntl
import json
import os
import shlex
import socket
import sys
from datetime import UTC, datetime
from pathlib import Path

from watchdog.domain.errors import JournalError
from watchdog.domain.moment import Moment

_BUSY = frozenset({errno.EAGAIN, errno.EACCES})


class LockFile:
    """Keeps `journal` to this process until `release`; of a dead process the kernel releases it.

    The lock itself is `journal` with ".lock" behind its name.
    """

    def __init__(self, journal: Path, now: Moment) -> None:
        """Take it at once. Raises JournalError naming the holder when another process has it."""
        # What os.open gives is not inherited by the programs that this one starts.
        self._file = os.open(f"{journal}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, _introduction(now), 0)
        except OSError as error:
            holder = os.pread(self._file, 4096, 0)
            os.close(self._file)
            if error.errno in _BUSY:
                raise JournalError(_refusal(journal, holder)) from None
            raise

    def release(self) -> None:
        """Let the next one in. The file stays: to remove it would let two in."""
        os.close(self._file)


def _introduction(now: Moment) -> bytes:
    who = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "started": datetime.fromtimestamp(now.wall, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "command": shlex.join(sys.argv),
    }
    return json.dumps(who).encode()


def _refusal(journal: Path, holder: bytes) -> str:
    try:
        who = json.loads(holder)
        name = f"process {who['pid']} on {who['host']} ({who['command']}, since {who['started']})"
    except (ValueError, KeyError, TypeError):
        name = "another process"
    return (
        f"cannot open the journal {journal}: {name} is using it; one journal has one daemon, "
        "so stop that one, or give this one a journal of its own"
    )
