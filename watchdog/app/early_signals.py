"""Signals that come before anybody listens: kept until then, for they would end the process."""

import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

_MEANT_FOR_A_DAEMON = frozenset({signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2})


@contextmanager
def kept_until_heard() -> Iterator[None]:
    """For the length of the block, or until `hear` is called, they wait.

    A kill switch that ended the process instead would be forgotten: whatever starts it anew would
    go on with the run that was to be stopped.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _MEANT_FOR_A_DAEMON)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def hear(numbers: Iterable[signal.Signals]) -> None:
    """Let through what came, and what comes, of these."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, numbers)
