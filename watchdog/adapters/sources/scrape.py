"""Asks a service's own metrics page: gauges, and what counters did within a small window."""

import asyncio
from collections.abc import Mapping, Sequence

from watchdog.adapters.answers import redirect_host, status_line
from watchdog.adapters.auth import auth_headers
from watchdog.adapters.exposition import OPEN_METRICS, UnreadableError, read_page
from watchdog.adapters.http import AnswerLostError, Failure, NotSentError, shown
from watchdog.adapters.http_options import HttpOptions
from watchdog.adapters.scrape_answers import Inquiry, inquiry
from watchdog.adapters.scrape_ask import Ask, brings_volume
from watchdog.adapters.scraped_counters import Page
from watchdog.domain.errors import WatchdogError
from watchdog.domain.moment import Moment
from watchdog.domain.observation import Gap, Observation, Unknown
from watchdog.plugins import Remark, SourcePlugin, Use
from watchdog.ports import Answer, Deps, Question

_OK = 200
_REDIRECTS = range(300, 400)
_ACCEPT = f"text/plain;version=0.0.4, {OPEN_METRICS};version=1.0.0;q=0.5, */*;q=0.1"
_REASONS = {Failure.TIMEOUT: Unknown.TIMEOUT, Failure.GARBLED: Unknown.PARSE}


class Options(HttpOptions):
    """`url` is the metrics page of one process; `max_bytes` how long it may be."""


class ScrapeSource:
    """Reads the page once for all questions, and remembers of it what they need."""

    def __init__(self, options: Options, deps: Deps) -> None:
        self._options = options
        self._deps = deps
        self._name = f"GET {shown(options.url)}"
        self._inquiries: dict[Ask, Inquiry] = {}
        # Of two pages read at once nobody could tell which is the newer, and a counter that
        # seems to fall counts as begun anew.
        self._turn = asyncio.Lock()

    async def observe(self, questions: Sequence[Question], at: Moment) -> Mapping[str, Observation]:
        # The first look within a slot may come long after it began, and a rate must know when.
        del at
        if not questions:
            return {}
        seconds = self._options.timeout
        try:
            async with asyncio.timeout(seconds), self._turn:
                return await self._observe(questions)
        except TimeoutError:
            gap = Gap(Unknown.TIMEOUT, f"{self._name}: no whole answer within {seconds:g} s")
            return {question.id: gap for question in questions}

    async def close(self) -> None:
        """Nothing to close: the HTTP client belongs to who made it."""

    async def _observe(self, questions: Sequence[Question]) -> Mapping[str, Observation]:
        asked = {each.id: self._inquiry(each.ask) for each in questions}
        page = await self._read()
        if isinstance(page, Gap):
            return dict.fromkeys(asked, page)
        for each in self._inquiries.values():
            each.take(page)
        return {question: each.answer(page) for question, each in asked.items()}

    def _inquiry(self, ask: Ask) -> Inquiry:
        if ask not in self._inquiries:
            self._inquiries[ask] = inquiry(ask)
        return self._inquiries[ask]

    async def _read(self) -> Page | Gap:
        names = {name for each in self._inquiries.values() for name in each.names}
        started = self._deps.clock.now()
        answer = await self._fetch()
        if isinstance(answer, Gap):
            return answer
        trouble = self._trouble(answer)
        if trouble is not None:
            return trouble
        kind = answer.headers.get("Content-Type", "")
        try:
            # A long page takes longer to read than anything else may wait.
            readings = await asyncio.to_thread(read_page, answer.body, kind, names)
        except UnreadableError as error:
            return Gap(Unknown.PARSE, f"{self._name}: not a page of metrics: {error}")
        return Page(started, readings)

    async def _fetch(self) -> Answer | Gap:
        options = self._options
        try:
            return await self._deps.http.request(
                "GET",
                options.url,
                timeout=options.timeout,
                headers={
                    "Accept": _ACCEPT,
                    **options.headers,
                    **auth_headers(options.auth, self._deps.secrets),
                },
                max_bytes=options.max_bytes,
            )
        except (NotSentError, AnswerLostError) as error:
            return Gap(_REASONS.get(error.failure, Unknown.ERROR), str(error))
        except WatchdogError as error:
            return Gap(Unknown.ERROR, str(error))

    def _trouble(self, answer: Answer) -> Gap | None:
        if answer.status in _REDIRECTS:
            where = redirect_host(answer)
            text = f"{self._name}: {status_line(answer)}, to {where}; name the page itself"
            return Gap(Unknown.HTTP, text)
        if answer.status != _OK:
            return Gap(Unknown.HTTP, f"{self._name}: {status_line(answer)}")
        if answer.truncated:
            text = f"the page is longer than {self._options.max_bytes} bytes (max_bytes)"
            return Gap(Unknown.PARSE, f"{self._name}: {text}")
        has_length = "Content-Length" in answer.headers or "Transfer-Encoding" in answer.headers
        if not has_length and not answer.body.endswith(b"\n"):
            # Its end is where the connection ended, perhaps within a number.
            return Gap(Unknown.PARSE, f"{self._name}: the page ends within a line")
        return None


# With fewer, one failed look leaves too little to tell a rate by.
_LEAST_LOOKS = 4


def _remarks(options: Options, ask: Ask, use: Use) -> list[Remark]:  # noqa: ARG001 (of any source)
    if ask.window is None or ask.window >= _LEAST_LOOKS * use.every:
        return []
    text = (
        f"{ask.window:g} s hold fewer than {_LEAST_LOOKS} looks, {use.every:g} s apart: make it "
        f"{_LEAST_LOOKS * use.every:g} s or more, or give the source a shorter `every`"
    )
    return [Remark("window", text)]


plugin = SourcePlugin(
    summary="Numbers from a service's own metrics page, with no Prometheus.",
    options=Options,
    ask=Ask,
    build=ScrapeSource,
    brings_volume=brings_volume,
    remarks=_remarks,
    window=lambda ask: ask.window,
)
