"""Health, numbers and latency from one HTTP address; all signals share one request a look."""

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from watchdog.adapters.auth import auth_headers
from watchdog.adapters.components import Components, read
from watchdog.adapters.health import Expect, Look, trouble
from watchdog.adapters.http import AnswerLostError, Failure, NotSentError
from watchdog.adapters.http_options import HttpOptions
from watchdog.adapters.json_path import find, parse_path
from watchdog.adapters.self_test import LoopbackSelfTest
from watchdog.domain.errors import WatchdogError
from watchdog.domain.moment import Moment
from watchdog.domain.observation import Gap, Observation, Sample, Unknown
from watchdog.plugins import SourcePlugin, Timeout
from watchdog.ports import Deps, Question

_SUCCESS = range(200, 300)
_LONGEST_NOTE = 200
_LONGEST_VALUE = 1000
YES, NO = 1.0, 0.0

# What says nothing about the service: a name nobody can resolve, a certificate that we may
# not know, a network that is missing on our side.
_BLINDNESS = frozenset({Failure.DNS, Failure.TLS, Failure.OURS})
_REASONS = {Failure.TIMEOUT: Unknown.TIMEOUT, Failure.GARBLED: Unknown.PARSE}


class Options(HttpOptions):
    """One address. Certificates are always verified, redirects are never followed."""

    method: Literal["GET", "HEAD"] = "GET"
    timeout: Timeout = 3.0
    max_bytes: int = Field(default=1 << 20, ge=1024)


