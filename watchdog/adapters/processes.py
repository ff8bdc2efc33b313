"""Running one program to its end: no shell, a time limit, capped output, nothing left behind."""

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from watchdog.domain.errors import InDoubtError, PermanentError, TransientError

# After the program has ended or was killed, for its pipes to be read empty. A grandchild
# that left the group can hold them open for ever.
_LAST_WORDS = 1.0


@dataclass(frozen=True, slots=True)
class Finished:
    """How a program ended. `code` is negative when a signal ended it: -9 for SIGKILL.

    `truncated` when it wrote more to one of its outputs than was kept.
    """

    code: int
    stdout: bytes
    stderr: bytes
    truncated: bool


async def run_process(
    argv: Sequence[str],
    *,
    timeout: float,  # noqa: ASYNC109 (on time-out the whole group is killed, not only awaited)
    env: Mapping[str, str] | None = None,
    cwd: str | None = None,
    max_output: int = 64 * 1024,
    stdin: bytes | None = None,
    grace: float = 0.0,
) -> Finished:
    """Run `argv` in a process group of its own, and kill that group when it is over.

    `env` is the whole environment (None: ours), `timeout` is in seconds, `max_output` in
    bytes for each output. What does not end in time, or is cancelled, gets SIGTERM and after
    `grace` seconds SIGKILL (0: SIGKILL at once). Raises PermanentError where there is no such
    program, TransientError when it could not be started, InDoubtError when it did not end in
    time.
    """
    collector = _Collector(max_output)
    transport = await _start_whole(collector, argv, env, cwd, grace=grace)
    try:
        _feed(transport, stdin)
        async with asyncio.timeout(timeout):
            # Not the future itself: a cancelled await would cancel it, and nobody then learns
            # when the program has ended.
            await asyncio.wait({collector.exited})
    except asyncio.CancelledError:
        await _end_group(transport, collector.exited, grace)
        raise
    except TimeoutError as error:
        await _end_group(transport, collector.exited, grace)
        raise InDoubtError(
            f"{argv[0]}: did not end within {timeout:g} s; killed with all it had started"
        ) from error
    else:
        _kill_group(transport)
        await asyncio.wait({collector.closed}, timeout=_LAST_WORDS)
        return collector.finished(transport.get_returncode())
    finally:
        _kill_group(transport)
        transport.close()


class _Collector(asyncio.SubprocessProtocol):
    def __init__(self, max_output: int) -> None:
        loop = asyncio.get_running_loop()
        self.exited: asyncio.Future[None] = loop.create_future()
        self.closed: asyncio.Future[None] = loop.create_future()
        self._outputs = {1: bytearray(), 2: bytearray()}
        self._max_output = max_output
        self._truncated = False

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        output = self._outputs[fd]
        room = self._max_output - len(output)
        output += data[:room]
        self._truncated = self._truncated or len(data) > room

    def process_exited(self) -> None:
        if not self.exited.done():
            self.exited.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 (as asyncio calls it)
        if not self.closed.done():
            self.closed.set_result(None)

    def finished(self, code: int | None) -> Finished:
        assert code is not None, "asked before the program had ended"  # noqa: S101
        stdout, stderr = bytes(self._outputs[1]), bytes(self._outputs[2])
        return Finished(code, stdout, stderr, self._truncated)


async def _start_whole(
    collector: _Collector,
    argv: Sequence[str],
    env: Mapping[str, str] | None,
    cwd: str | None,
    *,
    grace: float,
) -> asyncio.SubprocessTransport:
    """Start a program without being interrupted, so that there is a group to kill.

    asyncio, cancelled here, kills the first process only, and then waits for as long as any
    child of that one holds its pipes.
    """
    starting = asyncio.get_running_loop().create_task(_start(collector, argv, env, cwd))
    try:
        await asyncio.wait({starting})
    except asyncio.CancelledError:
        await asyncio.wait({starting})
        if starting.exception() is None:
            await _end_group(starting.result(), collector.exited, grace)
            starting.result().close()
        raise
    return starting.result()


async def _start(
    collector: _Collector, argv: Sequence[str], env: Mapping[str, str] | None, cwd: str | None
) -> asyncio.SubprocessTransport:
    try:
        transport, _ = await asyncio.get_running_loop().subprocess_exec(
            lambda: collector, *argv, env=env, cwd=cwd, start_new_session=True
        )
    except (FileNotFoundError, NotADirectoryError, PermissionError) as error:
        text = f"{argv[0]}: cannot be started: {error.strerror}: {error.filename}"
        raise PermanentError(text) from error
    except OSError as error:
        text = f"{argv[0]}: cannot be started now: {error.strerror}"
        raise TransientError(text) from error
    except ValueError as error:
        text = f"{argv[0]}: an argument or a variable holds a zero byte"
        raise PermanentError(text) from error
    return transport


def _feed(transport: asyncio.SubprocessTransport, stdin: bytes | None) -> None:
    pipe = transport.get_pipe_transport(0)
    if isinstance(pipe, asyncio.WriteTransport):
        if stdin:
            pipe.write(stdin)
        pipe.close()


async def _end_group(
    transport: asyncio.SubprocessTransport, exited: asyncio.Future[None], grace: float
) -> None:
    if grace > 0:
        _signal_group(transport, signal.SIGTERM)
        await asyncio.wait({exited}, timeout=grace)
    _kill_group(transport)
    await asyncio.wait({exited}, timeout=_LAST_WORDS)


def _kill_group(transport: asyncio.SubprocessTransport) -> None:
    _signal_group(transport, signal.SIGKILL)


def _signal_group(transport: asyncio.SubprocessTransport, number: signal.Signals) -> None:
    # The group bears the number of its first process, which the kernel gives to nobody else
    # as long as one member lives.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(transport.get_pid(), number)
