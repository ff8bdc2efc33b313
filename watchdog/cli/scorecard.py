"""`scorecard`: what each trigger would have done in alert-only mode, and how often rightly."""

from typing import Annotated

import typer

from watchdog.cli.options import AsJson, Files, JournalOption, Speed
from watchdog.cli.output import say, say_json
from watchdog.cli.scorecard_text import text

Since = Annotated[
    str, typer.Option("--since", metavar="TIME", help="How far back, like 7d; default 30d.")
]


def scorecard(
    *,
    files: Files,
    since: Since = "30d",
    journal: JournalOption = None,
    speed: Speed = 1.0,
    as_json: AsJson = False,
) -> None:
    """Say for each trigger how often it would have acted, how often rightly, and if it may."""
    import asyncio
    from pathlib import Path

    from watchdog.app.loading import Files as Named
    from watchdog.app.scorecard import scorecard as found
    from watchdog.domain.errors import ConfigError
    from watchdog.domain.units import parse_duration

    try:
        window = parse_duration(since)
    except ValueError as error:
        raise ConfigError(f"--since: {error}") from None
    loaded = Named(files, speed).load()
    path = journal or Path(loaded.daemon.journal)
    card = asyncio.run(found(path, loaded.targets, window or None))
    if as_json:
        say_json(card)
    else:
        say(text(card, since))
