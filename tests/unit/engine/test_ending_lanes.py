"""A lane ends when it is told to, whatever it is doing, and whatever the journal says."""

import asyncio

from tests.process import Parts, Process, a_world
from watchdog.engine.lane import Lane
from watchdog.testing.virtual_time import virtually


class Waiting(Lane):
    """Takes for ever to look for a run that it lost."""

    async def _take_up_lost(self) -> None:
        await asyncio.Event().wait()


@virtually
async def test_a_lane_told_to_end_as_the_journal_refuses_ends() -> None:
    process = Process(a_world(), parts=Parts(lane=Waiting))

    async with asyncio.timeout(100):
        async with process.running():
            await process.see(errors="b")
            process.journal.fault = "the disk is full"

    assert process.journal.events == []
