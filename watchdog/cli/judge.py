"""`judge`: a person's word on what a trigger would have done."""

from enum import StrEnum
from typing import Annotated

import typer

from watchdog.cli.asking import ask, socket_of
from watchdog.cli.options import AsJson, OptionalFiles, Reason, SocketOption
from watchdog.cli.output import say, say_json


class Word(StrEnum):
    """What can be said of a decision."""

    RIGHT = "right"
    WRONG = "wrong"


Decision = Annotated[
    str,
    typer.Argument(metavar="DECISION", help="Its number in the scorecard, its episode, or `last`."),
]
Said = Annotated[Word, typer.Argument(help="Whether to act would have been right.")]
Named = Annotated[str, typer.Option("--by", metavar="NAME", help="Your name; it is recorded.")]


def judge(
    *,
    decision: Decision,
    word: Said,
    by: Named,
    reason: Reason,
    files: OptionalFiles = None,
    socket: SocketOption = None,
    as_json: AsJson = False,
) -> None:
    """Say whether acting would have been right, whatever the scorecard makes of it."""
    arguments = {"decision": decision, "right": word is Word.RIGHT, "by": by, "reason": reason}
    answer = ask(socket_of(files, socket), "judge", arguments)
    if as_json:
        say_json(answer)
    else:
        say(answer["done"])
