"""`export`: writes the triggers in the words of other programs."""

from pathlib import Path
from typing import Annotated

import typer

from watchdog.cli.exits import Exit
from watchdog.cli.options import Files
from watchdog.cli.output import complain, say
from watchdog.domain.errors import ConfigError

app = typer.Typer(
    help="Write the triggers for other programs.", no_args_is_help=True, rich_markup_mode=None
)

Output = Annotated[
    Path | None,
    typer.Option("--output", metavar="PATH", help="The file to write; without it, it is printed."),
]


@app.callback()
def export() -> None:
    """Write the triggers for other programs."""


@app.command("prometheus-rules")
def prometheus_rules(*, files: Files, output: Output = None) -> None:
    """Write the triggers as alerts of Prometheus; what has no words there is named."""
    from watchdog.app.exporting import export_rules
    from watchdog.app.loading import Files as Named

    exported = export_rules(Named(files).load().targets)
    for text in exported.lost:
        typer.echo(f"lost: {text}", err=True)
    for text in exported.missing:
        typer.echo(f"missing: {text}", err=True)
    if output is None:
        say(exported.text.rstrip("\n"))
    else:
        _write(output, exported.text)
    if exported.missing:
        complain(f"{len(exported.missing)} triggers have no words in a rule file")
        raise typer.Exit(Exit.NO)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ConfigError(f"{path} cannot be written: {reason}") from error
