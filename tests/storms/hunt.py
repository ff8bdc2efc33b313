"""Plays many storms and counts what they went through; looks for planted bugs; replays seeds."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.storms.invariants import broken
from tests.storms.planted import PLANTED
from tests.storms.storm import Aftermath, play
from watchdog.domain.events import (
    CheckSampled,
    Decided,
    Event,
    Outcome,
    Proof,
    RunEnded,
    RunResumed,
    RunStarted,
    Stage,
    StepAnswered,
    StepEnded,
    StepIntended,
    StepResult,
    WatchEnded,
)
from watchdog.domain.signal import Verdict

ROOT = Path(__file__).parents[2]
# More than any planted bug needs.
ENOUGH = 400
# What takes a rare storm is looked for where there was one, to spare the time for all before it.
_NEAR = {
    "a restart lifts the kill switch": 70,
    "a restart lifts a pause": 90,
    "a run is never too old": 140,
    "a relapse is nothing": 165,
    "the kill switch is asked at the start": 75,
    "the guard sleeps": 60,
}
# What counts as something that went wrong, among what happened.
FAULTS = (
    "crashes", "reboots", "stop", "freeze", "kill", "kill files", "full disks", "dark looks",
    "lost answers", "clock steps", "clock rates", "outages of people", "refused starts",
)  # fmt: skip


@dataclass(slots=True)
class Hunt:
    """What came of some storms: what happened in them, and what did not hold, by seed."""

    storms: int = 0
    happened: Counter[str] = field(default_factory=Counter)
    broken: dict[int, list[str]] = field(default_factory=dict)

    @property
    def faults(self) -> int:
        """How many things went wrong."""
        return sum(self.happened[name] for name in FAULTS)


def run(count: int, first: int = 0) -> Hunt:
    """Play `count` storms, from seed `first` on."""
    hunt = Hunt()
    for seed in range(first, first + count):
        told = play(seed)
        hunt.storms += 1
        hunt.happened.update(what_happened(told))
        problems = broken(told)
        if problems:
            hunt.broken[seed] = problems
    return hunt


def what_happened(told: Aftermath) -> Counter[str]:
    """What a storm went through."""
    seen = Counter(told.happened)
    chosen = told.weather
    seen["kill files"] += len(chosen.kill_file)
    seen["full disks"] += len(chosen.faults)
    seen["outages of people"] += len(chosen.deaf)
    seen["clock steps"] += len(chosen.steps)
    seen["clock rates"] += len(chosen.rates)
    seen.update(filter(None, (_happening(record.event) for record in told.records)))
    return seen


def _happening(event: Event) -> str:
    match event:
        case RunStarted(by=by):
            return "runs by hand" if by else "runs"
        case RunEnded(outcome=outcome):
            return f"run {outcome.value}"
        case RunResumed(attempt=attempt):
            return "runs taken up" if attempt == 1 else "runs taken up again"
        case WatchEnded(proof=Proof.FAILED):
            return "relapses"
        case StepAnswered(ok=None):
            return "lost answers"
        case StepIntended(attempt=2):
            return "second attempts"
        case StepEnded(stage=Stage.UNDO, result=result):
            return f"taken back: {result.value}"
        case CheckSampled(verdict=Verdict.UNKNOWN):
            return "dark looks"
        case Decided(refusal=refusal) if refusal:
            return f"refused: {refusal}"
        case _:
            return ""


# What storms must go through to prove anything.
NEEDED = (
    "crashes", "reboots", "stop", "freeze", "kill", "kill files", "full disks", "clock steps",
    "clock rates", "lost answers", "dark looks", "outages of people", "runs", "runs by hand",
    "runs taken up", "runs taken up again", "second attempts", "relapses", "pause", "clear",
    *(f"run {outcome.value}" for outcome in Outcome),
    *(f"taken back: {result.value}" for result in (StepResult.OK, StepResult.IN_DOUBT)),
    *(f"refused: {reason}" for reason in (
        "latched", "cooling_down", "target_limit", "global_limit", "kill_switch", "paused",
        "breaker_open", "no_recent_change", "version_had_its_run", "version_quarantined",
    )),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Caught:
    """A planted bug, and a storm that showed it; `seed` None: none did."""

    bug: str
    seed: int | None
    problem: str = ""

    @property
    def command(self) -> str:
        """What shows it again."""
        return f"python -m tests.storms {self.seed} --bug '{self.bug}'"


def hunted(bug: str, enough: int = ENOUGH) -> Caught:
    """A seed whose storm shows the planted `bug`."""
    parts, words = PLANTED[bug]
    first = _NEAR.get(bug, 0)
    for seed in range(first, first + enough):
        problems = [one for one in broken(play(seed, parts)) if words in one]
        if problems:
            return Caught(bug, seed, problems[0])
    return Caught(bug, None)


def digests(seeds: Iterable[int]) -> str:
    """A line for each seed: of all that its storm left behind."""
    return "".join(f"{seed} {play(seed).digest}\n" for seed in seeds)


def digests_elsewhere(seeds: Sequence[int], hash_seed: int) -> str:
    """As `digests`, of a process of its own whose sets and strings are in another order."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.storms", "--digests", *map(str, seeds)],
        capture_output=True,
        check=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": str(hash_seed)},
        text=True,
        timeout=300,
    )
    return done.stdout
