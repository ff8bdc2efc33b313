"""Numbers from a Prometheus, many questions to one query, each with its age and its volume."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from email.utils import parsedate_to_datetime

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from watchdog.adapters.auth import auth_headers
from watchdog.adapters.http import AnswerLostError, Failure, NotSentError, shown
from watchdog.adapters.http_options import ApiOptions
from watchdog.adapters.prometheus_answer import Numbers, Refused, read_answer
from watchdog.adapters.prometheus_batch import (
    MOST_QUESTIONS,
    Ages,
    Batch,
    Part,
    alone,
    observations,
)
from watchdog.adapters.prometheus_history import PrometheusHistory
from watchdog.adapters.prometheus_plans import Plans
from watchdog.adapters.promql import check_query
from watchdog.adapters.promql_lint import longest_window, query_remarks
from watchdog.adapters.promql_scale import scale_ranges
from watchdog.adapters.turns import SharedTurns
from watchdog.domain.errors import WatchdogError
from watchdog.domain.events import Point
from watchdog.domain.moment import Moment
from watchdog.domain.observation import Gap, Observation, Unknown
from watchdog.plugins import Duration, Remark, SourcePlugin, Use
from watchdog.ports import Answer, Deps, Finding, Question

# Prometheus runs 20 queries at a time by default, and others have questions, too.
_AT_ONCE = 8
# What only a plan's check asks may not be asked again for days, and clocks are mended meanwhile.
_SKEW_COUNTS_FOR = 300.0


class Options(ApiOptions):
    """`url` is the address above `/api/v1`; `batch` is how many questions share a query.

    `scrape_interval`: how often it scrapes; what `check` takes `every` for where it is missing.
    """

    batch: int = Field(default=MOST_QUESTIONS, ge=1, le=MOST_QUESTIONS)
    query_offset: Duration = 0.0
    scrape_interval: Duration | None = None


class Ask(BaseModel):
    """`query` gives the number; `volume` how many requests stand behind it.

    With `for_each` both give one for each value of that label.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    query: str
    volume: str | None = None
    batch: bool = True
    for_each: str | None = Field(default=None, pattern="^[a-zA-Z_][a-zA-Z0-9_]*$", max_length=60)

    @field_validator("query", "volume")
    @classmethod
    def _is_one_number(cls, text: str | None, info: ValidationInfo) -> str | None:
        if text is None:
            return None
        for problem in check_query(text):
            if problem.fatal:
                raise ValueError(problem.text)
        speed: float = (info.context or {}).get("speed", 1)
        return scale_ranges(text, speed)

    def warnings(self, *, many: bool = False) -> list[str]:
        """What `check` should tell the author; none of it keeps the signal from working.

        With `many`, several series are what the author expects.
        """
        texts = (("query", self.query), ("volume", self.volume))
        return [
            f"{name} {problem.text}"
            for name, text in texts
            if text is not None
            for problem in check_query(text)
            if not (problem.of_many and (many or self.for_each))
        ]


