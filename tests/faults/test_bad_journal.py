"""A journal that cannot be trusted: the daemon refuses to start, in one line, and sends nothing.

The journal at hand holds a latch and the service is still down: whoever began anew, or read past
the damage, would roll back at once.
"""

import asyncio
import os
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.bed.journals import execute
from tests.faults.admin_api import Fault
from tests.faults.site import TARGET, Site, a_site, a_step, a_target
from tests.faults.small_disk import a_small_disk
from watchdog.adapters.watermark import beside as watermark
from watchdog.domain.events import Decided
from watchdog.domain.progress import RunEnded

MEND = f"{TARGET}/mend"
DOCUMENTED = 4
RESTORE = (
    "keep a copy of it and of its -wal file, then put a backup in its place, or move both away "
    "to begin anew, which forgets limits, latches and open runs"
)
UNWRITABLE = "make the file and its folder readable and writable for this user"


@pytest.fixture(scope="module")
def latched_journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A journal whose last run failed, closed in order."""
    folder = tmp_path_factory.mktemp("latched")
    asyncio.run(_fail(folder))
    path = folder / "state/journal.db"
    assert not path.with_name("journal.db-wal").exists()
    return path


async def _fail(folder: Path) -> None:
    async with a_site(folder) as site:
        site.api.faults[MEND] = Fault(status=401)
        about_to_break(site)
        async with site.at_work():
            await site.until_event(RunEnded)
            code, _ = await site.stop()
        assert code == 0


def about_to_break(site: Site) -> None:
    site.write(a_target(site.api, a_step(site.api, MEND)))
    site.api.bad.add(TARGET)


# -- damage


def flipped_in_the_outcome(path: Path) -> None:
    """One bit of how the last run ended: `failed` becomes `gailed`."""
    _flip(path, b'"outcome":"failed"', len(b'"outcome":"'))


def flipped_in_a_page(path: Path) -> None:
    """One bit of the first byte of a page in the middle, which says what the page is."""
    with closing(sqlite3.connect(path)) as connection:
        query = "SELECT rootpage FROM sqlite_master WHERE name = 'events_by_run'"
        ((page,),) = connection.execute(query).fetchall()
        ((size,),) = connection.execute("PRAGMA page_size").fetchall()
    _flip_at(path, (page - 1) * size)


def _flip(path: Path, words: bytes, offset: int) -> None:
    place = path.read_bytes().rindex(words)
    _flip_at(path, place + offset)


def _flip_at(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def cut_in_half(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def without_its_head(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(bytes(100) + content[100:])


def edited(path: Path) -> None:
    """Somebody makes a success of it."""
    execute(path, "UPDATE events SET body = replace(body, 'failed', 'succeeded')")


def of_a_newer_version(path: Path) -> None:
    execute(path, "PRAGMA user_version = 99")


def of_another_program(path: Path) -> None:
    path.unlink()
    execute(path, "CREATE TABLE music (title TEXT); INSERT INTO music VALUES ('So What')")


def no_database(path: Path) -> None:
    path.write_text("Dear diary,\n" * 100)


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@dataclass(frozen=True, slots=True)
class Bad:
    """A way to be bad, and the whole line that is said of it; `@` stands for the path."""

    make: Callable[[Path], None]
    line: str


NOT_AS_WRITTEN = (
    r"the journal @: record \d+ is not what was written, or record \d+ before it; "
    r"`rollback-watchdog audit verify` says more"
)
BAD = (
    Bad(flipped_in_the_outcome, NOT_AS_WRITTEN),
    Bad(edited, NOT_AS_WRITTEN),
    Bad(flipped_in_a_page, rf"the journal @ is damaged: .*[Pp]age.*; {RESTORE}"),
    Bad(cut_in_half, rf"(the journal @ is damaged: .*|cannot open the journal @: .*); {RESTORE}"),
    Bad(
        without_its_head,
        r"cannot open the journal @: file is not a database \(SQLITE_NOTADB\); "
        rf"name another file; or, if this one was the journal, {RESTORE}",
    ),
    Bad(
        no_database,
        r"cannot open the journal @: file is not a database \(SQLITE_NOTADB\); "
        rf"name another file; or, if this one was the journal, {RESTORE}",
    ),
    Bad(
        of_a_newer_version,
        r"the journal @ has format 99, written by a newer rollback-watchdog; "
        r"this version knows formats up to \d+: run the newer one",
    ),
    Bad(
        of_another_program,
        r"@ is the SQLite file of another program \(application 0x0, 1 tables\), "
        r"and was left alone; name another file for the journal",
    ),
    Bad(a_folder, r"the journal @ is not a regular file; name another one"),
)


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.make.__name__)
async def test_the_daemon_refuses_it_in_one_line_and_sends_nothing(
    site: Site, latched_journal: Path, bad: Bad
) -> None:
    about_to_break(site)
    put_back(latched_journal, site.journal)
    bad.make(site.journal)
    before = _content(site.journal)

    code, out, complaint = await site.command("run", site.file)

    assert code == DOCUMENTED
    expected = bad.line.replace("@", re.escape(str(site.journal)))
    assert re.fullmatch(f"rollback-watchdog: {expected}\n", complaint), complaint
    assert out == ""
    assert site.api.sent == []
    assert site.api.looks == {}
    assert _content(site.journal) == before


def put_back(journal: Path, to: Path) -> None:
    """With its watermark: without that it might be an older copy."""
    shutil.copy(journal, to)
    shutil.copy(watermark(journal), watermark(to))


def _content(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


@pytest.fixture
def read_only_folder(tmp_path: Path, latched_journal: Path) -> Iterator[Path]:
    """The folder `state` of a site, with a sound journal in it, where nobody may write."""
    folder = tmp_path / "state"
    folder.mkdir()
    if os.geteuid() != 0:
        shutil.copy(latched_journal, folder)
        folder.chmod(0o500)
        yield folder
        folder.chmod(0o700)
        return
    with a_small_disk(folder) as disk:
        shutil.copy(latched_journal, folder)
        disk.make_read_only()
        yield folder


async def test_a_read_only_folder_is_refused_in_one_line(
    read_only_folder: Path, site: Site
) -> None:
    about_to_break(site)

    code, _, complaint = await site.command("run", site.file)

    assert code == DOCUMENTED
    why = r"(Read-only file system \(EROFS\)|Permission denied \(EACCES\))"
    path = re.escape(str(read_only_folder / "journal.db"))
    assert re.fullmatch(
        rf"rollback-watchdog: cannot open the journal {path}: {why}; {UNWRITABLE}\n", complaint
    ), complaint
    assert site.api.sent == []


async def test_the_sound_journal_is_taken_and_its_latch_holds(
    site: Site, latched_journal: Path
) -> None:
    """Shows that it was the damage that the daemon refused."""
    about_to_break(site)
    put_back(latched_journal, site.journal)

    async with site.at_work():
        # The firing of before, and one of its own.
        await site.until(lambda: site.api.looks[TARGET] > 3, "it has looked")
        _, status, _ = await site.command("status", site.file)

    assert "latched" in status
    assert site.api.sent == []


async def test_with_an_empty_journal_the_same_daemon_would_act(site: Site) -> None:
    """Shows that what was sent would have been seen."""
    about_to_break(site)

    async with site.at_work():
        await site.until_event(RunEnded)

    assert site.api.sent == [MEND]
    assert await site.events(Decided, refusal="latched") == []
