import asyncio

from watchdog.adapters.self_test import LoopbackSelfTest


async def test_it_passes_where_loopback_works() -> None:
    tried = LoopbackSelfTest()

    assert await tried.passes()
    assert await tried.passes()
    await tried.close()


async def test_many_may_ask_at_once() -> None:
    tried = LoopbackSelfTest()

    assert await asyncio.gather(*(tried.passes() for _ in range(20))) == [True] * 20
    await tried.close()


async def test_it_can_be_closed_unused_and_used_after_it_was_closed() -> None:
    tried = LoopbackSelfTest()

    await tried.close()
    assert await tried.passes()
    await tried.close()
    assert await tried.passes()
    await tried.close()