class PrometheusSource:
    """Asks one Prometheus."""

    def __init__(self, options: Options, deps: Deps) -> None:
        self._skew = 0.0
        self._compared: Moment | None = None
        self._date = ""
        self._options = options
        self._deps = deps
        self._url = f"{options.url}/api/v1/query"
        # Prometheus gives up first, so that the batch's members can still be asked alone.
        self._form_end = f"&timeout={options.timeout * 0.9:.3f}&time=".encode()
        self._ages = Ages()
        self._plans = Plans(options.batch)
        turns = deps.turns or SharedTurns()
        self._turn = turns.at(options.url, _AT_ONCE)
        self._history: PrometheusHistory | None = None

    async def observe(self, questions: Sequence[Question], at: Moment) -> Mapping[str, Observation]:
        """As of `at`, less the offset. Takes twice the timeout at most."""
        if not questions:
            return {}
        seen: dict[str, Observation] = {}
        time = at.wall - self._options.query_offset
        async with asyncio.TaskGroup() as tasks:
            for batch in self._plans.batches(questions):
                tasks.create_task(self._observe(batch, time, seen), name="prometheus batch")
        return seen

    @property
    def skew_seconds(self) -> float | None:
        """Its clock minus ours; None where it has not said so in the last five minutes."""
        if self._compared is None:
            return None
        age = self._deps.clock.now().since(self._compared)
        return self._skew if age <= _SKEW_COUNTS_FOR else None

    async def points(self, ask: Ask, start: float, end: float, step: float) -> Sequence[Point]:
        """What the signal was between two Unix times, without verdicts: for reports only."""
        return await self._remembered().points(ask.query, start, end, step)

    async def facts(self, asks: Sequence[Ask]) -> Sequence[Finding]:
        """Whether Prometheus answers, and whether its series are what `asks` take them for."""
        queries = [text for ask in asks for text in (ask.query, ask.volume) if text is not None]
        return await self._remembered().facts(queries)

    async def close(self) -> None:
        if self._history is not None:
            self._history.close()
            self._history = None

    def _remembered(self) -> PrometheusHistory:
        if self._history is None:
            options = self._options
            self._history = PrometheusHistory(options.url, options.timeout, self._headers)
        return self._history

    def _headers(self) -> dict[str, str]:
        options = self._options
        return {**options.headers, **auth_headers(options.auth, self._deps.secrets)}

    async def _observe(self, batch: Batch, time: float, seen: dict[str, Observation]) -> None:
        answer = await self._ask(batch, time)
        if isinstance(answer, Refused) and len(batch.parts) > 1:
            await self._observe_one_by_one(batch.parts, time, seen, _is_refused)
        elif isinstance(answer, Numbers) and self._plans.warns_anew(batch, answer.warnings):
            # One query's own warning must not cast doubt on all the others for good.
            if await self._observe_one_by_one(batch.parts, time, seen, _is_doubtful):
                self._plans.all_warn(batch, answer.warnings)
        else:
            self._note(batch, answer, time, seen)

    async def _observe_one_by_one(
        self,
        parts: Sequence[Part],
        time: float,
        seen: dict[str, Observation],
        is_bad: "Callable[[_Answer], bool]",
    ) -> bool:
        """Ask each alone and keep out the bad ones; returns whether all are bad."""
        batches = [alone(part) for part in parts]
        async with asyncio.TaskGroup() as tasks:
            asked = [
                tasks.create_task(self._ask(batch, time), name="prometheus question")
                for batch in batches
            ]
        answers = [task.result() for task in asked]
        bad = [is_bad(answer) for answer in answers]
        for batch, answer, spoils in zip(batches, answers, bad, strict=True):
            # Where none is well alone, the server is not. Where all are, they are too much
            # for one query.
            if not (all(bad) if spoils else any(bad)):
                self._plans.keep_out(batch.parts[0].question.id)
            self._note(batch, answer, time, seen)
        return all(bad)

    def _note(
        self,
        batch: Batch,
        answer: "_Answer",
        time: float,
        seen: dict[str, Observation],
    ) -> None:
        if isinstance(answer, Numbers):
            seen.update(observations(batch, answer, self._ages.of(batch, answer, time)))
            if answer.warnings:
                self._plans.answered_badly(batch)
            else:
                self._plans.answered_well(batch)
            return
        gap = answer.gap if isinstance(answer, Refused) else answer
        seen.update((part.question.id, gap) for part in batch.parts)
        self._plans.answered_badly(batch)

    async def _ask(self, batch: Batch, time: float) -> "_Answer":
        form = batch.form + self._form_end + f"{time:.3f}".encode()
        seconds = self._options.timeout
        try:
            # Waiting for a turn counts: a Prometheus that hangs must not hold up each turn anew.
            async with asyncio.timeout(seconds), self._turn:
                answer = await self._post(form)
        except TimeoutError:
            text = f"POST {shown(self._url)}: no whole answer within {seconds:g} s"
            return Gap(Unknown.TIMEOUT, text)
        if isinstance(answer, Gap):
            return answer
        self._compare_clocks(answer)
        return read_answer(answer)

    async def _post(self, form: bytes) -> Answer | Gap:
        try:
            try:
                return await self._send(form)
            except AnswerLostError as error:
                # A kept connection may have died of old age, and a query changes nothing.
                if error.failure is not Failure.LOST:
                    raise
                return await self._send(form)
        except (NotSentError, AnswerLostError) as error:
            return Gap(_REASONS.get(error.failure, Unknown.ERROR), str(error))
        except WatchdogError as error:
            return Gap(Unknown.ERROR, str(error))

    async def _send(self, form: bytes) -> Answer:
        options = self._options
        return await self._deps.http.request(
            "POST",
            self._url,
            timeout=options.timeout,
            headers={"Content-Type": "application/x-www-form-urlencoded", **self._headers()},
            data=form,
            max_bytes=options.max_bytes,
        )

    def _compare_clocks(self, answer: Answer) -> None:
        written = answer.headers.get("Date", "")
        if written == self._date:
            return
        self._date = written
        try:
            # Whole seconds only: half of one is the best guess at the rest.
            theirs = parsedate_to_datetime(written).timestamp() + 0.5
        except (ValueError, OverflowError):
            return
        self._compared = self._deps.clock.now()
        self._skew = theirs - self._compared.wall


_Answer = Numbers | Refused | Gap


def _is_refused(answer: _Answer) -> bool:
    return isinstance(answer, Refused)


def _is_doubtful(answer: _Answer) -> bool:
    return isinstance(answer, Refused) or (isinstance(answer, Numbers) and bool(answer.warnings))


_REASONS = {Failure.TIMEOUT: Unknown.TIMEOUT, Failure.GARBLED: Unknown.PARSE}


def _remarks(options: Options, ask: Ask, use: Use) -> list[Remark]:
    scraped = options.scrape_interval or use.every
    return [
        *(Remark("", text) for text in ask.warnings(many=use.many)),
        *(
            Remark(key, text)
            for key, query in (("query", ask.query), ("volume", ask.volume))
            if query is not None
            for text in query_remarks(query, scraped, use.unit if key == "query" else "")
        ),
    ]


plugin = SourcePlugin(
    summary="Numbers from a Prometheus, many questions to one query.",
    options=Options,
    ask=Ask,
    build=PrometheusSource,
    remarks=_remarks,
    window=lambda ask: longest_window(ask.query),
)
