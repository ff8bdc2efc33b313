"""Rule files read into triggers: what is taken over as what, and what is refused and where."""

import random
from pathlib import Path
from typing import Any

import pytest

from watchdog import catalog
from watchdog.app.import_command import Translation, translate
from watchdog.app.importing import Wanted, Way
from watchdog.config.loading import load_files
from watchdog.config.problems import ConfigProblems
from watchdog.config.reading import read
from watchdog.domain.target import Target

URL = "http://prometheus:9090"


def translated(
    folder: Path,
    *rules: str,
    group: str = "{name: shop}",
    target: str = "",
    way: Way = Way.SPLIT,
    freshness: dict[str, str] | None = None,
) -> Translation:
    """What becomes of a file with one group of `rules`, each a line of YAML."""
    path = folder / "shop-rules.yml"
    head = group.strip("{}").replace(", ", "\n    ")
    lines = [f"groups:\n  - {head}\n    rules:", *(f"      - {rule}" for rule in rules)]
    path.write_text("\n".join(lines) + "\n")
    return translate(path, Wanted(URL, way, freshness or {}), target)


def content(made: Translation) -> dict[str, Any]:
    assert made.wrong == []
    return read("imported.yaml", made.text).content


def one(made: Translation) -> tuple[dict[str, Any], dict[str, Any]]:
    """The only trigger and the only signal."""
    parts = content(made)
    (trigger,), (signal,) = parts["triggers"].values(), parts["signals"].values()
    return trigger, signal


def loaded(made: Translation, folder: Path) -> Target:
    (folder / "imported.yaml").write_text(made.text)
    (target,) = load_files([folder / "imported.yaml"], catalog).targets
    return target


# -- what becomes of what


def test_a_comparison_becomes_a_query_and_a_limit(tmp_path: Path) -> None:
    made = translated(
        tmp_path,
        "{alert: High, expr: sum(errors) / sum(requests) > 0.05, for: 5m, "
        "keep_firing_for: 90s, labels: {severity: page}}",
    )

    assert one(made) == (
        {
            "signal": "High",
            "above": 0.05,
            "severity": "critical",
            "for": "5m",
            "keep_firing_for": "1m30s",
        },
        {"from": "prometheus", "query": "sum(errors) / sum(requests)"},
    )
    target = loaded(made, tmp_path)
    assert target.name == "shop-rules"
    assert target.mode.value == "alert-only"
    assert target.triggers[0].hold == 300
    assert target.triggers[0].plan == ""


def test_a_comparison_of_the_traffic_becomes_the_volume(tmp_path: Path) -> None:
    _, signal = one(
        translated(
            tmp_path,
            "{alert: High, expr: sum(errors) / sum(requests) > 0.05 and sum(requests) >= 100}",
        )
    )

    assert signal == {
        "from": "prometheus",
        "query": "sum(errors) / sum(requests)",
        "volume": "sum(requests)",
        "min_volume": 100,
    }


@pytest.mark.parametrize(
    "beside", ["sum(requests) > 100", "sum(others) >= 100", "sum(requests) <= 100"]
)
def test_what_only_looks_like_traffic_is_a_condition_of_its_own(
    tmp_path: Path, beside: str
) -> None:
    rule = f"{{alert: High, expr: sum(errors) / sum(requests) > 0.05 and {beside}}}"

    parts = content(translated(tmp_path, rule))

    assert len(parts["triggers"]["High"]["all"]) == 2
    assert [signal.get("volume") for signal in parts["signals"].values()] == [None, None]


def test_comparisons_of_one_number_each_become_groups(tmp_path: Path) -> None:
    parts = content(
        translated(tmp_path, "{alert: Both, expr: sum(a) > 1 and sum(b) < 2 or sum(c) >= 3}")
    )

    assert parts["triggers"]["Both"]["any"] == [
        {"all": [{"signal": "Both-1", "above": 1}, {"signal": "Both-2", "below": 2}]},
        {"signal": "Both-3", "at_least": 3},
    ]
    assert [signal["query"] for signal in parts["signals"].values()] == [
        "sum(a)",
        "sum(b)",
        "sum(c)",
    ]


def test_one_label_has_a_state_of_its_own_and_unknown_labels_are_any_series(tmp_path: Path) -> None:
    _, by_route = one(translated(tmp_path, "{alert: A, expr: 'sum by (route) (rate(e[5m])) > 1'}"))
    _, any_series = one(translated(tmp_path, "{alert: A, expr: queue_length > 1}"))

    assert by_route["for_each"] == "route"
    assert "series" not in by_route
    assert any_series["series"] == "any"


@pytest.mark.parametrize(
    ("expr", "query", "comparison"),
    [
        ('up{job="shop"} == 0', 'up{job="shop"}', {"below": 1}),
        ("probe_success != 1", "probe_success", {"below": 1}),
        ("sum(a) == 0", "abs(sum(a))", {"at_most": 0}),
        ("sum(a) != 3", "abs((sum(a)) - 3)", {"above": 0}),
    ],
)
def test_equality_is_said_in_the_words_of_a_trigger(
    tmp_path: Path, expr: str, query: str, comparison: dict[str, float]
) -> None:
    trigger, signal = one(translated(tmp_path, f"{{alert: A, expr: '{expr}'}}"))

    assert signal["query"] == query
    assert comparison.items() <= trigger.items()


