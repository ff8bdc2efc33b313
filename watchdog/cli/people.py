"""`pause`, `resume`, `clear` and `kill`: a person's side of a running daemon."""

from typing import Annotated, Any

import typer

from watchdog.cli.asking import ask, socket_of
from watchdog.cli.options import AsJson, By, OptionalFiles, Reason, SocketOption, by_or_user
from watchdog.cli.output import say, say_json
from watchdog.domain.errors import ConfigError

Target = Annotated[
    str, typer.Option("--target", metavar="NAME", help="Which target; without it, all of them.")
]
OneTarget = Annotated[str, typer.Option("--target", metavar="NAME", help="Which target.")]
For = Annotated[
    str, typer.Option("--for", metavar="TIME", help="How long, like 2h; without it, until resumed.")
]
Named = Annotated[str, typer.Option("--by", metavar="NAME", help="Your name; it is recorded.")]
Assessment = Annotated[
    str, typer.Option("--assessment", metavar="TEXT", help="What you found; it is recorded.")
]
On = Annotated[bool, typer.Option("--on/--off", help="Throw the kill switch, or release it.")]


def pause(
    *,
    reason: Reason,
    files: OptionalFiles = None,
    target: Target = "",
    lasting: For = "",
    by: By = "",
    socket: SocketOption = None,
    as_json: AsJson = False,
) -> None:
    """Let no automatic run start; one under way goes on."""
    until = _until(lasting)
    arguments = {"target": target or None, "reason": reason, "until": until, "by": by_or_user(by)}
    tell(ask(socket_of(files, socket), "pause", arguments), as_json)


def resume(
    *,
    files: OptionalFiles = None,
    target: Target = "",
    by: By = "",
    socket: SocketOption = None,
    as_json: AsJson = False,
) -> None:
    """Lift a pause."""
    arguments = {"target": target or None, "by": by_or_user(by)}
    tell(ask(socket_of(files, socket), "resume", arguments), as_json)


def clear(
    *,
    target: OneTarget,
    by: Named,
    assessment: Assessment,
    files: OptionalFiles = None,
    socket: SocketOption = None,
    as_json: AsJson = False,
) -> None:
    """Say that you looked: lift the latch and the cool-down."""
    arguments = {"target": target, "by": by, "assessment": assessment}
    tell(ask(socket_of(files, socket), "clear", arguments), as_json)


def kill(
    *,
    on: On,
    reason: Reason,
    files: OptionalFiles = None,
    by: By = "",
    socket: SocketOption = None,
    as_json: AsJson = False,
) -> None:
    """Throw or release the kill switch: runs stop at once."""
    arguments = {"on": on, "reason": reason, "by": by_or_user(by)}
    tell(ask(socket_of(files, socket), "kill", arguments), as_json)


def _until(lasting: str) -> float | None:
    """The Unix second that `lasting` from now is. Raises ConfigError."""
    from watchdog.adapters.clock import SystemClock
    from watchdog.domain.units import parse_duration

    if not lasting:
        return None
    try:
        seconds = parse_duration(lasting)
    except ValueError as error:
        raise ConfigError(f"--for: {error}") from None
    return SystemClock().now().wall + seconds


def tell(answer: dict[str, Any], as_json: bool) -> None:
    """Say what a command did, and what there is to note."""
    if as_json:
        say_json(answer)
        return
    say(answer["done"])
    for note in answer["notes"]:
        say(f"note: {note}")
