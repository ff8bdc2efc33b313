"""Users of a cluster at the API: who they are here, and which target their act is about."""

from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import structlog

from watchdog.app.acts import body_of
from watchdog.app.daemon import Daemon
from watchdog.domain.callers import Caller, name_of
from watchdog.domain.doors import ClusterDoor
from watchdog.domain.errors import ConfigError, JournalError, StepError
from watchdog.domain.events import RunStarted
from watchdog.domain.moment import Moment
from watchdog.domain.requests import found
from watchdog.ports import Callers, Clock
from watchdog.web.acts import Acts

# Seconds between two words in the log about a cluster that does not answer.
_QUIET = 60.0
T = TypeVar("T")


@asynccontextmanager
async def with_callers(acts: Acts, daemon: Daemon) -> AsyncIterator[Acts]:
    """`acts` for users of the cluster as well, where the file has one.

    Raises ConfigError where it cannot be used.
    """
    door, people = acts.door.cluster, daemon.loaded.daemon.people
    if door is None:
        yield acts
        return
    async with _reached(door, acts.clock) as callers:
        yield replace(
            acts,
            callers=_Told(callers, acts.clock),
            name_of=lambda caller: name_of(people, caller),
            target_of=lambda command, said: target_of(daemon, command, said),
        )


async def target_of(daemon: Daemon, command: str, said: Mapping[str, Any]) -> str:
    """The target that an act is about; empty for all of them, or where that is not known.

    Whoever may act on one alone is then refused.
    """
    match said:
        case {"target": str(target)} if "target" in body_of(command).model_fields:
            # Nobody has a right to one that is not there, and no made-up name is asked about.
            return target if target in daemon.lanes else ""
        case {"request": str(request)} if command in {"approve", "deny"}:
            lanes = daemon.lanes.values()
            mine = (one for one in lanes if found(one.decider.approvals.requests, request))
            lane = next(mine, None)
            return lane.target.name if lane else ""
        case {"run": str(run)} if command == "recover":
            return await _target_of_run(daemon, run)
    return ""


async def _target_of_run(daemon: Daemon, run: str) -> str:
    try:
        records = await daemon.shared.journal.read(run=run)
    except JournalError:
        return ""
    starts = (one.event for one in records if isinstance(one.event, RunStarted))
    return next((start.target for start in starts), "")


@asynccontextmanager
async def _reached(door: ClusterDoor, clock: Clock) -> AsyncIterator[Callers]:
    try:
        from watchdog.adapters.kubernetes.access import Access  # noqa: PLC0415 -- an extra
        from watchdog.adapters.kubernetes.callers import callers_at  # noqa: PLC0415 -- an extra
    except ImportError as error:
        raise ConfigError(
            f"api.kubernetes needs {error.name}: install rollback-watchdog[kubernetes]"
        ) from error
    access = Access.model_validate(dict(door.access))
    async with callers_at(access, door.audience, door.kept, clock) as callers:
        yield callers


@dataclass(slots=True)
class _Told:
    """`callers`, whose trouble is told in the log: whoever asks is no one to tell it to."""

    callers: Callers
    clock: Clock
    _last: Moment | None = field(default=None, init=False)

    def knows(self, token: str) -> bool:
        return self.callers.knows(token)

    async def who(self, token: str) -> Caller | None:
        return await self._or_told(self.callers.who(token))

    async def may(self, caller: Caller, verb: str, target: str) -> bool:
        return await self._or_told(self.callers.may(caller, verb, target))

    async def _or_told(self, answer: Awaitable[T]) -> T:
        try:
            return await answer
        except StepError as error:
            now = self.clock.now()
            if self._last is None or now.since(self._last) >= _QUIET:
                self._last = now
                structlog.get_logger().warning("callers_unknown", error=str(error))
            raise
