"""`signal`: a person says that something is wrong, or takes it back."""

from pathlib import Path
from typing import Annotated

import typer

from watchdog.cli.asking import ask, socket_of
from watchdog.cli.options import AsJson, By, Reason, SocketOption, TargetOption, by_or_user
from watchdog.cli.output import say, say_json
from watchdog.domain.errors import ConfigError

Where = Annotated[
    str, typer.Argument(metavar="FILE|TARGET", help="A file of the daemon, or a target's name.")
]
Name = Annotated[str, typer.Argument(metavar="NAME", help="The signal, as a file asks for it.")]
Withdraw = Annotated[bool, typer.Option("--withdraw", help="Take the signal back.")]
For = Annotated[
    str, typer.Option("--for", metavar="TIME", help="How long it counts, like 2h; default 1h.")
]


def signal(
    *,
    where: Where,
    name: Name,
    reason: Reason,
    by: By = "",
    target: TargetOption = "",
    lasting: For = "1h",
    withdraw: Withdraw = False,
    socket: SocketOption = None,
    as_json: AsJson = False,
) -> None:
    """Say that something is wrong that only you can see, or take it back.

    It does what the file says of this signal, and nothing else.
    """
    from watchdog.domain.units import parse_duration

    file = Path(where)
    is_file = file.exists()
    try:
        seconds = parse_duration(lasting)
    except ValueError as error:
        raise ConfigError(f"--for: {error}") from None
    arguments = {
        "target": target or (_target_of(file) if is_file else where) or None,
        "name": name,
        "by": by_or_user(by),
        "reason": reason,
        "valid_for": seconds,
        "withdraw": withdraw,
    }
    answer = ask(socket_of([file] if is_file else None, socket), "signal", arguments)
    if as_json:
        say_json(answer)
        return
    say(answer["done"])


def _target_of(file: Path) -> str:
    """The target that `file` is about; empty for the daemon's own. Raises ConfigError."""
    from watchdog.config.reading import read_file

    return str(read_file(file).content.get("target") or "")
