import asyncio
import gc

from watchdog.app.settling import settle_memory


async def test_what_is_there_once_all_is_ready_is_never_looked_through_again() -> None:
    ready = asyncio.Event()
    try:
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(settle_memory(ready, after=0.01))
            await asyncio.sleep(0)
            before = gc.get_freeze_count()
            ready.set()
            await task
            after = gc.get_freeze_count()
    finally:
        gc.unfreeze()

    assert before == 0
    assert after > 1_000