def test_a_group_has_a_source_of_its_own_pace(tmp_path: Path) -> None:
    parts = content(
        translated(
            tmp_path,
            "{alert: A, expr: sum(a) > 1, for: 1m}",
            group="{name: slow, interval: 1m, query_offset: 30s}",
        )
    )

    assert parts["sources"] == {
        "prometheus-1m-offset-30s": {
            "use": "prometheus",
            "url": URL,
            "every": "1m",
            "query_offset": "30s",
        }
    }
    # Two looks, one minute apart, have to show it anyway.
    assert "for" not in parts["triggers"]["A"]


@pytest.mark.parametrize(
    ("label", "severity"),
    [("page", "critical"), ("WARNING", "warning"), ("ticket", "warning"), ("info", "info")],
)
def test_the_severities_that_people_use_are_known(
    tmp_path: Path, label: str, severity: str
) -> None:
    rule = f"{{alert: A, expr: sum(a) > 1, labels: {{severity: {label}}}}}"

    trigger, _ = one(translated(tmp_path, rule))

    assert trigger["severity"] == severity


def test_a_severity_that_is_not_known_is_a_warning_and_is_said(tmp_path: Path) -> None:
    made = translated(tmp_path, "{alert: A, expr: sum(a) > 1, labels: {severity: odd}}")

    assert one(made)[0]["severity"] == "warning"
    assert "alert 'A': severity 'odd' is not known here; it becomes warning" in made.notes


def test_labels_that_are_left_out_are_said(tmp_path: Path) -> None:
    labels = "{severity: page, team: shop, env: prod}"
    made = translated(tmp_path, f"{{alert: A, expr: sum(a) > 1, labels: {labels}}}")

    assert "labels are not imported: env, team; say under `notify` who is told" in made.notes


def test_a_rule_without_a_name_is_told_by_its_place(tmp_path: Path) -> None:
    made = translated(tmp_path, "{alert: A, expr: sum(a) > 1}", "{expr: sum(a) > 1}")

    (problem,) = made.wrong
    assert problem.text == "rule 2 of group 'shop': `alert` is missing, or no text"


def test_recording_rules_stay_where_they_are(tmp_path: Path) -> None:
    made = translated(tmp_path, "{record: a:b, expr: sum(b)}", "{alert: A, expr: sum(a) > 1}")

    assert list(content(made)["triggers"]) == ["A"]
    assert "group 'shop': 1 recording rule left to Prometheus" in made.notes


def test_alerts_of_one_name_are_told_apart(tmp_path: Path) -> None:
    rule = "{{alert: High errors!, expr: sum(a) > {}, labels: {{severity: {}}}}}"
    made = translated(
        tmp_path, rule.format(1, "info"), rule.format(2, "page"), rule.format(3, "page")
    )

    assert list(content(made)["triggers"]) == ["High-errors", "High-errors-page", "High-errors-2"]


def test_a_rule_of_kubernetes_is_read_within_its_wrapping(tmp_path: Path) -> None:
    path = tmp_path / "rule.yaml"
    path.write_text(
        "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata: {name: x}\n"
        "spec: {groups: [{name: g, rules: [{alert: A, expr: sum(a) > 1}, {alert: B, expr: b}]}]}\n"
    )

    made = translate(path, Wanted(URL), "shop")

    assert made.taken == 1
    assert [problem.key for problem in made.wrong] == ["spec.groups[0].rules[1].expr"]


# -- by state, and with a companion


def test_by_state_every_rule_is_followed_whatever_its_expression(tmp_path: Path) -> None:
    made = translated(
        tmp_path,
        "{alert: Gone, expr: absent(up), for: 5m}",
        "{alert: High, expr: a > 1, labels: {severity: page, team: x}}",
        "{alert: High, expr: a > 2, labels: {severity: info}}",
        way=Way.STATE,
    )
    parts = content(made)

    assert parts["sources"] == {"rules": {"use": "prometheus_rules", "url": URL}}
    assert parts["signals"]["Gone"] == {"from": "rules", "alert": "Gone"}
    assert parts["triggers"]["Gone"] == {"signal": "Gone", "fails": 2, "severity": "warning"}
    assert parts["signals"]["High"] == {
        "from": "rules",
        "alert": "High",
        "group": "shop",
        "labels": {"severity": "page", "team": "x"},
    }
    assert loaded(made, tmp_path).trigger("High-info") is not None


