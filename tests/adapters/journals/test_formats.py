"""A journal of every format that was released is read by this version, and goes on in it."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.bed.journals import execute, rows
from watchdog.adapters.audit import verify
from watchdog.adapters.clock import SystemClock
from watchdog.adapters.journals.sqlite import open_journal
from watchdog.adapters.sqlite_file import VERSION
from watchdog.domain.errors import JournalError
from watchdog.domain.events import DaemonStopped

FIXTURES = Path(__file__).parent / "fixtures"
CLOCK = SystemClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "journal.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((FIXTURES / "format-1.sql").read_text())
    return path


async def test_a_journal_of_format_1_is_taken_over_whole(path: Path) -> None:
    count = len(rows(path, "SELECT seq FROM events"))

    async with open_journal(path, CLOCK) as journal:
        records = await journal.read()
        memory = (await journal.recalled()).memory
        note = await journal.kept("cursor/log")
        await journal.append(DaemonStopped("x"))

    assert len(records) == count
    account = memory.ledger.account("shop")
    assert account.latched.startswith("run r1 ended failed")
    assert memory.ledger.versions.of("shop").running == "v2"
    assert "v2" in memory.ledger.versions.of("shop").quarantined
    assert memory.ledger.versions.of("shop").fired == {("errors", "v2"): "r1"}
    assert memory.ledger.killed == "signal USR1"
    assert memory.ledger.breaker.why == "3 targets fire"
    assert memory.ledger.account("cart").paused is not None
    assert note is not None
    assert note[0] == "23"
    assert verify(path).records == count + 1


async def test_a_journal_of_a_later_format_is_refused_with_both(path: Path) -> None:
    execute(path, f"PRAGMA user_version={VERSION + 7}")

    said = f"has format {VERSION + 7}, written by a newer rollback-watchdog; this version knows"
    with pytest.raises(JournalError, match=f"{said} formats up to {VERSION}"):
        async with open_journal(path, CLOCK):
            pass
    assert rows(path, "PRAGMA user_version") == [(VERSION + 7,)]
