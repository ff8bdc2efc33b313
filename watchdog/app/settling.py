"""Keeps the garbage collector from looking again and again at what lives as long as we do."""

import asyncio
import gc

# Seconds. What the files became is there at the start, what a source makes of its questions
# after its first looks.
SETTLED_AFTER = 60.0


async def settle_memory(ready: asyncio.Event, after: float = SETTLED_AFTER) -> None:
    """Have what is there once all is `ready`, and `after` seconds later, never looked at again.

    With ten thousand triggers a full collection takes most of a second, in which nothing else is
    done; there is next to nothing to find.
    """
    await ready.wait()
    gc.collect()
    gc.freeze()
    await asyncio.sleep(after)
    # Without a collection, which would be a long one: what little is garbage by now may stay.
    gc.freeze()
