"""Row `network`: a proxy that goes wrong between the whole daemon and each thing it depends on."""

import asyncio
import os
import random
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.bed.patience import until
from tests.faults.admin_api import AdminApi
from tests.faults.site import Site
from tests.lab.proxy import Proxy, Toxic
from tests.lab.row import Row
from tests.lab.rungs import Room, Rungs, rungs
from tests.lab.sizes import command
from watchdog.adapters.clock import SystemClock
from watchdog.domain.progress import RunEnded, RunStarted

HEALTH, METRICS, STEP, LOOK, PAGER = DEPENDENCIES = ("health", "metrics", "step", "look", "pager")
TOXICS = tuple(toxic for toxic in Toxic if toxic is not Toxic.NONE)
MEND = "mend"
CALM = 5
# Seconds.
EVERY = 1.0
_WARM = 3.0
_BACK = 45.0
# Of the slots of a target that has nothing to do with it, this share may be missed.
_MISSED = 0.01
_NO_RUN = "no run"
_PASSES = {Toxic.SLOW_CLOSE}
_DOES_IT = {Toxic.DELAY, Toxic.RESET_ANSWER, Toxic.TRICKLE, Toxic.CUT, Toxic.SLOW_CLOSE}


@dataclass(slots=True)
class Cell:
    """One target: what it depends on is reached through a proxy of its own."""

    dependency: str
    toxic: Toxic
    room: Room
    proxy: Proxy

    @property
    def name(self) -> str:
        return f"{self.dependency}-{self.toxic.value.replace(' ', '-')}"

    @property
    def expected(self) -> str:
        """How its run ends while the toxic holds, by what the rules say."""
        match self.dependency:
            case "health":
                # What cannot be reached is down, and stays so whatever is done.
                return _NO_RUN if self.toxic in _PASSES else "failed"
            case "metrics":
                # Not to know is no reason to act.
                return "succeeded" if self.toxic in _PASSES else _NO_RUN
            case "step":
                return "succeeded" if self.toxic in _DOES_IT else "failed"
            case "look":
                seen = self.toxic in {Toxic.SLOW_CLOSE, Toxic.DELAY}
                return "succeeded" if seen else "interrupted"
            case _:
                return "succeeded"

    @property
    def effects(self) -> int:
        """How often its step has its effect meanwhile."""
        return int(self.expected != _NO_RUN and not (self.dependency == STEP and self._undone))

    @property
    def _undone(self) -> bool:
        return self.toxic not in _DOES_IT

    def through(self, dependency: str) -> str:
        """The address of the room, through the proxy where that is what it stands before."""
        base = self.proxy.base if dependency == self.dependency else self.room.base
        return base if base == self.room.base else f"{base}/{self.room.name}"

    def target(self) -> dict[str, object]:
        """Its file."""
        number = {"signal": "errors", "above": 0.1, "for": "1s", "keep_firing_for": "1s"}
        down = {"signal": "healthy", "fails": 2, "keep_firing_for": "1s"}
        watched = number if self.dependency == METRICS else down
        url = f"{self.through(STEP)}/do/{MEND}"
        look = f"{self.through(LOOK)}/do/{MEND}"
        proof = {"signal": "healthy", "is": "ok", "samples": 2, "pause": "100ms", "within": "6s"}
        return {
            "target": self.name,
            "mode": "auto",
            "armed_by": "the fault lab",
            "sources": {
                "health": _source(f"{self.through(HEALTH)}/health"),
                "numbers": _source(f"{self.through(METRICS)}/numbers"),
            },
            "signals": {
                "healthy": {"from": "health"},
                "errors": {"from": "numbers", "json": "errors", "unit": "ratio"},
            },
            "triggers": {"trouble": {**watched, "severity": "critical", "plan": "undo"}},
            "plans": {"undo": {
                "steps": [{
                    "name": MEND, "use": "http", "with": {"url": url}, "timeout": "2s",
                    "settle": "4s",
                    "done_when": {"get": look, "json": {"done": True}, "timeout": "1500ms"},
                }],
                "verify": [proof],
                "verify_trigger": False,
                "watch": {"short": "0s", "long": "0s"},
            }},
            "limits": {"per_hour": 100, "per_day": 100, "cooldown": "0s"},
            "notify": [{"to": [self.name if self.dependency == PAGER else "pager"]}],
        }  # fmt: skip


