"""Looks after the watchdog itself: what has stopped or is stuck is told, and when it is over."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from watchdog.domain.ailments import UNDELIVERED_AFTER, Ailment, AilmentFound, AilmentOver, Organ
from watchdog.domain.errors import JournalError
from watchdog.domain.events import Event, Record
from watchdog.domain.heartbeat import FAILURES_TOLD
from watchdog.domain.moment import Moment
from watchdog.domain.progress import Progress
from watchdog.domain.silence import SLACK, not_driven, silence_allowed, silent
from watchdog.domain.words import duration
from watchdog.engine.heart import Heart
from watchdog.engine.lane import Lane
from watchdog.engine.service import Service

EVERY = 2.0
Name = tuple[Organ, str, str]


@dataclass(frozen=True, slots=True)
class SelfSeen:
    """What the watchdog knows of itself, beside rounds that stopped.

    `heartbeat` is None where none is configured.

    `waiting`: for how many seconds the oldest message of each channel has been under way.
    `loop_lag_seconds`: the worst of the last minute. `stuck`: targets whose run is.
    """

    ailments: Sequence[str] = ()
    stuck: Sequence[str] = ()
    waiting: Mapping[str, float] = field(default_factory=dict)
    heartbeat: Mapping[str, Any] | None = None
    loop_lag_seconds: float = 0.0


class SelfWatch:
    """`waiting` says for how many seconds the oldest message of each channel has been under way."""

    def __init__(
        self,
        service: Service,
        heart: Heart | None,
        waiting: Callable[[], Mapping[str, float]],
    ) -> None:
        self._service = service
        self._heart = heart
        self._waiting = waiting
        self._clock = service.shared.clock
        # When each run was last heard of; of one that was found open, when it was first seen.
        self._heard: dict[str, Moment] = {}
        self._known: dict[Name, Moment] = {}
        self._seen: frozenset[Name] = frozenset()
        service.shared.journal.listen(self._listen)

    def _listen(self, records: Sequence[Record]) -> None:
        for record in records:
            if isinstance(record.event, Progress):
                self._heard[record.event.run] = record.at

    async def run(self) -> None:
        """Look every few seconds, until cancelled."""
        while True:
            await asyncio.sleep(EVERY)
            await self.look()

    async def look(self) -> None:
        """Tell what is new, and what is over."""
        if self._service.stopping:
            return
        self._forget_what_is_over()
        ailments = {one.name: one for one in self.ailments()}
        # Twice in a row: a machine that was suspended has it all at once, and for a moment.
        found = [one for one in ailments.values() if one.name in self._seen - self._known.keys()]
        over = {name: at for name, at in self._known.items() if name not in ailments}
        self._seen = frozenset(ailments)
        now = self._clock.now()
        self._known = {n: at for n, at in self._known.items() if n not in over}
        self._known |= {one.name: now for one in found}
        await self._tell(found, over)

    def _forget_what_is_over(self) -> None:
        held = (lane.decider.account.current for lane in self._service.lanes.values())
        going_on = {current.run for current in held if current is not None}
        self._heard = {run: at for run, at in self._heard.items() if run in going_on}

    async def _tell(self, found: Sequence[Ailment], over: Mapping[Name, Moment]) -> None:
        events: list[Event] = [
            AilmentFound(one.organ, one.target, one.about, one.detail) for one in found
        ]
        events += [AilmentOver(*name, since=at.wall) for name, at in over.items()]
        if not events:
            return
        try:
            await self._service.shared.journal.append(*events)
        except JournalError:
            # What cannot be recorded is told all the same.
            for one in found:
                self._service.shared.alarm(str(one))

    def ailments(self) -> list[Ailment]:
        """All that is wrong at this moment."""
        return [*self._rounds(), *self._runs(), *self._messages(), *self._heartbeat()]

    def seen(self, loop_lag: float) -> SelfSeen:
        """For the status and the metrics."""
        ailments = self.ailments()
        return SelfSeen(
            ailments=[str(one) for one in ailments if one.organ is not Organ.ROUNDS],
            stuck=[one.target for one in ailments if one.organ is Organ.RUN],
            waiting=self._waiting(),
            heartbeat=self._heart.status() if self._heart else None,
            loop_lag_seconds=loop_lag,
        )

    def _rounds(self) -> Iterator[Ailment]:
        for one in self._service.stalled():
            yield Ailment(Organ.ROUNDS, one.target, one.source, f"none for {duration(one.seconds)}")

    def _messages(self) -> Iterator[Ailment]:
        for channel, seconds in self._waiting().items():
            if seconds >= UNDELIVERED_AFTER:
                detail = f"its oldest message has been undelivered for {duration(seconds)}"
                yield Ailment(Organ.OUTBOX, "", channel, detail)

    def _heartbeat(self) -> Iterator[Ailment]:
        beats = self._heart.beats if self._heart else None
        if beats is not None and beats.failures >= FAILURES_TOLD:
            detail = f"not taken {beats.failures} times in a row: {beats.failure}"
            yield Ailment(Organ.HEARTBEAT, "", "", detail)

    # -- runs

    def _runs(self) -> Iterator[Ailment]:
        # An unwritable journal holds every run back, and has an alarm of its own.
        if not self._service.shared.journal.healthy:
            return
        now = self._clock.now()
        for name, lane in self._service.lanes.items():
            current = lane.decider.account.current
            if current is None:
                continue
            quiet = now.since(self._heard.setdefault(current.run, now))
            why = _stuck(lane, quiet)
            if why:
                yield Ailment(Organ.RUN, name, current.run, why)


def _stuck(lane: Lane, quiet: float) -> str:
    """Why the run of `lane`, which said nothing for `quiet` seconds, is; empty: it is not."""
    if lane.runner is None:
        return not_driven(quiet) if quiet > SLACK else ""
    run = lane.runner.run
    return silent(run, quiet) if quiet > silence_allowed(run) else ""
