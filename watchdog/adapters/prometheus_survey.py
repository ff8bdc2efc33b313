"""What a Prometheus knows of one service, by the names that most client libraries use."""

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from watchdog.adapters.prometheus_history import connected
from watchdog.domain.errors import ConfigError

if TYPE_CHECKING:
    from prometheus_api_client.prometheus_connect import PrometheusConnect

# Seconds; a day of many series takes its time.
PATIENCE = 30.0
_FAILED = "5.."
# Labels that say how a request ended, and which of their values count as failed.
_STATUS: Mapping[str, str] = {
    "code": _FAILED,
    "status": _FAILED,
    "status_code": _FAILED,
    "http_status_code": _FAILED,
    "http_response_status_code": _FAILED,
    "response_code": _FAILED,
    "grpc_code": "Unknown|Internal|Unavailable|DataLoss|DeadlineExceeded",
}
_HTTP = re.compile(r"[1-5]([0-9]{2}|xx|XX)")
_NAMES = ".*(request|http|rpc|response).*_(total|count|bucket|requests)"
# Every service in Go counts who reads its metrics; that is no traffic.
_NO_TRAFFIC = re.compile(r"^(promhttp_|prometheus_(sd|remote|notifications)_)")
_OF_A_CLIENT = re.compile(r"(^|_)(client|outgoing|upstream)_")
_DURATION = re.compile(r"_(milli)?seconds_bucket$")
_MOST_NAMED = 20


@dataclass(frozen=True, slots=True)
class Requests:
    """A counter of requests: `failed` and `all` are selectors, the rest is usual of the last day.

    `share` of them failed, and `in_five_minutes` so many came; NaN where nobody knows.
    """

    failed: str
    all: str
    share: float
    in_five_minutes: float


@dataclass(frozen=True, slots=True)
class Latency:
    """A histogram; `p95`, as usual, and `longest`, the last bound, are in `unit`: s or ms."""

    buckets: str
    unit: str
    p95: float
    longest: float


@dataclass(frozen=True, slots=True)
class Survey:
    """One service. `up` selects what says which of its instances were reached."""

    job: str
    up: str
    requests: Requests
    latency: Latency | None


def survey(url: str, job: str) -> Survey:
    """Look at the service that is scraped as `job`, or at the only one where that is empty.

    Raises ConfigError where it cannot tell, and TransientError where nobody answers.
    """
    with connected(url, PATIENCE, {}) as client:
        job = _one_of(client, job)
        kinds = _kinds(client, job)
        return Survey(
            job,
            f"up{{{_label('job', job)}}}",
            _requests(client, job, kinds),
            _latency(client, job, kinds),
        )


_Labels = Mapping[str, str]


def _one_of(client: "PrometheusConnect", job: str) -> str:
    known = sorted(labels["job"] for labels in _labels(client, 'group by (job) (up{job!=""})'))
    named = ", ".join(known[:_MOST_NAMED]) + (", …" if len(known) > _MOST_NAMED else "")
    if not known:
        raise ConfigError("that Prometheus scrapes nothing: it has no series `up` with a `job`")
    if job:
        if job in known:
            return job
        raise ConfigError(f"no job {job!r} is scraped there; it is one of: {named}")
    # What watches itself is seldom what is meant.
    others = [name for name in known if name != "prometheus"] or known
    if len(others) == 1:
        return others[0]
    raise ConfigError(f"which service? Name its job with --job: {named}")


def _kinds(client: "PrometheusConnect", job: str) -> list[_Labels]:
    by = ", ".join(("__name__", *_STATUS))
    selector = f"{{{_label('job', job)},__name__=~{json.dumps(_NAMES)}}}"
    found = _labels(client, f"group by ({by}) ({selector})")
    return [one for one in found if not _NO_TRAFFIC.match(one["__name__"])]


def _requests(client: "PrometheusConnect", job: str, kinds: Sequence[_Labels]) -> Requests:
    found = {
        one["__name__"]: label
        for one in kinds
        if not one["__name__"].endswith("_bucket")
        for label in _STATUS
        if _is_status(label, one.get(label, ""))
    }
    if not found:
        seen = sorted({one["__name__"] for one in kinds})[:_MOST_NAMED]
        raise ConfigError(
            f"job {job!r} has no counter of requests with a label of their status, such as "
            f'http_requests_total{{code="200"}}; it has: {", ".join(seen) or "none at all"}. Copy '
            "config/minimal.yaml, and write the query for its errors yourself"
        )
    name = min(found, key=_oddity)
    own, label = _label("job", job), found[name]
    everything = f"{name}{{{own}}}"
    failed = f'{name}{{{own},{label}=~"{_STATUS[label]}"}}'
    came = _usually(client, f"sum(increase({everything}[5m]))")
    share = _usually(client, f"sum(rate({failed}[5m])) / sum(rate({everything}[5m]))")
    # Nobody counts what never happened.
    never_failed = math.isnan(share) and came > 0
    return Requests(failed, everything, 0.0 if never_failed else share, came)


def _latency(client: "PrometheusConnect", job: str, kinds: Iterable[_Labels]) -> Latency | None:
    names = {one["__name__"] for one in kinds if _DURATION.search(one["__name__"])}
    if not names:
        return None
    name = min(names, key=_oddity)
    buckets = f"{name}{{{_label('job', job)}}}"
    bounds = (float(one["le"]) for one in _labels(client, f"group by (le) ({buckets})"))
    unit = "ms" if name.endswith("_milliseconds_bucket") else "s"
    p95 = _usually(client, f"histogram_quantile(0.95, sum by (le) (rate({buckets}[5m])))")
    longest = max((bound for bound in bounds if math.isfinite(bound)), default=math.nan)
    return Latency(buckets, unit, p95, longest)


def _is_status(label: str, value: str) -> bool:
    return bool(value) and (label == "grpc_code" or bool(_HTTP.fullmatch(value)))


def _oddity(name: str) -> tuple[bool, bool, bool, int, str]:
    """The usual names come first."""
    usual = name in {"http_requests_total", "http_request_duration_seconds_bucket"}
    return bool(_OF_A_CLIENT.search(name)), not usual, name.endswith("_count"), len(name), name


def _label(name: str, value: str) -> str:
    return f"{name}={json.dumps(value, ensure_ascii=False)}"


def _labels(client: "PrometheusConnect", query: str) -> list[_Labels]:
    return [one["metric"] for one in client.custom_query(query)]


def _usually(client: "PrometheusConnect", query: str) -> float:
    """What `query` gives in half of the last day: an incident in it counts for little."""
    found = client.custom_query(f"quantile_over_time(0.5, ({query})[1d:5m])")
    return float(found[0]["value"][1]) if found else math.nan
