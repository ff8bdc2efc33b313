"""Asks again for as long as an API server does not answer: most come back within a minute."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from watchdog.domain.errors import TransientError

# Seconds. Shorter than one look of a run may take.
PATIENCE = 20.0
_AGAIN = 0.5
T = TypeVar("T")


async def persistently(read: Callable[[], Awaitable[T]], patience: float = PATIENCE) -> T:
    """What `read`, which must change nothing, gives at last.

    Raises what it raised last, once it raised TransientError for `patience` seconds.
    """
    last: TransientError | None = None
    try:
        async with asyncio.timeout(patience):
            while True:
                try:
                    return await read()
                except TransientError as error:
                    last = error
                await asyncio.sleep(_AGAIN)
    except TimeoutError:
        raise last or TransientError(f"no answer within {patience:g} s") from None
