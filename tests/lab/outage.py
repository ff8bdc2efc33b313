"""Row `notifiers`: the pager is down while the engine is killed again and again."""

import random
from pathlib import Path

from tests.lab.gang import gang
from tests.lab.judging import outcomes, wrong
from tests.lab.nursery import Nursery, a_nursery
from tests.lab.row import Row
from tests.lab.rungs import Fate, Rungs, rungs
from tests.lab.sizes import command
from tests.lab.trial import a_trial, removed
from watchdog.domain.progress import Outcome

KILLS_A_RUN = 20
# Of the messages in an outage, this share gets through, and some of their answers do not.
_LEAK = 0.1
_LONGEST_LIFE = 0.6


async def outage(folder: Path, kills: int, seed: int, together: int) -> Row:
    """The row of the table: a run that fails, and pages that must arrive in the end."""
    row = Row("notifiers", "", command("notifiers", "OUTAGE_KILLS", "SEED"), str(seed))
    pages = 0
    async with rungs() as service, a_nursery() as nursery:

        async def one(number: int) -> None:
            nonlocal pages
            made = min(KILLS_A_RUN, kills - number * KILLS_A_RUN)
            problems, paged = await _one(service, nursery, folder, seed + number, made)
            row.judge(made, problems, f"seed {seed}, run {number}")
            pages += paged

        await gang(together, range(-(-kills // KILLS_A_RUN)), one)
    row.what = f"`kill -9` while the pager is down: {pages} messages that wake somebody, 0 lost"
    return row


async def _one(
    service: Rungs, nursery: Nursery, folder: Path, seed: int, kills: int
) -> tuple[list[str], int]:
    chance = random.Random(seed)
    async with a_trial(service, nursery, folder, f"outage-{seed}", seed) as trial:
        room = trial.room
        room.script = {"application-restore": [Fate.DENIED]}
        room.paging = _LEAK
        # One that came to its end by itself was not killed, and does not count.
        while trial.killed < kills:
            child = await trial.start()
            await trial.first(child, chance.uniform(0.0, _LONGEST_LIFE))
            await trial.kill(child)
        room.paging = 1.0
        await trial.to_the_end()
        records = await trial.records()
        problems = wrong(records, room)
        if not outcomes(records) or outcomes(records)[0] is Outcome.SUCCEEDED:
            problems.append("nothing happened that is worth a page")
        paged = sum(page["severity"] == "critical" for page in room.pages)
    removed(trial.folder)
    return problems, paged
