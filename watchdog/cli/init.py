"""`init`: a first file for a service that a Prometheus scrapes."""

from typing import Annotated

import typer

from watchdog.cli.output import say

Prometheus = Annotated[
    str, typer.Option("--prometheus", metavar="URL", help="The Prometheus that scrapes it.")
]
Job = Annotated[
    str,
    typer.Option("--job", metavar="NAME", help="Its job there; not needed where there is one."),
]
Rollback = Annotated[
    str,
    typer.Option(
        "--rollback",
        metavar="COMMAND",
        help="What returns it to the version before; it is written down, not run.",
    ),
]


def init(*, prometheus: Prometheus, job: Job = "", rollback: Rollback = "") -> None:
    """Print a first file for a service that your Prometheus scrapes, in alert-only mode."""
    from watchdog.app.first_file import first_file

    made = first_file(prometheus, job, rollback)
    for note in made.notes:
        typer.echo(f"note: {note}", err=True)
    say(made.text.rstrip("\n"))
