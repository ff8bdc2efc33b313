"""`kill -9` at random moments through a plan: nothing observable is done twice, no run is lost."""

import os
import sys
from pathlib import Path

import pytest

from tests.kills.killing import Survived, kill_loop, wrong_with

SEED = int(os.environ.get("KILLS_SEED", "20260101"))


def _assert_nothing_wrong(survived: list[Survived]) -> None:
    for number, one in enumerate(survived):
        assert wrong_with(one) == [], f"seed {SEED}, run {number}"


@pytest.mark.timeout(600)
async def test_fifteen_kills_do_nothing_twice_and_lose_nothing(tmp_path: Path) -> None:
    survived = await kill_loop(tmp_path, 15, SEED, look_up=True)

    _assert_nothing_wrong(survived)
    assert sum(one.kills for one in survived) == 15


@pytest.mark.timeout(600)
async def test_the_loop_finds_duplicates_when_the_look_up_is_removed(tmp_path: Path) -> None:
    survived = await kill_loop(tmp_path, 12, SEED, look_up=False)

    assert any(one.done_twice for one in survived)


@pytest.mark.kills
async def test_the_long_loop_does_nothing_twice_and_loses_nothing(tmp_path: Path) -> None:
    kills = int(os.environ.get("KILLS", "200"))

    survived = await kill_loop(tmp_path, kills, SEED, look_up=True)

    _assert_nothing_wrong(survived)
    sys.stdout.write(f"{kills} kills through {len(survived)} runs (seed {SEED}): all survived\n")
