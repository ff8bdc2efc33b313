"""Keeps the garbage collector from looking again and again at what lives as long as we do."""

import asyncio
import gc
from collections.abc import Sequence

# Seconds after the start: what the files became is there at once, what a source makes of its
# questions after its first looks.
SETTLED_AFTER = (0.0, 60.0)


async def settle_memory(ready: asyncio.Event, after: Sequence[float] = SETTLED_AFTER) -> None:
    """Have what is there once all is `ready`, and so many seconds later, never looked at again.

    With ten thousand triggers a full collection takes most of a second, in which nothing else is
    done; there is next to nothing to find.
    """
    await ready.wait()
    waited = 0.0
    for seconds in after:
        await asyncio.sleep(seconds - waited)
        waited = seconds
        gc.collect()
        gc.freeze()
