"""Forks engine processes from one that has imported everything: each is a real process, and cheap.

Run as a program it takes one life a line on its standard input, and tells of births and deaths.
"""

import asyncio
import json
import os
import select
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

# Seconds. Far more than a birth takes, however busy the machine.
BIRTH_LIMIT = 60.0


@dataclass(slots=True)
class Child:
    """A process that was born here. `died` holds its exit code, negative for a signal."""

    pid: int
    died: "asyncio.Future[int]"

    def send(self, number: signal.Signals) -> None:
        """Send it a signal; whoever is dead already hears nothing."""
        if not self.died.done():
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    async def kill(self) -> int:
        """End it as `kill -9` does, and wait for its end."""
        self.send(signal.SIGKILL)
        return await self.died


@dataclass(slots=True)
class Nursery:
    """The side of whoever wants children."""

    process: asyncio.subprocess.Process
    _births: dict[int, "asyncio.Future[Child]"] = field(default_factory=dict)
    _children: dict[int, Child] = field(default_factory=dict)
    _number: int = 0

    async def born(self, life: dict[str, object]) -> Child:
        """A process that lives `life`."""
        assert self.process.stdin is not None
        self._number += 1
        birth: asyncio.Future[Child] = asyncio.get_running_loop().create_future()
        self._births[self._number] = birth
        line = json.dumps({"number": self._number, "life": life})
        self.process.stdin.write(f"{line}\n".encode())
        async with asyncio.timeout(BIRTH_LIMIT):
            return await birth

    async def listen(self) -> None:
        """Hear what the nursery says, until it ends."""
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            said = json.loads(line)
            if "number" in said:
                died: asyncio.Future[int] = asyncio.get_running_loop().create_future()
                child = self._children[said["pid"]] = Child(said["pid"], died)
                self._births.pop(said["number"]).set_result(child)
            else:
                self._children.pop(said["pid"]).died.set_result(said["code"])

    def end_all(self) -> None:
        """Leave nobody behind."""
        for child in list(self._children.values()):
            child.send(signal.SIGKILL)


@asynccontextmanager
async def a_nursery() -> AsyncIterator[Nursery]:
    """A nursery at work; at the end of the block it ends, and whoever still lives there."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.lab.nursery",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    nursery = Nursery(process)
    async with asyncio.TaskGroup() as tasks:
        ears = tasks.create_task(nursery.listen())
        try:
            yield nursery
        finally:
            nursery.end_all()
            assert process.stdin is not None
            process.stdin.close()
            await process.wait()
            ears.cancel()


# -- the side of the nursery itself


def serve(live: Callable[[dict[str, object]], int]) -> None:
    """Fork a child for each line that comes in, until no more can come."""
    woken, wake = os.pipe()
    os.set_blocking(woken, False)
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    waiting = b""
    while True:
        ready, _, _ = select.select([0, woken], [], [])
        if woken in ready:
            with suppress(BlockingIOError):
                os.read(woken, 4096)
            _tell_the_dead()
        if 0 in ready:
            heard = os.read(0, 1 << 16)
            if not heard:
                return
            *lines, waiting = (waiting + heard).split(b"\n")
            for line in lines:
                _fork(json.loads(line), live, (woken, wake))


def _fork(
    asked: dict[str, object], live: Callable[[dict[str, object]], int], pipes: tuple[int, int]
) -> None:
    pid = os.fork()
    if pid:
        _say({"number": asked["number"], "pid": pid})
        return
    code = 70
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for descriptor in (0, 1, *pipes):
            os.close(descriptor)
        life = asked["life"]
        assert isinstance(life, dict)
        code = live(life)
    finally:
        # Not `sys.exit`: what stands above in the stack belongs to the nursery.
        os._exit(code)


def _tell_the_dead() -> None:
    with suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            _say({"pid": pid, "code": os.waitstatus_to_exitcode(status)})


def _say(what: dict[str, object]) -> None:
    os.write(1, f"{json.dumps(what)}\n".encode())


if __name__ == "__main__":
    from tests.lab.engine_process import live

    serve(live)
