"""`rollback`: a person starts a plan, and sees how it goes."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from watchdog.cli.asking import NotRunningError, ask
from watchdog.cli.exits import Exit
from watchdog.cli.options import (
    AsJson,
    By,
    Files,
    PlanName,
    Reason,
    Speed,
    TargetOption,
    by_or_user,
)
from watchdog.cli.output import complain, is_terminal, say, say_json
from watchdog.cli.plan import tell_plan
from watchdog.cli.progress import line
from watchdog.domain.errors import ConfigError

if TYPE_CHECKING:
    from watchdog.app.by_hand import Wish
    from watchdog.app.loading import Files as Named

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]

# Seconds between two questions to the daemon, and for the report once the run is over.
POLL = 0.25
REPORT_LIMIT = 10.0
CODES = {"succeeded": Exit.DONE, "failed": Exit.NO, "partially_applied": Exit.NO}
Tell = Callable[[dict[str, Any]], None]


def rollback(
    *,
    files: Files,
    plan: PlanName,
    reason: Reason,
    by: By = "",
    target: TargetOption = "",
    yes: Yes = False,
    speed: Speed = 1.0,
    as_json: AsJson = False,
) -> None:
    """Carry out a plan now, because a person says so.

    Through the daemon, whatever the target's mode; in this process if none runs.
    """
    import asyncio

    from watchdog.app.by_hand import Wish
    from watchdog.app.loading import Files as Named
    from watchdog.app.loading import chosen_plan, chosen_target
    from watchdog.app.rendering import rendered_plan

    named = Named(files, speed)
    loaded = named.load()
    chosen = chosen_target(loaded, target)
    wanted = chosen_plan(chosen, plan)
    if not as_json:
        tell_plan(wanted, asyncio.run(rendered_plan(chosen, wanted)), chosen.name)
    if not yes:
        _ask_whether(plan)
    wish = Wish(chosen.name, plan, wanted.hash, by_or_user(by), reason)
    seen: list[dict[str, Any]] = []

    def tell(event: dict[str, Any]) -> None:
        seen.append(event)
        if not as_json and (text := line(event)):
            say(text)

    outcome = _carry_out(named, loaded.daemon.socket, wish, tell, as_json)
    if as_json:
        say_json({"outcome": outcome, "events": seen})
    elif outcome == "succeeded":
        say("verified: the checks prove that it helped")
    else:
        say(_not_verified(outcome))
    raise typer.Exit(CODES.get(outcome, Exit.INCONCLUSIVE))


def _not_verified(outcome: str) -> str:
    word = outcome.replace("_", " ") or "not over"
    return f"NOT VERIFIED ({word}): look at the target yourself; `status` says what is on record"


def _ask_whether(plan: str) -> None:
    if not is_terminal():
        raise ConfigError("nobody can be asked here whether to go on: give --yes")
    if not typer.confirm(f"Carry out {plan} now?"):
        say("nothing was sent")
        raise typer.Exit(Exit.REFUSED)


def _carry_out(files: "Named", socket: str, wish: "Wish", tell: Tell, as_json: bool) -> str:
    """The outcome, through the daemon, or here when none answers."""
    import asyncio

    from watchdog.app.by_hand import run_here

    try:
        answer = ask(socket, "rollback", wish.arguments)
    except NotRunningError:
        if not as_json:
            say("no daemon is running: the plan is carried out by this process")
            say("the watch afterwards begins when the daemon starts\n")
        return asyncio.run(_here(run_here, files, wish, tell))
    if "run" not in answer:
        for one in (answer["done"], *answer["notes"]):
            complain(one)
        raise typer.Exit(Exit.REFUSED)
    return _follow(socket, answer["run"], tell)


async def _here(run_here: Any, files: "Named", wish: "Wish", tell: Tell) -> str:  # noqa: ANN401
    import sys

    from watchdog.adapters.clock import SystemClock
    from watchdog.adapters.logs import Style, logs_to
    from watchdog.adapters.secrets import EnvAndFileSecrets

    secrets = EnvAndFileSecrets()
    with logs_to(
        sys.stderr, clock=SystemClock(), secrets=secrets, style=Style.CONSOLE, level="error"
    ):
        outcome: str = await run_here(files, secrets, wish, tell)
        return outcome


def _follow(socket: str, run: str, tell: Tell) -> str:
    import time

    from watchdog.app.by_hand import Following

    following = Following(run, tell)
    waited = 0.0
    try:
        while not following.outcome or (not following.reported and waited < REPORT_LIMIT):
            time.sleep(POLL)
            waited += POLL if following.outcome else 0.0
            following.take(ask(socket, "run", {"run": run, "after": following.after})["events"])
    except KeyboardInterrupt:
        complain(f"run {run} goes on in the daemon; `status` follows it, `kill --on` stops it")
        raise
    except NotRunningError as error:
        complain(f"{error}; run {run} is on record, and the next start of the daemon goes on")
        return following.outcome
    return following.outcome
