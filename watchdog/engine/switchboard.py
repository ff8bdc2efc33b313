"""Throws the kill switch and pauses as annotations of one object say, and lifts what they did."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator

from watchdog.domain.errors import JournalError, WatchdogError
from watchdog.domain.events import Paused, Resumed
from watchdog.domain.ledger import ALL_TARGETS
from watchdog.domain.switches import KILL, PREFIX, Notes, Switches, is_noted, key_of, name_of
from watchdog.engine.decider import Shared
from watchdog.engine.service import Service

# Seconds: how long a start waits for the first look, and until what could not be recorded is
# tried again.
FIRST_LOOK = 5.0
AGAIN = 1.0
# Seconds for which the annotations may be out of sight before people are told.
LOST_AFTER = 30.0


class Switchboard:
    """What the annotations come to: they lift what they did themselves, and nothing else.

    Until they were seen once, `unseen` says so, and nothing begins or is gone on with. From then
    on what was seen last holds for as long as they are out of sight. Without `switches` there are
    none.
    """

    def __init__(self, switches: Switches | None, shared: Shared, service: Service) -> None:
        self._shared = shared
        self._service = service
        self._about = f"the annotations of {switches.object}" if switches else ""
        self._seen = asyncio.Event()
        self._changed = asyncio.Event()
        self._notes: Notes | None = None
        self._later: Callable[[], Awaitable[None]] | None = None
        self._why = ""
        self._lost_at: float | None = None
        self._told = False
        self._strangers: set[str] = set()
        if switches is None:
            self._seen.set()

    @property
    def unseen(self) -> str:
        """Why it is not known whether anybody stopped it; empty once it is."""
        if self._seen.is_set():
            return ""
        return f"{self._about} were not seen yet, so nothing begins{self._because}"

    @property
    def trouble(self) -> str:
        """Why they cannot be seen now; empty while they can."""
        if not self._seen.is_set():
            return self.unseen
        if self._lost_at is None:
            return ""
        return f"{self._about} are out of sight, so what they said last holds{self._because}"

    @property
    def _because(self) -> str:
        return f": {self._why}" if self._why else ""

    # -- what is seen

    def take(self, notes: Notes) -> None:
        """They were seen: the kill switch is as they say when this returns, pauses soon are."""
        killed = self._shared.ledger.killed
        self._service.annotation = notes.how
        if notes.how and (not killed or (is_noted(killed) and killed != notes.how)):
            self._service.throw(on=True, how=notes.how)
        elif not notes.how and notes.threw(killed):
            self._service.throw(on=False, how=f"{name_of(notes.place, KILL)} was removed")
        self._notes = notes
        self._changed.set()
        self._ask_about_strangers(notes)
        if self._told:
            self._shared.alarm(f"{self._about} are seen again, and hold")
        self._why, self._lost_at, self._told = "", None, False

    def lost(self, why: str) -> None:
        """They cannot be seen; people are told once, unless it is soon over."""
        now = self._shared.clock.now().elapsed
        self._why = why
        self._lost_at = now if self._lost_at is None else self._lost_at
        limit = LOST_AFTER if self._seen.is_set() else FIRST_LOOK
        if not self._told and now - self._lost_at >= limit:
            self._told = True
            other = "the kill file, a signal and `kill --on` stop it as ever"
            self._shared.alarm(f"{self.trouble}; {other}")

    def _ask_about_strangers(self, notes: Notes) -> None:
        """Whoever wrote one that means nothing believes that something is stopped."""
        lanes = self._service.lanes
        nobody = [key_of(one) for one in notes.pauses if one != ALL_TARGETS and one not in lanes]
        found = {*notes.unknown, *(f"{PREFIX}{key}" for key in nobody)}
        for key in sorted(found - self._strangers):
            known = ", ".join(f"{PREFIX}{key_of(one)}" for one in (ALL_TARGETS, *lanes))
            self._shared.alarm(
                f"the annotation {key} of {notes.place} stops nothing; there are "
                f"{PREFIX}{KILL}, {known}"
            )
        self._strangers = found

    # -- at the start

    async def first_look(self) -> None:
        """Wait until they were seen, but not for long."""
        try:
            async with asyncio.timeout(FIRST_LOOK):
                await self._seen.wait()
        except TimeoutError:
            return

    async def once_seen(self, call: Callable[[], Awaitable[None]]) -> None:
        """Have `call` done at once, or by `run` when they were seen."""
        if self._seen.is_set():
            await call()
        else:
            self._later = call

    # -- at work

    async def run(self) -> None:
        """Record what they throw, pause and resume what they say; until cancelled."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            await self._service.record_changes()
            notes = self._notes
            if notes is None:
                continue
            try:
                # What is about to begin begins before a pause, or not at all.
                async with self._shared.starting:
                    if due := tuple(self._due(notes)):
                        await self._shared.journal.append(*due)
                await self._go_on()
            except JournalError as error:
                self._shared.alarm(str(error))
                await asyncio.sleep(AGAIN)
                self._changed.set()

    async def _go_on(self) -> None:
        """The first look is over: what waited for it may begin. Raises JournalError."""
        if not self._seen.is_set():
            self._seen.set()
            for lane in self._service.lanes.values():
                lane.wake()
        if self._later is not None:
            await self._later()
            self._later = None

    def _due(self, notes: Notes) -> Iterator[Paused | Resumed]:
        """What has to be recorded until the pauses are as `notes` say."""
        ledger, lanes = self._shared.ledger, self._service.lanes
        for target in dict.fromkeys([ALL_TARGETS, *lanes, *ledger.accounts]):
            every = target == ALL_TARGETS
            noted = ledger.noted if every else ledger.account(target).noted
            note = notes.pauses.get(target) if every or target in lanes else None
            if note is not None:
                by, reason = note.by or "somebody", note.reason or "no reason is given"
                wanted = Paused(target, by, reason, None, notes.place)
                if wanted != noted:
                    yield wanted
            elif noted is not None and noted.place == notes.place:
                by = f"the removal of {name_of(notes.place, key_of(target))}"
                yield Resumed(target, by, notes.place)

    def lifted(self, target: str) -> str:
        """Where the pause stands that a person wants to lift; empty for one by a person.

        Raises WatchdogError while its annotation is there.
        """
        ledger, now = self._shared.ledger, self._shared.clock.now()
        every = target == ALL_TARGETS
        pause = ledger.pause_of_all(now) if every else ledger.account(target).pause(now)
        if pause is None or not pause.place:
            return ""
        # One of an object that the file no longer names is nobody's but theirs.
        if not self._seen.is_set() or (self._notes and self._notes.place == pause.place):
            what = name_of(pause.place, key_of(target))
            name = f"target {target} stays" if target else "all targets stay"
            raise WatchdogError(f"{name} paused as long as there is {what}: remove it")
        return pause.place
