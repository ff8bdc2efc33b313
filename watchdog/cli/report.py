"""`report`: the report of a run, from the journal alone."""

from pathlib import Path
from typing import Annotated

import typer

from watchdog.cli.options import JournalOption, OptionalFiles
from watchdog.cli.output import say

Run = Annotated[str, typer.Argument(metavar="RUN", help="The name of a run, or `last`.")]
To = Annotated[
    Path | None,
    typer.Option("--to", metavar="FOLDER", help="Write it there, with its picture, instead."),
]


def report(
    *, run: Run, files: OptionalFiles = None, journal: JournalOption = None, to: To = None
) -> None:
    """Print the incident report of a run, as Markdown."""
    import asyncio

    from watchdog.app.loading import journal_path
    from watchdog.app.reporting import report_text, write_report

    path = journal or journal_path(files)
    if to is None:
        say(asyncio.run(report_text(path, run)))
    else:
        say(asyncio.run(write_report(path, run, to.resolve())))
