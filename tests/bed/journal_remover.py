"""A process of its own that removes old records from a journal until it is killed."""

import asyncio
import os
import sys
from pathlib import Path

from watchdog.adapters.clock import SystemClock
from watchdog.adapters.journals.sqlite import open_journal
from watchdog.app.retaining import Keeping, Retention
from watchdog.domain.ledger import Ledger


async def remove(path: Path, keep: float) -> None:
    clock = SystemClock()
    async with open_journal(path, clock) as journal:
        keeping = Keeping(keep, path.parent / "archive")
        say("open")
        await Retention(journal, clock, Ledger(), keeping, say, pause=0.0, at_once=40).once()
        say("done")


def say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


if __name__ == "__main__":
    asyncio.run(remove(Path(sys.argv[1]), float(sys.argv[2])))