def test_an_opaque_rule_needs_what_shows_that_there_is_data(tmp_path: Path) -> None:
    rule = "{alert: Gone, expr: a unless b, for: 5m}"

    trigger, signal = one(translated(tmp_path, rule, freshness={"": "count(up)"}))

    assert trigger == {"signal": "Gone", "at_least": 1, "severity": "warning", "for": "5m"}
    assert signal == {
        "from": "prometheus",
        "query": "count(a unless b)",
        "on_nodata": "ok",
        "volume": "count(up)",
        "min_volume": 1,
    }
    assert translated(tmp_path, rule, freshness={"Other": "count(up)"}).taken == 0
    assert translated(tmp_path, rule, freshness={"Gone": "count(up)"}).taken == 1


def test_a_companion_that_is_no_query_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigProblems, match=r"signals\.Gone\.volume"):
        translated(tmp_path, "{alert: Gone, expr: a unless b}", freshness={"": "count("})


# -- refused


@pytest.mark.parametrize(
    ("rule", "key", "said"),
    [
        ("{alert: A, expr: absent(up)}", "expr", "absent() returns nothing when all is well"),
        ("{alert: A, expr: a > b}", "expr", "not with a number"),
        ("{alert: A, expr: rate(a) > 1}", "expr", "not PromQL"),
        ("{alert: A, expr: 'rate(a[5m])[5m:] > 1'}", "expr", "not PromQL"),
        ("{alert: A, expr: sum(a) > 1, for: 5x}", "for", "'5x' is no duration"),
        ("{alert: A, expr: sum(a) > 1, fro: 5m}", "fro", "unknown key; did you mean 'for'?"),
        ("{alert: A}", "expr", "`expr` is missing"),
        ("{expr: sum(a) > 1}", "alert", "`alert` is missing"),
        ("{alert: A, expr: sum(a) > 1, labels: {x: 5}}", "labels.x", "put it in quotes"),
        (
            '{alert: A, expr: sum(a) > 1, labels: {team: "{{ $labels.team }}"}}',
            "labels",
            "the label 'team' comes from a template",
        ),
    ],
)
def test_a_rule_that_cannot_be_imported_is_named_with_its_place_and_the_reason(
    tmp_path: Path, rule: str, key: str, said: str
) -> None:
    made = translated(tmp_path, "{alert: Good, expr: sum(a) > 1}", rule)

    (problem,) = made.wrong
    assert problem.line == 5
    assert problem.key.startswith("groups[0].rules[1]")
    assert problem.key.endswith(key) or key in ("expr", "alert")
    assert "of group 'shop'" in problem.text
    assert said in problem.text
    # The rest is there for whoever takes it without.
    assert (made.taken, made.alerts) == (1, 2)
    assert "Good" in made.text


def test_a_template_in_a_severity_is_refused_even_by_state(tmp_path: Path) -> None:
    rule = '{alert: A, expr: a > 1, labels: {severity: "{{ $x }}"}}'

    assert translated(tmp_path, rule, way=Way.STATE).taken == 0
    assert translated(tmp_path, rule.replace("severity", "team"), way=Way.STATE).taken == 1


@pytest.mark.parametrize(
    "text", ["a: 1", "groups: 5", "groups: [5]", "groups: [{name: x, rule: 1}]"]
)
def test_what_is_no_rule_file_is_said(tmp_path: Path, text: str) -> None:
    path = tmp_path / "rules.yml"
    path.write_text(text)

    made = translate(path, Wanted(URL), "")

    assert made.text == ""
    assert len(made.wrong) == 1


def test_any_file_is_imported_or_refused_and_never_a_mistake_of_ours(tmp_path: Path) -> None:
    chance = random.Random(11)
    whole = (
        "groups:\n- name: shop\n  interval: 1m\n  rules:\n"
        "  - alert: High\n    expr: sum(rate(errors_total[5m])) > 0.05 and sum(b) >= 1\n"
        "    for: 5m\n    labels: {severity: page}\n"
        "  - record: a:b\n    expr: sum(b)\n"
    )
    path, outcomes = tmp_path / "rules.yml", set()
    for _ in range(400):
        text = list(whole)
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(len(text))
            text[at : at + chance.randint(0, 4)] = chance.choice([*":-[]{}()>= #\"'", "\n", "x"])
        path.write_text("".join(text))
        try:
            made = translate(path, Wanted(URL), "")
        except ConfigProblems:
            outcomes.add("no file")
        else:
            outcomes.add("refused" if made.wrong else "imported")

    assert outcomes == {"no file", "refused", "imported"}


def test_what_yaml_would_read_as_something_else_is_quoted(tmp_path: Path) -> None:
    made = translated(
        tmp_path,
        "{alert: 'on', expr: 'sum(a) > 1'}",
        "{alert: '1e5', expr: 'sum(b{x=\"# y: z\"}) > 1'}",
        "{alert: 'null', expr: \"sum(\\n  c\\n) > 1\"}",
        target="0o17",
    )
    target = loaded(made, tmp_path)

    assert target.name == "0o17"
    assert [trigger.name for trigger in target.triggers] == ["on", "1e5", "null"]
    assert [spec.ask["query"] for spec in target.signals.values()] == [
        "sum(a)",
        'sum(b{x="# y: z"})',
        "sum(\n  c\n)",
    ]
