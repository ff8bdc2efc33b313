"""The Unix socket that takes commands: who asks is what the kernel says, not what they say."""

import asyncio
import json
import os
import socket
import stat
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from aiohttp import web

from watchdog.domain.errors import ConfigError, JournalError, WatchdogError

MODE = 0o600
MAX_BODY = 64 * 1024
# sun_path of unix(7) holds 108 bytes, the last of them zero.
MAX_PATH = 107
# Seconds: for a command, and for those under way at the end.
COMMAND_LIMIT = 60.0
SHUTDOWN = 2.0
_CREDENTIALS = struct.Struct("3i")

# Carries a command out for the user `uid`; raises WatchdogError when it is refused.
Obey = Callable[[str, Mapping[str, Any], int], Awaitable[Mapping[str, Any]]]


@asynccontextmanager
async def taking_commands(path: Path, obey: Obey) -> AsyncIterator[None]:
    """Serve `POST /v1/COMMAND` on the socket `path` for the length of the block.

    Raises ConfigError when the socket cannot be made, or somebody answers at it already.
    """
    listener = _listener(path)
    mine = _identity(path)
    app = web.Application(client_max_size=MAX_BODY)
    app.router.add_post("/v1/{command}", _handler(obey))
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN)
    try:
        await runner.setup()
        await web.SockSite(runner, listener).start()
        yield
    finally:
        await runner.cleanup()
        listener.close()
        with suppress(OSError):
            _remove(path, mine)


def _identity(path: Path) -> tuple[int, int]:
    found = path.lstat()
    return found.st_dev, found.st_ino


def _remove(path: Path, mine: tuple[int, int]) -> None:
    # Not another's, which may have taken its place.
    if _identity(path) == mine:
        path.unlink()


def _listener(path: Path) -> socket.socket:
    if len(os.fsencode(path)) > MAX_PATH:
        raise ConfigError(
            f"socket: the path {path} is longer than {MAX_PATH} bytes, which no socket can have; "
            "give `socket` a shorter one"
        )
    _make_way(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    # Between bind and chmod anybody could connect: it is born with its mode.
    before = os.umask(0o777 & ~MODE)
    try:
        listener.bind(str(path))
        listener.listen()
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"socket: {path} cannot be made: {_why(error)}; its folder must exist and be "
            "writable for the user of this program"
        ) from error
    finally:
        os.umask(before)
    return listener


def _make_way(path: Path) -> None:
    """Remove a socket that a dead process left. Raises ConfigError for anything else."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    except OSError as error:
        raise ConfigError(f"socket: {path} cannot be looked at: {_why(error)}") from error
    if not stat.S_ISSOCK(found.st_mode):
        raise ConfigError(f"socket: {path} exists and is no socket; name another path")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return
        except OSError as error:
            raise ConfigError(
                f"socket: {path} is there, and cannot be reached: {_why(error)}; "
                "remove it if no daemon uses it"
            ) from error
    raise ConfigError(
        f"socket: another daemon answers at {path}; stop that one, or give this one "
        "a `socket` (and a journal) of its own"
    )


def _why(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def _handler(obey: Obey) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        command = request.match_info["command"]
        try:
            arguments = _arguments(await request.read())
            async with asyncio.timeout(COMMAND_LIMIT):
                answer = await obey(command, arguments, _uid(request))
        except ConfigError as error:
            return _refusal(400, "usage", str(error))
        except JournalError as error:
            return _refusal(503, "journal", str(error))
        except WatchdogError as error:
            return _refusal(409, "refused", str(error))
        except TimeoutError:
            text = f"{command}: not done within {COMMAND_LIMIT:g} s; it may still be, see `status`"
            return _refusal(504, "late", text)
        return web.json_response(answer)

    return handle


def _arguments(body: bytes) -> Mapping[str, Any]:
    try:
        arguments = json.loads(body or b"{}")
    except ValueError as error:
        raise ConfigError(f"the command's arguments are no JSON: {error}") from None
    if not isinstance(arguments, dict):
        raise ConfigError("the command's arguments are no JSON object")
    return arguments


def _uid(request: web.Request) -> int:
    """The user at the other end, as the kernel noted when it connected."""
    transport = request.transport
    connection = transport.get_extra_info("socket") if transport else None
    if connection is None:
        raise WatchdogError("the connection was closed before the command was read")
    size = _CREDENTIALS.size
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    _, uid, _ = _CREDENTIALS.unpack(credentials)
    return int(uid)


def _refusal(status: int, kind: str, text: str) -> web.Response:
    return web.json_response({"kind": kind, "error": text}, status=status)
