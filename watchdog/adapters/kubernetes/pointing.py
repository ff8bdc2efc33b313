"""Points a Service at other pods: once for each step, and never over somebody else's change."""

import asyncio
from collections.abc import Callable, Mapping

from watchdog.adapters.kubernetes.api import ConflictError, InvalidError, KubeApi, Object
from watchdog.adapters.kubernetes.changing import TRIES, Operations
from watchdog.adapters.kubernetes.kinds import SERVICE
from watchdog.adapters.kubernetes.persisting import persistently
from watchdog.adapters.kubernetes.standing import Part, still
from watchdog.adapters.kubernetes.step_notes import bears, noted
from watchdog.adapters.kubernetes.workloads import (
    Workload,
    metadata,
    spec,
    uid,
)
from watchdog.domain.errors import PermanentError, StepError, TransientError

# Seconds; doubled each time.
_PAUSE = 0.02
Selector = Mapping[str, str]


def own_selector(found: Object) -> Selector:
    """The labels of the pods that a Service sends traffic to. Raises PermanentError without."""
    own = dict(spec(found).get("selector") or {})
    if not own:
        name = metadata(found).get("name")
        text = f"service/{name} has no selector: somebody else makes its endpoints; not sent"
        raise PermanentError(text)
    return own


SELECTOR = Part(own_selector, "pointed it elsewhere")


async def point(
    api: KubeApi, service: str, key: str, wanted: Callable[[Object], Selector], stood: str = ""
) -> tuple[Selector, Selector, bool]:
    """Give the Service the selector that `wanted` makes of it as it is.

    What it was, what it is now, and whether that was sent now. A Service has no generation: the
    old selector itself is the guard. `stood`: how it stood before the step was first sent.
    """
    seen: Object | None = None
    refused: StepError | None = None
    for attempt in range(TRIES):
        if attempt:
            await asyncio.sleep(_PAUSE * 2**attempt)
        found = await persistently(lambda: api.get(SERVICE, service))
        now = own_selector(found)
        if bears(found, key):
            return now, now, False
        stood = still(Workload(SERVICE, service), stood, found, SELECTOR)
        if seen and isinstance(refused, InvalidError) and _version(seen) == _version(found):
            raise PermanentError(str(refused)) from refused
        goal = wanted(found)
        if goal == now:
            return now, goal, False
        operations: Operations = [
            {"op": "test", "path": "/metadata/uid", "value": uid(found)},
            {"op": "test", "path": "/spec/selector", "value": now},
            {"op": "replace", "path": "/spec/selector", "value": dict(goal)},
            *noted(found, key),
        ]
        try:
            await api.patch(SERVICE, service, operations)
        except (InvalidError, ConflictError) as error:
            # A `test` that failed cannot be told from what is refused for good.
            seen, refused = found, error
            continue
        return now, goal, True
    raise TransientError(
        f"service/{service}: changed by somebody else each of {TRIES} times; not sent"
    )


def _version(found: Object) -> str:
    return str(metadata(found).get("resourceVersion"))
