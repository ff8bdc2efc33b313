"""Yes or no from the alerting rules that a Prometheus, Mimir or Thanos evaluates itself."""

from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from watchdog.adapters.auth import auth_headers
from watchdog.adapters.firing_alerts import firing
from watchdog.adapters.http import AnswerLostError, Failure, NotSentError
from watchdog.adapters.http_options import ApiOptions
from watchdog.adapters.rule_states import RuleStates, read_rules
from watchdog.domain.errors import WatchdogError
from watchdog.domain.moment import Moment
from watchdog.domain.observation import Gap, Observation, Unknown
from watchdog.plugins import SourcePlugin
from watchdog.ports import Answer, Deps, Question

_REASONS = {Failure.TIMEOUT: Unknown.TIMEOUT, Failure.GARBLED: Unknown.PARSE}


class Options(ApiOptions):
    """`url` is the address above `path`, which ends in `/api/v1/rules` nearly everywhere."""

    path: str = Field(default="/api/v1/rules", pattern=r"^/[^\s?#]*$", max_length=200)
    max_bytes: int = Field(default=16 << 20, ge=1024)


class Ask(BaseModel):
    """`alert` is the rule's name; `labels` chooses among its alerts, `group` among rules.

    Or `firing`: how many alerts with these labels fire, of all rules; `against` those that a plan
    saved before, how many of them are new.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    alert: str | None = Field(default=None, min_length=1, max_length=500)
    labels: Mapping[str, str] = {}
    group: str | None = None
    firing: Mapping[str, str] | None = None
    against: Any = None

    @model_validator(mode="after")
    def _is_one_question(self) -> Self:
        if (self.alert is None) == (self.firing is None):
            raise ValueError("ask for one of `alert` and `firing`")
        if self.firing is not None and (self.labels or self.group):
            raise ValueError("`labels` and `group` choose an `alert`; `firing` has its own labels")
        if self.against is not None and self.firing is None:
            raise ValueError("only `firing` can be compared with what was saved before")
        return self


class PrometheusRulesSource:
    """Asks for all rules once, whatever is asked of them."""

    def __init__(self, options: Options, deps: Deps) -> None:
        self._options = options
        self._deps = deps
        self._url = f"{options.url}{options.path}?type=alert"

    async def observe(self, questions: Sequence[Question], at: Moment) -> Mapping[str, Observation]:  # noqa: ARG002 (the rules of the past are gone)
        """One request, whatever is asked of it."""
        if not questions:
            return {}
        answer = await self._ask()
        if isinstance(answer, Gap):
            return {question.id: answer for question in questions}
        rules, now = read_rules(answer), self._server_time(answer)
        return {question.id: _observation(question.ask, rules, now) for question in questions}

    async def close(self) -> None:
        pass

    async def _ask(self) -> Answer | Gap:
        try:
            try:
                return await self._send()
            except AnswerLostError as error:
                # A kept connection may have died of old age, and asking changes nothing.
                if error.failure is not Failure.LOST:
                    raise
                return await self._send()
        except (NotSentError, AnswerLostError) as error:
            return Gap(_REASONS.get(error.failure, Unknown.ERROR), str(error))
        except WatchdogError as error:
            return Gap(Unknown.ERROR, str(error))

    async def _send(self) -> Answer:
        options = self._options
        return await self._deps.http.request(
            "GET",
            self._url,
            timeout=options.timeout,
            headers={**options.headers, **auth_headers(options.auth, self._deps.secrets)},
            max_bytes=options.max_bytes,
        )

    def _server_time(self, answer: Answer) -> float:
        """Evaluations are dated by the server's clock, so their age is measured by it, too."""
        try:
            # Whole seconds only: half of one is the best guess at the rest.
            return parsedate_to_datetime(answer.headers.get("Date", "")).timestamp() + 0.5
        except (ValueError, OverflowError):
            return self._deps.clock.now().wall


def _observation(ask: Ask, rules: RuleStates | Gap, now: float) -> Observation:
    if isinstance(rules, Gap):
        return rules
    if ask.firing is not None:
        return firing(rules, ask.firing, ask.against, now)
    return rules.observation(ask.alert or "", ask.labels, ask.group, now)


plugin = SourcePlugin(
    summary="Yes or no from the alerting rules that a Prometheus evaluates itself.",
    options=Options,
    ask=Ask,
    build=PrometheusRulesSource,
)
