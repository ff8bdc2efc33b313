"""`kill -9` at random moments of a real process: nothing confirmed is lost, nothing is torn."""

import os
import random
import time
from pathlib import Path

import pytest

from tests.bed.journal_writer import EVENTS
from tests.bed.journals import writer
from watchdog.adapters.audit import verify
from watchdog.adapters.clock import SystemClock
from watchdog.adapters.journals.sqlite import open_journal
from watchdog.domain.events import RunParked

CLOCK = SystemClock()


async def test_thirty_kills_lose_nothing_that_was_confirmed(tmp_path: Path) -> None:
    await kill_and_look(tmp_path / "journal.db", kills=30)


@pytest.mark.kills
async def test_many_kills_lose_nothing_that_was_confirmed(tmp_path: Path) -> None:
    kills = int(os.environ.get("KILLS", "200"))
    # A journal each for so many of them: to prove a long one again and again takes its time.
    for first in range(0, kills, 30):
        await kill_and_look(tmp_path / f"{first}.db", kills=min(30, kills - first))


@pytest.mark.kills
async def test_a_kill_while_the_file_is_being_made_leaves_nothing_in_the_way(
    tmp_path: Path,
) -> None:
    seed = random.randrange(2**32)
    moments = random.Random(seed)
    for number in range(int(os.environ.get("KILLS", "200"))):
        path = tmp_path / f"{number}.db"
        write_until_killed(path, 0, moments)

        async with open_journal(path, CLOCK) as journal:
            records = await journal.read()
        assert len(records) % EVENTS == 0, f"seed {seed}"


async def kill_and_look(path: Path, kills: int) -> None:
    seed = random.randrange(2**32)
    moments = random.Random(seed)
    confirmed: set[str] = set()
    anchor = ""
    for number in range(kills):
        said = write_until_killed(path, number, moments)
        confirmed |= {line.split()[1] for line in said if line.startswith("confirmed")}
        if anchor or confirmed:
            found = verify(path, anchor)
            assert found.ok, f"seed {seed}, kill {number}: {found.problem}"
            anchor = found.head

    async with open_journal(path, CLOCK) as journal:
        events = [record.event for record in await journal.read()]
    runs = [event.run for event in events if isinstance(event, RunParked)]
    assert confirmed <= set(runs), f"seed {seed}"
    assert all(len(set(runs[at : at + EVENTS])) == 1 for at in range(0, len(runs), EVENTS))
    assert len(confirmed) > kills


def write_until_killed(path: Path, number: int, moments: random.Random) -> list[str]:
    """What the process said before it was killed: in the opening, or in the writing."""
    with writer(path) as process:
        assert process.stdout is not None
        wait_for = b"opening" if number % 4 == 0 else b"confirmed"
        said = [process.stdout.readline()]
        while wait_for not in said[-1]:
            said.append(process.stdout.readline())
            assert said[-1], f"it ended by itself: {said}"
        time.sleep(moments.uniform(0, 0.04))
        process.kill()
        said += process.stdout.readlines()
    # A line that the kill cut off confirms nothing.
    return [line.decode() for line in said if line.endswith(b"\n")]
