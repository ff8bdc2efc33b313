from pathlib import Path

import pytest

from tests.config.small_plugins import MINIMAL, SOURCES, Files

TABLE = Path(__file__).with_name("refused.txt")


def trigger(entry: str) -> str:
    return MINIMAL.replace("{signal: errors, above: 1%, for: 5m, plan: undo}", entry)


def plan(lines: str) -> str:
    """A plan of its own in a file where the rest is right; its first key is on line 13."""
    indented = "".join(f"    {line}\n" for line in lines.split(" | "))
    return MINIMAL.split("plans:")[0] + "plans:\n  undo:\n" + indented


def step(entry: str) -> str:
    return plan(f"steps: [{entry}]")


def check(entry: str) -> str:
    return step(f"{{check: {entry}}}")


def top(line: str) -> str:
    return MINIMAL + line


PLACES = {"trigger": trigger, "plan": plan, "step": step, "check": check, "top": top}


def cases() -> list[tuple[str, list[str]]]:
    found: list[tuple[str, list[str]]] = []
    for line in TABLE.read_text().splitlines():
        if line.startswith("  "):
            found[-1][1].append(f"a.yaml:{line.strip()}")
        elif line and not line.startswith("#"):
            found.append((line, []))
    return found


@pytest.mark.parametrize(("entry", "said"), cases())
def test_what_cannot_work_is_refused_with_its_place(
    files: Files, entry: str, said: list[str]
) -> None:
    place, _, written = entry.partition(" ")

    assert files.problems(PLACES[place](written)) == said


def test_everything_wrong_in_a_file_is_said_at_once(files: Files) -> None:
    said = files.problems(
        """
        target: checkout
        mode: automatic
        sources:
          metrics: {use: prometheus, ulr: "http://prometheus:9090"}
          health: {use: htp, url: "http://checkout:8080/health"}
        signals:
          errors: {from: metrcs, query: a, on_no_data: ok}
        triggers:
          high: {signal: error, above: 1 %%, for: 5, plan: unod}
        plan: {}
        plans:
          undo:
            steps:
              - {use: command, with: {argv: kubectl, env: {TOKEN: abc}}}
              - {use: http, with: {url: "${NOWHERE}/x", json: {at: "{{ run.time }}"}}}
            verify: [{signal: errors, below: 1%, sample: 3}]
        """
    )

    assert said == [
        "a.yaml:2: mode: 'automatic' is not known here; write 'alert-only', 'approve' or 'auto'",
        "a.yaml:4: sources.metrics.url: is missing; add it",
        "a.yaml:4: sources.metrics.ulr: unknown key; did you mean 'url'?",
        f"a.yaml:5: sources.health.use: there is no 'htp'; known: {', '.join(SOURCES)}",
        "a.yaml:7: signals.errors.from: there is no source 'metrcs'; did you mean 'metrics'?",
        "a.yaml:9: triggers.high.signal: there is no signal 'error'; did you mean 'errors'?",
        "a.yaml:9: triggers.high.above: '%%' is no unit; write the number like 0.5, 10% or 3s",
        "a.yaml:9: triggers.high.for: a duration needs a unit; write it like 90s, 1h30m or 500ms",
        "a.yaml:9: triggers.high.plan: there is no plan 'unod'; did you mean 'undo'?",
        "a.yaml:10: plan: unknown key; did you mean 'plans'?",
        "a.yaml:14: plans.undo.steps[0].with.argv: is 'kubectl', but should be a list [one, two]",
        (
            "a.yaml:14: plans.undo.steps[0].with.env.TOKEN: a secret must not stand in a file; "
            "write {env: NAME} or {file: PATH}"
        ),
        (
            "a.yaml:15: plans.undo.steps[1].with.url: the variable NOWHERE is not set; "
            "set it in the environment, or write the address out"
        ),
        (
            "a.yaml:15: plans.undo.steps[1].with.json.at: there is no variable 'run.time'; "
            "did you mean 'run.trigger'?"
        ),
        "a.yaml:16: plans.undo.verify[0].sample: unknown key; did you mean 'samples'?",
    ]
