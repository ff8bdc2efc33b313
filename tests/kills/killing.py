"""Starts the real daemon, kills it with SIGKILL at random moments, and starts it again."""

import asyncio
import os
import random
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from tests.bed.recoveries import recoveries
from tests.bed.stepping_service import STEPS, SteppingService, stepping_service
from watchdog.adapters.audit import verify
from watchdog.adapters.clock import SystemClock
from watchdog.adapters.sqlite_reader import open_reader
from watchdog.domain.events import Record
from watchdog.domain.progress import RunEnded, StepIntended

# Seconds. Far more than it takes: only a daemon that hangs gets there.
PATIENCE = 60.0
# A run that was taken up more often is given to a person, so each run is killed a few times only.
KILLS_A_RUN = 3

_FILE = """\
target: stepping
mode: auto
armed_by: the kill loop
sources:
  health: {{use: http, url: "{base}/health", every: 100ms, timeout: 2s}}
signals:
  healthy: {{from: health, expect: {{status: 200}}}}
triggers:
  down: {{signal: healthy, fails: 2, severity: critical, plan: undo}}
plans:
  undo:
    steps:
{steps}
    verify:
      - {{signal: healthy, is: ok, samples: 2, pause: 50ms, within: 20s}}
    verify_trigger: false
    finally:
      - {{name: tell, use: http, repeat: idempotent,
          with: {{url: "{base}/finished", json: {{status: "{{{{ run.status }}}}"}}}}}}
    watch: {{short: 0s, long: 0s}}
"""
_OBSERVABLE = """\
      - {{name: {step}, use: http, with: {{url: "{base}/steps/{step}"}}, timeout: 5s, settle: 2s,
          done_when: {{get: "{base}/steps/{step}", json: {{done: true}}}}}}
"""
# The same plan with the look-up removed: what is in doubt is simply sent again.
_BLIND = """\
      - {{name: {step}, use: http, with: {{url: "{base}/steps/{step}"}}, timeout: 5s,
          repeat: idempotent}}
"""


def write_file(folder: Path, service: SteppingService, *, look_up: bool) -> Path:
    """The target's file; without `look_up` no step can be observed."""
    step = _OBSERVABLE if look_up else _BLIND
    steps = "".join(step.format(step=name, base=service.base) for name in STEPS)
    path = folder / "watchdog.yaml"
    path.write_text(_FILE.format(base=service.base, steps=steps.rstrip("\n")))
    return path


@asynccontextmanager
async def daemon(
    file: Path, *words: str, environ: Mapping[str, str] = MappingProxyType({})
) -> AsyncIterator[asyncio.subprocess.Process]:
    """The real daemon as a process of its own, killed at the end if it still lives."""
    environ = {
        **os.environ,
        "STATE_DIRECTORY": str(file.parent),
        "ROLLBACK_WATCHDOG_LISTEN": "",
        **environ,
    }
    with (file.parent / "daemon.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "watchdog", "run", str(file), *words,
            stdout=log, stderr=log, env=environ,
        )  # fmt: skip
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGKILL)
            await process.wait()


@dataclass(frozen=True, slots=True)
class Survived:
    """What a run that was killed left behind."""

    kills: int
    records: tuple[Record, ...]
    service: SteppingService
    begun: tuple[float, ...] = ()

    @property
    def recoveries(self) -> list[float]:
        """Seconds from each start that took a run up to what that run did first."""
        return list(recoveries(self.records, self.begun))

    @property
    def outcomes(self) -> list[str]:
        return [r.event.outcome.value for r in self.records if isinstance(r.event, RunEnded)]

    @property
    def intended(self) -> set[str]:
        return {r.event.key for r in self.records if isinstance(r.event, StepIntended)}

    @property
    def done_twice(self) -> list[str]:
        return [step for step, times in self.service.done.items() if times > 1]

    @property
    def lost(self) -> list[str]:
        return [step for step in STEPS if not self.service.done[step]]


async def kill_through_a_run(
    folder: Path, service: SteppingService, chance: random.Random, kills: int, *, look_up: bool
) -> Survived:
    """Kill the daemon up to `kills` times while its plan runs, then let it end."""
    file = write_file(folder, service, look_up=look_up)
    killed, begun = 0, []
    while killed < kills and not service.finished.is_set():
        begun.append(SystemClock().now().elapsed)
        async with daemon(file) as process:
            await _a_random_moment(service, chance, process)
        killed += 1
    begun.append(SystemClock().now().elapsed)
    async with asyncio.timeout(PATIENCE), daemon(file) as process:
        await _until_over(folder, service, process)
        process.send_signal(signal.SIGTERM)
        await process.wait()
    return Survived(killed, await read_journal(folder), service, tuple(begun))


async def kill_loop(folder: Path, kills: int, seed: int, *, look_up: bool) -> list[Survived]:
    """Runs until `kills` kills were made."""
    chance = random.Random(seed)
    survived: list[Survived] = []
    while (left := kills - sum(one.kills for one in survived)) > 0:
        place = folder / f"run-{len(survived)}"
        place.mkdir()
        async with stepping_service(chance.randrange(2**32)) as service:
            wanted = min(left, chance.randint(1, KILLS_A_RUN))
            one = await kill_through_a_run(place, service, chance, wanted, look_up=look_up)
        survived.append(one)
    return survived


def wrong_with(one: Survived) -> list[str]:
    """What a run that was killed must not leave behind."""
    sent = {arrival.key for arrival in one.service.arrivals}
    problems = {
        "done twice": one.done_twice,
        "lost": one.lost,
        "sent without an intent": sorted(sent - one.intended),
        "outcomes": [] if one.outcomes == ["succeeded"] else one.outcomes or ["none"],
    }
    return [f"{what}: {', '.join(found)}" for what, found in problems.items() if found]


async def _a_random_moment(
    service: SteppingService, chance: random.Random, process: asyncio.subprocess.Process
) -> None:
    if chance.random() < 0.15:
        # Anywhere: at start, while pending, between two steps.
        wait = asyncio.sleep(chance.uniform(0.3, 1.5))
    else:
        # Around a step: most of what can go wrong goes wrong there.
        count = len(service.arrivals) + chance.randint(1, 2)
        wait = service.wait_for_arrivals(count)
    with suppress(TimeoutError):
        async with asyncio.timeout(10):
            await wait
    assert process.returncode is None, "the daemon ended by itself; see daemon.log"
    await asyncio.sleep(chance.uniform(0, 0.06))


async def _until_over(
    folder: Path, service: SteppingService, process: asyncio.subprocess.Process
) -> None:
    """Until the journal says that the run has ended; the service only sees its last step."""
    while not service.finished.is_set() or not _ended(await read_journal(folder)):
        assert process.returncode is None, "the daemon ended by itself; see daemon.log"
        await asyncio.sleep(0.05)


def _ended(records: tuple[Record, ...]) -> bool:
    return any(isinstance(record.event, RunEnded) for record in records)


async def read_journal(folder: Path) -> tuple[Record, ...]:
    """Every record of the journal in `folder`, its chain verified."""
    [path] = await asyncio.to_thread(lambda: list(folder.glob("*.db")))
    assert verify(path).ok
    async with open_reader(path, SystemClock()) as reader:
        return tuple(await reader.read())
