"""Tells the outside that the watchdog watches; the rounds drive it, and nothing else does."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from watchdog.domain.errors import WatchdogError
from watchdog.domain.heartbeat import Beats, Heartbeat, Place, first_lacking, why_withheld
from watchdog.domain.words import utc
from watchdog.engine.defects import unexpected
from watchdog.engine.service import Service

# Seconds beyond its own limit that a beat gets before it is cut off.
_SLACK = 1.0


class Heart:
    """`beat` sends one, and raises WatchdogError where it was not taken.

    `took` is called by the lanes after each round that they evaluated. A beat is sent from there
    alone: a loop that has stopped, or lanes that hang, leave nobody who could send one.
    """

    def __init__(
        self,
        settings: Heartbeat,
        service: Service,
        ready: Callable[[], bool],
        beat: Callable[[], Awaitable[None]],
    ) -> None:
        self._settings = settings
        self._service = service
        self._ready = ready
        self._beat = beat
        self._clock = service.shared.clock
        self._lacking: Place | None = None
        self._due = asyncio.Event()
        self.beats = Beats(self._clock.now())

    def took(self, target: str, source: str) -> None:
        """A round of `source` was evaluated; never waits."""
        if self._due.is_set() or not self.beats.is_due(self._settings.every, self._clock.now()):
            return
        # With thousands of sources, not all are gone through for each round of one.
        if self._lacking not in {None, (target, source)} and self._is_watched(self._lacking):
            return
        self._lacking = self._first_lacking()
        if not self._withheld(self._lacking):
            self._due.set()

    def _is_watched(self, place: Place | None) -> bool:
        target, source = place or ("", "")
        return any(one.name == source for one in self._service.watchers.get(target, ()))

    def _first_lacking(self) -> Place | None:
        return first_lacking(self._service.places(), self._service.taken(), self.beats.since)

    def _withheld(self, lacking: Place | None) -> str:
        service = self._service
        return why_withheld(
            ready=self._ready(),
            stopping=service.stopping,
            journal_healthy=service.shared.journal.healthy,
            lifeless=service.lifeless(),
            watched=any(service.watchers.values()),
            lacking=lacking,
        )

    async def run(self) -> None:
        """Send what is due until cancelled; rounds go on meanwhile, whatever becomes of it."""
        while True:
            await self._due.wait()
            left = self._clock.now()
            failure = await self._failure()
            self.beats = self.beats.refused(left, failure) if failure else self.beats.taken(left)
            self._lacking = None
            self._due.clear()

    async def _failure(self) -> str:
        """Send one: why it was not taken, or nothing."""
        try:
            async with asyncio.timeout(self._settings.timeout + _SLACK):
                await self._beat()
        except TimeoutError:
            return f"no answer within {self._settings.timeout:g} s"
        except WatchdogError as error:
            return str(error) or type(error).__name__
        except Exception as error:  # noqa: BLE001 -- supervises: telling must not end the watching
            return unexpected(error)
        return ""

    def status(self) -> dict[str, Any]:
        """As plain JSON values."""
        beats = self.beats
        is_due = beats.is_due(self._settings.every, self._clock.now())
        return {
            "every_seconds": self._settings.every,
            # A whole round takes as long as its slowest source.
            "pace_seconds": max([self._settings.every, *self._service.intervals()]),
            "last": utc(beats.sent.wall) if beats.sent else None,
            "last_unix": beats.sent.wall if beats.sent else None,
            "sent": beats.all_sent,
            "failed": beats.all_failed,
            "failures_in_a_row": beats.failures,
            "failure": beats.failure,
            "withheld": self._withheld(self._first_lacking()) if is_due else "",
        }
