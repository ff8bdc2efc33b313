"""A whole daemon in seeded storms: crashes, restarts, pauses, clocks that drift, lost answers.

A seed that fails prints itself; `python -m tests.storms SEED` tells its story.
"""

import os
from collections import Counter

import pytest

from tests.storms.hunt import NEEDED, digests, digests_elsewhere, hunted, what_happened
from tests.storms.invariants import broken
from tests.storms.planted import PLANTED
from tests.storms.storm import play

STORMS = int(os.environ.get("STORMS") or "300")
TOGETHER = 300
# Seeds whose storms hold crashes, reboots, and clocks that step.
REPLAYED = (2, 12, 40)
TIMES = int(os.environ.get("REPLAYS") or "20")
# Each in a process of its own, with another order of its sets.
ELSEWHERE = 4


@pytest.mark.timeout(600)
@pytest.mark.parametrize("first", range(0, STORMS, TOGETHER))
def test_any_storm_is_survived(first: int) -> None:
    seen: Counter[str] = Counter()
    for seed in range(first, first + TOGETHER):
        told = play(seed)
        problems = broken(told)
        assert problems == [], f"seed {seed}: python -m tests.storms {seed}"
        seen.update(what_happened(told))

    # A storm that never gets anybody into trouble would prove nothing.
    assert [name for name in NEEDED if not seen[name]] == []
    assert seen["crashes"] > TOGETHER


@pytest.mark.timeout(600)
def test_a_seed_replays_the_same_time_after_time() -> None:
    once = digests(REPLAYED)

    assert {digests(REPLAYED) for _ in range(TIMES - ELSEWHERE)} == {once}
    assert {digests_elsewhere(REPLAYED, number) for number in range(ELSEWHERE)} == {once}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("bug", PLANTED)
def test_a_planted_bug_is_found(bug: str) -> None:
    caught = hunted(bug)

    assert caught.seed is not None, f"no storm found: {bug}"
