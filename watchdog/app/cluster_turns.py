"""Turns by a Lease of the cluster, and the journal in objects beside it. Needs an extra."""

import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from secrets import token_hex

import structlog

from watchdog.adapters.kubernetes.access import Access, reached
from watchdog.adapters.kubernetes.shared_journal import SharedJournal
from watchdog.adapters.leases.kubernetes import KubernetesLease
from watchdog.domain.sidecar import Sidecar
from watchdog.ports import Clock


@asynccontextmanager
async def leading(
    sidecar: Sidecar, clock: Clock, waiting: Callable[[], Awaitable[None]]
) -> AsyncIterator[KubernetesLease]:
    """Wait for the lease, and let it go at the end. `waiting` goes on until then, no longer."""
    access = Access.model_validate(dict(sidecar.access))
    lease = KubernetesLease(access, sidecar.lease, _identity(), clock)
    log = structlog.get_logger()
    log.info("standing_by", lease=lease.name, identity=lease.identity)
    await waiting()
    await lease.acquire()
    log.info("leading", lease=lease.name, identity=lease.identity)
    try:
        yield lease
    finally:
        await lease.release()


@asynccontextmanager
async def journal_of(
    sidecar: Sidecar, lease: KubernetesLease, path: Path
) -> AsyncIterator[tuple[int, Callable[[], Awaitable[None]]]]:
    """The journal at `path` as the one before left it: our epoch, and what copies it from now on.

    Raises JournalError where it cannot be had.
    """
    access = Access.model_validate(dict(sidecar.access))
    async with AsyncExitStack() as stack:
        api = await stack.enter_async_context(reached(access))
        shared = SharedJournal(api, sidecar.journal, lease.identity, path)
        yield await shared.take_over(), shared.copied


def _identity() -> str:
    """Of this process and no other: whoever had a lease before it died has none now."""
    return f"{socket.gethostname()}-{os.getpid()}-{token_hex(4)}"
