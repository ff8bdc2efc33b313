"""`verify`: the checks of a plan alone."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import typer

from watchdog.cli.exits import Exit
from watchdog.cli.options import AsJson, Files, PlanName, Speed, TargetOption
from watchdog.cli.output import say, say_json
from watchdog.cli.progress import line

if TYPE_CHECKING:
    from watchdog.app.loading import Files as Named
    from watchdog.domain.events import Record

CODES = {"passed": Exit.DONE, "failed": Exit.NO, "inconclusive": Exit.INCONCLUSIVE}


def verify(
    *,
    files: Files,
    plan: PlanName,
    target: TargetOption = "",
    speed: Speed = 1.0,
    as_json: AsJson = False,
) -> None:
    """Make the checks of a plan alone; nothing is sent."""
    import asyncio

    from watchdog.app.control import shown
    from watchdog.app.loading import Files as Named

    looks: list[dict[str, object]] = []

    def tell(record: "Record") -> None:
        each = shown(record)
        if each["kind"] not in ("CheckSampled", "CheckEnded"):
            return
        looks.append(each)
        if not as_json:
            say(line(each))

    proof, detail = asyncio.run(_verify(Named(files, speed), target, plan, tell))
    if as_json:
        say_json({"plan": plan, "proof": proof, "detail": detail, "looks": looks})
    else:
        say(f"{plan}: {proof}: {detail}")
    raise typer.Exit(CODES[proof])


async def _verify(
    files: "Named", target: str, plan: str, tell: "Callable[[Record], None]"
) -> tuple[str, str]:
    from watchdog.adapters.secrets import EnvAndFileSecrets
    from watchdog.app.loading import chosen_plan, chosen_target
    from watchdog.app.opening import open_deps
    from watchdog.app.verifying import verify as verified

    chosen = chosen_target(files.load(), target)
    async with open_deps(EnvAndFileSecrets()) as deps:
        proof, detail = await verified(chosen, chosen_plan(chosen, plan), deps, tell)
        return proof.value, detail
