"""Several trials beside each other: most of each is waiting."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


async def gang(together: int, items: Iterable[T], work: Callable[[T], Awaitable[None]]) -> None:
    """Do `work` on every item, on at most `together` of them at a time; the first error ends it."""
    left: Iterator[T] = iter(items)

    async def one_after_the_other() -> None:
        for item in left:
            await work(item)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(together):
            tasks.create_task(one_after_the_other())
