"""Brings messages to one channel, in order, until they arrive or are given up."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar, get_args

from watchdog.domain.errors import InDoubtError, JournalError, TransientError, WatchdogError
from watchdog.domain.events import Event, NotificationDelivered, NotificationGivenUp, Record
from watchdog.domain.progress import (
    CheckSampled,
    EvidenceCollected,
    Progress,
    ReportWritten,
    RunStarted,
)
from watchdog.domain.run import Run, apply, begin
from watchdog.domain.target import NotifyRule
from watchdog.domain.telling import TOLD, message
from watchdog.domain.topics import Topic
from watchdog.domain.wording import Telling
from watchdog.engine.retry import pauses
from watchdog.ports import Clock, Journal, Message, Notifier

GIVE_UP_AFTER = 3600.0
# A page that is this late is worth telling everybody else of.
LATE_AFTER = 120.0
SEND_LIMIT = 30.0
READ_AGAIN = 60.0
MAX_ALARMS = 100
# Looks are many, and no message speaks of them.
_OF_A_RUN = tuple({*get_args(Progress)} - {CheckSampled, EvidenceCollected, ReportWritten})

T = TypeVar("T")


class Messenger:
    """Owns one channel's cursor. `alarm(text, besides)` tells the other channels at once."""

    def __init__(
        self,
        name: str,
        notifier: Notifier,
        journal: Journal,
        clock: Clock,
        *,
        rules: Mapping[str, Sequence[NotifyRule]],
        alarm: Callable[[str, str], None],
    ) -> None:
        self.name = name
        self._notifier = notifier
        self._journal = journal
        self._clock = clock
        self._rules = rules
        self._alarm = alarm
        self._began = clock.now().elapsed
        self._first_news = 0
        self._cursor = 0
        self._work = asyncio.Event()
        self._idle = asyncio.Event()
        self._alarms: asyncio.Queue[Message] = asyncio.Queue(MAX_ALARMS)
        # Of the message under way, as `elapsed` counts; None while there is none.
        self._waits_since: float | None = None

    # -- what comes in

    def nudge(self, seq: int) -> None:
        """There is something new to tell, from record `seq` on."""
        self._first_news = self._first_news or seq
        self._look_again()

    def alarm(self, alarm: Message) -> None:
        """Send `alarm` as soon as possible; dropped where too many wait already."""
        if not self._alarms.full():
            self._alarms.put_nowait(alarm)

    @property
    def waits_for(self) -> float:
        """Seconds for which the oldest message that was not told yet has been under way."""
        since = self._waits_since
        return 0.0 if since is None else max(0.0, self._clock.now().elapsed - since)

    async def settled(self) -> None:
        """Wait until all that is in the journal by now was told."""
        self._look_again()
        await self._idle.wait()

    def _look_again(self) -> None:
        self._idle.clear()
        self._work.set()

    # -- alarms

    async def sound_alarms(self) -> None:
        """Send alarms until cancelled; each is tried once."""
        while True:
            await self._attempt(await self._alarms.get())

    # -- the journal's tail

    async def tell(self) -> None:
        """Tell what the journal holds behind the cursor, and what comes, until cancelled."""
        self._cursor = await self._patiently(self._beginning)
        settled = await self._patiently(self._settled_already)
        while True:
            self._work.clear()
            await self._tell_news(settled)
            if not self._work.is_set():
                self._idle.set()
            try:
                async with asyncio.timeout(READ_AGAIN):
                    await self._work.wait()
            except TimeoutError:
                continue

    async def _beginning(self) -> int:
        """Where this channel goes on; a new one begins with what happens from now on."""
        kept = await self._journal.kept(self._note)
        if kept is not None and kept[0].isdecimal():
            return int(kept[0])
        past = await self._journal.read(kinds=TOLD)
        start = past[-1].seq if past else 0
        if self._first_news:
            start = min(start, self._first_news - 1)
        await self._journal.keep(self._note, str(start))
        return start

    async def _settled_already(self) -> set[int]:
        """What was delivered or given up by the process before, yet is behind the cursor."""
        kinds = (NotificationDelivered, NotificationGivenUp)
        return {
            record.event.about
            for record in await self._journal.read(kinds=kinds, after=self._cursor)
            if isinstance(record.event, kinds) and record.event.channel == self.name
        }

    async def _tell_news(self, settled: set[int]) -> None:
        start = self._cursor
        for record in await self._patiently(partial(self._journal.read, kinds=TOLD, after=start)):
            before = await self._patiently(partial(self._of_its_run, record))
            telling = self._telling(record, before)
            if telling is not None and record.seq not in settled:
                await self._deliver(telling, record)
            self._cursor = record.seq
        if self._cursor != start:
            await self._patiently(partial(self._journal.keep, self._note, str(self._cursor)))

    @property
    def _note(self) -> str:
        return f"cursor/{self.name}"

    # -- one message

    def _telling(self, record: Record, before: Sequence[Record]) -> Telling | None:
        """What this channel is to be told of `record`, by the rules of its target."""
        try:
            telling = message(record, _run(before, record))
        except Exception as error:  # noqa: BLE001 -- supervises: one message must not end the rest
            self._alarm(f"record {record.seq} cannot be put into words: {error!r}", "")
            return None
        if telling is None:
            return None
        every = [rule for rules in self._rules.values() for rule in rules]
        for rule in self._rules.get(telling.target, every):
            asked = self.name in rule.to and telling.severity >= rule.severity
            if asked and any(topic.value in rule.on for topic in telling.topics):
                return telling
        return None

    async def _of_its_run(self, record: Record) -> Sequence[Record]:
        """What happened so far in the run that `record` is of."""
        if not isinstance(record.event, Progress):
            return ()
        return await self._journal.read(kinds=_OF_A_RUN, run=record.event.run)

    async def _deliver(self, telling: Telling, record: Record) -> None:
        """Send until it arrives, is refused for good, or is too old; and record which."""
        since = max(record.at.elapsed, self._began)
        self._waits_since = since
        try:
            attempts, error = await self._send(
                _message(telling, record), since, urgent=Topic.PAGED in telling.topics
            )
        finally:
            self._waits_since = None
        done: Event = NotificationDelivered(self.name, record.seq, attempts)
        if error:
            self._alarm(f"{self.name} could not be told: {telling.title} ({error})", self.name)
            done = NotificationGivenUp(self.name, record.seq, attempts, error)
        await self._patiently(partial(self._journal.append, done))

    async def _send(self, sent: Message, since: float, *, urgent: bool) -> tuple[int, str]:
        """How many attempts it took, and why it was given up; empty where it was not."""
        attempts, waits = 0, pauses()
        while True:
            attempts += 1
            error, again = await self._attempt(sent)
            waited = self._clock.now().elapsed - since
            if not error or not again or waited >= GIVE_UP_AFTER:
                return attempts, error
            if urgent and waited >= LATE_AFTER:
                self._alarm(f"{self.name} was not reached so far: {sent.title}", self.name)
                urgent = False
            await asyncio.sleep(next(waits))

    async def _attempt(self, sent: Message) -> tuple[str, bool]:
        """Send once: what went wrong (empty: nothing), and whether to try again."""
        try:
            async with asyncio.timeout(SEND_LIMIT):
                await self._notifier.send(sent)
        except TimeoutError:
            return f"no answer within {SEND_LIMIT:g} s", True
        except (TransientError, InDoubtError) as error:
            return str(error) or type(error).__name__, True
        except WatchdogError as error:
            return str(error) or type(error).__name__, False
        except Exception as error:  # noqa: BLE001 -- supervises a plugin: its mistake ends there
            # Its text may hold anything, a secret included.
            return f"a mistake in the notifier: {type(error).__name__}", False
        return "", False

    async def _patiently(self, call: Callable[[], Awaitable[T]]) -> T:
        """What `call` answers, as soon as the journal lets it."""
        waits = pauses()
        while True:
            try:
                return await call()
            except JournalError as error:
                self._alarm(str(error), "")
            await asyncio.sleep(next(waits))


def _run(of_its_run: Sequence[Record], record: Record) -> Run | None:
    """The run that `record` is of, as it was just before it."""
    run = None
    for each in of_its_run:
        if isinstance(each.event, RunStarted):
            run = begin(each)
        elif run is not None and each.seq < record.seq:
            run = apply(run, each.event, each.at)
    return run


def _message(telling: Telling, record: Record) -> Message:
    return Message(
        topic=telling.topic.value,
        severity=telling.severity.name.lower(),
        target=telling.target,
        title=telling.title,
        text=telling.text,
        fields=telling.fields,
        at=record.at,
    )
