"""The short form of the kill loops, and that they have teeth."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.lab.engine_kills import Loop, engine_kills
from tests.lab.judging import outcomes
from tests.lab.nursery import a_nursery
from tests.lab.rungs import STEPS, rungs
from tests.lab.trial import a_trial
from watchdog.domain.plan import Level
from watchdog.domain.progress import Outcome

SEED = 7


@pytest.mark.timeout(300)
async def test_a_few_kills_do_nothing_twice_and_lose_nothing(tmp_path: Path) -> None:
    row = await engine_kills(tmp_path, 20, SEED, together=4)

    assert row.problems == []
    assert row.survived == row.injected >= 20


@pytest.mark.timeout(300)
async def test_without_the_look_up_something_is_done_twice(tmp_path: Path) -> None:
    loop = Loop(10, SEED, look_up=False, together=4)

    await loop.run(tmp_path)

    assert loop.duplicates > 0


@pytest.mark.timeout(300)
async def test_a_run_killed_four_times_is_left_to_a_person(tmp_path: Path) -> None:
    async with (
        rungs() as service,
        a_nursery() as nursery,
        a_trial(service, nursery, tmp_path, "often", SEED) as trial,
    ):
        for step in STEPS[:4]:
            fault = {"boundary": f"POST /do/{step} | after", "how": "die"}
            assert await trial.end(await trial.start(**fault)) < 0
        await trial.to_the_end()
        records = await trial.records()

    assert outcomes(records) == [Outcome.INTERRUPTED]
    assert set(trial.room.done) == set(STEPS[:4])


@pytest.mark.timeout(300)
async def test_a_plan_of_the_data_level_is_never_gone_on_with(tmp_path: Path) -> None:
    async with (
        rungs() as service,
        a_nursery() as nursery,
        a_trial(service, nursery, tmp_path, "data", SEED) as trial,
    ):
        trial.life = replace(trial.life, level=Level.DATA, by="ann")
        boundary = f"POST /do/{STEPS[1]} | after"
        assert await trial.end(await trial.start(boundary=boundary)) < 0
        await trial.to_the_end()
        records = await trial.records()

    assert outcomes(records) == [Outcome.INTERRUPTED]
    assert set(trial.room.done) == set(STEPS[:2])
