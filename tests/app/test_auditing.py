"""A journal that somebody changed is told of after the start, by its record."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.bed.year import write_year
from watchdog.adapters.audit import StoppedError, verify
from watchdog.adapters.clock import SystemClock
from watchdog.adapters.journals.sqlite import open_journal
from watchdog.app.auditing import audit
from watchdog.domain.events import DaemonStopped


async def _journal(folder: Path) -> Path:
    path = folder / "journal.db"
    async with open_journal(path, SystemClock()) as journal:
        for reason in ("one", "two", "three"):
            await journal.append(DaemonStopped(reason))
    return path


async def test_a_changed_record_is_told_by_its_number(tmp_path: Path) -> None:
    path = await _journal(tmp_path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE events SET wall = wall + 1 WHERE seq = 2")
        connection.commit()
    told: list[str] = []

    await audit(path, told.append)

    [text] = told
    assert "was changed by somebody else" in text
    assert "2" in text.partition("else: ")[2]


async def test_of_a_whole_journal_nothing_is_told(tmp_path: Path) -> None:
    path = await _journal(tmp_path)
    told: list[str] = []

    await audit(path, told.append)

    assert told == []


def test_a_proof_that_nobody_waits_for_gives_up(tmp_path: Path) -> None:
    """The thread it is in would keep the process from its end."""
    path = tmp_path / "journal.db"
    write_year(path, 1_500, ends=SystemClock().now().wall)

    with pytest.raises(StoppedError):
        verify(path, stop=lambda: True)
    assert verify(path, stop=lambda: False).records == 1_500
