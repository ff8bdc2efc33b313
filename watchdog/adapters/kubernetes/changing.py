"""Changes one workload: once for each step, and never over somebody else's change."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from watchdog.adapters.kubernetes.access import Access, reached
from watchdog.adapters.kubernetes.api import ConflictError, InvalidError, KubeApi, Object
from watchdog.adapters.kubernetes.persisting import persistently
from watchdog.adapters.kubernetes.workloads import (
    STEP_NOTE,
    Workload,
    annotations,
    generation,
    metadata,
    template,
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
    access: Access, which: Workload, key: str, changed: Change, unfinished: str = ""
) -> str:
    """Send what `changed` makes of the object as it is; says what was done.

    The step's `key` is left on the object in the same patch, so that whoever comes after a crash
    sees whether it happened. What somebody else changes in between is never overwritten. With
    `unfinished` the patch is not all of the step: this is put behind the key until `finish`.
    """
    async with reached(access) as api:
        seen: Object | None = None
        refused: StepError | None = None
        for attempt in range(TRIES):
            if attempt:
                await asyncio.sleep(_PAUSE * 2**attempt)
            found = await persistently(lambda: api.get(which.kind, which.name))
            if annotations(found).get(STEP_NOTE) in (key, key + unfinished):
                return f"{which}: was done before, at generation {generation(found)}"
            _is_still(which, seen, found)
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


async def finish(api: KubeApi, which: Workload, key: str, unfinished: str) -> None:
    """Note that a step is done whose patch was not all of it, unless another one came since."""
    path = f"/metadata/annotations/{_escaped(STEP_NOTE)}"
    with suppress(InvalidError):
        await api.patch(
            which.kind,
            which.name,
            [
                {"op": "test", "path": path, "value": key + unfinished},
                {"op": "replace", "path": path, "value": key},
            ],
        )


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
        if annotations(found).get(STEP_NOTE) == key:
            return Effect.APPLIED, f"{which} bears the step's key, generation {generation(found)}"
        if is_so(found):
            return Effect.APPLIED, f"{which} is as wanted, generation {generation(found)}"
    except WatchdogError as error:
        return Effect.UNKNOWN, str(error)
    return Effect.NOT_APPLIED, f"{which} does not bear the step's key"


def _is_still(which: Workload, before: Object | None, found: Object) -> None:
    """That nobody put another object or another template in the place of what was read."""
    if before is None:
        return
    if uid(before) != uid(found) or template(before) != template(found):
        raise PermanentError(
            f"{which}: somebody else changed what it runs meanwhile; not sent, look at it first"
        )


def _guards(found: Object | None) -> tuple[str, int, bool]:
    """What the guards of a patch compare."""
    one = found or {}
    return uid(one), generation(one), bool(metadata(one).get("annotations"))


def _guarded(found: Object, key: str, operations: Operations) -> list[Mapping[str, Any]]:
    # By generation: status writes move the resourceVersion all the time while pods come and go.
    guard = {"op": "test", "path": "/metadata/generation", "value": generation(found)}
    same = {"op": "test", "path": "/metadata/uid", "value": uid(found)}
    return [guard, same, *operations, *noted(found, key)]


def noted(found: Object, key: str) -> Operations:
    """What leaves the step's key on an object."""
    whole = "/metadata/annotations"
    if metadata(found).get("annotations"):
        return [{"op": "add", "path": f"{whole}/{_escaped(STEP_NOTE)}", "value": key}]
    # There are none yet. Not every kind counts a new one as a change, and those of somebody
    # else must not be lost.
    return [
        {"op": "test", "path": whole, "value": None},
        {"op": "add", "path": whole, "value": {STEP_NOTE: key}},
    ]


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
