"""What the journal alone knows of the targets, while no daemon runs: for a status all the same."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from watchdog.adapters.calendar import CronCalendar
from watchdog.adapters.clock import SystemClock
from watchdog.adapters.sqlite_reader import open_reader
from watchdog.domain.decision import HOUR, Facts, Refusal, standing_refusals
from watchdog.domain.events import ConfigLoaded, DaemonStopped
from watchdog.domain.ledger import Ledger
from watchdog.domain.moment import Moment
from watchdog.domain.recollection import Life, Recollection
from watchdog.domain.target import Limits, Mode, Target
from watchdog.domain.windows import OpenWindow
from watchdog.domain.words import utc
from watchdog.engine.status import Status, incidents, of_account, of_all_targets, refused
from watchdog.engine.status_of_changes import expiring
from watchdog.ports import Clock

NOT_RUNNING: Status = {
    "reason": "not_running",
    "text": "no daemon is running; start it with `run`",
    "detail": "",
    "until": None,
}
# Without its file nobody knows a target's limits: none are claimed.
_UNLIMITED = Limits(per_hour=sys.maxsize, per_day=sys.maxsize, cooldown=0.0)


async def remembered(journal: Path, targets: Sequence[Target], per_hour: int) -> Status:
    """The status as far as `journal` tells. Raises JournalError when it cannot be read.

    With the `targets` of the files at hand, their limits are known as well, and there may be no
    journal yet. `per_hour` is the limit of all targets together, 0 where it is not known.
    """
    clock = SystemClock()
    async with _open(journal, clock, needed=not targets) as reader:
        past = await reader.recollection()
        memory = _Memory(
            ledger=past.ledger,
            loaded=past.card.loaded,
            known={target.name: target for target in targets},
            per_hour=per_hour,
            now=clock.now(),
        )
        return {
            "at": utc(memory.now.wall),
            "targets": [
                {**memory.target(name), "triggers": await _checkpoint(reader, name)}
                for name in memory.names
            ],
            "daemon": {
                "running": False,
                "journal": str(journal),
                **of_all_targets(memory.ledger, memory.now),
                **_last_life(past.life),
            },
            "incidents": incidents(past.recent),
        }


class _Past(Protocol):
    """What a journal came to, and its notes."""

    async def recollection(self) -> Recollection: ...

    async def kept(self, name: str) -> tuple[str, Moment] | None: ...


@asynccontextmanager
async def _open(journal: Path, clock: Clock, *, needed: bool) -> AsyncIterator[_Past]:
    if needed or await asyncio.to_thread(journal.exists):
        async with open_reader(journal, clock) as reader:
            yield reader
    else:
        yield _Nothing()


class _Nothing:
    """The past where no journal is yet."""

    async def recollection(self) -> Recollection:
        return Recollection()

    async def kept(self, name: str) -> tuple[str, Moment] | None:
        del name
        return None


@dataclass(frozen=True, slots=True)
class _Memory:
    """What the journal and the files at hand say together."""

    ledger: Ledger
    loaded: Mapping[str, ConfigLoaded]
    known: Mapping[str, Target]
    per_hour: int
    now: Moment

    @property
    def names(self) -> list[str]:
        """Every target that either of them knows."""
        return list(dict.fromkeys([*self.known, *self.loaded, *self.ledger.accounts]))

    def target(self, name: str) -> Status:
        """As in the status of a daemon, as far as that goes."""
        source = self.known.get(name) or self.loaded.get(name)
        account = self.ledger.account(name)
        refusals = [NOT_RUNNING, *(refused(one) for one in self._standing(name))]
        return {
            "target": name,
            "would_act": False,
            "refusals": refusals,
            "mode": str(source.mode) if source else "",
            "armed_by": source.armed_by if source else "",
            "file": source.file if source else "",
            "sources": [],
            "run": None,
            "watch": None,
            **of_account(account, self.now),
            "expiring": expiring(self.ledger, name, self.now),
        }

    def _windows(self, name: str) -> list[OpenWindow]:
        """As far as they stand in the target's file, or people set them."""
        target = self.known.get(name)
        written = CronCalendar().open(target.windows, self.now.wall) if target else ()
        return [*self.ledger.windows.open(name, self.now), *written]

    def _standing(self, name: str) -> list[Refusal]:
        target, loaded = self.known.get(name), self.loaded.get(name)
        paused = self.ledger.pause_of_all(self.now)
        facts = Facts(
            mode=target.mode if target else Mode(loaded.mode) if loaded else Mode.AUTO,
            limits=target.limits if target else _UNLIMITED,
            account=self.ledger.account(name),
            killed=self.ledger.killed,
            breaker=self.ledger.breaker.why,
            paused_all=f"all targets, {paused.words}" if paused else "",
            global_starts=self.ledger.starts_since(self.now, HOUR),
            global_per_hour=self.per_hour or sys.maxsize,
            windows=tuple(self._windows(name)),
        )
        return standing_refusals(facts, self.now)


def _last_life(life: Life | None) -> Status:
    """When the last daemon began, and whether it ended in order."""
    if life is None:
        return {"last": "no daemon has used this journal yet"}
    at, event = life
    if isinstance(event, DaemonStopped):
        return {"last": f"the last daemon stopped at {utc(at.wall)}: {event.reason}"}
    return {
        "last": f"the last daemon started at {utc(at.wall)} and did not stop in order: "
        "it was killed, or it runs elsewhere"
    }


async def _checkpoint(reader: _Past, target: str) -> list[dict[str, Any]]:
    """The triggers that were pending, firing or blind when the last daemon wrote them down."""
    kept = await reader.kept(f"triggers/{target}")
    if kept is None:
        return []
    body, at = kept
    return [
        {
            "trigger": name,
            "state": saved["state"].lower(),
            "since": utc(saved["since"][1]) if saved["since"] else None,
            "blind": saved["blind"],
            "as_of": utc(at.wall),
        }
        for name, saved in json.loads(body)["triggers"].items()
    ]
