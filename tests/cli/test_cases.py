"""`test`: cases that pass, cases that fail, and files that are wrong."""

from pathlib import Path

import pytest

from tests.bed.command_line import Said, called

ROOT = Path(__file__).parents[2]
EDGES = ROOT / "tests/cases/edges.target.yaml"
VARIABLES = {
    "BASE_URL": "http://127.0.0.1:8080",
    "PROMETHEUS_URL": "http://127.0.0.1:9090",
    "ADMIN_TOKEN": "unused",
    "INTERNAL_URL": "http://127.0.0.1:8081",
    "PUBLIC_URL": "http://127.0.0.1:8080",
}
FIVE_PERCENT = """
tests:
  - name: five percent
    input: [{signal: errors, values: 1 9x200}]
    expect:
      - {at: 10s, trigger: errors-high, state: STATE}
"""


@pytest.fixture
def surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "cases.yaml"
    file.write_text(text)
    return file


def played(tmp_path: Path, text: str, *words: str) -> Said:
    return called("test", EDGES, written(tmp_path, text), *words)


@pytest.mark.usefixtures("surroundings")
@pytest.mark.parametrize(
    ("target", "cases", "count"),
    [
        ("config/hybrid-routing/watchdog.yaml", "config/hybrid-routing/cases.yaml", 13),
        ("config/agent-platform/watchdog.yaml", "config/agent-platform/cases.yaml", 4),
        ("tests/cases/edges.target.yaml", "tests/cases/edges.cases.yaml", 8),
    ],
)
def test_every_case_comes_out_as_it_must(target: str, cases: str, count: int) -> None:
    done = called("test", ROOT / target, ROOT / cases)

    assert done.code == 0, done.out
    assert done.out.splitlines()[-1] == f"{count} passed, 0 failed"


def test_a_case_that_fails_says_where_what_and_what_happened(tmp_path: Path) -> None:
    done = played(tmp_path, FIVE_PERCENT.replace("STATE", "firing"))

    file = tmp_path / "cases.yaml"
    assert done.code == 1
    assert done.out.splitlines() == [
        f"FAIL  five percent ({file}:3)",
        f"      {file}:6: at 10s errors-high: state is pending, expected firing",
        "             1s  errors-high: pending",
        "          2m 1s  errors-high: firing at 9 %",
        "          2m 1s  errors-high: decided about plan undo: alert_only",
        "0 passed, 1 failed",
    ]


def test_a_case_that_passes_says_what_happened_when_asked_to(tmp_path: Path) -> None:
    done = played(tmp_path, FIVE_PERCENT.replace("STATE", "pending"), "--verbose")

    assert done.code == 0
    assert "errors-high: firing at 9 %" in done.out
    assert done.out.startswith("ok    five percent\n")


def test_the_outcome_is_json_for_a_machine(tmp_path: Path) -> None:
    done = played(tmp_path, FIVE_PERCENT.replace("STATE", "firing"), "--json")

    assert done.code == 1
    assert done.json["ok"] is False
    (case,) = done.json["cases"]
    assert case["missed"] == [
        {
            "line": 6,
            "at": 10.0,
            "trigger": "errors-high",
            "what": "state",
            "expected": "firing",
            "got": "pending",
        }
    ]
    assert case["timeline"][0] == {"at": 1.0, "text": "errors-high: pending"}


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("expect:", "expects:", ":5: tests[0].expects: unknown key; did you mean 'expect'?"),
        ("state: STATE", "stat: firing", "stat: unknown key; did you mean 'state'?"),
        ("errors-high", "error-high", "no trigger 'error-high'; did you mean 'errors-high'?"),
        ("signal: errors", "signal: error", "no signal 'error'; did you mean 'errors'?"),
        ("signal: errors", "signal: errors/volume", "signal 'errors' has no volume"),
        ("signal: errors", "signal: '{a}'", "'{a}' names no signal; write NAME, NAME/volume or"),
        ("9x200", "nein", "'nein' is no value; write a number, axn"),
        ("STATE", "burning", "'burning' is not known here; write 'inactive', 'pending'"),
        ("10s", "10", "write it like 0s, 90s or 1h30m"),
        ("errors-high", "slow", "no input for trigger 'slow'; add one for signal mean"),
        ("expect:", "decisions:", "state: unknown key"),
        (", state: STATE", "", "expects nothing; add state, verdict, reason or blind"),
        ("9x200", "9x999999999999", "'9x999999999999' makes more than 200000 values"),
        ("at: 10s", "at: 400000d", ":3: tests[0]: takes more than 200000 looks to play"),
        ("tests:", "target: bank\ntests:", ":2: target: there is no target 'bank'; there are: "),
        (
            "    expect:",
            "    restart_at: [{at: 1m, downtime: 2m}, 2m]\n    expect:",
            ":5: tests[0].restart_at[1]: it is down until 3m already; let it die after that",
        ),
    ],
)
def test_what_is_wrong_in_a_file_of_cases_is_said_with_its_place(
    tmp_path: Path, before: str, after: str, said: str
) -> None:
    done = played(tmp_path, FIVE_PERCENT.replace(before, after).replace("STATE", "firing"))

    assert done.code == 2
    assert f"{tmp_path / 'cases.yaml'}:" in done.err
    assert said in done.err


@pytest.mark.parametrize(
    ("decision", "said"),
    [
        ("decision: ackt", "'ackt' is no decision; did you mean 'act'?"),
        ("decision: act, plan: redo", "there is no plan 'redo'; known: undo"),
    ],
)
def test_decisions_are_those_that_there_are(tmp_path: Path, decision: str, said: str) -> None:
    text = FIVE_PERCENT.partition("    expect:")[0]
    text += f"    decisions: [{{at: 1m, trigger: errors-high, {decision}}}]\n"

    assert said in played(tmp_path, text).err


def test_a_case_that_asks_for_nothing_proves_nothing(tmp_path: Path) -> None:
    done = played(tmp_path, FIVE_PERCENT.partition("    expect:")[0])

    assert done.code == 2
    assert "a case without `expect` and `decisions` proves nothing" in done.err
