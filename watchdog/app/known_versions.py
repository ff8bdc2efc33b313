"""What the journal alone knows of versions; beside a running daemon or without one."""

from pathlib import Path

from watchdog.adapters.clock import SystemClock
from watchdog.adapters.sqlite_reader import open_reader
from watchdog.app.change_desk import Answer, listed
from watchdog.domain.versions import VersionBook


async def known_versions(journal: Path) -> dict[str, list[Answer]]:
    """All that is known of each target's versions, by target. Raises JournalError."""
    book = VersionBook()
    async with open_reader(journal, SystemClock()) as reader:
        for record in await reader.read(kinds=VersionBook.KINDS):
            book.apply(record.event, record.at)
    return {target: listed(book.of(target)) for target in book.targets}
