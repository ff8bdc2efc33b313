"""What the journal alone knows of versions; beside a running daemon or without one."""

from pathlib import Path

from watchdog.adapters.clock import SystemClock
from watchdog.adapters.sqlite_reader import open_reader
from watchdog.app.change_desk import Answer, listed


async def known_versions(journal: Path) -> dict[str, list[Answer]]:
    """All that is known of each target's versions, by target. Raises JournalError."""
    async with open_reader(journal, SystemClock()) as reader:
        book = (await reader.recollection()).ledger.versions
    return {target: listed(book.of(target)) for target in book.targets}
