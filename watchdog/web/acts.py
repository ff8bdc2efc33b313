"""`POST /api/v1/acts/COMMAND`: who asks, whether they may, and what they say."""

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from aiohttp import web

from watchdog.domain.doors import ApiDoor, Scope
from watchdog.ports import Clock, Secrets
from watchdog.web.bodies import Bodies, BodyError, BrokenError, LateError, TooLongError
from watchdog.web.plain_json import NotJsonError, json_object
from watchdog.web.proofs import Failures, LaterError, RefusedError
from watchdog.web.tokens import Holder, Tokens

PREFIX = "/api/v1/acts/"
OPENAPI = "/api/v1/openapi.json"
KEY_HEADER = "Idempotency-Key"
KEY_PATTERN = "^[!-~]{1,200}$"
REPLAYED_HEADER = "Idempotency-Replayed"
SECONDS_TO_WAIT = "5"
SECONDS_OUT = "60"
_KEY = re.compile(KEY_PATTERN)
_LATER = {429: SECONDS_OUT, 503: SECONDS_TO_WAIT}


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer in HTTP's terms; `replayed` when it was given before."""

    status: int
    body: Mapping[str, Any]
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """A request of a known person, as far as it could be read. `key` is empty until it is known."""

    command: str
    person: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class Acts:
    """What the endpoints need.

    `commands`: what each command needs a scope for. `act` carries one out, or says why not.
    `refused` keeps on record that a known person was refused, with which status and why.
    `is_out`: whether that person was refused too often to be listened to. `openapi`: the document.
    """

    door: ApiDoor
    commands: Mapping[str, Scope]
    act: Callable[[Asked, Mapping[str, Any]], Awaitable[Reply]]
    refused: Callable[[Asked, int, str], Awaitable[None]]
    is_out: Callable[[str], bool]
    openapi: bytes
    secrets: Secrets
    clock: Clock


class _Refusal(Exception):
    """Ends a request: with this status, this word for a program, and a text for a person."""

    def __init__(self, status: int, kind: str, text: str, **more: str) -> None:
        super().__init__(text)
        self.status = status
        self.body = {"kind": kind, "error": text, **more}


class ActPages:
    """The acts, their document, and whether somebody may read."""

    def __init__(self, acts: Acts) -> None:
        self._acts = acts
        self._tokens = Tokens(acts.door, acts.secrets)
        self._failures = Failures(acts.door.most_failures)
        self._bodies = Bodies(acts.door.most_bytes)

    def add_to(self, app: web.Application) -> None:
        """Serve the acts and the document."""
        app.router.add_route("*", PREFIX + "{command}", self._post)
        app.router.add_get(OPENAPI, self._document)

    async def refuse_reading(self, request: web.Request) -> web.Response | None:
        """The refusal where reading needs a token that this request has not; None where it may."""
        if not self._acts.door.guards_reading:
            return None
        asked = None
        try:
            holder = self._holder(request)
            asked = Asked("read", holder.person)
            _need(Scope.READ, holder)
        except _Refusal as refusal:
            return await self._refused(asked, refusal)
        return None

    async def _document(self, _: web.Request) -> web.Response:
        return web.Response(body=self._acts.openapi, content_type="application/json")

    async def _post(self, request: web.Request) -> web.Response:
        asked = None
        try:
            holder = self._holder(request)
            asked = Asked(request.match_info["command"], holder.person)
            self._admit(request, holder, asked.command)
            asked = Asked(asked.command, asked.person, _key(request))
            arguments = await self._arguments(request)
        except _Refusal as refusal:
            return await self._refused(asked, refusal)
        # From here on the desk keeps the record.
        return _answered(await self._acts.act(asked, arguments))

    def _holder(self, request: web.Request) -> Holder:
        peer, now = request.remote or "", self._acts.clock.now()
        if self._failures.is_out(peer, now):
            text = "too many attempts failed; try again in a minute"
            raise _Refusal(429, "too_many", text)
        try:
            return self._tokens.holder(request)
        except RefusedError:
            self._failures.note(peer, now)
            raise _Refusal(401, "unauthenticated", "who are you?") from None
        except LaterError as error:
            raise _Refusal(503, "later", str(error)) from None

    def _admit(self, request: web.Request, holder: Holder, command: str) -> None:
        known = self._acts.commands
        # To stop is never a thing too many, for whoever may.
        stops = command == "kill" and known["kill"] in holder.scopes
        if not stops and self._acts.is_out(holder.person):
            raise _Refusal(429, "too_many", "too much was refused; try again in a minute")
        if command not in known:
            text = f"there is no act {command[:80]!r}; there are: {', '.join(known)}"
            raise _Refusal(404, "unknown", text)
        if request.method != "POST":
            raise _Refusal(405, "method", "an act is a POST")
        _need(known[command], holder)

    async def _arguments(self, request: web.Request) -> Mapping[str, Any]:
        if request.content_type != "application/json":
            raise _Refusal(415, "media_type", "send the body as Content-Type: application/json")
        # Unpacked, a few kilobytes can be gigabytes.
        if request.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise _Refusal(415, "media_type", "send the body as it is, not compressed")
        try:
            return json_object(await self._bodies.read(request))
        except TooLongError as error:
            raise _Refusal(413, "too_long", str(error)) from None
        except LateError as error:
            raise _Refusal(408, "late_body", str(error)) from None
        except (BrokenError, NotJsonError) as error:
            raise _Refusal(400, "unreadable", str(error)) from None
        except BodyError as error:
            raise _Refusal(503, "later", str(error)) from None

    async def _refused(self, asked: Asked | None, refusal: _Refusal) -> web.Response:
        if asked is not None:
            await self._acts.refused(asked, refusal.status, str(refusal))
        return _answered(Reply(refusal.status, refusal.body))


def _need(scope: Scope, holder: Holder) -> None:
    if scope not in holder.scopes:
        text = f"this token of {holder.person} lacks the scope {scope.value}"
        raise _Refusal(403, "scope", text, missing_scope=scope.value)


def _key(request: web.Request) -> str:
    said = request.headers.getall(KEY_HEADER, [])
    if len(said) != 1 or not _KEY.fullmatch(said[0]):
        text = (
            f"give one {KEY_HEADER} of at most 200 visible ASCII characters, a new one for each "
            "act, so that asking again does not do it again"
        )
        raise _Refusal(400, "key", text)
    return said[0]


def _answered(reply: Reply) -> web.Response:
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    if reply.replayed:
        headers[REPLAYED_HEADER] = "true"
    if reply.status in _LATER:
        headers["Retry-After"] = _LATER[reply.status]
    if reply.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if reply.status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = "POST"
    text = json.dumps(reply.body)
    response = web.Response(
        status=reply.status, text=text, headers=headers, content_type="application/json"
    )
    if reply.status >= HTTPStatus.BAD_REQUEST:
        # Closed, so that what is left of its body need not be read.
        response.headers["Connection"] = "close"
        response.force_close()
    return response
