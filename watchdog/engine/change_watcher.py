"""Reads a target's sources of changes, and records what is new in its lane's turn."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from watchdog.domain.change import AHEAD, ChangeKind, ChangeSeen, News, objection
from watchdog.domain.errors import WatchdogError
from watchdog.domain.moment import Moment
from watchdog.domain.words import duration
from watchdog.engine.decider import Shared
from watchdog.engine.defects import unexpected
from watchdog.ports import ChangeSource

# Seconds for one look, and for which a source may be silent before people are told.
LOOK_LIMIT = 20.0
SILENT = 300.0
# Before a plan begins nobody waits for longer than this.
LAST_LOOK = 5.0
_LONGEST_TEXT = 300

Order = Callable[[Callable[[], Awaitable[Any]]], Awaitable[Any]]


class ChangeRecorder:
    """Journals what is new of one target's changes: each change once, whoever tells it first."""

    def __init__(self, target: str, shared: Shared) -> None:
        self._target = target
        self._shared = shared
        self._recording = asyncio.Lock()

    async def take(self, news: Sequence[News], source: str) -> list[ChangeSeen]:
        """Record what is new of `news`, and return it. Raises JournalError when it cannot.

        What cannot be believed is left out; see `watchdog.domain.change.objection`.
        """
        async with self._recording:
            now = self._shared.clock.now().wall
            believed = [one for one in dict.fromkeys(news) if not objection(one, now)]
            fresh = [one for one in believed if self.is_new(one)]
            if not fresh:
                return []
            events = [self._seen(one, source) for one in fresh]
            await self._shared.journal.append(*events)
            return events

    def objection_to_newest(self, news: Sequence[News]) -> str:
        """Why the newest of `news` was left out, although its time has come; empty where none was.

        It may be the very version that runs.
        """
        now = self._shared.clock.now().wall
        come = [one for one in news if one.at <= now + AHEAD]
        newest = max(come, key=lambda one: (one.at, not objection(one, now)), default=None)
        return objection(newest, now) if newest else ""

    def is_new(self, news: News) -> bool:
        """Whether nobody has told of it yet, and it is not from too long ago to matter."""
        versions = self._shared.ledger.versions.of(self._target)
        known = versions.knows(news.version, news.at, news.kind)
        return not known and versions.has_room_for(news.at, news.kind)

    def _seen(self, news: News, source: str) -> ChangeSeen:
        versions = self._shared.ledger.versions.of(self._target)
        held = versions.quarantined.get(news.version)
        # An old change that is only now told of brings nothing back.
        back = held is not None and news.kind is ChangeKind.APP and news.at > held.at
        return ChangeSeen(
            target=self._target,
            version=news.version,
            previous=news.previous,
            at=news.at,
            source=source,
            by=news.by,
            kind=news.kind,
            reference=news.reference,
            warning=str(held) if back else "",
        )


class ChangeWatcher:
    """One source of changes of one target. `tick` reads it; `look` does so at once."""

    def __init__(
        self,
        name: str,
        every: float,
        source: ChangeSource,
        recorder: ChangeRecorder,
        shared: Shared,
    ) -> None:
        self.name = name
        self.every = every
        self.problem = ""
        self._source = source
        self._recorder = recorder
        self._shared = shared
        self._silent_since: Moment | None = None
        self._told = False

    async def tick(self, slot: int, at: Moment) -> None:
        """Read the source once; what goes wrong is told once it lasts."""
        del slot, at
        await self.look(LOOK_LIMIT)

    async def look(self, limit: float = LAST_LOOK) -> None:
        """Read the source within `limit` seconds, and record what is new. Never raises."""
        try:
            async with asyncio.timeout(limit):
                news = await self._source.news()
            await self._recorder.take(news, self.name)
            wrong = self._recorder.objection_to_newest(news)
        except TimeoutError:
            self._failed(f"no answer within {limit:g} s")
        except WatchdogError as error:
            self._failed(str(error))
        except Exception as error:  # noqa: BLE001 -- the boundary of a plugin, which may have bugs
            self._failed(unexpected(error))
        else:
            if wrong:
                self._failed(wrong)
            else:
                self._worked()

    def _failed(self, why: str) -> None:
        self.problem = why[:_LONGEST_TEXT]
        now = self._shared.clock.now()
        self._silent_since = self._silent_since or now
        lasted = now.since(self._silent_since)
        if lasted >= SILENT and not self._told:
            self._told = True
            self._shared.alarm(
                f"{self.name} has told of no changes for {duration(lasted)}: {self.problem}; plans "
                "that need a change go by what was known before, so mend it"
            )

    def _worked(self) -> None:
        if self._told:
            self._shared.alarm(f"{self.name} tells of changes again")
        self.problem, self._silent_since, self._told = "", None, False

    async def close(self) -> None:
        """Nobody reads the source any more."""
        await self._source.close()


async def look_everywhere(watchers: Mapping[str, Sequence[ChangeWatcher]], target: str) -> None:
    """Read all sources of changes of `target` now, at once. Never raises."""
    await asyncio.gather(*(watcher.look() for watcher in watchers.get(target, ())))
