"""CI's two endpoints: it tells of a change, and asks what is known of a version."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from watchdog.domain.errors import ConfigError, JournalError, TransientError
from watchdog.ports import Clock, Secrets
from watchdog.web.proofs import Failures, LaterError, is_bearer

PREFIX = "/targets/"
# A change is a few words.
MAX_BODY = 8 * 1024
BODY_LIMIT = 10.0
_RETRY_AFTER = "5"
_Reference = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Changes:
    """What the endpoints need.

    `token`: by reference what CI must show for a target; None where it may tell nothing, or
    there is no such target. `report` records a change, durably when it returns; it raises
    ConfigError where it is none, JournalError or TransientError when it cannot. `standing`
    gives what is known of a version, None for an unknown target.
    """

    token: Callable[[str], _Reference | None]
    report: Callable[[str, object], Awaitable[Mapping[str, Any]]]
    standing: Callable[[str, str], Mapping[str, Any] | None]
    secrets: Secrets
    clock: Clock


class _Answer(Exception):
    """Ends a request with this status."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class ChangePages:
    """`POST /targets/NAME/changes` and `GET /targets/NAME/versions/VERSION`."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._failures = Failures()

    def add_to(self, app: web.Application) -> None:
        """Serve both."""
        app.router.add_post("/targets/{target}/changes", self._post)
        app.router.add_get("/targets/{target}/versions/{version:.+}", self._get)

    async def _get(self, request: web.Request) -> web.Response:
        target, version = request.match_info["target"], request.match_info["version"]
        known = self._changes.standing(target, version)
        if known is None:
            return web.Response(status=404, text=f"there is no target {target[:80]!r}\n")
        return web.json_response(known)

    async def _post(self, request: web.Request) -> web.Response:
        try:
            return web.json_response(await self._report(request))
        except _Answer as answer:
            return _refusal(answer.status, str(answer))
        except ConfigError as error:
            return _refusal(400, str(error))
        except (JournalError, TransientError, LaterError) as error:
            return _refusal(503, str(error))

    async def _report(self, request: web.Request) -> Mapping[str, Any]:
        peer, now = request.remote or "", self._changes.clock.now()
        if self._failures.is_out(peer, now):
            raise _Answer(503, "too many attempts failed; try again in a minute")
        target = request.match_info["target"]
        token = self._changes.token(target)
        said = request.headers.get("Authorization", "")
        # Before its body is read, and with no word on whether there is such a target.
        if token is None or not is_bearer(said, [token], self._changes.secrets):
            self._failures.note(peer, now)
            raise _Answer(401, "who are you?")
        return await self._changes.report(target, _document(await _body(request)))


async def _body(request: web.Request) -> bytes:
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_LIMIT):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > MAX_BODY:
                    raise _Answer(413, f"the body is longer than {MAX_BODY} bytes")
    except TimeoutError:
        raise _Answer(408, f"the body did not come within {BODY_LIMIT:g} s") from None
    except web.RequestPayloadError:
        raise _Answer(400, "the body is broken") from None
    return bytes(body)


def _document(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise _Answer(400, "the body is not JSON") from None


def _refusal(status: int, text: str) -> web.Response:
    # Closed, so that what is left of its body need not be read.
    headers = {"Connection": "close"}
    if status == 503:  # noqa: PLR2004
        headers["Retry-After"] = _RETRY_AFTER
    if status == 401:  # noqa: PLR2004
        headers["WWW-Authenticate"] = "Bearer"
    response = web.Response(status=status, text=f"{text}\n", headers=headers)
    response.force_close()
    return response
