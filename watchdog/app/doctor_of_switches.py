"""The doctor's look at the annotations that stop a daemon: whether they can be seen, and stand."""

import asyncio

from watchdog.app.examined import Examined, Health
from watchdog.domain.errors import WatchdogError
from watchdog.domain.switches import Switches

LIMIT = 20.0


async def rights_of_switches(switches: Switches | None) -> list[Examined]:
    """What of it is wrong, with the rule that is missing; nothing where no annotation counts."""
    if switches is None:
        return []
    about = f"switches {switches.object}"
    try:
        async with asyncio.timeout(LIMIT):
            return [Examined(health, about, text) for health, text in await _looked(switches)]
    except TimeoutError:
        return [Examined(Health.WRONG, about, f"no answer within {LIMIT:g} s")]
    except WatchdogError as error:
        return [Examined(Health.WRONG, about, str(error))]


async def _looked(switches: Switches) -> list[tuple[Health, str]]:
    from watchdog.adapters.kubernetes.access import Access, reached  # noqa: PLC0415 -- an extra
    from watchdog.adapters.kubernetes.notes import (  # noqa: PLC0415 -- an extra
        named,
        notes_of,
        rights_to_notes,
    )
    from watchdog.adapters.kubernetes.rights import rules, standing  # noqa: PLC0415 -- an extra

    access = Access.model_validate(dict(switches.access))
    found = await standing(access, rights_to_notes(switches.object))
    if found.missing:
        verbs = " or ".join(one.verb for one in found.missing)
        text = f"may not {verbs} it in {found.where}: nothing will be begun"
        return [(Health.WRONG, f"{text}; add to the account's Role\n{rules(found.missing)}")]
    kind, name = named(switches.object)
    async with reached(access) as api:
        objects = (await api.listed(kind, name=name)).objects
    if not objects:
        text = f"there is none in {found.where}: nothing will be begun"
        return [(Health.WRONG, f"{text}; name one that is there")]
    notes = notes_of(objects[0], switches.object, str)
    stops = [notes.how] if notes.how else []
    stops += [f"{target or 'all targets'} paused: {n.reason}" for target, n in notes.pauses.items()]
    return [
        (Health.OK, f"its annotations can be seen in {found.where}"),
        *((Health.NOTE, stop) for stop in stops),
    ]
