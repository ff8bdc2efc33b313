"""Calls that are given up leave no connection behind, whenever that is."""

import asyncio
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.bed.patience import until
from tests.bed.wire import raw_server, read_request
from tests.control_plane.credentials import kubeconfig
from watchdog.adapters.kubernetes.access import Access, reached
from watchdog.adapters.kubernetes.api import KubeApi
from watchdog.adapters.kubernetes.kinds import DEPLOYMENT
from watchdog.domain.errors import TransientError

NOTHING = b'{"metadata": {"resourceVersion": "1"}, "items": []}'
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"


@dataclass
class Impatient:
    """An API server that answers once on a connection and ends it when told to.

    `answered` and `open` count connections; one is open until its client has ended it, too. A
    watch hears nothing until it `breaks`.
    """

    ends: asyncio.Event = field(default_factory=asyncio.Event)
    breaks: asyncio.Event = field(default_factory=asyncio.Event)
    watched: bool = False
    answered: int = 0
    open: int = 0

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        try:
            with suppress(asyncio.IncompleteReadError):
                if b"watch=" in await read_request(reader):
                    writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
                    self.watched = True
                    await self.breaks.wait()
                    writer.transport.abort()
                    return
                writer.write(HEAD % len(NOTHING) + NOTHING)
                self.answered += 1
                await self.ends.wait()
                writer.write_eof()
                await reader.read()
        finally:
            self.open -= 1


@dataclass
class Talkative:
    """An API server whose pods go on writing their logs for ever. `open` as above."""

    open: int = 0

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        try:
            await read_request(reader)
            writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n6\r\none\ntw\r\n")
            await reader.read()
        finally:
            self.open -= 1


@pytest.mark.parametrize("moment", range(25))
async def test_a_call_that_is_given_up_leaves_no_connection(tmp_path: Path, moment: int) -> None:
    """`moment`: turns of the event loop until then. Three connections have just been ended."""
    server = Impatient()
    async with raw_server(server.talk) as address:
        file = tmp_path / "kubeconfig"
        file.write_text(kubeconfig(address, tmp_path, "token", "default"))
        async with reached(Access(kubeconfig=str(file))) as api:
            async with asyncio.TaskGroup() as tasks:
                for _ in range(3):
                    tasks.create_task(listed(api))
            assert server.answered == 3
            server.ends.set()
            await asyncio.sleep(0.01)

            call = asyncio.get_running_loop().create_task(listed(api))
            for _ in range(moment):
                await asyncio.sleep(0)
            call.cancel()
            with suppress(asyncio.CancelledError):
                await call

        await until(lambda: server.open == 0, "every connection is ended")


@pytest.mark.parametrize("moment", range(25))
async def test_a_watch_that_breaks_off_and_is_given_up_leaves_no_connection(
    tmp_path: Path, moment: int
) -> None:
    server = Impatient()
    async with raw_server(server.talk) as address:
        file = tmp_path / "kubeconfig"
        file.write_text(kubeconfig(address, tmp_path, "token", "default"))
        async with reached(Access(kubeconfig=str(file))) as api:
            watch = asyncio.get_running_loop().create_task(watched(api))
            await until(lambda: server.watched, "it watches")
            async with asyncio.TaskGroup() as tasks:
                for _ in range(3):
                    tasks.create_task(listed(api))
            server.ends.set()
            await asyncio.sleep(0.01)
            server.breaks.set()
            for _ in range(moment):
                await asyncio.sleep(0)
            watch.cancel()
            with suppress(asyncio.CancelledError):
                await watch

        await until(lambda: server.open == 0, "every connection is ended")


@pytest.mark.parametrize("is_enough", [True, False])
async def test_a_log_that_is_given_up_leaves_no_connection(tmp_path: Path, is_enough: bool) -> None:
    """Its first line is enough, or whoever waits for the second one is told to end."""
    server = Talkative()
    async with raw_server(server.talk) as address:
        file = tmp_path / "kubeconfig"
        file.write_text(kubeconfig(address, tmp_path, "token", "default"))
        async with reached(Access(kubeconfig=str(file))) as api:
            begun = asyncio.Event()

            async def reads() -> None:
                async with aclosing(api.log_lines("shop", "app", None, tail=9)) as lines:
                    async for _line in lines:
                        begun.set()
                        if is_enough:
                            break

            call = asyncio.get_running_loop().create_task(reads())
            await begun.wait()
            if not is_enough:
                call.cancel()
            with suppress(asyncio.CancelledError):
                await call
            await until(lambda: server.open == 0, "it hung up")


async def watched(api: KubeApi) -> None:
    with suppress(TransientError):
        async with aclosing(api.watch(DEPLOYMENT, since="1")) as events:
            async for _event in events:
                pass


async def listed(api: KubeApi) -> None:
    await api.listed(DEPLOYMENT)
