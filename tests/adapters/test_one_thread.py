import asyncio
import threading
from functools import partial

import pytest

from watchdog.adapters.one_thread import ThreadEndedError, one_thread


async def test_calls_run_one_after_the_other_in_one_thread_and_the_last_one_last() -> None:
    calls: list[tuple[object, int]] = []

    def call(what: object) -> None:
        calls.append((what, threading.get_ident()))

    async with one_thread("test", partial(call, "last")) as thread:
        await asyncio.gather(*[thread.run(partial(call, number), limit=10) for number in range(5)])

    assert [what for what, _ in calls] == [0, 1, 2, 3, 4, "last"]
    assert len({ident for _, ident in calls}) == 1
    assert calls[0][1] != threading.get_ident()


async def test_what_the_call_returns_or_raises_is_handed_on() -> None:
    def fail() -> None:
        raise ZeroDivisionError

    async with one_thread("test", nothing) as thread:
        assert await thread.run(lambda: 5, limit=10) == 5
        with pytest.raises(ZeroDivisionError):
            await thread.run(fail, limit=10)


async def test_to_cancel_the_wait_does_not_cancel_the_call() -> None:
    may_end = threading.Event()
    ended: list[bool] = []

    async with one_thread("test", nothing) as thread:
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(thread.run(lambda: ended.append(may_end.wait(10)), limit=10))
            await asyncio.sleep(0)
            task.cancel()
        assert ended == []
        may_end.set()

    assert ended == [True]


async def test_a_call_that_still_waits_for_its_turn_is_not_cancelled_either() -> None:
    may_end = threading.Event()
    ended: list[str] = []

    async with one_thread("test", nothing) as thread, asyncio.TaskGroup() as tasks:
        tasks.create_task(thread.run(lambda: may_end.wait(10), limit=10))
        task = tasks.create_task(thread.run(lambda: ended.append("second"), limit=10))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.sleep(0)
        may_end.set()

    assert ended == ["second"]


async def test_a_call_that_takes_too_long_is_given_up_but_goes_on() -> None:
    may_end = threading.Event()
    ended: list[bool] = []

    async with one_thread("test", nothing) as thread:
        with pytest.raises(TimeoutError):
            await thread.run(lambda: ended.append(may_end.wait(10)), limit=0.05)
        may_end.set()

    assert ended == [True]


async def test_after_the_end_nothing_is_called() -> None:
    async with one_thread("test", nothing) as thread:
        pass

    with pytest.raises(ThreadEndedError):
        await thread.run(nothing, limit=10)


async def test_the_end_comes_also_when_the_block_is_cancelled() -> None:
    ended = threading.Event()

    async def block() -> None:
        async with one_thread("test", ended.set):
            await asyncio.Event().wait()

    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(block())
        await asyncio.sleep(0)
        task.cancel()

    assert ended.is_set()


async def test_what_goes_wrong_at_the_end_is_raised() -> None:
    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        async with one_thread("test", fail):
            pass


def nothing() -> None:
    pass
