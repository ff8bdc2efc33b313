"""After each start: is the journal's chain of hashes whole? What it says decides what is done."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from watchdog.adapters.audit import verify


async def audit(journal: Path, alarm: Callable[[str], None]) -> None:
    """Read the whole journal once, beside everything else, and tell people what is wrong."""
    found = await asyncio.to_thread(verify, journal)
    if not found.ok:
        alarm(
            f"the journal {journal} was changed by somebody else: {found.problem}; limits, latches "
            "and runs are read from it: look before you trust what it does"
        )
