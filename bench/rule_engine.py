"""What our questions cost Prometheus, beside its own rule engine with the same expressions.

Both by turns in one run, on one Prometheus, once a second, less what it uses when left alone.
"""

import asyncio
import json
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import aiohttp

from bench.figures import quantile, say
from bench.matrix import ROUTES
from bench.process import cpu_seconds
from tests.bed.prometheus import Prometheus
from watchdog.adapters.secrets import EnvAndFileSecrets
from watchdog.adapters.sources.prometheus import Ask, Options, PrometheusSource
from watchdog.app.opening import open_deps
from watchdog.domain.observation import Sample
from watchdog.ports import Question

TRIGGERS = 400
SECONDS = 15.0
ALTERNATIONS = 3
# What the rule file holds while our turn lasts: rules there must be, or it is no rule file.
NO_RULES = "groups: []\n"

_RATIO = (
    'sum(rate(http_requests_total{{route="r{route}",code=~"5.."}}[30s]))'
    ' / sum(rate(http_requests_total{{route="r{route}"}}[30s])) * {n} / {n}'
)
_VOLUME = 'sum(increase(http_requests_total{{route="r{route}"}}[30s]))'


@dataclass(slots=True)
class Turns:
    """CPU of Prometheus an evaluated trigger, in µs, turn by turn."""

    ours: list[float] = field(default_factory=list)
    its: list[float] = field(default_factory=list)


async def measure(server: Prometheus) -> None:
    """Print both, for the expression alone and with its volume. `server` was given NO_RULES."""
    say(
        f"CPU in Prometheus an evaluated trigger ({TRIGGERS} triggers once a second, {SECONDS:g} s"
        f" each by turns, {ALTERNATIONS} times):"
    )
    for what, with_volume in (("the expression alone", False), ("with its volume", True)):
        turns = Turns()
        for _ in range(ALTERNATIONS):
            idle = await _used(server, SECONDS)
            turns.its.append(await _by_rules(server, idle, with_volume=with_volume))
            turns.ours.append(await _by_us(server, idle, with_volume=with_volume))
        ours, its = quantile(turns.ours, 0.5), quantile(turns.its, 0.5)
        say(
            f"  {what}: our batches {ours:.0f} µs, its own rules {its:.0f} µs; "
            f"{ours / its:.2f} times as much"
            f"{'' if with_volume else ' (ours asks how old the series are, too)'}"
        )


async def _by_rules(server: Prometheus, idle: float, *, with_volume: bool) -> float:
    rules = [_rule(n, with_volume=with_volume) for n in range(1, TRIGGERS + 1)]
    group = {"name": "bench", "interval": "1s", "rules": rules}
    await _load_rules(server, json.dumps({"groups": [group]}), TRIGGERS)
    used = await _used(server, SECONDS)
    await _load_rules(server, NO_RULES, 0)
    return (used - idle) / SECONDS / TRIGGERS * 1e6


def _rule(number: int, *, with_volume: bool) -> dict[str, str]:
    expression = f"{_RATIO.format(n=number, route=number % ROUTES)} > 0.5"
    if with_volume:
        expression = f"({expression}) and {_VOLUME.format(route=number % ROUTES)} >= 100"
    return {"alert": f"t{number}", "expr": expression, "for": "1m"}


async def _by_us(server: Prometheus, idle: float, *, with_volume: bool) -> float:
    questions = [_question(n, with_volume=with_volume) for n in range(1, TRIGGERS + 1)]
    async with open_deps(EnvAndFileSecrets()) as deps:
        source = PrometheusSource(Options(url=server.url), deps)

        before, ends = cpu_seconds(server.process.pid), time.monotonic() + SECONDS
        rounds = 0
        while (began := time.monotonic()) < ends:
            answers = await source.observe(questions, deps.clock.now())
            if not all(isinstance(one, Sample) and one.values for one in answers.values()):
                raise RuntimeError(f"no answer: {next(iter(answers.values()))}")
            rounds += 1
            await asyncio.sleep(max(0.0, 1.0 - (time.monotonic() - began)))
        used = cpu_seconds(server.process.pid) - before
        await source.close()
    return (used - idle) / rounds / TRIGGERS * 1e6


def _question(number: int, *, with_volume: bool) -> Question:
    route = number % ROUTES
    volume = _VOLUME.format(route=route) if with_volume else None
    return Question(f"t{number}", Ask(query=_RATIO.format(n=number, route=route), volume=volume))


async def _used(server: Prometheus, seconds: float) -> float:
    before = cpu_seconds(server.process.pid)
    await asyncio.sleep(seconds)
    return cpu_seconds(server.process.pid) - before


async def _load_rules(server: Prometheus, text: str, count: int) -> None:
    """Have it take over `text`, and wait until it evaluates that many."""
    (server.folder / "rules.yaml").write_text(text)
    server.process.send_signal(signal.SIGHUP)
    async with asyncio.timeout(30), aiohttp.ClientSession() as session:
        while True:
            async with session.get(f"{server.url}/api/v1/rules") as response:
                groups = (await response.json())["data"]["groups"]
            if _evaluated(groups) == count and bool(groups) is bool(count):
                return
            await asyncio.sleep(0.1)


def _evaluated(groups: Sequence[dict[str, list[dict[str, str]]]]) -> int:
    return sum(rule["health"] == "ok" for group in groups for rule in group["rules"])
