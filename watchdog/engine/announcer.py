"""Tells people: each channel reads the journal behind its own cursor; alarms need no journal."""

import asyncio
from collections.abc import Mapping, Sequence

from watchdog.domain.events import Record
from watchdog.domain.moment import Moment
from watchdog.domain.target import NotifyRule
from watchdog.domain.telling import TOLD
from watchdog.domain.topics import Topic
from watchdog.domain.trigger import Severity
from watchdog.domain.wording import title
from watchdog.engine.messenger import Messenger
from watchdog.ports import Clock, Journal, Message, Notifier

ALARM_PAUSE = 60.0


class Announcer:
    """Every channel on its own: one that hangs or fails keeps nothing from the others.

    `rules` holds the rules of each target, and is looked at anew for each message. Messages
    are told at least once: after a crash between sending and recording, a second time.
    """

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        channels: Mapping[str, Notifier],
        rules: Mapping[str, Sequence[NotifyRule]],
    ) -> None:
        self._clock = clock
        self._alarmed: dict[str, float] = {}
        self._messengers = [
            Messenger(name, notifier, journal, clock, rules=rules, alarm=self._alarm)
            for name, notifier in channels.items()
        ]
        journal.listen(self._nudge)

    async def run(self) -> None:
        """Tell until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for messenger in self._messengers:
                tasks.create_task(messenger.tell(), name=f"channel {messenger.name}")
                tasks.create_task(messenger.sound_alarms(), name=f"alarms {messenger.name}")

    def now(self, text: str) -> None:
        """Tell every channel at once, whether or not anything can be recorded.

        Best effort: tried once, and the same text at most once a minute.
        """
        self._alarm(text, "")

    def waiting(self) -> dict[str, float]:
        """For how many seconds the oldest message of each channel has been under way."""
        return {messenger.name: messenger.waits_for for messenger in self._messengers}

    async def settle(self, limit: float) -> bool:
        """Wait until every channel has told all there is; False where `limit` seconds were too few.

        For the end of a process: what is not told by then is told after the next start.
        """
        try:
            async with asyncio.timeout(limit):
                for messenger in self._messengers:
                    await messenger.settled()
        except TimeoutError:
            return False
        return True

    def _alarm(self, text: str, besides: str) -> None:
        now = self._clock.now()
        recent = {t: at for t, at in self._alarmed.items() if now.elapsed - at < ALARM_PAUSE}
        self._alarmed = {text: now.elapsed, **recent}
        if text in recent:
            return
        for messenger in self._messengers:
            if messenger.name != besides:
                messenger.alarm(alarm_message(text, now))

    def _nudge(self, records: Sequence[Record]) -> None:
        told = [record.seq for record in records if isinstance(record.event, TOLD)]
        for messenger in self._messengers if told else ():
            messenger.nudge(told[0])


def alarm_message(text: str, now: Moment) -> Message:
    """What a channel is told at once, whether or not it can be recorded."""
    return Message(
        topic=Topic.PAGED.value,
        severity=Severity.CRITICAL.name.lower(),
        target="",
        title=title(f"watchdog: {text}"),
        text=text,
        fields={},
        at=now,
    )
