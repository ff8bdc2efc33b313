"""docs/cli.md says what the program says of itself: every command, option and exit code."""

import re
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any, get_args

import pytest
import typer
from typer.main import get_command

from watchdog.cli.demo import demo
from watchdog.cli.exits import MEANINGS, Exit
from watchdog.cli.main import app

PAGE = (Path(__file__).parents[2] / "docs/cli.md").read_text()
_OF_EVERY_COMMAND = {"help", "install_completion", "show_completion"}


def command_rows() -> Iterator[str]:
    for name, command in commands():
        yield f"| `{name}` | {first_sentence(command.help)} |"


def option_rows() -> Iterator[str]:
    for name, command in commands():
        for parameter in command.params:
            if parameter.name not in _OF_EVERY_COMMAND:
                needed = " Required." if parameter.required else ""
                yield f"| `{name}` | `{written(parameter)}` | {parameter.help}{needed} |"


def exit_rows() -> Iterator[str]:
    for code in Exit:
        yield f"| {code.value} | {MEANINGS[code]} |"


def commands() -> Iterator[tuple[str, Any]]:
    """Every command with its whole name, those of a group after the group's."""
    yield from _below("", get_command(app))
    door = typer.Typer()
    door.command("demo")(demo)
    yield "demo", get_command(door)


def _below(prefix: str, group: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 (typer's own click)
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _below(f"{prefix}{name} ", command)
        elif name != "demo":
            yield prefix + name, command


def first_sentence(text: str) -> str:
    return text.strip().partition("\n\n")[0].replace("\n", " ")


def written(parameter: Any) -> str:  # noqa: ANN401 (typer's own click)
    """As a person types it."""
    if parameter.param_type_name == "argument":
        return str(parameter.metavar or choices(parameter))
    names = "/".join((*parameter.opts[:1], *parameter.secondary_opts))
    value = "" if parameter.is_flag else f" {parameter.metavar or choices(parameter)}"
    return names + value


def choices(parameter: Any) -> str:  # noqa: ANN401 (typer's own click)
    kind = parameter.type_descriptor.annotation
    if isinstance(kind, type) and issubclass(kind, Enum):
        return " or ".join(str(member.value) for member in kind)
    return " or ".join(map(str, get_args(kind)))


def rows_of(heading: str) -> set[str]:
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    body = section.partition("| --- |")[2]
    return set(re.findall(r"^\| .*\|$", body, re.MULTILINE)) - set(
        re.findall(r"^\| ---.*$", body, re.MULTILINE)
    )


@pytest.mark.parametrize(
    ("heading", "rows"),
    [
        ("Commands", list(command_rows())),
        ("Options", list(option_rows())),
        ("Exit codes", list(exit_rows())),
    ],
)
def test_the_page_has_exactly_the_rows_of_the_program(heading: str, rows: list[str]) -> None:
    assert rows_of(heading) == set(rows)


def test_every_option_says_what_it_is_for() -> None:
    assert [row for row in option_rows() if row.endswith(("| None |", "|  |"))] == []


def test_every_exit_code_that_is_given_has_a_meaning() -> None:
    assert set(MEANINGS) == set(Exit)
