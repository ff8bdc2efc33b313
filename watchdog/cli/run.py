"""`run`: the daemon, or one look for a script."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from watchdog.cli.exits import Exit
from watchdog.cli.options import AsJson, Files, Speed
from watchdog.cli.output import columns, say, say_json
from watchdog.domain.errors import ConfigError

if TYPE_CHECKING:
    from watchdog.app.loading import Files as Named
    from watchdog.app.looking import Seen

Once = Annotated[bool, typer.Option("--once", help="Look once, print, do nothing, and end.")]
LogFormat = Annotated[
    Literal["json", "console"] | None,
    typer.Option("--log-format", help="How the log looks; without it, as the daemon's file says."),
]

AcceptOlder = Annotated[
    bool,
    typer.Option("--accept-older-journal", help="Go on with a journal that was put back."),
]
AcceptedBy = Annotated[str, typer.Option("--by", metavar="NAME", help="Who accepts that.")]
Why = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it is recorded.")]


def run(
    *,
    files: Files,
    once: Once = False,
    speed: Speed = 1.0,
    log_format: LogFormat = None,
    accept_older_journal: AcceptOlder = False,
    by: AcceptedBy = "",
    reason: Why = "",
    as_json: AsJson = False,
) -> None:
    """Watch the targets, and act where they are armed: the daemon."""
    import asyncio

    from watchdog.app.early_signals import kept_until_heard
    from watchdog.app.loading import Files as Named

    named = Named(files, speed)
    if once:
        raise typer.Exit(_tell(asyncio.run(_look(named)), as_json))
    if as_json:
        raise ConfigError("--json goes with --once; the daemon's log is --log-format json")
    if accept_older_journal and not (by.strip() and reason.strip()):
        raise ConfigError("--accept-older-journal is recorded: give --by NAME and --reason TEXT")
    accepted = (by.strip(), reason.strip()) if accept_older_journal else None
    shape = log_format or ("console" if sys.stderr.isatty() else None)
    with kept_until_heard():
        well = asyncio.run(_serve(named, shape, accepted))
    if not well:
        raise typer.Exit(Exit.CRASHED)


async def _serve(files: "Named", log_format: str | None, accepted: tuple[str, str] | None) -> bool:
    from watchdog.adapters.logs import Style
    from watchdog.adapters.secrets import EnvAndFileSecrets
    from watchdog.adapters.watermark import Acceptance
    from watchdog.app.running import serve

    style = Style(log_format) if log_format else None
    acceptance = Acceptance(*accepted) if accepted else None
    return await serve(files, EnvAndFileSecrets(), sys.stderr, style, acceptance)


async def _look(files: "Named") -> "Sequence[Seen]":
    from watchdog.adapters.secrets import EnvAndFileSecrets
    from watchdog.app.looking import look_once
    from watchdog.app.opening import open_deps

    loaded = files.load()
    async with open_deps(EnvAndFileSecrets()) as deps:
        return await look_once(loaded.targets, deps)


def _tell(seen: "Sequence[Seen]", as_json: bool) -> Exit:
    from watchdog.engine.status_of_triggers import last_look

    rows = [
        {
            "target": one.target,
            "trigger": one.trigger.name,
            "severity": one.trigger.severity.name.lower(),
            "plan": one.trigger.plan,
            **last_look(one.trigger, one.judgement),
        }
        for one in seen
    ]
    if as_json:
        say_json({"triggers": rows})
    else:
        say(columns((_row(row) for row in rows), indent="") or "no trigger in these files")
    verdicts = {row["verdict"] for row in rows}
    if "breach" in verdicts:
        return Exit.BREACH
    return Exit.UNKNOWN if "unknown" in verdicts else Exit.DONE


def _row(row: dict[str, object]) -> list[str]:
    verdict = str(row["verdict"])
    why = ": ".join(filter(None, (str(row["reason"]), str(row["note"]))))
    shown = verdict.upper() if verdict == "breach" else verdict
    return [str(row["target"]), str(row["trigger"]), shown, str(row["value_text"]), why]
