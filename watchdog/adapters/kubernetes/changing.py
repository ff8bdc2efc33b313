"""Changes one workload: once for each step, and never over somebody else's change."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from watchdog.adapters.kubernetes.access import Access, reached
from watchdog.adapters.kubernetes.api import ConflictError, InvalidError, KubeApi, Object
from watchdog.adapters.kubernetes.persisting import persistently
from watchdog.adapters.kubernetes.standing import TEMPLATE, Part, still
from watchdog.adapters.kubernetes.step_notes import UNFINISHED, bears, finished, noted
from watchdog.adapters.kubernetes.workloads import (
    STEP_NOTE,
    Workload,
    annotations,
    generation,
    metadata,
    uid,
)
from watchdog.domain.errors import PermanentError, StepError, TransientError, WatchdogError
from watchdog.domain.events import Effect

# How often an object is read anew that somebody else is changing, too.
TRIES = 5
# Seconds; doubled each time.
_PAUSE = 0.02
CHANGE_CAUSE = "kubernetes.io/change-cause"
Operations = Sequence[Mapping[str, Any]]
Change = Callable[[KubeApi, Object], Awaitable[tuple[Operations, str]]]
IsSo = Callable[[Object], bool]


async def change(
    access: Access,
    which: Workload,
    key: str,
    changed: Change,
    unfinished: str = "",
    *,
    stood: str = "",
    part: Part = TEMPLATE,
) -> str:
    """Send what `changed` makes of the object as it is; says what was done.

    The step's `key` is left on the object in the same patch, so that whoever comes after a crash
    sees whether it happened. What somebody else changes in between is never overwritten. With
    `unfinished` the patch is not all of the step: this is put behind the key until `finish`.
    `stood`: how the `part` stood before the step was first sent, as `standing` says it.
    """
    async with reached(access) as api:
        seen: Object | None = None
        refused: StepError | None = None
        for attempt in range(TRIES):
            if attempt:
                await asyncio.sleep(_PAUSE * 2**attempt)
            found = await persistently(lambda: api.get(which.kind, which.name))
            if bears(found, key) or bears(found, key + unfinished):
                return f"{which}: was done before, at generation {generation(found)}"
            stood = still(which, stood, found, part)
            if isinstance(refused, InvalidError) and _guards(seen) == _guards(found):
                # Not that a `test` failed: the API server does not want it.
                raise PermanentError(f"{which}: {refused}") from refused
            operations, text = await changed(api, found)
            if not operations:
                return f"{which}: {text}"
            seen = found
            patch = _guarded(found, key + unfinished, operations)
            try:
                done = await api.patch(which.kind, which.name, patch)
            except (InvalidError, ConflictError) as error:
                refused = error
                continue
            return f"{which}: {text}; generation {generation(done)}"
        raise TransientError(f"{which}: changed by somebody else each of {TRIES} times; not sent")


async def finish(api: KubeApi, which: Workload, key: str) -> None:
    """Note that a step is done whose patch was not all of it, also where others came since."""
    for attempt in range(TRIES):
        await asyncio.sleep(_PAUSE * 2**attempt if attempt else 0)
        found = await persistently(lambda: api.get(which.kind, which.name))
        operations = finished(found, key)
        if not operations:
            return
        with suppress(InvalidError, ConflictError):
            await api.patch(which.kind, which.name, operations)
            return
    raise TransientError(f"{which}: changed by somebody else each of {TRIES} times")


def _never(_found: Object) -> bool:
    return False


async def was_changed(
    access: Access, which: Workload, key: str, is_so: IsSo = _never
) -> tuple[Effect, str]:
    """Whether the step of this key reached the object, by the note that it left there.

    Where nothing had to be sent, no note was left: `is_so` says whether it is as wanted. An API
    server that does not answer is asked again for a while.
    """
    try:
        async with reached(access) as api:
            found = await persistently(lambda: api.get(which.kind, which.name))
        if bears(found, key):
            return Effect.APPLIED, f"{which} bears the step's key, generation {generation(found)}"
        if is_so(found):
            return Effect.APPLIED, f"{which} is as wanted, generation {generation(found)}"
    except WatchdogError as error:
        return Effect.UNKNOWN, str(error)
    if bears(found, key + UNFINISHED):
        return Effect.NOT_APPLIED, f"{which} bears the step's key, which says{UNFINISHED}"
    return Effect.NOT_APPLIED, f"{which} does not bear the step's key"


def _guards(found: Object | None) -> tuple[str, int, bool, str | None]:
    """What the guards of a patch compare."""
    one = found or {}
    noted_there = annotations(one).get(STEP_NOTE)
    return uid(one), generation(one), bool(metadata(one).get("annotations")), noted_there


def _guarded(found: Object, key: str, operations: Operations) -> list[Mapping[str, Any]]:
    # By generation: status writes move the resourceVersion all the time while pods come and go.
    guard = {"op": "test", "path": "/metadata/generation", "value": generation(found)}
    same = {"op": "test", "path": "/metadata/uid", "value": uid(found)}
    return [guard, same, *operations, *noted(found, key)]


def cause_of(found: Object, then: Mapping[str, str]) -> Operations:
    """What gives an object the change cause that its history knows of what it returns to.

    `then`: the annotations of that revision. Otherwise `kubectl rollout history` would say of it
    what was said of the one that is left.
    """
    path = f"/metadata/annotations/{_escaped(CHANGE_CAUSE)}"
    now, goal = annotations(found).get(CHANGE_CAUSE), then.get(CHANGE_CAUSE)
    if now == goal or not annotations(found):
        return []
    if goal is None:
        return [{"op": "remove", "path": path}]
    return [{"op": "add", "path": path, "value": goal}]


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
