"""Turns at a server: however many targets ask it, together they ask only so much at once."""

import asyncio
from dataclasses import dataclass, field


@dataclass(slots=True)
class SharedTurns:
    """Satisfies `ports.Turns`; one a process."""

    _held: dict[str, asyncio.Semaphore] = field(default_factory=dict)

    def at(self, address: str, most: int) -> asyncio.Semaphore:
        """The turns at `address`: `most`, as whoever came first said."""
        return self._held.setdefault(address, asyncio.Semaphore(most))