def _source(url: str) -> dict[str, object]:
    return {"use": "http", "url": url, "every": f"{EVERY:g}s", "timeout": "800ms"}


@dataclass(slots=True)
class Round:
    """One daemon that lives through all toxics at once, a target for each."""

    site: Site
    cells: Sequence[Cell]
    calm: Sequence[Room]
    problems: list[str] = field(default_factory=list)
    missed: float = 0.0
    connections: int = 0

    async def play(self) -> None:
        self._write()
        async with self.site.at_work() as process:
            await asyncio.sleep(_WARM)
            looks, began = self._looks(), SystemClock().now().elapsed
            await self._hurt()
            await self._until_ended()
            await self._watch_for_a_while()
            seconds = SystemClock().now().elapsed - began
            self._count_missed(looks, seconds)
            await self._judge()
            await self._heal()
            await self._judge_healed()
            await self._judge_files(process.pid)
            code, _ = await self.site.stop()
            if code:
                self.problems.append(f"it ended with {code}")

    def _write(self) -> None:
        calm = [_calm(room) for room in self.calm]
        channels = {
            "pager": {"use": "webhook", "url": f"{self.calm[0].base}/pager"},
            **{
                cell.name: {
                    "use": "webhook",
                    "url": f"{cell.through(PAGER)}/pager",
                    "timeout": "1s",
                }
                for cell in self.cells
                if cell.dependency == PAGER
            },
        }
        targets = [*calm, *(cell.target() for cell in self.cells)]
        self.site.write(*targets, channels=channels, defaults={})

    async def _hurt(self) -> None:
        for cell in self.cells:
            await _change(cell.proxy, cell.toxic)
            cell.room.numbers["errors"] = 0.5 if cell.dependency == METRICS else 0.0
            if cell.dependency in (STEP, LOOK, PAGER):
                cell.room.needed = (MEND,)

    async def _until_ended(self) -> None:
        runs = sum(cell.expected != _NO_RUN for cell in self.cells)
        # Where one never ends, its cell says so.
        with suppress(AssertionError):
            await self.site.until_event(RunEnded, runs)

    async def _watch_for_a_while(self) -> None:
        """Long enough for a run that must not begin to begin."""
        await asyncio.sleep(6 * EVERY)

    def _looks(self) -> list[int]:
        return [room.looks["health"] for room in self.calm]

    def _count_missed(self, before: Sequence[int], seconds: float) -> None:
        slots = seconds / EVERY - 1
        seen = [now - then for now, then in zip(self._looks(), before, strict=True)]
        self.missed = max(0.0, 1 - min(seen) / slots)
        if self.missed > _MISSED:
            self.problems.append(f"a calm target missed {self.missed:.1%} of {slots:.0f} slots")

    async def _judge(self) -> None:
        ended = await self.site.outcomes()
        for cell in self.cells:
            how = ended.get(cell.name, _NO_RUN)
            if how != cell.expected:
                self.problems.append(f"{cell.name}: {how}, expected {cell.expected}")
            if cell.room.done[MEND] != cell.effects:
                done = cell.room.done[MEND]
                self.problems.append(f"{cell.name}: done {done} times, expected {cell.effects}")
            if cell.toxic is not Toxic.REFUSED and not cell.proxy.hurt:
                self.problems.append(f"{cell.name}: no connection was hurt")
            self.connections += cell.proxy.hurt

    async def _heal(self) -> None:
        for cell in self.cells:
            await _change(cell.proxy, Toxic.NONE)

    async def _judge_healed(self) -> None:
        """What was not known is known again, and what could not be told is told."""
        unseen = {cell.name for cell in self.cells if cell.dependency == METRICS}
        try:
            await until(
                lambda: all(
                    cell.room.done[MEND] == 1 for cell in self.cells if cell.name in unseen
                ),
                "what could not be seen is seen again, and acted on",
                _BACK,
            )
            await until(
                lambda: all(_is_told(cell) for cell in self.cells if cell.dependency == PAGER),
                "every page arrived",
                _BACK,
            )
        except AssertionError as error:
            self.problems.append(str(error))
        begun = await self.site.events(RunStarted)
        await self.site.until_event(RunEnded, len(begun))
        await self.site.assert_sound()

    async def _judge_files(self, pid: int) -> None:
        """A second time the same goes wrong, and no more files are open than after the first."""
        await asyncio.sleep(_WARM)
        before = _open_files(pid)
        for cell in self.cells:
            await _change(cell.proxy, cell.toxic)
        await self._watch_for_a_while()
        await self._heal()
        try:
            await until(lambda: _open_files(pid) <= before, "no more files are open", _BACK)
        except AssertionError as error:
            self.problems.append(f"{error}: {before} before, {_open_files(pid)} now")


