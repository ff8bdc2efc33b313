"""An event loop whose clock jumps: a day of polling takes seconds, timers included."""

import asyncio
import selectors
from collections.abc import Awaitable, Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from watchdog.domain.moment import Moment

EPOCH = 1_767_225_600.0  # 2026-01-01T00:00:00Z
P = ParamSpec("P")
T = TypeVar("T")


def run_virtually(main: Coroutine[Any, Any, T]) -> T:
    """What `main` returns, on a loop of its own that begins at zero seconds."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)


def virtually(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """A test that runs in virtual time."""

    @wraps(test)
    def in_virtual_time(*args: P.args, **kwargs: P.kwargs) -> None:
        run_virtually(test(*args, **kwargs))

    return in_virtual_time


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """When every task waits, the clock jumps to the next timer. No real I/O, no threads."""

    def __init__(self) -> None:
        self._virtual = 0.0
        super().__init__(_JumpingSelector(self))

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._virtual

    def jump(self, seconds: float) -> None:
        """Move the clock on."""
        self._virtual += seconds


class _JumpingSelector(selectors.DefaultSelector):
    def __init__(self, loop: VirtualTimeLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise RuntimeError("deadlock: every task waits and no timer is set")
        self._loop.jump(max(timeout, 0.0))
        return super().select(0)


class VirtualClock:
    """The loop's clock as both clocks; `step` moves the wall clock alone."""

    def __init__(self, start: float = EPOCH) -> None:
        self._start = start

    def now(self) -> Moment:
        """The present moment of the running loop."""
        elapsed = asyncio.get_running_loop().time()
        return Moment(elapsed, self._start + elapsed)

    def step(self, seconds: float) -> None:
        """Step the wall clock, as NTP or a person may."""
        self._start += seconds


class VirtualTicker:
    """Ticks on the running loop; a slow call skips slots, as the real one does."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._jobs: list[tuple[float, Callable[[int, Moment], Awaitable[None]]]] = []

    def every(
        self, name: str, seconds: float, call: Callable[[int, Moment], Awaitable[None]]
    ) -> None:
        """Call `call` at every multiple of `seconds`."""
        del name
        self._jobs.append((seconds, call))

    async def run(self) -> None:
        """Tick until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for seconds, call in self._jobs:
                tasks.create_task(self._tick(seconds, call))

    async def _tick(self, seconds: float, call: Callable[[int, Moment], Awaitable[None]]) -> None:
        slot = int(self._clock.now().elapsed / seconds)
        while True:
            now = self._clock.now()
            slot = max(slot, int(now.elapsed / seconds)) + 1
            await asyncio.sleep(slot * seconds - now.elapsed)
            now = self._clock.now()
            await call(slot, Moment(slot * seconds, now.wall - (now.elapsed - slot * seconds)))
