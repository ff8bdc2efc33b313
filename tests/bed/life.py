"""Lets something that never ends by itself live for a while."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress


async def live(life: Callable[[], Awaitable[None]], seconds: float) -> None:
    """Let `life` go on for `seconds`, and end it."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await life()
