"""`import`: reads a Prometheus rule file into a target's file."""

import re
from pathlib import Path
from typing import Annotated, Literal

import typer

from watchdog.cli.exits import Exit
from watchdog.cli.output import complain, say
from watchdog.domain.errors import ConfigError

RuleFile = Annotated[
    Path, typer.Argument(metavar="RULES", help="A rule file, or a PrometheusRule of Kubernetes.")
]
Partial = Annotated[
    bool, typer.Option("--partial", help="Leave out what cannot be imported, and say so.")
]
TargetName = Annotated[
    str,
    typer.Option(
        "--target", metavar="NAME", help="The target; without it, as a label or the file says."
    ),
]
Url = Annotated[
    str, typer.Option("--url", metavar="URL", help="The Prometheus that the target asks.")
]
As = Annotated[
    Literal["split", "state"],
    typer.Option(
        "--as",
        help="Compare the rule's number here, or follow the state that Prometheus gives it.",
    ),
]
Freshness = Annotated[
    list[str] | None,
    typer.Option(
        "--freshness",
        metavar="[ALERT=]QUERY",
        help="What counts at least 1 while there is data, for rules that cannot be split.",
    ),
]
_OF_ONE = re.compile(r"\s*([^=~!<>{}()\[\]\"'`]+?)\s*=(?![=~])(.*)", re.DOTALL)


def import_(
    rules: RuleFile,
    *,
    target: TargetName = "",
    url: Url = "http://localhost:9090",
    as_: As = "split",
    freshness: Freshness = None,
    partial: Partial = False,
) -> None:
    """Read alerts of Prometheus into a target's file, which is printed."""
    from watchdog.app.import_command import translate
    from watchdog.app.importing import Wanted, Way

    wanted = Wanted(url, Way(as_), dict(map(of_alert, freshness or ())))
    made = translate(rules, wanted, target)
    for note in made.notes:
        typer.echo(f"note: {note}", err=True)
    for problem in made.wrong:
        typer.echo(f"error: {problem}", err=True)
    if made.wrong and not partial:
        complain(
            f"{len(made.wrong)} of {made.alerts} alerts cannot be imported, so nothing was; "
            "mend them, or take the rest with --partial"
        )
        raise typer.Exit(Exit.USAGE)
    if not made.text:
        raise ConfigError(f"{rules}: none of its alerts can be imported")
    say(made.text.rstrip("\n"))


def of_alert(option: str) -> tuple[str, str]:
    """The alert that a --freshness is for (empty: all of them), and its query."""
    found = _OF_ONE.fullmatch(option)
    alert, query = (found[1], found[2]) if found else ("", option)
    return alert, query.strip()
