"""Waiting for something to become true, in tests of real processes and real time."""

import asyncio
import time
from collections.abc import Callable


async def until(condition: Callable[[], bool], what: str, seconds: float = 20) -> None:
    """Return as soon as `condition()` is true; fail, naming `what`, when it never is."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"after {seconds:g} s still not true: {what}"
        await asyncio.sleep(0.01)
