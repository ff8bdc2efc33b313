"""Takes in what is said from outside: recorded first, on the board then, and never twice."""

import asyncio
from collections import deque
from collections.abc import Sequence

from watchdog.domain.claims import Claim, InboundIncomplete, SignalReceived, Voice
from watchdog.domain.errors import TransientError
from watchdog.domain.events import Event
from watchdog.domain.inbound import Board
from watchdog.domain.moment import Moment
from watchdog.ports import Clock, Journal

# Callers that may wait for the disk at once, and records a minute.
MOST_WAITING = 64
MOST_A_MINUTE = 1200
MINUTE = 60.0
# Seconds between two records that a message was incomplete.
TELL_AGAIN = 600.0


class BusyError(TransientError):
    """Not taken in, and nothing of it is kept: say it again later."""


class Reception:
    """Whatever it answers for is on the disk; what it refuses left no trace."""

    def __init__(self, journal: Journal, clock: Clock, board: Board) -> None:
        self.board = board
        self._journal = journal
        self._clock = clock
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._recorded: deque[Moment] = deque()
        self._told: dict[Voice, Moment] = {}

    async def take(self, claims: Sequence[Claim], *, missing: int = 0) -> int:
        """Take `claims` in, all or none; how many had to be recorded.

        `missing`: how many more the message says there are. Raises JournalError when they cannot
        be recorded, and BusyError when there are too many: then the same may be said again.
        """
        if self._waiting >= MOST_WAITING:
            raise BusyError("too many signals wait to be recorded; say it again")
        self._waiting += 1
        try:
            async with self._turn:
                return await self._take(claims, missing)
        finally:
            self._waiting -= 1

    async def _take(self, claims: Sequence[Claim], missing: int) -> int:
        now = self._clock.now()
        found = (self.board.recorded(claim, now) for claim in claims)
        events: list[Event] = [event for event in found if event is not None]
        events += self._incomplete(claims, missing, now)
        if not all(claim.how is Voice.CLI for claim in claims):
            # Whoever is at the socket is heard, whatever strangers flood us with.
            self._refuse_a_flood(events, now)
        for record in await self._journal.append(*events):
            # At once, and not when the journal's listeners are told: who comes next must see it.
            self.board.take(record.seq, record.at, record.event)
        if missing and claims:
            self._told.setdefault(claims[0].how, now)
        return len(events)

    def _incomplete(
        self, claims: Sequence[Claim], missing: int, now: Moment
    ) -> list[InboundIncomplete]:
        if not missing or not claims:
            return []
        how = claims[0].how
        told = self._told.get(how)
        if told is not None and now.since(told) < TELL_AGAIN:
            return []
        self._told.pop(how, None)
        return [InboundIncomplete(how, claims[0].by, missing)]

    def _refuse_a_flood(self, events: Sequence[Event], now: Moment) -> None:
        keys = [event.key for event in events if isinstance(event, SignalReceived)]
        if not self.board.has_room(now, keys):
            raise BusyError("too many signals are remembered; say it again")
        self._count(len(events), now)

    def _count(self, records: int, now: Moment) -> None:
        while self._recorded and now.since(self._recorded[0]) >= MINUTE:
            self._recorded.popleft()
        if records and len(self._recorded) >= MOST_A_MINUTE:
            raise BusyError("too many new signals in one minute; say it again")
        self._recorded.extend([now] * records)
