"""Thousands of seeded schedules of crashes, lost answers, late effects and full disks.

A seed that fails prints itself; `python -m tests.simulation.replay SEED` tells its story.
"""

import os
from collections import Counter

import pytest

from tests.simulation.crashes import Told, play
from tests.simulation.invariants import broken
from tests.simulation.planted import PLANTED
from watchdog.domain.events import Outcome, Proof, RunEnded, RunResumed, StepEnded, StepResult
from watchdog.domain.progress import StepIntended, WatchEnded

SCHEDULES = int(os.environ.get("SCHEDULES", "2000"))
TOGETHER = 400
# More than any planted bug needs; the last of them is found by its hundredth schedule or so.
ENOUGH = 600


@pytest.mark.parametrize("first", range(0, SCHEDULES, TOGETHER))
def test_any_crash_is_survived(first: int) -> None:
    seen: Counter[str] = Counter()
    for seed in range(first, first + TOGETHER):
        told = play(seed)
        problems = broken(told)
        assert problems == [], f"seed {seed}: python -m tests.simulation.replay {seed}"
        seen.update(what_happened(told))

    # A simulation that never gets into trouble would prove nothing.
    assert seen["crashes"] > TOGETHER / 2
    assert {outcome for outcome in Outcome if not seen[outcome]} == set()
    assert {result for result in StepResult if not seen[result]} == set()
    assert seen["relapses"] > 0
    assert seen["second attempts"] > TOGETHER / 20
    assert seen["taken up three times"] > 0


def what_happened(told: Told) -> Counter[str]:
    """What a schedule went through."""
    seen = Counter({"crashes": told.crashes})
    for event in (record.event for record in told.records):
        match event:
            case RunEnded(outcome=outcome):
                seen[outcome] += 1
            case StepEnded(result=result):
                seen[result] += 1
            case WatchEnded(proof=Proof.FAILED):
                seen["relapses"] += 1
            case StepIntended(attempt=2):
                seen["second attempts"] += 1
            case RunResumed(attempt=3):
                seen["taken up three times"] += 1
            case _:
                pass
    return seen


def test_a_seed_always_plays_the_same() -> None:
    for seed in (1, 77, 300):
        assert play(seed).records == play(seed).records


@pytest.mark.parametrize("bug", PLANTED)
def test_a_planted_bug_is_found(bug: str) -> None:
    parts, words = PLANTED[bug]

    for seed in range(ENOUGH):
        if any(words in problem for problem in broken(play(seed, parts))):
            return

    pytest.fail(f"{ENOUGH} schedules did not find: {bug}")
