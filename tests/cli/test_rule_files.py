"""`import` and `export prometheus-rules` as commands: what goes where, and how they end."""

from pathlib import Path

import pytest

from tests.bed.command_line import called
from watchdog.cli.import_rules import of_alert

RULES = """\
groups:
  - name: shop
    rules:
      - {alert: High, expr: sum(a) > 0.5, for: 5m}
      - {alert: Gone, expr: absent(a)}
"""
TARGET = """\
target: shop
sources: {prom: {use: prometheus, url: "http://p"}, web: {use: http, url: "http://w"}}
signals: {errors: {from: prom, query: sum(a)}, healthy: {from: web}}
triggers:
  errors: {signal: errors, above: 1, for: 5m}
"""


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    path = tmp_path / "rules.yml"
    path.write_text(RULES)
    return path


@pytest.fixture
def target(tmp_path: Path) -> Path:
    path = tmp_path / "shop.yaml"
    path.write_text(TARGET)
    return path


def test_nothing_is_imported_while_one_rule_cannot_be(rules: Path) -> None:
    done = called("import", rules)

    assert (done.code, done.out) == (2, "")
    assert f"error: {rules}:5: groups[0].rules[1].expr: alert 'Gone' of group 'shop': " in done.err
    assert "1 of 2 alerts cannot be imported, so nothing was" in done.err


def test_partial_imports_the_rest_and_still_names_what_is_missing(
    rules: Path, tmp_path: Path
) -> None:
    done = called("import", rules, "--partial", "--target", "web", "--url", "http://prom:9")
    imported = tmp_path / "imported.yaml"
    imported.write_text(done.out)

    assert done.code == 0
    assert "alert 'Gone' of group 'shop'" in done.err
    assert done.out.startswith("# From rules.yml: 1 of 2 alerts.\n")
    assert "url: http://prom:9\n" in done.out
    checked = called("check", imported)
    assert checked.code == 0
    assert "ok: target web (alert-only): 1 trigger, 0 plans" in checked.out


def test_a_rule_that_cannot_be_split_is_imported_by_its_state_or_with_a_companion(
    rules: Path,
) -> None:
    by_state = called("import", rules, "--as", "state")
    with_companion = called("import", rules, "--freshness", "Gone=count(up)")

    assert by_state.code == with_companion.code == 0
    assert "use: prometheus_rules" in by_state.out
    assert "volume: count(up)" in with_companion.out


@pytest.mark.parametrize(
    ("option", "alert", "query"),
    [
        ("count(up)", "", "count(up)"),
        ('count(up{job="x"})', "", 'count(up{job="x"})'),
        ("High errors = count(up)", "High errors", "count(up)"),
        ("sum(a) == 1", "", "sum(a) == 1"),
        ("a == 1", "", "a == 1"),
        ('up{job=~"x"}', "", 'up{job=~"x"}'),
    ],
)
def test_a_companion_is_for_one_alert_or_for_all(option: str, alert: str, query: str) -> None:
    assert of_alert(option) == (alert, query)


def test_a_file_of_which_nothing_can_be_imported_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "rules.yml"
    path.write_text("groups: [{name: g, rules: [{record: a, expr: b}]}]")

    done = called("import", path, "--partial")

    assert (done.code, done.out) == (2, "")
    assert "none of its alerts can be imported" in done.err


@pytest.mark.parametrize("text", ["", "a: [}", "- 1", "groups: {a: 1}", "\x00"])
def test_what_is_no_rule_file_is_an_error_with_a_place(tmp_path: Path, text: str) -> None:
    path = tmp_path / "rules.yml"
    path.write_text(text)

    done = called("import", path)

    assert done.code == 2
    assert f"{path}:1: " in done.err


def test_everything_that_has_words_is_exported(target: Path) -> None:
    done = called("export", "prometheus-rules", target)

    assert done.code == 0
    assert "expr: (sum(a)) > 1\n" in done.out
    assert done.err.startswith("lost: every alert: ")


def test_what_has_no_words_is_named_and_is_an_exit_code(target: Path, tmp_path: Path) -> None:
    target.write_text(TARGET + "  down: {signal: healthy, fails: 3}\n")
    written = tmp_path / "out.yml"

    done = called("export", "prometheus-rules", target, "--output", written)

    assert (done.code, done.out) == (1, "")
    said = "missing: shop: trigger down: 3 failed looks with no good one between"
    assert said in done.err.splitlines()
    assert f"# {said}" in written.read_text().splitlines()


def test_the_way_back_in_the_documentation_is_a_valid_target(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs/rule-files.md").read_text()
    example = page.partition("# shop.yaml")[2].partition("```")[0].partition("\n")[2]
    plan = "undo: {steps: [{use: command, with: {argv: [undo]}, repeat: once}]"
    path = tmp_path / "shop.yaml"
    path.write_text(
        f"target: shop\n{example}plans: {{{plan}, verify: [{{signal: healthy, is: ok}}]}}}}\n"
    )

    assert called("check", "--strict", path).code == 0


def test_a_file_that_cannot_be_written_is_an_error(target: Path, tmp_path: Path) -> None:
    done = called("export", "prometheus-rules", target, "--output", tmp_path / "no" / "out.yml")

    assert done.code == 2
    assert "out.yml cannot be written: no such file or directory" in done.err
