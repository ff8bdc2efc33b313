"""One thread for a library that blocks: calls in order, with a limit, never half cancelled."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TypeVar

# Seconds that the end waits for what is still under way.
END_LIMIT = 30.0

T = TypeVar("T")


class ThreadEndedError(Exception):
    """The block of `one_thread` is over."""


class OneThread:
    """Runs calls one after the other. To cancel the wait for a call does not cancel the call."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool

    async def run(self, call: Callable[[], T], *, limit: float) -> T:
        """What `call` returns or raises.

        Raises TimeoutError when that takes longer than `limit` seconds, though it may still
        happen, and ThreadEndedError when there is no thread any more.
        """
        try:
            calling = asyncio.get_running_loop().run_in_executor(self._pool, call)
        except RuntimeError as error:
            raise ThreadEndedError from error
        async with asyncio.timeout(limit):
            return await asyncio.shield(calling)


@asynccontextmanager
async def one_thread(name: str, last: Callable[[], None]) -> AsyncIterator[OneThread]:
    """A thread for the length of the block.

    `last` runs in it at the end, after all other calls, however the block ends.
    """
    pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
    try:
        yield OneThread(pool)
    finally:
        ending = asyncio.wrap_future(pool.submit(last))
        pool.shutdown(wait=False)
        done, _ = await asyncio.wait({ending}, timeout=END_LIMIT)
        for call in done:
            call.result()
