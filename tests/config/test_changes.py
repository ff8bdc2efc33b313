"""`changes:` and the keys of a plan that ask what changed."""

import re
from pathlib import Path

import pytest

from tests.config.small_plugins import MINIMAL, Files
from watchdog import catalog
from watchdog.config.loading import load_files
from watchdog.domain.target import ChangeRules, ChangeSourceSpec

ROOT = Path(__file__).parents[2]
CHANGES = """
changes:
  webhook: {token: {env: CI_TOKEN}}
  from:
    - {use: file, path: /var/lib/deploys}
    - {use: http_json, url: "http://deploys/", every: 1m}
    - {use: file, path: /var/lib/others}
  within: 6h
  bake: 10m
"""
RETURNS = MINIMAL.replace("    steps:", "    returns_to: previous\n    steps:")


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def test_what_is_written_is_what_the_target_goes_by(files: Files) -> None:
    rules = files.target(RETURNS, CHANGES).changes

    assert rules == ChangeRules(
        sources=(
            ChangeSourceSpec("file", "file", {"path": "/var/lib/deploys"}, 30.0),
            ChangeSourceSpec("http_json", "http_json", {"url": "http://deploys/"}, 60.0),
            ChangeSourceSpec("file_2", "file", {"path": "/var/lib/others"}, 30.0),
        ),
        token={"env": "CI_TOKEN"},
        within=6 * 3600.0,
        bake=600.0,
    )


def test_nothing_is_asked_unless_the_file_says_so(files: Files) -> None:
    target = files.target(MINIMAL)

    assert target.changes is None
    assert [plan.returns_to for plan in target.plans.values()] == ["none"]
    assert not any(plan.requires_change for plan in target.plans.values())


def test_a_faster_run_has_a_shorter_window_and_bake(files: Files) -> None:
    files.write("a.yaml", RETURNS, CHANGES)
    rules = files.load("a.yaml", speed=60).targets[0].changes

    assert rules is not None
    assert (rules.within, rules.bake, rules.sources[0].every) == (360.0, 10.0, 0.5)


@pytest.mark.parametrize("word", ["none", "previous", "last_good", "v1.2.3", "sha256:0a1b"])
def test_a_plan_returns_to_one_of_these(files: Files, word: str) -> None:
    (plan,) = files.target(RETURNS.replace("previous", word), CHANGES).plans.values()

    assert plan.returns_to == word
    assert plan.judges_version is (word != "none")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ("changes: {}", "nobody tells of changes"),
        ("changes: {from: []}", "nobody tells of changes"),
        ("changes: {from: [{use: rumour}]}", "there is no 'rumour'"),
        ("changes: {from: [{use: file}]}", "path"),
        ("changes: {from: [{use: file, path: /x, pth: /y}]}", "pth"),
        ("changes: {webhook: {token: geheim}}", "must not stand in a file"),
        ("changes: {webhook: {}}", "token"),
        ("changes: {from: [{use: http_json, url: 'http://x/', auth: who}]}", "no auth profile"),
        ("changes: {from: [{use: file, path: /x}], within: 0s}", "within"),
        ("changes: {from: [{use: file, path: /x}], within: 7200}", "unit"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(files: Files, changes: str, problem: str) -> None:
    said = files.problems(RETURNS, changes)

    assert [line for line in said if problem in line and line.startswith("a.yaml:")] != []


def test_what_is_no_version_is_no_place_to_return_to(files: Files) -> None:
    (said,) = files.problems(RETURNS.replace("previous", "'-rf /'"), CHANGES)

    assert "plans.undo.returns_to" in said
    assert "'-rf /' is no version" in said


def test_a_step_cannot_name_a_version_that_nobody_tells_of(files: Files) -> None:
    named = RETURNS.replace("[kubectl, rollout, undo]", "[deploy, '{{ run.to_version }}']")

    (said,) = files.problems(named)

    assert "no version to return to is ever known" in said
    assert files.target(named, CHANGES).plans


def of_changes(warnings: list[str]) -> list[str]:
    return [one for one in warnings if "changes`" in one or "returns_to" in one]


def test_what_is_not_checked_is_warned_of(files: Files) -> None:
    once = MINIMAL.replace("plan: undo}\n  down", "plan: undo, once_per: version}\n  down")

    (returns,) = of_changes(files.warnings(RETURNS))
    (triggers,) = of_changes(files.warnings(once))

    assert "plans.undo.returns_to" in returns
    assert "no_recent_change" in returns
    assert "triggers.errors-high.once_per" in triggers
    assert of_changes(files.warnings(RETURNS, CHANGES)) == []


def test_changes_that_no_plan_asks_for_are_warned_of(files: Files) -> None:
    (warning,) = of_changes(files.warnings(MINIMAL, CHANGES))

    assert "no plan asks what changed" in warning


def test_the_example_of_the_page_loads(tmp_path: Path) -> None:
    page = (ROOT / "docs/changes.md").read_text()
    example = re.findall(r"```yaml\n(target:.*?)```", page, re.DOTALL)[0]
    (tmp_path / "shop.yaml").write_text(example)

    loaded = load_files([tmp_path / "shop.yaml"], catalog, environ={})

    assert [problem.text for problem in loaded.warnings] == []
