"""Boundaries of the journal and of effects: named, counted, and made to fail one at a time.

Each wraps a port, so that the program itself knows nothing of them.
"""

import os
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from tests.lab.syscalls import SYNC, WRITE, fail_from_now_on
from watchdog.adapters.http import AnswerLostError, Failure, NotSentError
from watchdog.domain.errors import JournalError
from watchdog.domain.events import Event, Record
from watchdog.domain.moment import Moment
from watchdog.ports import Answer, HttpClient, Journal

BEFORE, AT_WRITE, AT_SYNC, AFTER = "before", "at its write", "at its sync", "after"
OF_THE_DISK = (AT_WRITE, AT_SYNC)
CROSSED, HIT, BIRTH = "crossed", "hit", "a life begins"


class How(StrEnum):
    """What happens at a boundary: the process dies, or the call fails."""

    DIE = "die"
    FAIL = "fail"


@dataclass(slots=True)
class Failpoints:
    """Every boundary that one process crosses, in `folder`/crossed.

    `boundary` fails when it is crossed for the `nth` time; `fired` says that it has.
    """

    folder: Path
    boundary: str = ""
    nth: int = 1
    how: How = How.DIE
    fired: bool = False
    _counts: Counter[str] = field(default_factory=Counter)
    _log: int = -1

    def __post_init__(self) -> None:
        self._log = os.open(self.folder / CROSSED, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.write(self._log, f"{BIRTH}\n".encode())

    def cross(self, what: str, where: str) -> bool:
        """Whether the call fails here; it does not come back where the process is to die."""
        name = f"{what} | {where}"
        self._counts[name] += 1
        os.write(self._log, f"{name}\n".encode())
        if name != self.boundary or self._counts[name] != self.nth:
            return False
        self.fired = True
        with (self.folder / HIT).open("a") as hits:
            hits.write(f"{name}\n")
        if where in OF_THE_DISK:
            calls = WRITE if where == AT_WRITE else SYNC
            fail_from_now_on(calls, deadly=self.how is How.DIE)
            return False
        if self.how is How.DIE:
            os.kill(os.getpid(), signal.SIGKILL)
        return True


class FailingJournal:
    """A journal whose writes may fail at each of their boundaries."""

    def __init__(self, journal: Journal, points: Failpoints) -> None:
        self._journal = journal
        self._points = points
        self._problem = ""

    @property
    def healthy(self) -> bool:
        return not self._problem and self._journal.healthy

    async def append(self, *events: Event) -> Sequence[Record]:
        if not events:
            return ()
        if self._problem:
            raise JournalError(self._problem)
        kinds = "+".join(dict.fromkeys(type(event).__name__ for event in events))
        return await self._write(f"append {kinds}", lambda: self._journal.append(*events))

    async def keep(self, name: str, body: str) -> None:
        self._problem = ""

        async def kept() -> Sequence[Record]:
            await self._journal.keep(name, body)
            return ()

        await self._write(f"keep {name}", kept)

    async def probe(self) -> None:
        self._problem = ""
        await self._journal.probe()

    async def read(
        self, *, kinds: Iterable[type] | None = None, run: str | None = None, after: int = 0
    ) -> Sequence[Record]:
        return await self._journal.read(kinds=kinds, run=run, after=after)

    async def kept(self, name: str) -> tuple[str, Moment] | None:
        return await self._journal.kept(name)

    def listen(self, call: Callable[[Sequence[Record]], None]) -> None:
        self._journal.listen(call)

    async def _write(
        self, what: str, write: Callable[[], Awaitable[Sequence[Record]]]
    ) -> Sequence[Record]:
        if self._points.cross(what, BEFORE):
            raise self._failed(what, "nothing was written")
        for where in OF_THE_DISK:
            self._points.cross(what, where)
        records = await write()
        if self._points.cross(what, AFTER):
            raise self._failed(what, "it was written all the same")
        return records

    def _failed(self, what: str, how: str) -> JournalError:
        self._problem = f"a failpoint at {what}: {how}"
        return JournalError(self._problem)


@dataclass(frozen=True, slots=True)
class FailingHttp:
    """A client whose requests may fail before they are sent, or once they are answered."""

    http: HttpClient
    points: Failpoints
    base: str

    async def request(
        self,
        method: str,
        url: str,
        *,
        timeout: float,  # noqa: ASYNC109 -- the port's
        headers: Mapping[str, str] | None = None,
        data: bytes | None = None,
        max_bytes: int = 1 << 20,
    ) -> Answer:
        what = f"{method} {url.removeprefix(self.base)}"
        if self.points.cross(what, BEFORE):
            raise NotSentError(f"{what}: a failpoint, nothing was sent", Failure.REFUSED)
        answer = await self.http.request(
            method, url, timeout=timeout, headers=headers, data=data, max_bytes=max_bytes
        )
        if self.points.cross(what, AFTER):
            raise AnswerLostError(f"{what}: a failpoint, the answer is lost", Failure.LOST)
        return answer
