"""What keeps a watchdog from its turn: in the log, on its pages, by its socket, and to people."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import structlog

from watchdog.domain.errors import WatchdogError
from watchdog.engine.status import Status
from watchdog.ports import Clock
from watchdog.web.face import Facts

# Seconds: after which people are told, how often it is looked at, and when they are told anew.
TOLD_AFTER, EVERY, TOLD_AGAIN = 30.0, 1.0, 3600.0
# The log has the same text this seldom where two of them take turns.
_LOGGED_AGAIN = 60.0

# Tells people a text, as far as that is possible.
Tell = Callable[[str], Awaitable[None]]


class NoTurn:
    """`why` it cannot be its turn, whoever else acts; empty where nothing is wrong.

    `lease` names what lets one of them act.
    """

    def __init__(self, lease: str, clock: Clock, tell: Tell) -> None:
        self.why = ""
        self._lease = lease
        self._clock = clock
        self._tell = tell
        self._since = 0.0
        self._logged: dict[str, float] = {}
        self._told: dict[str, float] = {}

    def say(self, why: str) -> None:
        """That it is so now; in the log where that is a change."""
        if why == self.why:
            return
        now, log = self._clock.now().elapsed, structlog.get_logger()
        if not why:
            log.info("turn_possible_again", lease=self._lease)
        elif now - self._logged.get(why, float("-inf")) > _LOGGED_AGAIN:
            log.warning("no_turn", lease=self._lease, why=why)
            self._logged[why] = now
        if not self.why:
            self._since = now
        self.why = why

    async def tell(self) -> None:
        """Tell people what lasts, until cancelled."""
        while True:
            await asyncio.sleep(EVERY)
            now = self._clock.now().elapsed
            told = now - self._told.get(self.why, float("-inf")) < TOLD_AGAIN
            if self.why and now - self._since >= TOLD_AFTER and not told:
                self._told[self.why] = now
                await self._tell(f"this watchdog cannot take its turn to act: {self.why}")

    @property
    def facts(self) -> Facts:
        """For the pages. That another one acts is as it should be: no restart would mend it."""
        return Facts(
            stalled=tuple, unable=self._unable, metrics=bytes, status=self._status, run=_no_run
        )

    async def obey(self, command: str, _arguments: Mapping[str, Any], _uid: int) -> Status:
        """Answers `status`. Raises WatchdogError for whatever the one that acts must do."""
        if command == "status":
            return await self._status()
        raise WatchdogError(
            f"{command}: this watchdog stands by; ask the one that holds the lease {self._lease}"
        )

    def _unable(self) -> Sequence[str]:
        return (self.why,) if self.why else ()

    async def _status(self) -> Status:
        daemon = {
            "running": True,
            "standing_by": True,
            "lease": self._lease,
            "trouble": self.why,
        }
        return {"daemon": daemon, "targets": []}


async def _no_run(_run: str) -> list[Status]:
    return []
