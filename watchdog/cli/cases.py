"""`test`: plays cases against a target's triggers, and says which of them failed."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from watchdog.cli.exits import Exit
from watchdog.cli.options import AsJson
from watchdog.cli.output import say, say_json

if TYPE_CHECKING:
    from watchdog.domain.case_outcome import CaseOutcome

TargetFile = Annotated[
    Path, typer.Argument(metavar="FILE", help="The target's file, or the daemon's.")
]
CaseFiles = Annotated[list[Path], typer.Argument(metavar="CASES…", help="Files of cases.")]
Verbose = Annotated[
    bool, typer.Option("--verbose", help="Say what happened in the cases that pass, too.")
]


def play_cases(
    *, file: TargetFile, cases: CaseFiles, verbose: Verbose = False, as_json: AsJson = False
) -> None:
    """Play cases in virtual time, and say which triggers did not do what they must."""
    from watchdog.app.loading import Files
    from watchdog.app.rehearsing import rehearse
    from watchdog.config.cases import read_cases

    loaded = Files([file]).load()
    outcomes: list[tuple[str, CaseOutcome]] = []
    for path in cases:
        written = read_cases(path)
        read = written.of(written.chosen(loaded.targets))
        outcomes += [
            (read.file, rehearse(read.target, case, loaded.daemon.breaker)) for case in read.cases
        ]
    failed = sum(not outcome.passed for _, outcome in outcomes)
    if as_json:
        say_json({"ok": not failed, "cases": [_plain(*each) for each in outcomes]})
    else:
        for name, outcome in outcomes:
            _tell(name, outcome, verbose)
        say(f"{len(outcomes) - failed} passed, {failed} failed")
    if failed:
        raise typer.Exit(Exit.NO)


def _tell(file: str, outcome: "CaseOutcome", verbose: bool) -> None:
    case = outcome.case
    if outcome.passed:
        say(f"ok    {case.name}")
    else:
        say(f"FAIL  {case.name} ({file}:{case.line})")
    for missed in outcome.missed:
        say(f"      {file}:{missed.expected.line}: {missed}")
    if verbose or not outcome.passed:
        for line in outcome.timeline:
            say(f"      {line}")
        if not outcome.timeline:
            say("      nothing happened")


def _plain(file: str, outcome: "CaseOutcome") -> dict[str, Any]:
    return {
        "file": file,
        "line": outcome.case.line,
        "case": outcome.case.name,
        "ok": outcome.passed,
        "missed": [
            {
                "line": one.expected.line,
                "at": one.expected.at,
                "trigger": one.expected.trigger,
                "what": one.what,
                "expected": one.wanted,
                "got": one.got,
            }
            for one in outcome.missed
        ],
        "timeline": [{"at": line.at, "text": line.text} for line in outcome.timeline],
    }
