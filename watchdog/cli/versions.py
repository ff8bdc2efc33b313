"""`versions` and `release-version`: what is known of each version, and lifting a quarantine."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from watchdog.cli.asking import ask, socket_of
from watchdog.cli.options import AsJson, JournalOption, OptionalFiles, Reason, SocketOption
from watchdog.cli.output import columns, say, say_json

Version = Annotated[str, typer.Argument(metavar="VERSION", help="The version, as it was told.")]
OneTarget = Annotated[str, typer.Option("--target", metavar="NAME", help="Which target.")]
Named = Annotated[str, typer.Option("--by", metavar="NAME", help="Your name; it is recorded.")]


def versions(
    *, files: OptionalFiles = None, journal: JournalOption = None, as_json: AsJson = False
) -> None:
    """List the versions of each target: which runs, which are good, which are quarantined."""
    import asyncio

    from watchdog.app.known_versions import known_versions
    from watchdog.app.loading import journal_path

    path: Path = journal or journal_path(files)
    found = asyncio.run(known_versions(path))
    if as_json:
        say_json(found)
    else:
        say(text(found))


def release_version(
    *,
    version: Version,
    target: OneTarget,
    by: Named,
    reason: Reason,
    files: OptionalFiles = None,
    socket: SocketOption = None,
    as_json: AsJson = False,
) -> None:
    """Lift the quarantine of a version that was rolled back from."""
    arguments = {"target": target, "version": version, "by": by, "reason": reason}
    answer = ask(socket_of(files, socket), "release-version", arguments)
    if as_json:
        say_json(answer)
    else:
        say(answer["done"])


def text(found: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """A table a target, the newest version first."""
    if not found:
        return "nobody has told of a version yet"
    lines: list[str] = []
    for target, known in found.items():
        rows = [_row(one) for one in known]
        lines += [*([""] if lines else []), f"{target}:", columns(rows)]
    return "\n".join(lines)


def _row(one: Mapping[str, Any]) -> tuple[str, ...]:
    place = "runs" if one["running"] else "before" if one["previous"] else ""
    return one["version"], place, one["standing"], one["last_change"] or "", one["why"]
