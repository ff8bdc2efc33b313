"""After each start: is the journal's chain of hashes whole? What it says decides what is done."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

from watchdog.adapters.audit import verify

# Seconds for which the proof rests now and then: there is work to do beside it.
PAUSE = 0.02


async def audit(journal: Path, alarm: Callable[[str], None]) -> None:
    """Read the whole journal once, beside everything else, and tell people what is wrong."""
    ended = threading.Event()
    try:
        found = await asyncio.to_thread(verify, journal, stop=lambda: ended.wait(PAUSE))
    finally:
        # The thread must not keep the process from its end.
        ended.set()
    if not found.ok:
        alarm(
            f"the journal {journal} was changed by somebody else: {found.problem}; limits, latches "
            "and runs are read from it: look before you trust what it does"
        )
