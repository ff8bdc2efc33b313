"""`schema`: prints the JSON Schema of the files, for editors."""

from typing import Annotated, Literal

import typer

from watchdog.cli.output import say

Kind = Annotated[
    Literal["target", "daemon"], typer.Argument(help="A target's file, or the daemon's own.")
]


def schema(kind: Kind = "target") -> None:
    """Print the JSON Schema of a file."""
    from watchdog.config.json_schema import json_schemas

    say(json_schemas()[f"{kind}.schema.json"].rstrip())
