"""The rules API of a real Prometheus: an alert's whole life, and a rule that breaks."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from tests.bed.deps import now, real_deps
from tests.bed.metrics_page import metrics_page
from tests.bed.prometheus import start_prometheus
from watchdog.adapters.rule_states import NO, YES
from watchdog.adapters.sources.prometheus_rules import Ask, Options, PrometheusRulesSource
from watchdog.domain.observation import Gap, Observation, Sample, Unknown
from watchdog.ports import Question

RULES = """
groups:
  - name: shop
    interval: 500ms
    rules:
      - {alert: TooMany, expr: many > 5, for: 1s, labels: {severity: page}}
      - {alert: Broken, expr: many + on() group_left() many > 0}
      - {record: TooMuch, expr: many * 2}
"""


async def test_an_alert_is_followed_from_inactive_to_firing_and_back(
    tmp_path: Path, require_program: Callable[[str], str]
) -> None:
    program = require_program("prometheus")
    async with (
        metrics_page() as page,
        start_prometheus(program, tmp_path, [page.target], rules=RULES) as prometheus,
        real_deps() as deps,
    ):
        source = PrometheusRulesSource(Options(url=prometheus.url), deps)

        async def until(alert: str, wanted: Callable[[Observation], bool], **labels: str) -> str:
            """Ask until it is as wanted; what the observation says."""
            async with asyncio.timeout(40):
                while True:
                    question = Question("it", Ask(alert=alert, labels=labels))
                    seen = (await source.observe([question], now()))["it"]
                    if wanted(seen):
                        return seen.note
                    await asyncio.sleep(0.05)

        page.gauge("many", 1, color="red")
        page.gauge("many", 1, color="blue")
        await until("TooMany", lambda seen: says(seen, YES))
        # Prometheus gives the reason that it has a health for: the rule itself cannot run.
        broken = await until("Broken", is_broken)
        page.gauge("many", 7, color="red")
        pending = await until("TooMany", lambda seen: "pending" in note(seen))
        firing = await until("TooMany", lambda seen: says(seen, NO))
        of_the_other = await until("TooMany", lambda seen: says(seen, YES), color="blue")
        page.gauge("many", 1, color="red")
        over = await until("TooMany", lambda seen: says(seen, YES))
        missing = await until("TooMuch", lambda seen: isinstance(seen, Gap))

        assert "rule Broken: its health is err" in broken
        assert pending.startswith("TooMany is pending since 20")
        assert firing.startswith("TooMany is firing since 20")
        assert of_the_other == over == "TooMany is inactive"
        assert missing == "no alerting rule 'TooMuch'"


def says(seen: Observation, value: float) -> bool:
    return isinstance(seen, Sample) and seen.values == (value,)


def note(seen: Observation) -> str:
    return seen.note if isinstance(seen, Sample) else ""


def is_broken(seen: Observation) -> bool:
    return isinstance(seen, Gap) and seen.reason is Unknown.ERROR and "is err" in seen.note
