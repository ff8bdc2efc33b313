"""Changes from a file to which whoever deploys appends a line of JSON each time."""

import asyncio
import json
import os
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from watchdog.adapters.told_changes import AbsolutePath, newest, told
from watchdog.domain.change import News
from watchdog.domain.errors import ConfigError, TransientError
from watchdog.plugins import ChangesPlugin
from watchdog.ports import Deps

# The end of the file: more than the newest few lines ever are.
_READ = 256 * 1024


class Options(BaseModel):
    """`path` is absolute. Each line is one change; the newest stands last."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: AbsolutePath


class FileChanges:
    """Reads the end of the file. A line without its end is still being written."""

    def __init__(self, options: Options, deps: Deps) -> None:
        del deps
        self._path = options.path

    async def news(self) -> Sequence[News]:
        try:
            data, whole = await asyncio.to_thread(_end_of, self._path)
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            raise TransientError(f"{self._path}: cannot be read: {why}") from error
        lines = data.split(b"\n")[:-1]
        return newest(self._understood(lines if whole else lines[1:]))

    def _understood(self, lines: list[bytes]) -> list[News]:
        found, wrong = [], ""
        for line in lines:
            if not line.strip():
                continue
            try:
                found.append(told(json.loads(line)))
                wrong = ""
            except (ValueError, RecursionError) as error:
                wrong = str(error)
        if wrong:
            # It may be the very change that matters. A wrong line further up has been told.
            raise ConfigError(f"{self._path}: the last line is no change: {wrong}; mend it")
        return found

    async def close(self) -> None:
        """The file is open only while it is read."""


def _end_of(path: str) -> tuple[bytes, bool]:
    """The end of the file, and whether that is all of it."""
    with open(path, "rb") as file:  # noqa: PTH123 (a seek follows)
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _READ))
        return file.read(_READ), size <= _READ


plugin = ChangesPlugin(
    summary="Lines of JSON that whoever deploys appends to a file.",
    options=Options,
    build=FileChanges,
)
