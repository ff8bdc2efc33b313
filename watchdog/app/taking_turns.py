"""One of several watchdogs acts: the others wait for their turn, and go on where it ended."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from watchdog.adapters.journals.sqlite import Copy
from watchdog.app.no_turn import NoTurn, Tell
from watchdog.domain.target import Daemon
from watchdog.ports import Clock
from watchdog.web.control import taking_commands
from watchdog.web.face import serving

# Seconds until a journal that could not be had is tried again; meanwhile others may have it.
PAUSE = 10.0


@dataclass(frozen=True, slots=True)
class Turn:
    """It is ours to act, for as long as `hold` goes on. `epoch` is higher than any before.

    `copied` makes the journal known to whoever comes next; None where each has its own.
    """

    hold: Callable[[], Awaitable[None]]
    epoch: int = 0
    copied: Copy | None = None


@asynccontextmanager
async def our_turn(
    settings: Daemon,
    clock: Clock,
    tell: Tell,
    *,
    accepts_older: bool = False,
    pause: float = PAUSE,
) -> AsyncIterator[Turn | None]:
    """Wait until it is our turn to act; None where nobody else would, and there are no turns.

    Meanwhile pages and socket say that it stands by, and what is wrong with that; people are
    `tell`ed what lasts. No journal, no lease and no API server end it: the service in the pod
    would be taken out with it. Then the journal's file is what the one before wrote. Raises
    ConfigError where the file says of no cluster how it is reached.
    """
    sidecar = settings.sidecar
    if sidecar is None or not sidecar.lease:
        yield None
        return
    from watchdog.app.cluster_turns import candidate  # noqa: PLC0415 -- an extra

    no_turn = NoTurn(sidecar.lease, clock, tell)
    path = Path(settings.journal)
    async with AsyncExitStack() as stack:
        ours = await stack.enter_async_context(candidate(sidecar, path, clock, no_turn.say))
        async with AsyncExitStack() as meanwhile:
            socket = taking_commands(Path(settings.socket), no_turn.obey)
            await meanwhile.enter_async_context(socket)
            if settings.listen:
                await meanwhile.enter_async_context(serving(settings.listen, no_turn.facts))
            async with asyncio.TaskGroup() as tasks:
                telling = tasks.create_task(no_turn.tell(), name="no turn")
                epoch, copied = await ours.elected(pause, accepts_older=accepts_older)
                telling.cancel()
        yield Turn(ours.lease.hold, epoch, copied)
