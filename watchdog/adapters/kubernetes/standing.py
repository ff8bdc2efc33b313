"""How an object stands before a step changes it: what somebody else makes of it is left alone."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

from watchdog.adapters.kubernetes.access import Access, reached
from watchdog.adapters.kubernetes.api import Object
from watchdog.adapters.kubernetes.persisting import persistently
from watchdog.adapters.kubernetes.workloads import Workload, template, uid
from watchdog.domain.errors import PermanentError

# Hexadecimal digits: enough to tell two of them apart, too few to tell what it was.
_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Part:
    """What of an object must stay as it was. `otherwise`: what somebody else did, if it did not."""

    of: Callable[[Object], object]
    otherwise: str


TEMPLATE = Part(template, "changed what it runs")


async def stands(access: Access, which: Workload, part: Part = TEMPLATE) -> str:
    """How it stands now. An API server that does not answer is asked again for a while."""
    async with reached(access) as api:
        return standing(await persistently(lambda: api.get(which.kind, which.name)), part)


def standing(found: Object, part: Part = TEMPLATE) -> str:
    """Which object it is, and a digest of the part: the same only while both are."""
    text = json.dumps(part.of(found), sort_keys=True)
    return f"{uid(found)} {sha256(text.encode()).hexdigest()[:_DIGITS]}"


def still(which: Workload, stood: str, found: Object, part: Part = TEMPLATE) -> str:
    """How it stands, as it stood before; `stood` is empty where nobody saw that.

    Raises PermanentError where somebody put another object or another part in its place.
    """
    now = standing(found, part)
    if stood not in ("", now):
        text = f"somebody else {part.otherwise} meanwhile; not sent, look at it first"
        raise PermanentError(f"{which}: {text}")
    return now
