"""`ack` and `close-breaker`: a person takes charge of what the machine leaves to people."""

from watchdog.cli.asking import ask, socket_of
from watchdog.cli.options import AsJson, OptionalFiles, Reason, SocketOption
from watchdog.cli.people import Named, OneTarget, tell


def ack(
    *,
    target: OneTarget,
    by: Named,
    reason: Reason,
    files: OptionalFiles = None,
    socket: SocketOption = None,
    as_json: AsJson = False,
) -> None:
    """Say that a decision is in your hands: its clock stops."""
    arguments = {"target": target, "by": by, "reason": reason}
    tell(ask(socket_of(files, socket), "ack", arguments), as_json)


def close_breaker(
    *,
    by: Named,
    reason: Reason,
    files: OptionalFiles = None,
    socket: SocketOption = None,
    as_json: AsJson = False,
) -> None:
    """Say that you looked: plans may start again after the automation stopped itself."""
    tell(ask(socket_of(files, socket), "close-breaker", {"by": by, "reason": reason}), as_json)
