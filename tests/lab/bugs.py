"""Row `bugs`: planted ones, each to be caught: without them the other rows prove nothing."""

import asyncio
from pathlib import Path

from tests.lab.row import Row
from tests.mutants.__main__ import hunted
from tests.mutants.hunt import HEADING
from tests.mutants.planted_runs import ALL_BUGS, RUN_BUGS


async def bugs(folder: Path) -> Row:
    """The row of the table: bugs of the run engine, the journal, limits and messages."""
    row = Row("bugs", f"bugs planted, of {len(ALL_BUGS)} in all", "make faults-bugs")
    found = await asyncio.to_thread(hunted, RUN_BUGS, folder)
    for one in found:
        row.judge(1, [one.trouble or "not caught"] if one.survived else [], one.bug.name)
    row.table = [HEADING, *map(str, found)]
    return row
