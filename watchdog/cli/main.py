"""The command: registers every subcommand, and turns errors into a line and an exit code."""

import sys
import traceback
from collections.abc import Callable, Iterator
from typing import Annotated

import typer

from watchdog import __version__
from watchdog.cli.approve import approve, deny
from watchdog.cli.asking import NotRunningError
from watchdog.cli.audit import app as audit
from watchdog.cli.backtest import backtest
from watchdog.cli.cases import play_cases
from watchdog.cli.charge import ack, close_breaker
from watchdog.cli.check import check
from watchdog.cli.demo_door import demo
from watchdog.cli.doctor import doctor
from watchdog.cli.exits import Exit
from watchdog.cli.export import app as export
from watchdog.cli.import_rules import import_
from watchdog.cli.init import init
from watchdog.cli.judge import judge
from watchdog.cli.output import complain, say
from watchdog.cli.people import clear, kill, pause, resume
from watchdog.cli.plan import plan
from watchdog.cli.recover import recover
from watchdog.cli.report import report
from watchdog.cli.rollback import rollback
from watchdog.cli.run import run
from watchdog.cli.schema import schema
from watchdog.cli.scorecard import scorecard
from watchdog.cli.signal import signal
from watchdog.cli.status import status
from watchdog.cli.verify import verify
from watchdog.cli.versions import release_version, versions
from watchdog.cli.windows import freeze, maintenance, unfreeze
from watchdog.domain.errors import ConfigError, JournalError, WatchdogError

_COMMANDS: tuple[Callable[..., None], ...] = (
    *(check, doctor, plan, run, status, rollback, verify),
    *(pause, resume, clear, kill, report, schema),
    *(scorecard, judge, signal, ack),
    *(approve, deny),
    *(freeze, unfreeze, maintenance),
    versions,
    recover,
    backtest,
    init,
)

app = typer.Typer(
    help="Watches a deployment, and rolls it back when it breaks.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _command in _COMMANDS:
    app.command(_command.__name__)(_command)
app.command("close-breaker")(close_breaker)
app.command("release-version")(release_version)
app.command("test")(play_cases)
app.command("import")(import_)
app.add_typer(audit, name="audit")
app.add_typer(export, name="export")
app.command(
    "demo",
    add_help_option=False,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)(demo)


def _show_version(wanted: bool) -> None:
    if wanted:
        say(f"rollback-watchdog {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Print the version, and end."
        ),
    ] = False,
) -> None:
    del version


def main() -> None:
    """Run the command that the arguments name, and exit."""
    try:
        app()
    except Exception as error:  # noqa: BLE001 -- the last one who could say anything
        sys.exit(told(error))


def told(error: Exception) -> Exit:
    """Say what is wrong; the exit code that fits."""
    ours = next(_ours(error), None)
    if ours is None:
        traceback.print_exception(error)
        complain("this is a mistake in the program; please report it, with the lines above")
        return Exit.CRASHED
    complain(str(ours))
    match ours:
        case ConfigError():
            return Exit.USAGE
        case JournalError():
            return Exit.JOURNAL
        case NotRunningError():
            return Exit.NOT_RUNNING
        case _:
            return Exit.REFUSED


def _ours(error: BaseException) -> Iterator[WatchdogError]:
    """What was raised on purpose, in however many groups of tasks it is wrapped."""
    if isinstance(error, WatchdogError):
        yield error
    elif isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _ours(inner)
