"""`kill -9` at random moments through a plan: nothing observable is done twice, no run is lost."""

import os
import random
import sys
from pathlib import Path

import pytest

from tests.bed.stepping_service import stepping_service
from tests.kills.killing import Survived, kill_through_a_run

# A run that was taken up more often is given to a person, so each run is killed a few times only.
KILLS_A_RUN = 3
SEED = int(os.environ.get("KILLS_SEED", "20260101"))


async def _loop(folder: Path, kills: int, *, look_up: bool) -> list[Survived]:
    """Runs until `kills` kills were made."""
    chance = random.Random(SEED)
    survived: list[Survived] = []
    while (left := kills - sum(one.kills for one in survived)) > 0:
        place = folder / f"run-{len(survived)}"
        place.mkdir()
        async with stepping_service(chance.randrange(2**32)) as service:
            wanted = min(left, chance.randint(1, KILLS_A_RUN))
            one = await kill_through_a_run(place, service, chance, wanted, look_up=look_up)
        survived.append(one)
    return survived


def _assert_nothing_wrong(survived: list[Survived]) -> None:
    for number, one in enumerate(survived):
        where = f"seed {SEED}, run {number}"
        assert one.done_twice == [], where
        assert one.lost == [], where
        assert one.outcomes == ["succeeded"], where
        sent = {arrival.key for arrival in one.service.arrivals}
        assert sent <= one.intended, f"{where}: an effect without an intent"


@pytest.mark.timeout(600)
async def test_forty_kills_do_nothing_twice_and_lose_nothing(tmp_path: Path) -> None:
    survived = await _loop(tmp_path, 40, look_up=True)

    _assert_nothing_wrong(survived)
    assert sum(one.kills for one in survived) == 40


@pytest.mark.timeout(600)
async def test_the_loop_finds_duplicates_when_the_look_up_is_removed(tmp_path: Path) -> None:
    survived = await _loop(tmp_path, 15, look_up=False)

    assert any(one.done_twice for one in survived)


@pytest.mark.kills
async def test_the_long_loop_does_nothing_twice_and_loses_nothing(tmp_path: Path) -> None:
    kills = int(os.environ.get("KILLS", "200"))

    survived = await _loop(tmp_path, kills, look_up=True)

    _assert_nothing_wrong(survived)
    sys.stdout.write(f"{kills} kills through {len(survived)} runs (seed {SEED}): all survived\n")
