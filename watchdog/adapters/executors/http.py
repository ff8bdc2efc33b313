"""Sends one HTTP request, and reads from its answer whether anything happened."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Literal, Self
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator, model_validator

from watchdog.adapters.addresses import unfit
from watchdog.adapters.answers import mismatch, quoted, redirect_host, status_line
from watchdog.adapters.auth import Auth, auth_headers
from watchdog.adapters.values import Value, found, nothing_done, plain, shown, shown_auth
from watchdog.domain.errors import (
    ConfigError,
    InDoubtError,
    PermanentError,
    StepError,
    TransientError,
)
from watchdog.domain.events import Effect
from watchdog.plugins import ExecutorPlugin
from watchdog.ports import Answer, Deps, Finding, Secrets

# The step's own timeout ends it long before; no wait is without a limit.
LONGEST_SECONDS = 3600.0
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
# Ours to set, or a way to write a secret into the file.
_RESERVED = frozenset(
    {"authorization", "connection", "content-length", "host", "idempotency-key"}
    | {"transfer-encoding"}
)
_Status = Annotated[int, Field(ge=200, le=599)]
_MODEL = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)


class Expect(BaseModel):
    """What the answer must be. No status: any of 200 to 299. `json`: path -> value."""

    model_config = _MODEL

    status: _Status | tuple[_Status, ...] = ()
    json_values: Mapping[str, JsonValue] = Field(default={}, alias="json")

    @property
    def statuses(self) -> Sequence[int]:
        """What `status` names, one or several."""
        return (self.status,) if isinstance(self.status, int) else self.status


class Options(BaseModel):
    """One request. At most one of `json`, `body` and `form` is its content."""

    model_config = _MODEL

    method: Literal["POST", "PUT", "PATCH", "DELETE", "GET"] = "POST"
    url: str
    auth: Auth | None = None
    headers: Mapping[str, Value] = {}
    json_body: JsonValue = Field(default=None, alias="json")
    body: str | None = None
    form: Mapping[str, str] | None = None
    expect: Expect = Expect()

    @field_validator("headers")
    @classmethod
    def _are_ours_to_give(cls, headers: Mapping[str, Value]) -> Mapping[str, Value]:
        for name in headers:
            if not _TOKEN.fullmatch(name):
                raise ValueError(f"{name!r} is no name of a header")
            if name.lower() in _RESERVED:
                raise ValueError(f"header {name} cannot be set here; for credentials use auth")
        return headers

    @model_validator(mode="after")
    def _has_one_content(self) -> Self:
        if len(self.model_fields_set & {"json_body", "body", "form"}) > 1:
            raise ValueError("a request has one of json, body and form")
        return self


class HttpProbe:
    """Sees what a request would be. Sends nothing, looks no name up."""

    def __init__(self, options: Options, deps: Deps) -> None:
        self._options = options
        self._secrets = deps.secrets

    async def preflight(self) -> Sequence[Finding]:
        return list(_findings(self._options, self._secrets))

    def render(self) -> str:
        options = self._options
        parts = [options.method, options.url]
        if "json_body" in options.model_fields_set:
            parts.append(f"json={json.dumps(options.json_body, ensure_ascii=False)}")
        elif options.body is not None:
            parts.append(f"body={json.dumps(options.body, ensure_ascii=False)}")
        elif options.form is not None:
            parts.append(f"form={urlencode(options.form)}")
        parts += [f"{name}={json.dumps(shown(each))}" for name, each in options.headers.items()]
        if options.auth is not None:
            parts.append(f"auth={shown_auth(options.auth)}")
        return self._secrets.redact(" ".join(parts))

    async def inspect(self, key: str) -> tuple[Effect, str]:
        del key
        return Effect.UNKNOWN, "an HTTP call cannot be looked at; give the step a done_when"


class HttpExecutor:
    """Sends the request once, under the step's key."""

    def __init__(self, options: Options, deps: Deps) -> None:
        self._options = options
        self._deps = deps

    async def execute(self, key: str) -> str:
        """Send it. Raises InDoubtError unless the answer proves that it did or did not happen."""
        options, secrets = self._options, self._deps.secrets
        name = f"{options.method} {secrets.redact(options.url)}"
        refusals = [each.text for each in _findings(options, secrets) if not each.ok]
        if refusals:
            raise PermanentError(f"{name}: not sent: {'; '.join(refusals)}")
        with nothing_done(f"{name}: not sent"):
            headers = _headers(options, secrets) | {"Idempotency-Key": key}
        try:
            answer = await self._deps.http.request(
                options.method,
                options.url,
                timeout=LONGEST_SECONDS,
                headers=headers,
                data=_content(options),
            )
        except StepError as error:
            error.args = (secrets.redact(str(error)),)
            raise
        problem = _problem(options, answer)
        if problem is not None:
            kind, text = problem
            raise kind(secrets.redact(f"{name}: {text}") + quoted(answer, secrets))
        return f"{status_line(answer)} in {answer.elapsed * 1000:.0f} ms"


