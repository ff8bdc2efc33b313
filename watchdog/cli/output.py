"""Text for a person and JSON for a machine, on standard output; errors go to the other one."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence

import typer


def say(text: str = "") -> None:
    """A line, or lines."""
    typer.echo(text)


def complain(text: str) -> None:
    """A line on standard error, as the program."""
    typer.echo(f"rollback-watchdog: {text}", err=True)


def say_json(value: object) -> None:
    """`value` as indented JSON. What JSON cannot hold, such as NaN, stands as text."""
    say(json.dumps(finite(value), indent=2, ensure_ascii=False, default=str, allow_nan=False))


def finite(value: object) -> object:
    """`value` with the numbers that JSON lacks as text."""
    if isinstance(value, float) and value - value != 0:
        return str(value)
    if isinstance(value, Mapping):
        return {key: finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [finite(inner) for inner in value]
    return value


def columns(rows: Iterable[Sequence[str]], indent: str = "  ") -> str:
    """`rows` as a table with aligned columns, each line after `indent`."""
    table = [list(row) for row in rows]
    count = max(map(len, table), default=0)
    widths = [max((len(row[i]) for row in table if i < len(row)), default=0) for i in range(count)]
    lines = (
        indent + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False))
        for row in table
    )
    return "\n".join(line.rstrip() for line in lines)


def is_terminal() -> bool:
    """Whether a person can be asked."""
    return sys.stdin.isatty() and sys.stdout.isatty()
