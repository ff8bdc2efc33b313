"""Changes from the history that an address shows as JSON, such as a deployment tool's API."""

import json
from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, Field

from watchdog.adapters.answers import quoted, status_line
from watchdog.adapters.auth import auth_headers
from watchdog.adapters.http_options import HttpOptions
from watchdog.adapters.json_path import find, parse_path
from watchdog.adapters.told_changes import moment, newest
from watchdog.domain.change import ChangeKind, News
from watchdog.domain.errors import TransientError
from watchdog.plugins import ChangesPlugin
from watchdog.ports import Answer, Deps

_SUCCESS = range(200, 300)
# An answer of a megabyte may hold many thousands.
_MOST = 2000


def _path(text: str) -> str:
    parse_path(text)
    return text


Path = Annotated[str, AfterValidator(_path)]


class Options(HttpOptions):
    """`list` is where the entries stand, the document itself when missing.

    The other paths are within an entry. `time` is when the change began: Unix seconds or
    milliseconds, or a time such as `2026-10-23T14:02:11Z`.
    """

    max_bytes: int = Field(default=1 << 20, ge=1024)
    list_path: Path | None = Field(default=None, alias="list")
    version: Path = "version"
    time: Path = "time"
    previous: Path | None = None
    by: Path | None = None
    reference: Path | None = None
    kind: ChangeKind = ChangeKind.APP


class HttpJsonChanges:
    """Asks the address. An entry without a version or a time, such as one under way, is no news."""

    def __init__(self, options: Options, deps: Deps) -> None:
        self._options = options
        self._deps = deps

    async def news(self) -> Sequence[News]:
        options = self._options
        answer = await self._deps.http.request(
            "GET",
            options.url,
            timeout=options.timeout,
            headers={**options.headers, **auth_headers(options.auth, self._deps.secrets)},
            max_bytes=options.max_bytes,
        )
        entries = self._entries(answer)
        found = [one for entry in entries if (one := self._one(entry)) is not None]
        if entries and not found:
            raise TransientError(
                f"{options.url}: none of {len(entries)} entries has a version at "
                f"{options.version} and a time at {options.time}; mend these paths"
            )
        return newest(found)

    def _entries(self, answer: Answer) -> list[object]:
        url, path = self._options.url, self._options.list_path
        if answer.status not in _SUCCESS:
            said = quoted(answer, self._deps.secrets)
            raise TransientError(f"{url}: {status_line(answer)}{said}")
        if answer.truncated:
            raise TransientError(f"{url}: the answer is longer than {len(answer.body)} bytes")
        try:
            document = json.loads(answer.body)
        except (ValueError, RecursionError):
            raise TransientError(f"{url}: the answer is not JSON") from None
        found = [document] if path is None else find(document, parse_path(path))
        if not found:
            raise TransientError(f"{url}: there is nothing at {path}; mend `list`")
        entries = [one for part in found for one in (part if isinstance(part, list) else [part])]
        # Whichever end is the newer one.
        return entries if len(entries) <= _MOST else entries[: _MOST // 2] + entries[-_MOST // 2 :]

    def _one(self, entry: object) -> News | None:
        options = self._options
        version, time = _only(entry, options.version), _only(entry, options.time)
        if not isinstance(version, str | int) or isinstance(version, bool) or time is None:
            return None
        try:
            return News(
                version=str(version),
                at=moment(time),
                previous=_text(entry, options.previous),
                by=_text(entry, options.by),
                kind=options.kind,
                reference=_text(entry, options.reference),
            )
        except ValueError:
            return None

    async def close(self) -> None:
        """Nothing of its own is open."""


def _only(entry: object, path: str) -> object:
    found = find(entry, parse_path(path))
    return found[0] if len(found) == 1 else None


def _text(entry: object, path: str | None) -> str:
    value = _only(entry, path) if path else None
    return value if isinstance(value, str) else ""


plugin = ChangesPlugin(
    summary="The history that an address shows as JSON.",
    options=Options,
    build=HttpJsonChanges,
)
