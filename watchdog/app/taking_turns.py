"""One of several watchdogs acts: the others wait for their turn, and go on where it ended."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from watchdog.domain.target import Daemon
from watchdog.engine.status import Status
from watchdog.ports import Clock
from watchdog.web.face import Facts, serving


@dataclass(frozen=True, slots=True)
class Turn:
    """It is ours to act, for as long as `hold` goes on. `epoch` is higher than any before.

    `copied` makes the journal known to whoever comes next; None where each has its own.
    """

    hold: Callable[[], Awaitable[None]]
    epoch: int = 0
    copied: Callable[[], Awaitable[None]] | None = None


@asynccontextmanager
async def our_turn(settings: Daemon, clock: Clock) -> AsyncIterator[Turn | None]:
    """Wait until it is our turn to act; None where nobody else would, and there are no turns.

    Meanwhile the pages say that it stands by. Then the journal's file is what the one before
    wrote. Raises ConfigError where the cluster cannot be reached, JournalError where the journal
    cannot be had.
    """
    sidecar = settings.sidecar
    if sidecar is None or not sidecar.lease:
        yield None
        return
    from watchdog.app.cluster_turns import journal_of, leading  # noqa: PLC0415 -- an extra

    async with AsyncExitStack() as stack, AsyncExitStack() as meanwhile:

        async def waiting() -> None:
            if settings.listen:
                await meanwhile.enter_async_context(serving(settings.listen, _STANDING_BY))

        lease = await stack.enter_async_context(leading(sidecar, clock, waiting))
        await meanwhile.aclose()
        if not sidecar.journal:
            yield Turn(lease.hold)
            return
        journal = journal_of(sidecar, lease, Path(settings.journal))
        epoch, copied = await stack.enter_async_context(journal)
        yield Turn(lease.hold, epoch, copied)


async def _status() -> Status:
    return {"daemon": {"running": True, "standing_by": True}, "targets": []}


async def _no_run(_run: str) -> list[Status]:
    return []


# That another one acts is as it should be: neither a restart nor a page would mend it.
_STANDING_BY = Facts(stalled=tuple, unable=tuple, metrics=bytes, status=_status, run=_no_run)
