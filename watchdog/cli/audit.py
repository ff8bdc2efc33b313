"""`audit verify`: proves that no record of the journal was touched."""

from pathlib import Path
from typing import Annotated

import typer

from watchdog.cli.exits import Exit
from watchdog.cli.options import AsJson, JournalOption, OptionalFiles
from watchdog.cli.output import say, say_json

app = typer.Typer(
    help="Check the journal's chain of hashes.", no_args_is_help=True, rich_markup_mode=None
)

Anchor = Annotated[
    str, typer.Option("--anchor", metavar="SEQ:HASH", help="A head that was kept elsewhere.")
]

Archive = Annotated[
    Path | None,
    typer.Option("--archive", metavar="FOLDER", help="Prove what retention took away, too."),
]


@app.callback()
def audit() -> None:
    """Check the journal's chain of hashes."""


@app.command("verify")
def verify(
    *,
    files: OptionalFiles = None,
    journal: JournalOption = None,
    anchor: Anchor = "",
    archive: Archive = None,
    as_json: AsJson = False,
) -> None:
    """Say whether every record is as it was written; also beside a running daemon."""
    from dataclasses import asdict

    from watchdog.adapters.audit import verify as verified
    from watchdog.app.loading import journal_path

    path = journal or journal_path(files)
    found = verified(path, anchor, archive=archive)
    if as_json:
        say_json({"journal": str(path), "anchored": bool(anchor), **asdict(found)})
    elif found.ok:
        say(f"ok: {found.records} records of {path} are as they were written")
        if found.removed:
            where = "and are in the archive as they were" if archive else "by retention, under seal"
            say(f"{found.removed} older ones were removed, {where}")
        if not anchor:
            say(
                "note: a chain cut off at its end still holds; keep the head below elsewhere, "
                "and give it as --anchor next time"
            )
        say(f"head: {found.head}")
    else:
        say(f"NOT INTACT: {path}: {found.problem}")
        say(f"the {found.records} records before that are as they were written")
    if not found.ok:
        raise typer.Exit(Exit.NO)
