"""A first file for a service that a Prometheus knows, with limits that its last day suggests."""

import json
import math
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from watchdog.adapters.addresses import unfit
from watchdog.adapters.prometheus_survey import Latency, Requests, Survey, survey
from watchdog.app.checked_text import checked
from watchdog.domain.errors import ConfigError

_LEAST_VOLUME, _USUAL_VOLUME = 10, 100
_USUAL_SHARE, _LARGEST_SHARE = 0.01, 0.5
# How much worse than on an ordinary day is bad.
_ROOM = 2
_STEPS = (1.0, 2.0, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class FirstFile:
    """The text of a target's file, and what is to be said about it."""

    text: str
    notes: list[str]


def first_file(url: str, job: str, rollback: str) -> FirstFile:
    """A file for the service that the Prometheus at `url` scrapes as `job`.

    `rollback` is the command that returns it to the version before. Raises ConfigError,
    TransientError where Prometheus does not answer, and ConfigProblems where `check` would refuse.
    """
    url = url.rstrip("/")
    objection = unfit(url)
    if objection:
        raise ConfigError(f"--prometheus {objection}")
    argv = _argv(rollback)
    return file_for(survey(url, job), url, argv)


def file_for(seen: Survey, url: str, argv: list[str]) -> FirstFile:
    """The file for what was found; without `argv` its plan undoes a Deployment of Kubernetes."""
    limit = _limit(seen.latency)
    text = "\n".join(_lines(seen, url, argv or _usual(seen.job), limit)) + "\n"
    return FirstFile(text, [*_notes(seen, limit), *checked(text)])


def _argv(rollback: str) -> list[str]:
    try:
        return shlex.split(rollback)
    except ValueError as error:
        raise ConfigError(f"--rollback: {error}") from error


def _usual(job: str) -> list[str]:
    return ["kubectl", "rollout", "undo", f"deployment/{_named(job)}"]


def _lines(seen: Survey, url: str, argv: list[str], limit: str) -> Iterator[str]:
    share = _share(seen.requests)
    also = "severity: critical, plan: undo"
    yield "# It looks, decides and tells what it would do, and changes nothing: alert-only."
    yield f"target: {json.dumps(_named(seen.job))}"
    yield "mode: alert-only"
    yield "sources:"
    yield f"  metrics: {{use: prometheus, url: {json.dumps(url)}}}"
    yield "signals:"
    yield from _errors(seen.requests)
    if seen.latency and limit:
        yield from _p95(seen.latency, _least(seen.requests))
    yield f"  up: {{from: metrics, query: {_quoted(f'sum({seen.up})')}}}"
    yield "triggers:"
    yield f"  errors-high: {{signal: errors, above: {share}, for: 5m, {also}}}"
    if limit:
        yield f"  slow: {{signal: p95, above: {limit}, for: 5m, severity: warning, plan: undo}}"
    yield f"  down: {{signal: up, below: 1, for: 1m, {also}}}"
    yield "plans:"
    yield "  undo:"
    yield "    steps:"
    yield "      # The way back to the version before. In alert-only mode nothing runs it."
    yield f"      - {{use: command, with: {{argv: {json.dumps(argv)}}}, repeat: once}}"
    yield f"    verify: [{{signal: errors, below: {share}, samples: 3}}]"


def _errors(requests: Requests) -> Iterator[str]:
    query = f"sum(rate({requests.failed}[5m])) / sum(rate({requests.all}[5m]))"
    yield "  errors:"
    yield "    from: metrics"
    yield f"    query: {_quoted(query)}"
    yield "    unit: ratio"
    yield f"    volume: &volume {_quoted(f'sum(increase({requests.all}[5m]))')}"
    yield f"    min_volume: {_least(requests)}  # fewer requests prove nothing: unknown"
    yield "    on_nodata: ok  # what never failed has no series of failures"


def _p95(latency: Latency, least: int) -> Iterator[str]:
    query = f"histogram_quantile(0.95, sum by (le) (rate({latency.buckets}[5m])))"
    yield "  p95:"
    yield "    from: metrics"
    yield f"    query: {_quoted(query)}"
    yield f"    unit: {latency.unit}"
    yield "    volume: *volume"
    yield f"    min_volume: {least}"


def _notes(seen: Survey, limit: str) -> Iterator[str]:
    requests, latency = seen.requests, seen.latency
    yield f"errors of {requests.all}: usually {_told(requests.share * 100, ' %')}"
    if latency is None:
        yield "no histogram of seconds, so nothing watches how slow it is"
    elif math.isnan(latency.p95):
        yield f"{latency.buckets} had no traffic in the last day, so `slow` is left out"
    elif not limit:
        yield f"{latency.buckets} has no bucket above twice its p95, so `slow` is left out"
    else:
        yield f"p95 of {latency.buckets}: usually {_told(latency.p95, ' ' + latency.unit)}"


def _told(number: float, unit: str) -> str:
    return "unknown" if math.isnan(number) else f"{number:.3g}{unit}"


def _share(requests: Requests) -> str:
    """What share of errors is bad, as a limit."""
    often = 0.0 if math.isnan(requests.share) else _ROOM * requests.share
    limit = min(_rounded_up(max(often, _USUAL_SHARE)), _LARGEST_SHARE)
    return f"{limit * 100:.3g}%"


def _least(requests: Requests) -> int:
    """How many requests in five minutes are enough: a quarter of what is usual, 10 to 100."""
    usual = requests.in_five_minutes
    if math.isnan(usual):
        return _USUAL_VOLUME
    return int(min(max(usual / 4, _LEAST_VOLUME), _USUAL_VOLUME))


def _limit(latency: Latency | None) -> str:
    """What is slow, as a limit; empty where no number could ever show it."""
    if latency is None or not latency.p95 > 0:
        return ""
    limit = _rounded_up(_ROOM * latency.p95)
    # A quantile is never beyond the last bound.
    if not limit < latency.longest:
        return ""
    milliseconds = limit * (1000 if latency.unit == "s" else 1)
    return f"{milliseconds / 1000:g}s" if milliseconds >= 1000 else f"{milliseconds:g}ms"  # noqa: PLR2004


def _rounded_up(number: float) -> float:
    """The next of 0.1, 0.2, 0.5, 1, 2, 5 and so on."""
    power = math.floor(math.log10(number) + 1e-9)
    for step in _STEPS:
        size: float = round(step * 10.0**power, 9)
        if number <= size * (1 + 1e-9):
            return size
    raise AssertionError("unreachable")


def _named(job: str) -> str:
    """`job` as a name of ours."""
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "-" for c in job)
    return plain.strip("-_.")[:63] or "service"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
