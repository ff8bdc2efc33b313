"""`approve` and `deny`: a person's word on a plan that waits for it."""

from typing import Annotated

import typer

from watchdog.cli.asking import ask, socket_of
from watchdog.cli.options import AsJson, OptionalFiles, Reason, SocketOption
from watchdog.cli.people import Named, tell

Request = Annotated[
    str, typer.Argument(metavar="REQUEST", help="The request, as `status` and the message name it.")
]
Item = Annotated[
    str,
    typer.Option("--item", metavar="NAME", help="Answer this item of the checklist, not the plan."),
]
Waive = Annotated[
    str,
    typer.Option("--waive", metavar="NAME", help="Pass over this item, for the reason you give."),
]


def approve(
    *,
    request: Request,
    by: Named,
    reason: Reason,
    item: Item = "",
    waive: Waive = "",
    files: OptionalFiles = None,
    socket: SocketOption = None,
    as_json: AsJson = False,
) -> None:
    """Agree that a plan runs, or settle an item of its checklist."""
    arguments = {"request": request, "by": by, "reason": reason, "item": item, "waive": waive}
    tell(ask(socket_of(files, socket), "approve", arguments), as_json)


def deny(
    *,
    request: Request,
    by: Named,
    reason: Reason,
    files: OptionalFiles = None,
    socket: SocketOption = None,
    as_json: AsJson = False,
) -> None:
    """Say that a plan must not run: its request is closed."""
    arguments = {"request": request, "by": by, "reason": reason}
    tell(ask(socket_of(files, socket), "deny", arguments), as_json)
