"""What a daemon does about its journal: snapshots, older copies, retention as the file says."""

import asyncio
import os
import shutil
from pathlib import Path

import pytest

from tests.bed.command_line import called
from tests.bed.year import write_year
from tests.faults.small_disk import a_small_disk
from watchdog.adapters.clock import SystemClock
from watchdog.adapters.journals.sqlite import open_journal
from watchdog.adapters.secrets import EnvAndFileSecrets
from watchdog.adapters.snapshot import beside
from watchdog.adapters.watermark import Acceptance
from watchdog.app.loading import Files
from watchdog.app.opening import open_daemon
from watchdog.app.retaining import Retention
from watchdog.app.snapshots import Snapshots, take
from watchdog.domain.errors import ConfigError, JournalError
from watchdog.domain.events import DaemonStopped, OlderJournalAccepted, SnapshotKept

DAEMON = """\
journal: {{path: {folder}/journal.db{more}}}
socket: {folder}/x.sock
targets: [shop.yaml]
"""
TARGET = """\
target: shop
sources: {p: {use: prometheus, url: "http://127.0.0.1:9"}}
signals: {load: {from: p, query: load}}
triggers: {high: {signal: load, above: 5}}
"""


def files_of(folder: Path, more: str = "") -> Files:
    (folder / "shop.yaml").write_text(TARGET)
    (folder / "daemon.yaml").write_text(DAEMON.format(folder=folder, more=more))
    return Files([folder / "daemon.yaml"])


async def test_an_older_journal_is_refused_to_a_daemon_until_a_person_accepts_it(
    tmp_path: Path,
) -> None:
    files, path = files_of(tmp_path), tmp_path / "journal.db"
    async with open_daemon(files, EnvAndFileSecrets({})) as opened:
        await opened.journal.append(DaemonStopped("a"))
    shutil.copy(path, tmp_path / "backup.db")
    async with open_daemon(files, EnvAndFileSecrets({})) as opened:
        await opened.journal.append(DaemonStopped("b"))
    shutil.copy(tmp_path / "backup.db", path)

    with pytest.raises(JournalError, match="is not the one that was last written here"):
        async with open_daemon(files, EnvAndFileSecrets({})):
            pass
    ann = Acceptance("ann", "looked at all targets")
    async with open_daemon(files, EnvAndFileSecrets({}), accepted=ann) as opened:
        (record,) = await opened.journal.read(kinds=[OlderJournalAccepted])
    async with open_daemon(files, EnvAndFileSecrets({})):
        pass

    assert isinstance(record.event, OlderJournalAccepted)
    assert (record.event.by, record.event.reason) == (ann.by, ann.reason)


@pytest.mark.parametrize("words", [(), ("--by", "ann"), ("--reason", "x"), ("--by", " ")])
def test_who_accepts_an_older_journal_says_who_they_are_and_why(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    file = files_of(tmp_path).paths[0]

    said = called("run", file, "--accept-older-journal", *words)

    assert said.code != 0
    assert "give --by NAME and --reason TEXT" in said.err
    assert not (tmp_path / "journal.db").exists()


async def test_a_start_that_had_to_read_much_leaves_a_snapshot_for_the_next(
    tmp_path: Path,
) -> None:
    files, path = files_of(tmp_path), tmp_path / "journal.db"
    write_year(path, 10_500, ends=SystemClock().now().wall, targets=2)

    async with open_daemon(files, EnvAndFileSecrets({})) as opened:
        (record,) = await opened.journal.read(kinds=[SnapshotKept])
        versions = opened.daemon.shared.ledger.versions
        first = {name: versions.of(name) for name in versions.targets}
    async with open_daemon(files, EnvAndFileSecrets({})) as opened:
        assert len(await opened.journal.read(kinds=[SnapshotKept])) == 1
        versions = opened.daemon.shared.ledger.versions
        again = {name: versions.of(name) for name in versions.targets}

    assert isinstance(record.event, SnapshotKept)
    assert record.event.covers == 10_500
    assert first == again
    assert first


async def test_a_snapshot_is_taken_whenever_enough_is_new(tmp_path: Path) -> None:
    async with open_journal(tmp_path / "journal.db", SystemClock()) as journal:
        found = await journal.recalled()
        alarms: list[str] = []
        snapshots = Snapshots(journal, SystemClock(), found, alarms.append, every=3)
        await journal.append(*[DaemonStopped(str(number)) for number in range(3)])
        await asyncio.sleep(0)
        taken = asyncio.Event()
        journal.listen(lambda _: taken.set())
        async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
            running = tasks.create_task(snapshots.run())
            await taken.wait()
            running.cancel()
        assert [len(await journal.read(kinds=[SnapshotKept]))] == [1]
        assert alarms == []


async def test_a_snapshot_that_cannot_be_written_is_an_error_and_no_more(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    async with open_journal(path, SystemClock()) as journal:
        await journal.append(DaemonStopped("x"))
        beside(path).with_name("journal.db.snapshot.new").mkdir()

        with pytest.raises(JournalError, match="cannot take a snapshot of the journal"):
            await take(journal, SystemClock())

        assert journal.healthy
        assert (await journal.recalled()).read == 1


async def test_a_snapshot_that_fills_the_disk_leaves_the_room_to_the_journal(
    tmp_path: Path,
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    with a_small_disk(disk) as small:
        path = disk / "journal.db"
        write_year(path, 1_500, ends=SystemClock().now().wall, targets=300)
        async with open_journal(path, SystemClock()) as journal:
            small.fill()
            ballast = disk / "ballast"
            os.truncate(ballast, ballast.stat().st_size - 20_000)

            with pytest.raises(JournalError, match=r"ENOSPC.; free some space on its disk"):
                await take(journal, SystemClock())

            await journal.append(DaemonStopped("x"))
        assert not beside(path).with_name("journal.db.snapshot.new").exists()


async def test_retention_is_on_where_the_file_says_so(tmp_path: Path) -> None:
    async with open_daemon(files_of(tmp_path), EnvAndFileSecrets({})) as opened:
        assert "retention" not in opened.daemon.background
    files = files_of(tmp_path, f", keep: 400d, archive: {tmp_path}/old")
    async with open_daemon(files, EnvAndFileSecrets({})) as opened:
        loop = getattr(opened.daemon.background["retention"], "__self__", None)

    assert isinstance(loop, Retention)
    assert loop.keeping.keep == 400 * 86400.0
    assert loop.keeping.folder == tmp_path / "old"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (", keep: 29d", "`keep` must be 30d or more"),
        (", archive: x", "`archive` takes what `keep` lets go"),
    ],
)
def test_what_would_lose_last_month_is_refused(tmp_path: Path, more: str, said: str) -> None:
    files = files_of(tmp_path, more)

    with pytest.raises(ConfigError, match=said):
        files.load()
