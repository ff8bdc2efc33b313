"""Triggers as alerts of Prometheus: what promtool accepts, what is missing, and the way back."""

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from watchdog import catalog
from watchdog.adapters.promql import syntax_tree
from watchdog.app.exporting import Exported, export_rules
from watchdog.app.import_command import translate
from watchdog.app.importing import Wanted
from watchdog.config.loading import load_files
from watchdog.domain.decision_table import Row, Then
from watchdog.domain.expression import Tally, Term
from watchdog.domain.target import Target
from watchdog.domain.trigger import Trigger

HEAD = """\
target: shop
sources:
  prom: {use: prometheus, url: "http://p:9090"}
  fast: {use: prometheus, url: "http://p:9090", every: 5s}
  health: {use: http, url: "http://shop/health"}
  rules: {use: prometheus_rules, url: "http://p:9090"}
signals:
  errors:
    from: prom
    query: sum(rate(errors_total[5m])) / sum(rate(requests_total[5m]))
    volume: sum(increase(requests_total[5m]))
    unit: ratio
  p95: {from: prom, query: "histogram_quantile(0.95, sum by (le) (rate(d_bucket[5m])))", unit: s}
  queue: {from: fast, query: "sum(queue_length)  # of all shops"}
  routes: {from: prom, query: "sum by (route) (rate(errors_total[5m]))", for_each: route}
  ready: {from: fast, query: ready, series: count, counting: {at_least: 1}}
  memory: {from: prom, query: memory_bytes, series: worst, unit: B}
  any_queue: {from: prom, query: queue_length, series: any}
  all_queues: {from: prom, query: queue_length, series: all}
  total: {from: prom, query: queue_length, series: sum}
  raw: {from: prom, query: 'queue_length{shop="x"}'}
  sure: {from: prom, query: sum(a) / sum(b), volume: sum(b), confidence: 95%}
  clock: {from: prom, query: time()}
  healthy: {from: health}
  state: {from: rules, alert: High}
triggers:
"""

SHARE = """\
  share: {from: prom, query: "sum(rate(bad[$window])) / sum(rate(all[$window]))", unit: ratio}
triggers:
"""


def target_of(folder: Path, *triggers: str) -> Target:
    path = folder / "shop.yaml"
    head = HEAD.replace("triggers:\n", SHARE) if "burn:" in "".join(triggers) else HEAD
    path.write_text(head + "".join(f"  {one}\n" for one in triggers))
    (target,) = load_files([path], catalog).targets
    return target


def exported(folder: Path, *triggers: str) -> Exported:
    return export_rules([target_of(folder, *triggers)])


def expr(folder: Path, trigger: str) -> str:
    """The expression of the alert that the only trigger becomes."""
    ((rule,),) = (group["rules"] for group in exported(folder, trigger).groups)
    return str(rule["expr"])