class Ask(BaseModel):
    """One of: the number at a path of the JSON, a yes or no, or how long the answer took.

    `read` is the value at a path, whatever it is: for a plan that keeps it for later steps.
    Or one for each of several components, by name where `for_each` gives the label a name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    json_path: str | None = Field(default=None, alias="json")
    expect: Expect | None = None
    latency: bool = False
    read: str | None = None
    components: Components | None = None
    for_each: str | None = Field(default=None, pattern="^[a-zA-Z_][a-zA-Z0-9_]*$", max_length=60)

    @field_validator("json_path", "read")
    @classmethod
    def _is_a_path(cls, path: str | None) -> str | None:
        if path is not None:
            parse_path(path)
        return path

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        asked = (self.json_path, self.expect, self.latency or None, self.components, self.read)
        if sum(one is not None for one in asked) > 1:
            raise ValueError(
                "ask one of json, expect, latency, read or components; "
                "another signal asks the other"
            )
        if self.for_each is not None and self.components is None:
            raise ValueError("only `components` are several: write them, or leave for_each out")
        return self


@dataclass(frozen=True, slots=True)
class _Failed:
    """No answer. `is_certain`: it says by itself that the service is down."""

    gap: Gap
    is_blindness: bool
    is_certain: bool = False


class HttpSource:
    """Asks on a connection of its own each time, so that it sees who answers new clients."""

    def __init__(self, options: Options, deps: Deps) -> None:
        self._options = options
        self._deps = deps
        self._self_test = LoopbackSelfTest()

    async def observe(self, questions: Sequence[Question], at: Moment) -> Mapping[str, Observation]:  # noqa: ARG002 (a look is always now)
        """One request, whatever is asked of it."""
        if not questions:
            return {}
        outcome = await self._look()
        seen: dict[str, Observation] = {}
        for question in questions:
            ask: Ask = question.ask
            if ask.json_path is not None:
                seen[question.id] = _number(outcome, ask.json_path)
            elif ask.read is not None:
                seen[question.id] = self._value(outcome, ask.read)
            elif ask.components is not None:
                seen[question.id] = _components(outcome, ask.components)
            elif ask.latency:
                seen[question.id] = _latency(outcome)
            else:
                seen[question.id] = await self._health(outcome, ask.expect or Expect())
        return seen

    async def close(self) -> None:
        await self._self_test.close()

    async def _look(self) -> Look | _Failed:
        options, started = self._options, self._deps.clock.now()
        try:
            headers = {**options.headers, **auth_headers(options.auth, self._deps.secrets)}
            answer = await self._deps.http.request(
                options.method,
                options.url,
                timeout=options.timeout,
                headers={**headers, "Connection": "close"},
                max_bytes=options.max_bytes,
            )
        except (NotSentError, AnswerLostError) as error:
            gap = Gap(_REASONS.get(error.failure, Unknown.ERROR), str(error))
            stalled = self._deps.clock.now().since(started) > 2 * options.timeout + 1
            refused = error.failure is Failure.REFUSED and _is_loopback(options.url)
            return _Failed(gap, error.failure in _BLINDNESS or stalled, is_certain=refused)
        except WatchdogError as error:
            return _Failed(Gap(Unknown.ERROR, str(error)), is_blindness=True)
        return Look(answer)

    def _value(self, outcome: Look | _Failed, path: str) -> Observation:
        found = _found(outcome, path)
        if isinstance(found, Gap):
            return found
        if not isinstance(found, str | int | float):
            return Gap(Unknown.PARSE, f"{type(found).__name__} at {path}, not one value")
        if len(str(found)) > _LONGEST_VALUE:
            return Gap(Unknown.PARSE, f"more than {_LONGEST_VALUE} characters at {path}")
        if self._deps.secrets.redact(str(found)) != str(found):
            return Gap(Unknown.ERROR, f"a secret stands at {path}, and what is read is kept")
        return Sample((YES,), read=found)

    async def _health(self, outcome: Look | _Failed, expect: Expect) -> Observation:
        if isinstance(outcome, _Failed):
            if outcome.is_blindness:
                return outcome.gap
            return await self._no(outcome.gap.note, is_certain=outcome.is_certain, silent=True)
        found = trouble(outcome, expect)
        if isinstance(found, Gap):
            return found
        if found is None:
            return Sample((YES,))
        text = self._deps.secrets.redact(found)
        text = text if len(text) <= _LONGEST_NOTE else text[:_LONGEST_NOTE] + "…"
        return await self._no(text, silent=_knows_nothing(outcome.answer.status))

    async def _no(self, why: str, *, silent: bool, is_certain: bool = False) -> Observation:
        if is_certain or await self._self_test.passes():
            return Sample((NO,), note=why, silent=silent)
        return Gap(Unknown.ERROR, f"cannot connect even to ourselves; of the service: {why}")


def _knows_nothing(status: int) -> bool:
    """Whether whoever answers so has not looked: too busy, failing, or a proxy before it."""
    return status in (408, 429) or status >= 500  # noqa: PLR2004 -- the class of its own failures


def _unread(outcome: Look | _Failed) -> Gap | None:
    """Why there is no document; None where there is one."""
    if isinstance(outcome, _Failed):
        return outcome.gap
    if outcome.answer.status not in _SUCCESS:
        return Gap(Unknown.HTTP, f"HTTP {outcome.answer.status}")
    return outcome.document if isinstance(outcome.document, Gap) else None


def _components(outcome: Look | _Failed, asked: Components) -> Observation:
    gap = _unread(outcome)
    # A service that is not well says which of its parts is not, and answers 503.
    if gap is not None and isinstance(outcome, Look) and not isinstance(outcome.document, Gap):
        gap = None
    return gap or read(outcome.document if isinstance(outcome, Look) else None, asked)


def _found(outcome: Look | _Failed, path: str) -> object:
    """The one value at `path`; a Gap where there is none."""
    gap = _unread(outcome)
    if gap is not None or isinstance(outcome, _Failed):
        return gap or Gap(Unknown.NODATA)
    found = find(outcome.document, parse_path(path))
    if len(found) > 1:
        return Gap(Unknown.AMBIGUOUS, f"{len(found)} values at {path}; write a longer path")
    value = found[0] if found else None
    return Gap(Unknown.NODATA, f"nothing at {path}") if value is None else value


def _number(outcome: Look | _Failed, path: str) -> Observation:
    value = _found(outcome, path)
    if isinstance(value, Gap):
        return value
    if not isinstance(value, int | float):
        return Gap(Unknown.PARSE, f"{type(value).__name__} at {path}, not a number")
    try:
        return Sample((float(value),))
    except OverflowError:
        return Gap(Unknown.PARSE, f"a number beyond all measure at {path}")


def _latency(outcome: Look | _Failed) -> Observation:
    if isinstance(outcome, _Failed):
        return outcome.gap
    if outcome.answer.status not in _SUCCESS:
        return Gap(Unknown.HTTP, f"HTTP {outcome.answer.status}")
    return Sample((outcome.answer.elapsed,))


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


plugin = SourcePlugin(
    summary="Health, numbers and latency from an HTTP address.",
    options=Options,
    ask=Ask,
    build=HttpSource,
)
