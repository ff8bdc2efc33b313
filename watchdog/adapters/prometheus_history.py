"""What a Prometheus remembers: for reports and for the doctor, never for a decision."""

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from watchdog.adapters.http import shown
from watchdog.adapters.promql import Selector, parse_query
from watchdog.domain.errors import TransientError, WatchdogError
from watchdog.domain.events import Point
from watchdog.domain.signal import Verdict
from watchdog.ports import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_api_client.prometheus_connect import PrometheusConnect

# Prometheus gives 11,000 points of a series at most.
_MOST_POINTS = 10_000
_LONGEST_TEXT = 200
_OF_A_HISTOGRAM = ("_bucket", "_count", "_sum")
_Told = TypeVar("_Told")


class PrometheusHistory:
    """Asks through prometheus-api-client, which blocks, on two threads of its own.

    `headers` gives those of the moment, with the secret as it is now.
    """

    def __init__(self, url: str, timeout: float, headers: Callable[[], Mapping[str, str]]) -> None:
        self._url = url
        self._timeout = timeout
        self._headers = headers
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="prometheus-history")

    async def points(self, query: str, start: float, end: float, step: float) -> list[Point]:
        """What `query` was between two Unix times; no verdicts. Raises TransientError.

        A point that is no finite number has no value, and a note instead.
        """
        return await self._ask(lambda client: _points(client, query, start, end, step))

    async def facts(self, queries: Sequence[str]) -> list[Finding]:
        """Whether it answers, and whether its series are what `queries` take them for."""
        selectors = [selector for query in queries for selector in parse_query(query).selectors]
        try:
            found = await self._ask(lambda client: _facts(client, selectors))
        except WatchdogError as error:
            return [Finding(ok=False, text=str(error))]
        return [Finding(ok=True, text=f"{shown(self._url)}: answers"), *found]

    def close(self) -> None:
        """Ask nothing more. A request under way is left to its own time limit."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _ask(self, tell: "Callable[[PrometheusConnect], _Told]") -> _Told:
        headers = dict(self._headers())
        loop = asyncio.get_running_loop()
        # A thread cannot be cancelled: behind a server that hangs, waiting must end here.
        limit = 3 * self._timeout
        try:
            async with asyncio.timeout(limit):
                return await loop.run_in_executor(self._threads, self._tell, tell, headers)
        except TimeoutError as error:
            raise TransientError(f"{shown(self._url)}: no answer within {limit:g} s") from error

    def _tell(self, tell: "Callable[[PrometheusConnect], _Told]", headers: dict[str, str]) -> _Told:
        with connected(self._url, self._timeout, headers) as client:
            return tell(client)


@contextmanager
def connected(url: str, timeout: float, headers: dict[str, str]) -> "Iterator[PrometheusConnect]":
    """A client of the library, made on first use, and its errors as one of ours."""
    from prometheus_api_client.exceptions import PrometheusApiClientException  # noqa: PLC0415
    from prometheus_api_client.prometheus_connect import PrometheusConnect  # noqa: PLC0415
    from requests import RequestException, Session  # noqa: PLC0415
    from urllib3 import Retry  # noqa: PLC0415

    with Session() as session:
        # No proxy and no password from the environment, and no redirect.
        session.trust_env = False
        session.max_redirects = 0
        client = PrometheusConnect(
            url,
            headers,
            retry=Retry(0),
            session=session,
            timeout=timeout,  # type: ignore[arg-type] # requests, which gets it, takes a float
        )
        try:
            yield client
        except RequestException as error:
            # Its text would hold the whole address, and the query with it.
            raise TransientError(f"{shown(url)}: {_in_words(error)}") from error
        except PrometheusApiClientException as error:
            raise TransientError(f"{shown(url)}: {str(error)[:_LONGEST_TEXT]}") from error
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            raise TransientError(f"{shown(url)}: not an answer of Prometheus") from error


def _in_words(error: Exception) -> str:
    from requests import ConnectionError as NotReachedError  # noqa: PLC0415
    from requests import JSONDecodeError, Timeout  # noqa: PLC0415

    match error:
        case JSONDecodeError():
            return "not an answer of Prometheus; is this its address?"
        case Timeout():
            return "no answer in time"
        case NotReachedError():
            return "cannot be reached; is the address right, and is it running?"
        case _:
            return type(error).__name__


def _points(
    client: "PrometheusConnect", query: str, start: float, end: float, step: float
) -> list[Point]:
    told = client.custom_query_range(
        query,
        datetime.fromtimestamp(start, UTC),
        datetime.fromtimestamp(end, UTC),
        f"{max(step, (end - start) / _MOST_POINTS):.3f}",
    )
    if len(told) > 1:
        raise TransientError(f"{len(told)} series; aggregate the query to one")
    return [_point(*pair) for series in told for pair in series["values"]]


def _point(at: float, text: str) -> Point:
    value = float(text)
    if math.isfinite(value):
        return Point(float(at), Verdict.UNKNOWN, value)
    return Point(float(at), Verdict.UNKNOWN, None, text)


def _facts(client: "PrometheusConnect", selectors: Sequence[Selector]) -> list[Finding]:
    # The library's own check asks for a page, which answers with a redirect.
    client.custom_query("vector(1)")
    found = []
    for selector in {one.text: one for one in selectors}.values():
        if not client.custom_query(f"count({selector.text})"):
            text = f"{selector.text}: no such series now; is the name right, and is it scraped?"
            found.append(Finding(ok=False, text=text))
    for name in sorted({one.name for one in selectors if one.is_of_a_counter and one.name}):
        if _type(client, name) == "gauge":
            text = f"{name} is a gauge, and rate() is for counters; is it deriv() or delta()?"
            found.append(Finding(ok=False, text=text))
    return found


def _type(client: "PrometheusConnect", name: str) -> str:
    """The type that the service declares, or nothing where it declares none or several."""
    names = [name, *(name.removesuffix(end) for end in _OF_A_HISTOGRAM if name.endswith(end))]
    for each in names:
        declared: list[dict[str, Any]] = client.get_metric_metadata(each)
        types = {str(one["type"]) for one in declared}
        if len(types) == 1:
            return types.pop()
    return ""
