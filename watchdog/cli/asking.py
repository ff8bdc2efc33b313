"""Speaks to a running daemon through its socket; standard library only, to be quick."""

import http.client
import json
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from watchdog.domain.errors import ConfigError, JournalError, WatchdogError

# Seconds; a little more than the daemon gives itself for a command.
PATIENCE = 65.0
_KINDS: Mapping[str, type[WatchdogError]] = {"usage": ConfigError, "journal": JournalError}


class NotRunningError(WatchdogError):
    """No daemon answers at the socket."""


class RefusedError(WatchdogError):
    """The daemon understood, and refused."""


def ask(path: str, command: str, arguments: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The daemon's answer to `command`. Raises NotRunningError, or what the daemon says."""
    connection = _Connection(path)
    body = json.dumps(arguments or {})
    try:
        connection.request("POST", f"/v1/{command}", body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        status, text = response.status, response.read()
    except (FileNotFoundError, ConnectionRefusedError) as error:
        why = "there is no such socket" if isinstance(error, FileNotFoundError) else "it is stale"
        raise NotRunningError(
            f"no daemon answers at {path}: {why}; start it with `run`, or name the files "
            "that it was started with"
        ) from error
    except PermissionError as error:
        raise RefusedError(
            f"{path} may not be used: permission denied; be the user that runs the daemon, or root"
        ) from error
    except (OSError, http.client.HTTPException) as error:
        text_of = str(error) or type(error).__name__
        raise NotRunningError(f"the daemon at {path} does not answer: {text_of}") from error
    finally:
        connection.close()
    return _answer(status, text, path)


def _answer(status: int, text: bytes, path: str) -> dict[str, Any]:
    try:
        answer = json.loads(text)
    except ValueError as error:
        raise RefusedError(f"what answers at {path} is no daemon of ours") from error
    if not isinstance(answer, dict):
        raise RefusedError(f"what answers at {path} is no daemon of ours")
    if status != http.client.OK:
        kind = _KINDS.get(answer.get("kind", ""), RefusedError)
        raise kind(str(answer.get("error", f"status {status}")))
    return answer


class _Connection(http.client.HTTPConnection):
    """HTTP through a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=PATIENCE)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        try:
            self.sock.connect(self._path)
        except OSError:
            self.sock.close()
            raise


def socket_of(files: "list[Path] | None", socket_path: Path | None = None) -> str:
    """Where the daemon of `files` takes commands, unless it is named. Raises ConfigError."""
    from watchdog.app.loading import daemon_settings

    return str(socket_path or daemon_settings(files or ()).socket)
