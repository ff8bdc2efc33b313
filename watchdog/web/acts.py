"""`POST /api/v1/acts/COMMAND`: who asks, whether they may, and what they say."""

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

from aiohttp import web

from watchdog.domain.callers import READING, Caller, in_words
from watchdog.domain.doors import ApiDoor, Scope
from watchdog.ports import Callers, Clock, Secrets
from watchdog.web.bodies import Bodies, BodyError, BrokenError, LateError, TooLongError
from watchdog.web.holders import Holders, TooManyError
from watchdog.web.plain_json import NotJsonError, json_object
from watchdog.web.proofs import LaterError, RefusedError
from watchdog.web.tokens import Holder, Tokens

PREFIX = "/api/v1/acts/"
OPENAPI = "/api/v1/openapi.json"
KEY_HEADER = "Idempotency-Key"
KEY_PATTERN = "^[!-~]{1,200}$"
REPLAYED_HEADER = "Idempotency-Replayed"
SECONDS_TO_WAIT = "5"
SECONDS_OUT = "60"
MOST_GROUPS, MOST_OF_A_GROUP = 50, 200
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
    """A request of a known person, as far as it could be read. `key` is empty until it is known.

    `user` and `groups` are those of a cluster, where it proved who asks.
    """

    command: str
    person: str
    key: str = ""
    user: str = ""
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Acts:
    """What the endpoints need.

    `commands`: what each command needs a scope for. `act` carries one out, or says why not.
    `refused` keeps on record that a known person was refused, with which status and why.
    `is_out`: whether that person was refused too often to be listened to. `openapi`: the document.
    `callers` knows users of a cluster, `name_of` how they are named; `target_of` gives the target
    that an act is about, empty for all of them or where that is not known.
    """

    door: ApiDoor
    commands: Mapping[str, Scope]
    act: Callable[[Asked, Mapping[str, Any]], Awaitable[Reply]]
    refused: Callable[[Asked, int, str], Awaitable[None]]
    is_out: Callable[[str], bool]
    openapi: bytes
    secrets: Secrets
    clock: Clock
    callers: Callers | None = None
    name_of: Callable[[Caller], str] = lambda caller: caller.user
    target_of: Callable[[str, Mapping[str, Any]], Awaitable[str]] | None = None


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
        self._holders = Holders(
            Tokens(acts.door, acts.secrets),
            acts.clock,
            acts.door.most_failures,
            acts.callers,
            acts.name_of,
        )
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
            holder = await self._holder(request)
            asked = _asked("read", holder)
            await self._permit(holder, Scope.READ, READING, "")
        except _Refusal as refusal:
            return await self._refused(asked, refusal)
        return None

    async def _document(self, _: web.Request) -> web.Response:
        return web.Response(body=self._acts.openapi, content_type="application/json")

    async def _post(self, request: web.Request) -> web.Response:
        asked = None
        try:
            holder = await self._holder(request)
            asked = _asked(request.match_info["command"], holder)
            self._admit(request, holder, asked.command)
            asked = replace(asked, key=_key(request))
            arguments = _without(holder.token, await self._arguments(request))
            await self._permit_act(holder, asked.command, arguments)
        except _Refusal as refusal:
            return await self._refused(asked, refusal)
        # From here on the desk keeps the record.
        return _answered(await self._acts.act(asked, arguments))

    async def _holder(self, request: web.Request) -> Holder:
        try:
            return await self._holders.of(request)
        except TooManyError:
            text = "too many attempts failed; try again in a minute"
            raise _Refusal(429, "too_many", text) from None
        except RefusedError:
            raise _Refusal(401, "unauthenticated", "who are you?") from None
        except LaterError as error:
            raise _Refusal(503, "later", str(error)) from None

    def _admit(self, request: web.Request, holder: Holder, command: str) -> None:
        known = self._acts.commands
        # To stop is never a thing too many, for whoever may.
        trusted = holder.caller is not None or known["kill"] in holder.scopes
        stops = command == "kill" and trusted
        if not stops and self._acts.is_out(holder.person):
            raise _Refusal(429, "too_many", "too much was refused; try again in a minute")
        if command not in known:
            text = f"there is no act {command[:80]!r}; there are: {', '.join(known)}"
            raise _Refusal(404, "unknown", text)
        if request.method != "POST":
            raise _Refusal(405, "method", "an act is a POST")
        if holder.caller is None:
            _need(known[command], holder)

    async def _permit_act(self, holder: Holder, command: str, arguments: Mapping[str, Any]) -> None:
        """Refuse a user of a cluster who may not do that to the target that it is about."""
        if holder.caller is not None:
            find = self._acts.target_of
            target = await find(command, arguments) if find else ""
            await self._permit(holder, self._acts.commands[command], command, target)

    async def _permit(self, holder: Holder, scope: Scope, verb: str, target: str) -> None:
        if holder.caller is None:
            _need(scope, holder)
            return
        try:
            may = await self._holders.may(holder, verb, target)
        except LaterError as error:
            raise _Refusal(503, "later", str(error)) from None
        if not may:
            right = in_words(verb, target)
            text = f"{holder.person} lacks the right to {right}"
            raise _Refusal(403, "right", text, missing_right=right)

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


def _asked(command: str, holder: Holder) -> Asked:
    caller = holder.caller
    if caller is None:
        return Asked(command, holder.person)
    # No more of them than a journal should hold of one request.
    groups = tuple(group[:MOST_OF_A_GROUP] for group in caller.groups[:MOST_GROUPS])
    command = str(_without(holder.token, {"": command})[""])
    return Asked(command, holder.person, user=caller.user, groups=groups)


def _without(token: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """What somebody says, without the token that they say it with, were it to stand in it."""
    if not token:
        return arguments
    text, said = json.dumps(arguments), json.dumps(token)[1:-1]
    cleaned: Mapping[str, Any] = json.loads(text.replace(said, "[redacted]"))
    return cleaned


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