def checked(promtool: str, folder: Path, text: str) -> str:
    """What `promtool check rules` says."""
    path = folder / "rules.yml"
    path.write_text(text)
    done = subprocess.run(
        [promtool, "check", "rules", str(path)],
        capture_output=True,
        check=False,
        text=True,
        timeout=30,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


NESTED = (
    "nested: {any: [{all: [{signal: errors, above: 1%}, {signal: p95, above: 1s}]}, "
    "{signal: p95, above: 9s}], for: 1m}"
)
EXPRESSIBLE = [
    "errors-high: {signal: errors, above: 5%, for: 5m, severity: critical}",
    "slow: {signal: p95, at_least: 1500ms, for: 2m, keep_firing_for: 10m}",
    "long: {signal: queue, above: 100}",
    "sudden: {signal: queue, below: 1, confirm: 4, keep_firing_for: 0s, severity: info}",
    "by-route: {signal: routes, above: 1, for: 1m}",
    "both: {all: [{signal: errors, above: 1%}, {signal: p95, above: 1s}], for: 1m}",
    NESTED,
    "burning: {burn: {signal: share, objective: 99.9%, windows: [1h, 6h]}}",
    "either: {any: [{signal: errors, above: 1%}, {signal: p95, above: 1s}], for: 1m}",
]
TWO_OF_THREE = (
    "two: {count: {of: [{signal: errors, above: 1%}, {signal: p95, above: 1s}, "
    "{all: [{signal: queue, above: 5}, {signal: clock, above: 2}]}], at_least: 2}}"
)
IN_OTHER_WORDS = [
    TWO_OF_THREE,
    "few: {signal: ready, below: 2}",
    "big: {signal: memory, above: 1GiB, for: 10m}",
    "any: {signal: any_queue, above: 9}",
    "all: {signal: all_queues, above: 9}",
    "total: {signal: total, below: 9}",
    "raw: {signal: raw, below: 9}",
    "clock: {signal: clock, above: 9}",
]


def test_promtool_accepts_what_is_written(
    tmp_path: Path, require_program: Callable[[str], str]
) -> None:
    made = exported(tmp_path, *EXPRESSIBLE, *IN_OTHER_WORDS)

    assert made.missing == []
    said = checked(require_program("promtool"), tmp_path, made.text)
    assert f"{len(EXPRESSIBLE) + len(IN_OTHER_WORDS)} rules found" in said


def test_an_alert_says_whose_it_is(tmp_path: Path) -> None:
    made = exported(tmp_path, EXPRESSIBLE[0])

    assert yaml.safe_load(made.text) == {
        "groups": [
            {
                "name": "shop-15s",
                "interval": "15s",
                "rules": [
                    {
                        "alert": "ShopErrorsHigh",
                        "expr": (
                            "(sum(rate(errors_total[5m])) / sum(rate(requests_total[5m]))) > 0.05 "
                            "and (sum(increase(requests_total[5m]))) >= 100"
                        ),
                        "for": "5m",
                        "keep_firing_for": "2m",
                        "labels": {
                            "target": "shop",
                            "trigger": "errors-high",
                            "severity": "critical",
                        },
                        "annotations": {"summary": "shop: errors above 0.05"},
                    }
                ],
            }
        ]
    }


@pytest.mark.parametrize(
    ("trigger", "written"),
    [
        ("t: {signal: routes, above: 1}", "(sum by (route) (rate(errors_total[5m]))) > 1"),
        ("t: {signal: ready, below: 2}", "(sum((ready) >= bool 1)) < 2"),
        ("t: {signal: memory, above: 1kB}", "(max(memory_bytes)) > 1000"),
        ("t: {signal: memory, below: 1kB}", "(min(memory_bytes)) < 1000"),
        ("t: {signal: any_queue, below: 9}", "(min(queue_length)) < 9"),
        ("t: {signal: all_queues, above: 9}", "(min(queue_length)) > 9"),
        ("t: {signal: total, above: 9}", "(sum(queue_length)) > 9"),
        ("t: {signal: clock, above: 9}", "vector(time()) > 9"),
        (
            "t: {signal: p95, above: 1500ms}",
            "(histogram_quantile(0.95, sum by (le) (rate(d_bucket[5m])))) > 1.5",
        ),
    ],
)
def test_several_series_become_one_number_before_they_are_compared(
    tmp_path: Path, trigger: str, written: str
) -> None:
    assert expr(tmp_path, trigger) == written


@pytest.mark.parametrize(
    ("trigger", "why"),
    [
        ("t: {signal: healthy, fails: 3}", "3 failed looks with no good one between"),
        ("t: {signal: p95, above: 1s, breaches: 3 of 5}", "3 bad looks of the last 5"),
        ("t: {any: [{signal: healthy, is: failing}, {signal: p95, above: 1s}]}", "a source 'http'"),
        (
            "t: {any: [{signal: state, is: failing}, {signal: p95, above: 1s}]}",
            "'prometheus_rules'",
        ),
        ("t: {signal: sure, above: 5%}", "the confidence that signal 'sure' asks for"),
        (
            "t: {count: {of: [{signal: p95, above: 1s}, {signal: queue, above: 1}], at_most: 0}}",
            "that so few of several conditions hold",
        ),
    ],
)
def test_what_prometheus_has_no_words_for_is_missing_and_named(
    tmp_path: Path, trigger: str, why: str
) -> None:
    made = exported(tmp_path, trigger, "slow: {signal: p95, above: 1s, for: 2m}")

    (missing,) = made.missing
    assert missing.startswith("shop: trigger t: ")
    assert why in missing
    assert f"# missing: {missing}" in made.text.splitlines()
    assert made.alerts == 1


def test_what_an_alert_leaves_out_is_said_once_for_all_and_for_each(tmp_path: Path) -> None:
    made = exported(
        tmp_path, "slow: {signal: p95, above: 3s, clear: {below: 2s}, for: 2m, once_per: version}"
    )

    general, *own = made.lost
    assert "no data and a failed query look like good news" in general
    assert own == [
        "shop: trigger slow: that it is over only when below 2",
        "shop: trigger slow: that it acts once for each version",
    ]
    assert all(f"# lost: {one}" in made.text.splitlines() for one in made.lost)


def test_what_comes_back_is_what_was_written(
    tmp_path: Path, require_program: Callable[[str], str]
) -> None:
    target = target_of(tmp_path, *EXPRESSIBLE)
    checked(require_program("promtool"), tmp_path, export_rules([target]).text)

    made = translate(tmp_path / "rules.yml", Wanted("http://p:9090"), "")
    (tmp_path / "back.yaml").write_text(made.text)
    (back,) = load_files([tmp_path / "back.yaml"], catalog).targets

    assert made.wrong == []
    assert back.name == target.name
    # Rules stand in the order of their groups.
    assert {one.name: meaning(one, back) for one in back.triggers} == {
        one.name: meaning(one, target) for one in target.triggers
    }


def meaning(trigger: Trigger, target: Target) -> tuple[object, ...]:
    """All that decides when it fires and clears, whatever its signals are called."""
    return (
        trigger.severity,
        trigger.every,
        max(trigger.hold, (trigger.confirm - 1) * trigger.every),
        trigger.keep_firing_for,
        _meaning(trigger.watches, target),
    )


def _meaning(watches: Term | Tally, target: Target) -> object:
    if isinstance(watches, Tally):
        return (watches.holds_when, *(_meaning(one, target) for one in watches.of))
    spec = target.signals[watches.signal.name]
    volume = spec.ask.get("volume")
    return (
        syntax_tree(spec.ask["query"]).prettify(),
        watches.breach_when,
        watches.signal.for_each,
        watches.signal.across,
        volume and (syntax_tree(volume).prettify(), watches.signal.min_volume),
    )


TESTS = """
evaluation_interval: 15s
rule_files: [rules.yml]
tests:
  - interval: 15s
    input_series: %s
    alert_rule_test:
      - {eval_time: 2m, alertname: ShopTwo, exp_alerts: %s}
"""
TWO = (
    "two: {count: {of: [{signal: a, above: 1}, {signal: b, above: 1}, {signal: c, above: 1}], "
    "at_least: 2}, for: 30s}"
)


@pytest.mark.parametrize(
    ("series", "fires"),
    [
        ({"a": 2, "b": 2, "c": 2}, True),
        ({"a": 2, "b": 2, "c": 0}, True),
        # What has no data is no breach, and hides none.
        ({"a": 2, "b": 2}, True),
        ({"a": 2, "b": 0, "c": 0}, False),
        ({"a": 2}, False),
        ({}, False),
    ],
)
def test_so_many_of_several_are_counted_by_prometheus_as_here(
    tmp_path: Path, require_program: Callable[[str], str], series: dict[str, int], fires: bool
) -> None:
    path = tmp_path / "target.yaml"
    signals = "".join(f"  {one}: {{from: p, query: sum({one})}}\n" for one in "abc")
    path.write_text(
        "target: shop\nsources: {p: {use: prometheus, url: 'http://p'}}\n"
        f"signals:\n{signals}triggers:\n  {TWO}\n"
    )
    (tmp_path / "rules.yml").write_text(export_rules(load_files([path], catalog).targets).text)
    given = [{"series": name, "values": f"{value}x20"} for name, value in series.items()]
    said = "the number of (a above 1, b above 1, c above 1) in breach is at least 2"
    alert = {
        "exp_labels": {"target": "shop", "trigger": "two", "severity": "warning"},
        "exp_annotations": {"summary": f"shop: {said}"},
    }
    (tmp_path / "tests.yml").write_text(
        TESTS % (json.dumps(given), json.dumps([alert] if fires else []))
    )

    done = subprocess.run(
        [require_program("promtool"), "test", "rules", "tests.yml"],
        capture_output=True,
        check=False,
        cwd=tmp_path,
        text=True,
        timeout=30,
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_a_limit_of_many_digits_stays_that_number(tmp_path: Path) -> None:
    assert expr(tmp_path, "a: {signal: memory, above: 1234567890123B}").endswith("> 1234567890123")
    assert expr(tmp_path, "a: {signal: errors, above: 0.1%}").count("> 0.001 and") == 1


def test_what_prometheus_takes_for_a_number_is_said(tmp_path: Path) -> None:
    (general,) = exported(tmp_path, "a: {signal: queue, above: 1}").lost

    assert "infinity is a number, and each of several series fires by itself" in general


def test_series_of_another_server_are_said_and_never_joined(tmp_path: Path) -> None:
    path = tmp_path / "shop.yaml"
    other = '  fast: {use: prometheus, url: "http://other:9090", every: 5s}'
    path.write_text(
        HEAD.replace('  fast: {use: prometheus, url: "http://p:9090", every: 5s}', other)
        + "  here: {signal: p95, above: 1s}\n"
        + "  there: {signal: queue, above: 1}\n"
        + "  both: {all: [{signal: p95, above: 1s}, {signal: queue, above: 1}]}\n"
    )

    made = export_rules(load_files([path], catalog).targets)

    assert made.missing == [
        "shop: trigger both: series of several servers, which no ruler has together"
    ]
    assert [one for one in made.lost if "another server" in one] == [
        "shop: trigger there: that it asks another server than the first alert: load it there"
    ]


def test_a_decision_table_stays_behind_and_that_is_said(tmp_path: Path) -> None:
    target = target_of(tmp_path, "a: {signal: queue, above: 1}")
    table = (Row("default", Then.INVESTIGATE),)

    made = export_rules([replace(target, decisions=table)])

    assert "shop: its decision table: which alerts ask for a plan" in made.lost
