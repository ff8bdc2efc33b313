"""`check`: reads files and says everything that is wrong in them."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from watchdog.cli.exits import Exit
from watchdog.cli.options import AsJson, Files
from watchdog.cli.output import say, say_json

if TYPE_CHECKING:
    from watchdog.config.loading import Loaded
    from watchdog.config.problems import Problem

Strict = Annotated[bool, typer.Option("--strict", help="A warning is exit code 1.")]


def check(*, files: Files, strict: Strict = False, as_json: AsJson = False) -> None:
    """Say everything that is wrong in the files, with its place."""
    from watchdog.app.loading import Files as Named
    from watchdog.config.problems import ConfigProblems

    try:
        loaded = Named(files).load()
    except ConfigProblems as error:
        _tell_errors(error.problems, as_json)
        raise typer.Exit(Exit.USAGE) from None
    if as_json:
        say_json({"ok": True, "problems": [], **_summary(loaded)})
    else:
        _tell(loaded)
    if strict and loaded.warnings:
        raise typer.Exit(Exit.NO)


def _tell_errors(problems: "Sequence[Problem]", as_json: bool) -> None:
    if as_json:
        wrong = [asdict(problem) for problem in problems]
        say_json({"ok": False, "problems": wrong, "warnings": [], "targets": []})
        return
    for problem in problems:
        say(f"error: {problem}")
    say(f"{len(problems)} {'error' if len(problems) == 1 else 'errors'}; nothing was started")


def _summary(loaded: "Loaded") -> dict[str, object]:
    return {
        "warnings": [asdict(problem) for problem in loaded.warnings],
        "targets": [
            {
                "target": target.name,
                "file": target.file,
                "mode": target.mode.value,
                "triggers": len(target.triggers),
                "plans": {plan.name: plan.hash for plan in target.plans.values()},
            }
            for target in loaded.targets
        ],
    }


def _tell(loaded: "Loaded") -> None:
    for warning in loaded.warnings:
        say(f"warning: {warning}")
    for target in loaded.targets:
        armed = f", armed by {target.armed_by}" if target.armed_by else ""
        say(
            f"ok: target {target.name} ({target.mode.value}{armed}): "
            f"{_count(len(target.triggers), 'trigger')}, {_count(len(target.plans), 'plan')}"
        )
    if not loaded.targets:
        say("ok: no target")


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
