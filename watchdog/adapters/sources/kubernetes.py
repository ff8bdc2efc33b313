"""What a cluster says of a workload: its rollout, its pods, what they run and what they log."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence

import httpx2

from watchdog.adapters.kubernetes.access import Access
from watchdog.adapters.kubernetes.api import MissingError
from watchdog.adapters.kubernetes.asks import Ask
from watchdog.adapters.kubernetes.kept import KeptAccess
from watchdog.adapters.kubernetes.looks import look
from watchdog.adapters.kubernetes.reads import Reads
from watchdog.adapters.kubernetes.rights_to_look import rights_to_look
from watchdog.domain.errors import TransientError, WatchdogError
from watchdog.domain.moment import Moment
from watchdog.domain.observation import Gap, Observation, Unknown
from watchdog.domain.words import duration
from watchdog.plugins import Remark, SourcePlugin, Timeout, Use
from watchdog.ports import Deps, Question

# What an answer raises that is not as the API server gives it, such as a proxy's page.
_MALFORMED = (AttributeError, IndexError, KeyError, TypeError, ValueError)
_LONGEST_TEXT = 300


class Options(Access):
    """`timeout` covers all that one look reads."""

    timeout: Timeout = 5.0


class KubernetesSource:
    """Keeps one connection; what several questions need is read once a look."""

    def __init__(self, options: Options, deps: Deps) -> None:
        self._options = options
        self._secrets = deps.secrets
        self._kept = KeptAccess(options)

    async def observe(self, questions: Sequence[Question], at: Moment) -> Mapping[str, Observation]:
        """All questions at the same time, each with an answer or a reason of its own."""
        del at
        if not questions:
            return {}
        try:
            async with self._kept.api() as api, asyncio.TaskGroup() as tasks:
                reads = Reads(api)
                looks = {
                    question.id: tasks.create_task(self._answer(reads, question.ask))
                    for question in questions
                }
        except WatchdogError as error:
            return {question.id: self._gap(error) for question in questions}
        return {name: task.result() for name, task in looks.items()}

    async def close(self) -> None:
        await self._kept.close()

    async def _answer(self, reads: Reads, ask: Ask) -> Observation:
        limit = self._options.timeout
        try:
            async with asyncio.timeout(limit):
                return await look(reads, ask, self._secrets)
        except TimeoutError:
            return Gap(Unknown.TIMEOUT, f"no answer from the API server within {limit:g} s")
        except WatchdogError as error:
            self._kept.failed(error)
            return self._gap(error)
        except _MALFORMED as error:
            text = self._secrets.redact(f"{type(error).__name__}: {error}")
            return Gap(Unknown.PARSE, f"no answer of an API server: {text}"[:_LONGEST_TEXT])

    def _gap(self, error: WatchdogError) -> Gap:
        return Gap(_reason(error), self._secrets.redact(str(error)))


def _reason(error: WatchdogError) -> Unknown:
    if isinstance(error, MissingError):
        return Unknown.NODATA
    cause = error.__cause__
    if isinstance(cause, httpx2.TimeoutException):
        return Unknown.TIMEOUT
    if not isinstance(error, TransientError) or cause is None:
        return Unknown.ERROR
    if any(isinstance(one, httpx2.HTTPStatusError) for one in (cause, cause.__context__)):
        return Unknown.HTTP
    return Unknown.PARSE if isinstance(cause, _MALFORMED) else Unknown.ERROR


def _remarks(_options: Options, ask: Ask, use: Use) -> Iterator[Remark]:
    log = ask.log_lines
    if log is not None and log.since < use.every:
        text = (
            f"looks at the last {duration(log.since)} every {duration(use.every)}: what is "
            "written in between is never seen; make `since` no shorter than the source's `every`"
        )
        yield Remark("log_lines", text)


def _window(ask: Ask) -> float | None:
    return ask.log_lines.since if ask.log_lines is not None else None


plugin = SourcePlugin(
    summary="Rollouts, pods, versions, log lines and fields of a Kubernetes cluster.",
    options=Options,
    ask=Ask,
    build=KubernetesSource,
    remarks=lambda options, ask, use: list(_remarks(options, ask, use)),
    window=_window,
    rights=lambda _options, ask: rights_to_look(ask),
)
