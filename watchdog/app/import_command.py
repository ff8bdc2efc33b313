"""From the path of a rule file to the text of a target's file that `check` accepts."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from watchdog.app.checked_text import checked
from watchdog.app.importing import Imported, Wanted, import_rules
from watchdog.app.rule_files import RuleFile, read_rule_file
from watchdog.app.target_text import target_text
from watchdog.config.problems import Problem, in_order
from watchdog.config.reading import read_file

_HEAD = (
    "It tells people and starts nothing: give a trigger a `plan`, and the file a `mode: auto`,",
    "when you trust it.",
)


@dataclass(frozen=True, slots=True)
class Translation:
    """A target's file, and what is to be said about it. `text` is empty where no alert fits."""

    text: str
    taken: int
    alerts: int
    wrong: list[Problem]
    notes: list[str]


def translate(path: Path, wanted: Wanted, target: str) -> Translation:
    """The rule file in `path` as a target's file, named `target` or as its rules say.

    Raises ConfigProblems when it cannot be read, or when `wanted` makes no valid file.
    """
    found = read_rule_file(read_file(path))
    made = import_rules(found, wanted)
    taken, alerts = len(made.triggers), len(made.triggers) + len(found.wrong)
    text, warnings = "", []
    if made.triggers:
        content = _content(made, target or _named(found, path))
        origin = f"From {path.name}: {taken} of {alerts} alerts."
        text = target_text(content, comments=(origin, *_HEAD))
        warnings = checked(text)
    notes = [*found.notes, *warnings]
    return Translation(text, taken, alerts, in_order(found.wrong), notes)


def _content(made: Imported, target: str) -> dict[str, object]:
    return {
        "target": target,
        "mode": "alert-only",
        "sources": made.sources,
        "signals": made.signals,
        "triggers": made.triggers,
    }


def _named(found: RuleFile, path: Path) -> str:
    """The label `target` that most rules have, or the file's name."""
    labels = Counter(rule.labels["target"] for rule in found.rules if "target" in rule.labels)
    wished = labels.most_common(1)[0][0] if labels else path.stem
    name = "".join(
        one if one.isascii() and (one.isalnum() or one in "-_.") else "-" for one in wished
    )
    return name.strip("-_.")[:63] or "imported"
