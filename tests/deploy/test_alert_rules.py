"""The shipped alert rules: each fires when it must, is quiet when all is well, and can be asked."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.bed.dead_man import dead_man
from tests.faults.site import Site, a_site, a_step, a_target

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy/prometheus/rollback-watchdog-rules.yaml"
TESTS = Path(__file__).with_name("rollback-watchdog-rules.test.yaml")
PAGE = ROOT / "docs/watching-the-watchdog.md"
_METRIC = re.compile(r"\bwatchdog_\w+")


def alerts() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load(RULES.read_text())["groups"]
    return list(group["rules"])


ALERTS = [rule["alert"] for rule in alerts()]


def promtool(program: str, *words: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [program, *map(str, words)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=TESTS.parent,
    )


def test_promtool_accepts_the_rules(require_program: Callable[[str], str]) -> None:
    done = promtool(require_program("promtool"), "check", "rules", RULES)

    assert done.returncode == 0, done.stdout + done.stderr


def test_each_rule_fires_when_it_must_and_not_before(
    require_program: Callable[[str], str],
) -> None:
    done = promtool(require_program("promtool"), "test", "rules", TESTS)

    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_would_see_a_rule_that_never_fires(
    tmp_path: Path, require_program: Callable[[str], str]
) -> None:
    deaf = RULES.read_text().replace("watchdog_run_stuck == 1", "watchdog_run_stuck == 2")
    (tmp_path / "rules.yaml").write_text(deaf)
    copied = tmp_path / "tests.yaml"
    copied.write_text(
        TESTS.read_text().replace(f"../../deploy/prometheus/{RULES.name}", "rules.yaml")
    )

    done = promtool(require_program("promtool"), "test", "rules", copied)

    assert done.returncode != 0
    assert "RollbackWatchdogRunStuck" in done.stdout + done.stderr


@pytest.mark.parametrize("alert", ALERTS)
def test_each_rule_is_tested_both_ways(alert: str) -> None:
    tests = yaml.safe_load(TESTS.read_text())["tests"]
    asked = [
        (one["name"], bool(check["exp_alerts"]))
        for one in tests
        for check in one["alert_rule_test"]
        if check["alertname"] == alert
    ]

    assert (f"{alert} fires", True) in asked
    assert (f"{alert} is quiet", False) in asked


@pytest.mark.parametrize("rule", alerts(), ids=ALERTS)
def test_each_rule_says_how_grave_it_is_and_has_its_row(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"warning", "critical"}
    assert rule["annotations"]["summary"]
    assert f"| `{rule['alert']}` |" in PAGE.read_text()


async def test_every_metric_of_the_rules_is_exported_by_a_daemon_at_work(tmp_path: Path) -> None:
    named = {name for rule in alerts() for name in _METRIC.findall(rule["expr"])}
    async with a_site(tmp_path) as site, dead_man() as man:
        page = await _metrics(site, man.url)

    exported = {line.partition("{")[0].partition(" ")[0] for line in page.splitlines()}
    assert named - exported == set()
    assert 'reason="latched"' in page
    assert 'watchdog_notifications_total{channel="pager",result="given_up"} 0.0' in page


async def _metrics(site: Site, url: str) -> str:
    target = a_target(site.api, a_step(site.api, "shop/mend"))
    site.write(target, heartbeat={"url": url, "every": "200ms", "timeout": "200ms"})
    await site.open_pages()
    async with site.at_work():
        _, page = await site.page("/metrics")
    return page
