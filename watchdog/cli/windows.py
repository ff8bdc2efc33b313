"""`freeze`, `unfreeze` and `maintenance`: a person says when nothing is to be begun."""

from datetime import datetime
from typing import Annotated, Any

import typer

from watchdog.cli.asking import ask, socket_of
from watchdog.cli.options import AsJson, By, OptionalFiles, SocketOption, by_or_user
from watchdog.cli.people import tell
from watchdog.domain.errors import ConfigError

Target = Annotated[str, typer.Option("--target", metavar="NAME", help="Which target.")]
All = Annotated[bool, typer.Option("--all", help="All of them.")]
For = Annotated[str, typer.Option("--for", metavar="TIME", help="How long, like 2h.")]
Until = Annotated[
    str, typer.Option("--until", metavar="TIME", help="Until when, like 2026-12-24T18:00+01:00.")
]
Except = Annotated[
    list[str] | None,
    typer.Option(
        "--except", metavar="WORD", help="A severity (from there on) or a cause that passes."
    ),
]
Why = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it is recorded.")]
End = Annotated[bool, typer.Option("--end", help="The work is over.")]


def freeze(
    *,
    reason: Why,
    files: OptionalFiles = None,
    target: Target = "",
    everywhere: All = False,
    lasting: For = "",
    until: Until = "",
    spared: Except = None,
    by: By = "",
    socket: SocketOption = None,
    as_json: AsJson = False,
) -> None:
    """Let no automatic run begin for a time; one under way goes on."""
    arguments = {
        "target": _scope(target, everywhere),
        "reason": reason,
        "until": _until(lasting, until),
        "spared": spared or [],
        "by": by_or_user(by),
    }
    tell(ask(socket_of(files, socket), "freeze", arguments), as_json)


def unfreeze(
    *,
    files: OptionalFiles = None,
    target: Target = "",
    everywhere: All = False,
    by: By = "",
    socket: SocketOption = None,
    as_json: AsJson = False,
) -> None:
    """Lift the freezes that people set there."""
    arguments = {"target": _scope(target, everywhere), "by": by_or_user(by)}
    tell(ask(socket_of(files, socket), "unfreeze", arguments), as_json)


def maintenance(
    *,
    files: OptionalFiles = None,
    target: Target = "",
    everywhere: All = False,
    lasting: For = "",
    until: Until = "",
    end: End = False,
    reason: Why = "",
    by: By = "",
    socket: SocketOption = None,
    as_json: AsJson = False,
) -> None:
    """Announce planned work: nothing is acted on, and nobody is woken up."""
    where: dict[str, Any] = {"target": _scope(target, everywhere), "by": by_or_user(by)}
    if end:
        tell(ask(socket_of(files, socket), "end-maintenance", where), as_json)
        return
    arguments = {**where, "reason": reason, "until": _until(lasting, until)}
    tell(ask(socket_of(files, socket), "maintenance", arguments), as_json)


def _scope(target: str, everywhere: bool) -> str | None:
    if bool(target) is everywhere:
        raise ConfigError("say which: --target NAME, or --all")
    return target or None


def _until(lasting: str, until: str) -> float:
    """The Unix second that is meant. Raises ConfigError."""
    from watchdog.adapters.clock import SystemClock
    from watchdog.domain.units import parse_duration

    if bool(lasting) is bool(until):
        raise ConfigError("say for how long: --for TIME, or --until TIME; it must end by itself")
    if lasting:
        try:
            return SystemClock().now().wall + parse_duration(lasting)
        except ValueError as error:
            raise ConfigError(f"--for: {error}") from None
    try:
        at = datetime.fromisoformat(until)
    except ValueError:
        raise ConfigError(
            f"--until: {until!r} is no date and time; write it like 2026-12-24T18:00+01:00"
        ) from None
    if at.tzinfo is None:
        raise ConfigError(f"--until: {until} is not said of which zone; add Z, or +01:00")
    return at.timestamp()
