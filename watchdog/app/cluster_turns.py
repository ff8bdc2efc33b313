"""Turns by a Lease of the cluster, and the journal in objects beside it. Needs an extra."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from secrets import token_hex

import structlog

from watchdog.adapters.journals.sqlite import Copy
from watchdog.adapters.kubernetes.access import Access, reached
from watchdog.adapters.kubernetes.api import KubeApi
from watchdog.adapters.kubernetes.shared_journal import SharedJournal
from watchdog.adapters.leases.kubernetes import KubernetesLease
from watchdog.adapters.sqlite_reader import open_reader
from watchdog.domain.errors import JournalError, LeaseLostError
from watchdog.domain.sidecar import Sidecar
from watchdog.ports import Clock

# Hears why it cannot be this one's turn; an empty text once nothing is wrong.
Say = Callable[[str], None]


@asynccontextmanager
async def candidate(
    sidecar: Sidecar, path: Path, clock: Clock, say: Say
) -> AsyncIterator["Candidate"]:
    """One of several watchdogs, with its journal at `path`. It lets its lease go at the end.

    Raises ConfigError where the file says of no cluster how it is reached.
    """
    access = Access.model_validate(dict(sidecar.access))
    lease = KubernetesLease(access, sidecar.lease, _identity(), clock)
    async with reached(access) as api:
        try:
            yield Candidate(lease, api, sidecar.journal, path, clock, say=say)
        finally:
            await lease.release()


class Candidate:
    """Waits until it may act, and for as long as it must: it has no error but that of a file."""

    def __init__(
        self,
        lease: KubernetesLease,
        api: KubeApi,
        journal: str,
        path: Path,
        clock: Clock,
        *,
        say: Say,
    ) -> None:
        self.lease = lease
        self._api = api
        self._journal = journal
        self._path = path
        self._clock = clock
        self._say = say
        # Why the journal could not be had the last time.
        self._unread = ""

    async def elected(self, pause: float, *, accepts_older: bool) -> tuple[int, Copy | None]:
        """Wait until lease and journal are ours: our epoch, and what copies it from now on.

        A journal that cannot be had is left to the others for `pause` seconds, and the lease with
        it: it may be that this pod alone cannot have it.
        """
        log = structlog.get_logger()
        log.info("standing_by", lease=self.lease.name, identity=self.lease.identity)
        while True:
            await self.lease.acquire(self._looked)
            try:
                found = await self._taken_over(accepts_older=accepts_older)
            except (JournalError, LeaseLostError) as error:
                self._unread = str(error)
                self._say(self._unread)
            else:
                self._say("")
                log.info("leading", lease=self.lease.name, identity=self.lease.identity)
                return found
            await self.lease.release()
            await asyncio.sleep(pause)

    def _looked(self, why: str) -> None:
        """The lease was looked at. Another one that stays in charge has the journal, too."""
        if not why and self.lease.led_by_another:
            self._unread = ""
        self._say(why or self._unread)

    async def _taken_over(self, *, accepts_older: bool) -> tuple[int, Copy | None]:
        if not self._journal:
            return 0, None
        shared = SharedJournal(
            self._api,
            self._journal,
            self.lease.identity,
            self._path,
            accepts_older=accepts_older,
        )
        try:
            async with asyncio.TaskGroup() as tasks:
                # It may take longer than a lease lasts.
                holding = tasks.create_task(self.lease.hold(), name="lease")
                epoch = await shared.take_over()
                await self._read_it()
                holding.cancel()
        except ExceptionGroup as group:
            raise group.exceptions[0] from None
        return epoch, shared.copied

    async def _read_it(self) -> None:
        """Raises JournalError where this version cannot: a later one may have written it."""
        if not self._path.exists():
            return
        async with open_reader(self._path, self._clock) as reader:
            await reader.recalled()


def _identity() -> str:
    """Of this process and no other: whoever had a lease before it died has none now."""
    return f"{socket.gethostname()}-{os.getpid()}-{token_hex(4)}"
