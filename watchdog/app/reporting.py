"""The report of a run, anew from the journal alone; beside a running daemon or without one."""

from pathlib import Path

from watchdog.adapters.clock import SystemClock
from watchdog.adapters.report import ReportFolder, render
from watchdog.adapters.sqlite_reader import SqliteReader, open_reader
from watchdog.domain.errors import ConfigError
from watchdog.domain.events import RunStarted
from watchdog.engine.reporter import records_of

LAST = "last"
SHOWN = 5


async def report_text(journal: Path, run: str) -> str:
    """The report in Markdown. Raises ConfigError for an unknown run, JournalError otherwise."""
    async with open_reader(journal, SystemClock()) as reader:
        name = await _name(reader, run)
        return render(await records_of(reader, name), name)[0]


async def write_report(journal: Path, run: str, folder: Path) -> str:
    """Write the report and its picture into `folder`; the report's path."""
    async with open_reader(journal, SystemClock()) as reader:
        name = await _name(reader, run)
        records = await records_of(reader, name)
    return await ReportFolder(folder.parent).write(folder.name, name, records)


async def _name(reader: SqliteReader, run: str) -> str:
    started = [record.event for record in await reader.read(kinds=[RunStarted])]
    names = [event.run for event in started if isinstance(event, RunStarted)]
    if run == LAST and names:
        return names[-1]
    if run in names:
        return run
    known = f"; the last ones: {', '.join(names[-SHOWN:])}" if names else "; it holds no run yet"
    raise ConfigError(f"the journal {reader.path} knows no run {run!r}{known}")
