"""Scenarios mostly wait, so several are played at once, each in a thread and a loop of its own."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import wraps
from pathlib import Path
from typing import Any

import pytest

AT_ONCE = 3
# Seconds: for one scenario, and for a test that waits until its turn has come and gone.
LONGEST = 175.0
PATIENCE = 600
Scenario = Callable[[Path, str], Coroutine[Any, Any, None]]


class Playing:
    """Plays scenarios, `AT_ONCE` at a time, in folders of their own below `folder`.

    `program` is that of Prometheus.
    """

    def __init__(self, program: str, folder: Path) -> None:
        self._program = program
        self._folder = folder
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="scenario")
        self._played: dict[Scenario, Future[None]] = {}

    def begin(self, scenarios: Iterable[Scenario]) -> None:
        for scenario in scenarios:
            if scenario not in self._played:
                self._played[scenario] = self._pool.submit(self._play, scenario)

    def result(self, scenario: Scenario) -> None:
        """Wait for `scenario`, and raise what it raised."""
        self.begin([scenario])
        self._played[scenario].result()

    def end(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _play(self, scenario: Scenario) -> None:
        # Short: the path of a socket in it has 107 bytes at most.
        folder = self._folder / scenario.__name__.removeprefix("test_")[:24]
        folder.mkdir()

        async def limited() -> None:
            async with asyncio.timeout(LONGEST):
                await scenario(folder, self._program)

        asyncio.run(limited())


def scenario(play: Scenario) -> Callable[[Playing], None]:
    """The test that `play` goes well; it takes a folder, and the program of Prometheus."""

    @pytest.mark.timeout(PATIENCE)
    @wraps(play)
    def test(playing: Playing) -> None:
        playing.result(play)

    # Otherwise pytest looks through to `play`, and takes its arguments for fixtures.
    del test.__wrapped__
    test.__dict__["scenario"] = play
    return test


def scenario_of(test: object) -> Scenario | None:
    """The scenario behind `test`, if it is one."""
    found: Scenario | None = getattr(test, "scenario", None)
    return found