def _is_told(cell: Cell) -> bool:
    """Whether its pager heard of what came about while it could not be reached."""
    return any("helped" in page["title"] for page in cell.room.pages)


def _calm(room: Room) -> dict[str, object]:
    down = {"signal": "healthy", "fails": 2, "severity": "critical"}
    return {
        "target": room.name,
        "mode": "alert-only",
        "sources": {"health": _source(f"{room.base}/health")},
        "signals": {"healthy": {"from": "health"}},
        "triggers": {"down": down},
        "notify": [{"to": ["pager"]}],
    }


async def _change(proxy: Proxy, toxic: Toxic) -> None:
    """From now on; a connection that was kept open would go on as it was made."""
    await proxy.close()
    proxy.toxic = toxic
    if toxic is not Toxic.REFUSED:
        await proxy.listen()


def _open_files(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208 -- as short as it is quick


async def network(folder: Path, rounds: int, seed: int, toxics: Sequence[Toxic] = TOXICS) -> Row:
    """The row of the table."""
    row = Row("network", "", command("network", "TOXICS"))
    missed, connections = 0.0, 0
    for number in range(rounds):
        place = folder / f"round-{number}"
        place.mkdir()
        played = await _round(place, seed + number, toxics)
        faults = len(toxics) * len(DEPENDENCIES)
        row.injected += faults
        row.survived += faults - len(played.problems)
        row.problems += [f"round {number}: {problem}" for problem in played.problems]
        missed, connections = max(missed, played.missed), connections + played.connections
    row.what = (
        f"{len(toxics)} faults of the network before {len(DEPENDENCIES)} dependencies, the whole "
        "daemon"
    )
    row.notes = [
        f"{connections} connections hurt",
        f"other targets missed {missed:.1%} of their slots at most",
        "no open file left behind",
    ]
    return row


async def _round(folder: Path, seed: int, toxics: Sequence[Toxic]) -> Round:
    chance = random.Random(seed)
    async with AsyncExitStack() as stack:
        service: Rungs = await stack.enter_async_context(rungs())
        cells = []
        for dependency in DEPENDENCIES:
            for toxic in toxics:
                name = f"{dependency}-{toxic.value.replace(' ', '-')}"
                room = service.room(name, chance.randrange(2**32))
                room.needed = ()
                proxy = Proxy(service.base, delay=_delay(dependency))
                await proxy.listen()
                stack.push_async_callback(proxy.close)
                cells.append(Cell(dependency, toxic, room, proxy))
        calm = [service.room(f"calm-{number}", number) for number in range(CALM)]
        for room in calm:
            room.needed = ()
        played = Round(Site(folder, AdminApi()), cells, calm)
        await played.play()
        return played


def _delay(dependency: str) -> float:
    """Long enough to be late; but what changes something comes before it is believed not to."""
    return {STEP: 3.0, LOOK: 0.3}.get(dependency, 5.0)
