"""`status`: first, for each target, whether it would act now, or each reason why not."""

from pathlib import Path
from typing import Any

from watchdog.cli.asking import NotRunningError, ask
from watchdog.cli.options import AsJson, JournalOption, OptionalFiles, SocketOption
from watchdog.cli.output import complain, say, say_json
from watchdog.cli.status_text import text


def status(
    *,
    files: OptionalFiles = None,
    socket: SocketOption = None,
    journal: JournalOption = None,
    as_json: AsJson = False,
) -> None:
    """Say whether each target would act now, and what it sees.

    Without a daemon, say what the journal has on record.
    """
    from watchdog.app.loading import daemon_settings

    settings = daemon_settings(files or ())
    # The socket of a journal that is named alone is where it is by default.
    beside = str(journal.with_suffix(".sock")) if journal else settings.socket
    try:
        found = ask(str(socket or beside), "status")
    except NotRunningError as error:
        if not as_json:
            complain(f"{error}\n")
        found = _remembered(journal or Path(settings.journal), files or [])
    if as_json:
        say_json(found)
    else:
        say(text(found))


def _remembered(journal: Path, files: list[Path]) -> dict[str, Any]:
    import asyncio

    from watchdog.app.loading import Files as Named
    from watchdog.app.remembering import remembered
    from watchdog.domain.errors import ConfigError

    try:
        loaded = Named(files).load()
    except ConfigError as error:
        # The journal knows enough to be worth showing all the same.
        complain(f"{error}\n")
        return asyncio.run(remembered(journal, (), 0))
    return asyncio.run(remembered(journal, loaded.targets, loaded.daemon.per_hour))