def _findings(options: Options, secrets: Secrets) -> Iterator[Finding]:
    why = unfit(options.url)
    yield Finding(ok=why is None, text=f"url {why}" if why else "url: well-formed")
    if options.auth is not None:
        yield from found("auth", lambda: _fit(auth_headers(options.auth, secrets)))
    if options.headers:
        yield from found("headers", lambda: _fit(_own_headers(options, secrets)))
    try:
        _content(options)
    except ValueError as error:
        yield Finding(ok=False, text=f"the content cannot be written as JSON: {error}")


def _fit(headers: Mapping[str, str]) -> None:
    for name, value in headers.items():
        if _CONTROL.search(value):
            raise ConfigError(
                f"header {name} would hold a line break or another control character; "
                "look at where its secret stands"
            )


def _own_headers(options: Options, secrets: Secrets) -> dict[str, str]:
    return {name: plain(value, secrets) for name, value in options.headers.items()}


def _headers(options: Options, secrets: Secrets) -> dict[str, str]:
    headers = _own_headers(options, secrets)
    if not any(name.lower() == "content-type" for name in headers):
        headers |= _content_type(options)
    # A connection of its own: on a kept one the server may hang up just as we send, and the
    # step would be in doubt for nothing.
    return headers | auth_headers(options.auth, secrets) | {"Connection": "close"}


def _content_type(options: Options) -> dict[str, str]:
    if "json_body" in options.model_fields_set:
        return {"Content-Type": "application/json"}
    if options.form is not None:
        return {"Content-Type": "application/x-www-form-urlencoded"}
    if options.body is not None:
        return {"Content-Type": "text/plain; charset=utf-8"}
    return {}


def _content(options: Options) -> bytes | None:
    if "json_body" in options.model_fields_set:
        return json.dumps(options.json_body, allow_nan=False).encode()
    if options.form is not None:
        return urlencode(options.form).encode()
    return None if options.body is None else options.body.encode()


def _problem(options: Options, answer: Answer) -> tuple[type[StepError], str] | None:
    """Why `answer` is not what was expected, and what that says of the effect."""
    line, wanted = status_line(answer), options.expect.statuses
    if answer.status not in (wanted or range(200, 300)):
        return _refusal(options, answer, line)
    difference = mismatch(options.expect.json_values, answer)
    if difference is None:
        return None
    return InDoubtError, f"{line}, but {difference}; it may have happened"


def _refusal(options: Options, answer: Answer, line: str) -> tuple[type[StepError], str]:
    match answer.status:
        case 401 | 403:
            where = shown_auth(options.auth) if options.auth else "none; give the step an auth"
            return PermanentError, f"{line}: the credentials were refused; look at auth {where}"
        case 429:
            return TransientError, f"{line}: nothing done, come again later"
        case 503 if "Retry-After" in answer.headers:
            return TransientError, f"{line}: nothing done, come again later"
        # 408 is also what a proxy says that waited in vain for the server behind it, and a
        # 409 may be the conflict with an earlier request of this very step.
        case 408 | 409:
            return InDoubtError, f"{line}: it may have happened"
    match answer.status // 100:
        case 2:
            wanted = " or ".join(map(str, options.expect.statuses))
            return InDoubtError, f"{line} instead of {wanted}; it may have happened"
        case 3:
            return PermanentError, (
                f"{line}: redirects are not followed, and this one goes to "
                f"{redirect_host(answer)}; write the final address into url"
            )
        case 4:
            return PermanentError, f"{line}: refused"
        case _:
            return InDoubtError, f"{line}: the server failed, perhaps after acting"


plugin = ExecutorPlugin(
    summary="Send one HTTP request.",
    options=Options,
    probe=HttpProbe,
    build=HttpExecutor,
)
