"""The doctor's look at who tells of changes: whether it answers, and what it says last."""

import asyncio
from collections.abc import Mapping

from watchdog import catalog
from watchdog.app.examined import Examined, Health
from watchdog.domain.change import objection
from watchdog.domain.errors import WatchdogError
from watchdog.domain.target import ChangeSourceSpec, Target
from watchdog.domain.words import utc
from watchdog.engine.defects import unexpected
from watchdog.ports import Deps

LIMIT = 30.0


async def changes_of_target(target: Target, deps: Deps, listen: str) -> list[Examined]:
    """One look at each source of changes of `target`, and at the token that CI must show.

    `listen` is the address of the pages, empty where they are off.
    """
    rules = target.changes
    if rules is None:
        return []
    found = [await _source(target, spec, deps) for spec in rules.sources]
    if rules.token is not None:
        found.append(_token(target, rules.token, deps, listen))
    return found


async def _source(target: Target, spec: ChangeSourceSpec, deps: Deps) -> Examined:
    about = f"{target.name}: changes from {spec.name}"
    plugin = catalog.changes(spec.use)
    source = plugin.build(plugin.options.model_validate(spec.options), deps)
    try:
        async with asyncio.timeout(LIMIT):
            news = await source.news()
    except TimeoutError:
        return Examined(Health.WRONG, about, f"no answer within {LIMIT:g} s")
    except WatchdogError as error:
        return Examined(Health.WRONG, about, str(error))
    except Exception as error:  # noqa: BLE001 -- the boundary of a plugin, which may have bugs
        return Examined(Health.WRONG, about, unexpected(error))
    finally:
        await source.close()
    if not news:
        return Examined(Health.NOTE, about, "tells of no change yet")
    last = news[-1]
    wrong = objection(last, deps.clock.now().wall)
    if wrong:
        return Examined(Health.WRONG, about, f"its last change cannot be believed: {wrong}")
    return Examined(Health.OK, about, f"the last of {len(news)}: {last.version} at {utc(last.at)}")


def _token(target: Target, token: Mapping[str, str], deps: Deps, listen: str) -> Examined:
    about = f"{target.name}: changes from CI"
    if not listen:
        text = "the pages are off, so CI can tell nothing: give the daemon's file a `listen`"
        return Examined(Health.WRONG, about, text)
    try:
        deps.secrets.read(token)
    except WatchdogError as error:
        return Examined(Health.WRONG, about, str(error))
    return Examined(Health.OK, about, f"POST /targets/{target.name}/changes, with the token")
