"""Loads history in a process of its own: its memory goes with it, and so do its secrets."""

import asyncio
import contextlib
import multiprocessing
import os
from collections.abc import AsyncIterator, Callable, Sequence
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path

from watchdog.adapters.backtest.asking import PAUSES, Task, load, requests_of
from watchdog.domain.errors import TransientError, WatchdogError

# Beside what its requests may take: for Python to start, and a column to be written.
_SLACK = 60.0
_LAST_WORDS = 5.0


async def load_history(
    tasks: Sequence[Task],
    path: Path,
    tell: Callable[[int, int], None],
    pauses: Sequence[float] = PAUSES,
) -> None:
    """Write the history that `tasks` ask for to `path`; `tell(done, all)` as it comes in.

    `pauses`: seconds before each further try of a request that went wrong.

    Raises WatchdogError where a server does not answer all of it: then there is no file.
    """
    total = requests_of(tasks)
    tell(0, total)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    patience = (
        (len(pauses) + 1) * max((task.server.timeout for task in tasks), default=0.0)
        + sum(pauses)
        + _SLACK
    )
    try:
        async with _loader(tasks, unfinished, pauses) as (process, ours):
            while True:
                said = await _next(process, ours, patience)
                if isinstance(said, str):
                    raise WatchdogError(f"{said}; the history is not whole, nothing was tested")
                if said < 0:
                    break
                tell(said, total)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


@contextlib.asynccontextmanager
async def _loader(
    tasks: Sequence[Task], path: Path, pauses: Sequence[float]
) -> AsyncIterator[tuple[SpawnProcess, Connection]]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(
        target=_work, args=(list(tasks), path, theirs, tuple(pauses)), daemon=True
    )
    await asyncio.to_thread(process.start)
    theirs.close()
    try:
        yield process, ours
    finally:
        process.terminate()
        await asyncio.to_thread(process.join, _LAST_WORDS)
        if process.is_alive():
            process.kill()
        ours.close()


async def _next(process: SpawnProcess, ours: Connection, patience: float) -> int | str:
    """What the loader says next: requests done, -1 at the end, or what went wrong."""
    # Its end of the pipe closes with it, however it ends.
    if not await asyncio.to_thread(ours.poll, patience):
        raise TransientError(f"the loader said nothing for {patience:g} s; nothing was tested")
    try:
        said: int | str = ours.recv()
    except EOFError as error:
        await asyncio.to_thread(process.join, _LAST_WORDS)
        code = process.exitcode
        raise WatchdogError(
            f"the loader ended by itself, exit code {code}; nothing was tested"
        ) from error
    return said


def _work(tasks: list[Task], path: Path, out: Connection, pauses: Sequence[float]) -> None:
    """The loader's own process."""
    try:
        load(tasks, path, out.send, pauses)
    except (WatchdogError, OSError) as error:
        out.send(str(error))
    else:
        out.send(-1)
    finally:
        out.close()
