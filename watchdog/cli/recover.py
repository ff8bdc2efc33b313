"""`recover`: a person decides about a run that stopped on the way."""

from typing import Annotated

import typer

from watchdog.cli.asking import ask, socket_of
from watchdog.cli.exits import Exit
from watchdog.cli.options import AsJson, By, OptionalFiles, Reason, SocketOption, by_or_user
from watchdog.cli.people import tell
from watchdog.domain.errors import ConfigError

RunName = Annotated[str, typer.Argument(metavar="RUN", help="Which run; `status` names it.")]
GoOn = Annotated[bool, typer.Option("--resume", help="Go on where it stopped.")]
Undo = Annotated[bool, typer.Option("--compensate", help="Take back what it did, newest first.")]
GiveUp = Annotated[bool, typer.Option("--abandon", help="End it for good; you do the rest.")]
Done = Annotated[bool, typer.Option("--done", help="The step in doubt happened: you looked.")]
Again = Annotated[
    bool, typer.Option("--again", help="The step in doubt did not happen: send it again.")
]


def recover(
    run: RunName,
    *,
    reason: Reason,
    files: OptionalFiles = None,
    resume: GoOn = False,
    compensate: Undo = False,
    abandon: GiveUp = False,
    done: Done = False,
    again: Again = False,
    by: By = "",
    socket: SocketOption = None,
    as_json: AsJson = False,
) -> None:
    """Decide about a run that stopped on the way: go on, take it back, or end it.

    Of what may lose data, others must agree to the first two.
    """
    ways = {"resume": resume, "compensate": compensate, "abandon": abandon}
    chosen = [name for name, is_it in ways.items() if is_it]
    if len(chosen) != 1:
        raise ConfigError("say one of --resume, --compensate and --abandon")
    if done and again:
        raise ConfigError("the step in doubt happened (--done) or did not (--again), not both")
    arguments = {
        "run": run,
        "how": chosen[0],
        "happened": True if done else False if again else None,
        "reason": reason,
        "by": by_or_user(by),
    }
    answer = ask(socket_of(files, socket), "recover", arguments)
    tell(answer, as_json)
    if "run" not in answer:
        raise typer.Exit(Exit.REFUSED)
