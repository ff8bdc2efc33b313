"""What a service manager is told: that the daemon is ready, that rounds go on, that it stops."""

import asyncio
from typing import Protocol

from watchdog.engine.service import Service

# Seconds between two looks at what there is to say, where no beat is asked for.
STATUS_EVERY = 15.0


class Manager(Protocol):
    """Whoever started the daemon. `every`: seconds between two signs of life; 0 for none."""

    @property
    def every(self) -> float: ...

    def tell(self, *words: str) -> None:
        """Never waits, never fails."""
        ...


async def stand_by(manager: Manager, service: Service, ready: asyncio.Event) -> None:
    """Say what there is to say until cancelled.

    It is the rounds that count: while any has stopped there is no sign of life, although this
    loop could give one. An unwritable journal is no reason to be killed: a start would refuse.
    """
    await ready.wait()
    manager.tell("READY=1", _status(service))
    while not service.stopping:
        if manager.every and not service.lifeless():
            manager.tell("WATCHDOG=1")
        try:
            async with asyncio.timeout(manager.every or STATUS_EVERY):
                await service.asked_to_stop()
        except TimeoutError:
            manager.tell(_status(service))
    manager.tell("STOPPING=1", "STATUS=finishing what is under way")


def _status(service: Service) -> str:
    stopped = service.lifeless()
    if stopped:
        return f"STATUS=rounds have stopped: {stopped[0]}"
    if not service.shared.journal.healthy:
        return "STATUS=the journal cannot be written: nothing is rolled back"
    if service.shared.ledger.killed:
        return f"STATUS=the kill switch is on: {service.shared.ledger.killed}"
    if service.shared.ledger.breaker.why:
        return "STATUS=the breaker is open: nothing begins by itself"
    count = len(service.lanes)
    return f"STATUS=watching {count} {'target' if count == 1 else 'targets'}"
