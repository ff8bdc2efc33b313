"""The oracle: in which slots `promtool test rules` has each alert firing."""

import json
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.differential.rules import EVERY, OPS, SLOTS, Rule

Firing = tuple[bool, ...]
_TIME = re.compile(r"^ {4}expr: .*, time: (\S+),$")
_ALERT = re.compile(r'alertname="A(\d+)"')
_PART = re.compile(r"(\d+)([hms])")
_SECONDS = {"h": 3600, "m": 60, "s": 1}
_LIMIT = 60


def firing(program: str, folder: Path, rules: Sequence[Rule]) -> list[Firing]:
    """One yes or no a slot for each of `rules`, as the real program evaluates them."""
    (folder / "rules.json").write_text(json.dumps(_rule_file(rules)))
    (folder / "tests.json").write_text(json.dumps(_test_file(rules)))
    done = subprocess.run(
        [program, "test", "rules", "tests.json"],
        capture_output=True,
        check=False,
        cwd=folder,
        text=True,
        timeout=_LIMIT,
    )
    # It is asked to find nothing firing, so that it says what does.
    assert "parse error" not in done.stderr + done.stdout, done.stderr[:2000]
    slots = _slots(done.stdout + done.stderr)
    return [tuple(rule.number in slots.get(slot, ()) for slot in range(SLOTS)) for rule in rules]


def _rule_file(rules: Sequence[Rule]) -> object:
    alerts = [
        {
            "alert": f"A{rule.number}",
            "expr": f"s{rule.number} {OPS[rule.op]} {rule.condition.limit}",
            "for": f"{rule.hold}s",
            "keep_firing_for": f"{rule.keep_firing_for}s",
        }
        for rule in rules
    ]
    return {"groups": [{"name": "all", "rules": alerts}]}


def _test_file(rules: Sequence[Rule]) -> object:
    asked = [
        {"expr": 'ALERTS{alertstate="firing"}', "eval_time": f"{slot * EVERY}s", "exp_samples": []}
        for slot in range(SLOTS)
    ]
    series = [{"series": f"s{rule.number}", "values": " ".join(rule.words)} for rule in rules]
    test = {"interval": f"{EVERY}s", "input_series": series, "promql_expr_test": asked}
    return {"rule_files": ["rules.json"], "evaluation_interval": f"{EVERY}s", "tests": [test]}


def _slots(output: str) -> dict[int, set[int]]:
    """The numbers of the alerts that fire in each slot."""
    found: dict[int, set[int]] = {}
    slot = -1
    for line in output.splitlines():
        if time := _TIME.match(line):
            seconds = sum(int(n) * _SECONDS[unit] for n, unit in _PART.findall(time[1]))
            slot = seconds // EVERY
        elif line.startswith("        got:"):
            found[slot] = {int(number) for number in _ALERT.findall(line)}
    return found
