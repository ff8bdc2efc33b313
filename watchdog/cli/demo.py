"""`demo`: the product in one minute, on a service of its own that breaks on cue."""

import asyncio
import signal
from typing import Annotated

import typer

from watchdog.cli.demo_acts import Demonstration
from watchdog.cli.demo_follow import Follower
from watchdog.cli.demo_screen import Claims, Screen
from watchdog.cli.demo_stage import SCRAPE_EVERY, Stage, Supply, chosen, stage
from watchdog.cli.demo_tale import Tale
from watchdog.cli.exits import Exit
from watchdog.cli.output import complain, say
from watchdog.domain.errors import WatchdogError

SPEED = 60.0


def demo(
    source: Annotated[
        Supply, typer.Option("--source", help="Where the metrics are read.")
    ] = Supply.AUTO,
    speed: Annotated[
        float,
        typer.Option("--speed", metavar="N", min=1.0, help="Divide every duration by N."),
    ] = SPEED,
) -> None:
    """Break a small service, and watch it being rolled back: about a minute.

    Ends with 0 only if everything that it claims was really seen.
    """
    program = chosen(source)
    claims = Claims()
    try:
        asyncio.run(_show(program, speed, Screen(), claims))
    except WatchdogError as error:
        complain(str(error))
        raise typer.Exit(Exit.NO) from error
    except (KeyboardInterrupt, asyncio.CancelledError):
        raise typer.Exit(Exit.INTERRUPTED) from None
    raise typer.Exit(Exit.DONE if claims.all_hold else Exit.NO)


async def _show(program: str | None, speed: float, screen: Screen, claims: Claims) -> None:
    myself = asyncio.current_task()
    if myself is not None:
        # As Ctrl-C, so that nothing that was started is left behind.
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, myself.cancel)
    async with stage(program, speed) as set_up:
        _introduce(set_up, program, screen)
        follower = Follower(set_up.journal, set_up.clock, Tale(screen, speed).tell)
        demonstration = Demonstration(set_up, follower, screen, claims)
        await _with_others(demonstration)
        _sum_up(demonstration)


async def _with_others(demonstration: Demonstration) -> None:
    """Both acts, while the journal is followed and the daemon is watched over."""
    try:
        async with asyncio.TaskGroup() as tasks:
            others = [
                tasks.create_task(demonstration.follower.run(), name="follower"),
                tasks.create_task(demonstration.stage.watch_over_daemon(), name="daemon"),
            ]
            await demonstration.rollback()
            await demonstration.blindness()
            for other in others:
                other.cancel()
    except* WatchdogError as group:
        # One is enough: the others are its consequences.
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        raise error from None


def _introduce(set_up: Stage, program: str | None, screen: Screen) -> None:
    screen.heading("rollback-watchdog: a demonstration")
    if program is None:
        metrics = "the service's own page, by the `scrape` source (no Prometheus is used)"
    else:
        metrics = f"{program}, scraping every {SCRAPE_EVERY * 1000:.0f} ms"
    screen.fact("speed", f"{set_up.speed:g}: a minute of the file takes {60 / set_up.speed:.3g} s")
    screen.fact("service", f"{set_up.service.url}, with the admin API of hybrid routing")
    screen.fact("metrics", metrics)
    screen.fact("file", "hybrid-routing as shipped, but `mode: auto` and `armed_by: demo`")
    screen.fact("folder", f"{set_up.folder} (kept)")


def _sum_up(demonstration: Demonstration) -> None:
    claims, screen = demonstration.claims, demonstration.screen
    screen.heading("What was seen")
    for holds, text in claims.made:
        screen.claim(holds, text)
    say()
    if claims.all_hold:
        say("Rolled back and verified; then, blind for ten minutes, it did nothing but say so.")
    else:
        say(f"NOT everything was seen as claimed: see {demonstration.stage.log}")
    say(f"Report: {demonstration.report or 'none was written'}")
