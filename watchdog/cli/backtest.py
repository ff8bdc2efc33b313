"""`backtest`: what the triggers would have done over the past, before anybody arms them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from watchdog.cli.exits import Exit
from watchdog.cli.options import Files, TargetOption
from watchdog.cli.output import complain, finite, say

if TYPE_CHECKING:
    from watchdog.domain.backtest_score import Backtest

Since = Annotated[
    str, typer.Option("--since", metavar="TIME", help="How far back, like 30d, or a time.")
]
Until = Annotated[
    str, typer.Option("--until", metavar="TIME", help="Where it ends; without it, now.")
]
Data = Annotated[
    Path | None,
    typer.Option("--data", metavar="FILE", help="Keep the history there, or use what is there."),
]
Incidents = Annotated[
    Path | None,
    typer.Option("--incidents", metavar="FILE", help="The incidents that people know of."),
]
Sweeps = Annotated[
    list[str] | None,
    typer.Option(
        "--sweep", metavar="TRIGGER[=1%,2%]", help="Try other limits as well; `all`: of each."
    ),
]
RunTakes = Annotated[
    str,
    typer.Option("--run-takes", metavar="TIME", help="How long a run takes, like 5m."),
]
JsonFile = Annotated[
    Path | None, typer.Option("--json", metavar="FILE", help="Write it as JSON; `-`: print it.")
]
HtmlFile = Annotated[
    Path | None, typer.Option("--html", metavar="FILE", help="Write it as a page with plots.")
]
MostFalse = Annotated[
    int | None,
    typer.Option(
        "--fail-on-false-alarms",
        metavar="N",
        min=0,
        help="More than N false alarms are exit code 1.",
    ),
]


def backtest(
    *,
    files: Files,
    since: Since = "30d",
    until: Until = "",
    target: TargetOption = "",
    data: Data = None,
    incidents: Incidents = None,
    sweep: Sweeps = None,
    run_takes: RunTakes = "",
    json_file: JsonFile = None,
    html_file: HtmlFile = None,
    most_false: MostFalse = None,
) -> None:
    """Say what the triggers would have done over the past, and what would have kept them."""
    import asyncio

    from watchdog.app.backtest_command import Wish, run_backtest
    from watchdog.cli.progress_bar import ProgressBar

    if most_false is not None and incidents is None:
        complain("--fail-on-false-alarms needs --incidents: without it nobody knows which are")
        raise typer.Exit(Exit.USAGE)
    _require_folders({"--data": data, "--json": json_file, "--html": html_file})
    wish = Wish(
        files=files,
        since=since,
        until=until,
        target=target,
        data=data,
        incidents=incidents,
        sweeps=tuple(sweep or ()),
        run_takes=run_takes,
    )
    loading, testing = ProgressBar("loading history"), ProgressBar("testing")
    result = asyncio.run(run_backtest(wish, loading, testing))
    _show(result, json_file, html_file)
    false_alarms = sum(len(score.false_alarms) for score in result.totals.values())
    if most_false is not None and false_alarms > most_false:
        complain(f"{false_alarms} false alarms; {most_false} are allowed")
        raise typer.Exit(Exit.NO)


def _require_folders(wanted: dict[str, Path | None]) -> None:
    """Nobody should wait for a month of history that cannot be written then."""
    for option, path in wanted.items():
        if path is not None and not path.parent.is_dir():
            where = f"there is no folder {path.parent}; make it, or name another file"
            complain(f"{option} {path}: {where}")
            raise typer.Exit(Exit.USAGE)


def _show(result: "Backtest", json_file: Path | None, html_file: Path | None) -> None:
    import json

    from watchdog.app.backtest_command import write_page, write_text
    from watchdog.app.backtest_json import as_json
    from watchdog.cli.backtest_text import told

    text = ""
    if json_file is not None:
        text = json.dumps(finite(as_json(result)), indent=2, ensure_ascii=False, allow_nan=False)
    if json_file == Path("-"):
        say(text)
    else:
        for line in told(result):
            say(line)
        if json_file is not None:
            write_text(json_file, text + "\n")
    if html_file is not None:
        write_page(result, html_file)
        complain(f"wrote {html_file}")
