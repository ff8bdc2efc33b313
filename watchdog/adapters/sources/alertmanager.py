"""Asks an Alertmanager whether a person has silenced what is guarded."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from watchdog.adapters.auth import auth_headers
from watchdog.adapters.health import Look
from watchdog.adapters.http import AnswerLostError, Failure, NotSentError
from watchdog.adapters.http_options import ApiOptions
from watchdog.adapters.silences import silences_about
from watchdog.domain.errors import WatchdogError
from watchdog.domain.moment import Moment
from watchdog.domain.observation import Gap, Observation, Sample, Unknown
from watchdog.plugins import SourcePlugin
from watchdog.ports import Deps, Question

_OK = 200
_SHOWN = 3


class Options(ApiOptions):
    """`url` is the address above `/api/v2`."""


class Ask(BaseModel):
    """`matchers`: the labels of what is guarded; yes while an active silence is about them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    matchers: Annotated[Mapping[str, str], Field(min_length=1)]


class AlertmanagerSource:
    """One request for all questions."""

    def __init__(self, options: Options, deps: Deps) -> None:
        self._options = options
        self._deps = deps

    async def observe(self, questions: Sequence[Question], at: Moment) -> Mapping[str, Observation]:
        del at
        if not questions:
            return {}
        found = await self._silences()
        return {each.id: _answer(found, each.ask) for each in questions}

    async def close(self) -> None:
        """Nothing to close: the connection belongs to all."""

    async def _silences(self) -> object:
        options = self._options
        try:
            answer = await self._deps.http.request(
                "GET",
                f"{options.url}/api/v2/silences",
                timeout=options.timeout,
                headers={**options.headers, **auth_headers(options.auth, self._deps.secrets)},
                max_bytes=options.max_bytes,
            )
        except (NotSentError, AnswerLostError) as error:
            late = error.failure is Failure.TIMEOUT
            return Gap(Unknown.TIMEOUT if late else Unknown.ERROR, str(error))
        except WatchdogError as error:
            return Gap(Unknown.ERROR, str(error))
        if answer.status != _OK:
            return Gap(Unknown.HTTP, f"HTTP {answer.status}")
        return Look(answer).document


def _answer(found: object, ask: Ask) -> Observation:
    if isinstance(found, Gap):
        return found
    try:
        silences = silences_about(found, ask.matchers)
    except ValueError as error:
        return Gap(Unknown.PARSE, str(error))
    note = "; ".join(map(str, silences[:_SHOWN])) or "no active silence is about it"
    return Sample((float(bool(silences)),), note=note)


plugin = SourcePlugin(
    summary="Whether a person has silenced something in an Alertmanager.",
    options=Options,
    ask=Ask,
    build=AlertmanagerSource,
)
