"""Arguments and options that several commands share, and what they stand for."""

import os
import pwd
from pathlib import Path
from typing import Annotated

import typer

Files = Annotated[
    list[Path],
    typer.Argument(metavar="FILE…", help="A target's file, or the daemon's, or several."),
]
OptionalFiles = Annotated[
    list[Path] | None,
    typer.Argument(metavar="[FILE…]", help="The files that the daemon was started with."),
]
PlanName = Annotated[str, typer.Argument(metavar="PLAN", help="The name of a plan.")]
TargetOption = Annotated[
    str, typer.Option("--target", metavar="NAME", help="Which target, where there are several.")
]
JournalOption = Annotated[
    Path | None, typer.Option("--journal", metavar="PATH", help="The journal's file.")
]
SocketOption = Annotated[
    Path | None, typer.Option("--socket", metavar="PATH", help="The daemon's socket.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for a machine.")]
Speed = Annotated[
    float,
    typer.Option("--speed", metavar="N", min=1.0, help="Divide every duration of the files by N."),
]
By = Annotated[
    str, typer.Option("--by", metavar="NAME", help="Who asks; without it, the system's user.")
]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it is recorded.")]


def by_or_user(by: str) -> str:
    """The name given, or that of the user as the system knows it."""
    if by.strip():
        return by.strip()
    uid = os.getuid()
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"
