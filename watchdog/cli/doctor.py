"""`doctor`: reaches everything the files name, and says what is missing."""

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from watchdog.cli.asking import NotRunningError, RefusedError, ask
from watchdog.cli.exits import Exit
from watchdog.cli.options import AsJson, Files
from watchdog.cli.output import say, say_json

if TYPE_CHECKING:
    from watchdog.app.examined import Examined
    from watchdog.config.loading import Loaded

SendTest = Annotated[
    bool, typer.Option("--send-test", help="Send each channel a test message as well.")
]


def doctor(*, files: Files, send_test: SendTest = False, as_json: AsJson = False) -> None:
    """Reach all that the files name, and say what is missing.

    Read-only: nothing is changed, and nobody is told unless `--send-test` asks for it.
    """
    import asyncio

    from watchdog.app.loading import Files as Named

    loaded = Named(files).load()
    found = [*_here(loaded), *asyncio.run(_elsewhere(loaded, send_test))]
    counted = Counter(one.health.value for one in found)
    if as_json:
        say_json({"ok": not counted["wrong"], "examined": [asdict(one) for one in found]})
    else:
        for one in found:
            say(
                f"{one.health.value.upper() if one.health == 'wrong' else one.health.value:5}  "
                f"{one.about}: {one.text}"
            )
        say(f"\n{counted['wrong']} wrong, {counted['note']} to note, {counted['ok']} ok")
    if counted["wrong"]:
        raise typer.Exit(Exit.NO)


def _here(loaded: "Loaded") -> "list[Examined]":
    from watchdog.app import doctor_at_home
    from watchdog.app.examined import Examined, Health

    daemon = loaded.daemon
    found = list(doctor_at_home.installation())
    found += [Examined(Health.NOTE, "files", str(problem)) for problem in loaded.warnings]
    found.append(doctor_at_home.journal(Path(daemon.journal)))
    found += doctor_at_home.kill_file(daemon)
    try:
        own = ask(daemon.socket, "status")["daemon"]
    except NotRunningError:
        found.append(Examined(Health.NOTE, "daemon", "none is running"))
        return [*found, doctor_at_home.address(daemon.listen)]
    except RefusedError as error:
        return [*found, Examined(Health.WRONG, "daemon", str(error))]
    text = f"process {own['pid']}, version {own['version']}, since {own['started']}"
    found.append(Examined(Health.OK, "daemon", text))
    found += [Examined(Health.WRONG, "daemon", f"stalled: {one}") for one in own["stalled"]]
    found += [Examined(Health.WRONG, "daemon", one) for one in own["itself"]["ailments"]]
    return found


async def _elsewhere(loaded: "Loaded", send_test: bool) -> "list[Examined]":
    from watchdog.adapters.secrets import EnvAndFileSecrets
    from watchdog.app.doctor import examine, send_tests
    from watchdog.app.opening import open_deps

    secrets = EnvAndFileSecrets()
    async with open_deps(secrets) as deps:
        found = await examine(loaded, deps, secrets)
        return [*found, *(await send_tests(loaded, deps) if send_test else ())]
