"""A disk that is full in the middle of a run: nothing that cannot be recorded is done."""

import re
import resource
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest

from tests.bed.journals import execute
from tests.faults.admin_api import AdminApi
from tests.faults.site import TARGET, Site, a_site, a_step, a_target
from tests.faults.small_disk import SmallDisk, a_small_disk
from watchdog.domain.progress import RunEnded

FLAGS, MEND, AFTER = (f"{TARGET}/{step}" for step in ("flags", "mend", "after"))
STEPS = [FLAGS, MEND, AFTER]
# The one write that must come before the second step, and no other, fails.
NO_SECOND_INTENT = f"""
CREATE TRIGGER no_second_intent BEFORE INSERT ON events
WHEN NEW.kind = 'StepIntended' AND NEW.body LIKE '%{MEND}%'
BEGIN SELECT RAISE(ABORT, 'no intent'); END
"""


class Room(Protocol):
    """What can be used up, and given back."""

    def fill(self) -> None: ...

    def make_room(self) -> None: ...


@dataclass(frozen=True, slots=True)
class FileLimit:
    """No file of the daemon may grow beyond the largest there is: a full disk for one process."""

    site: Site

    def fill(self) -> None:
        assert self.site.process is not None
        sizes = [path.stat().st_size for path in self.site.journal.parent.iterdir()]
        self._limit(max(sizes))

    def make_room(self) -> None:
        self._limit(resource.RLIM_INFINITY)

    def _limit(self, size: int) -> None:
        assert self.site.process is not None
        hard = resource.prlimit(self.site.process.pid, resource.RLIMIT_FSIZE)[1]
        resource.prlimit(self.site.process.pid, resource.RLIMIT_FSIZE, (size, hard))


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """Everything of a site is on it: files, journal, reports, and the log."""
    folder = tmp_path / "disk"
    folder.mkdir()
    with a_small_disk(folder) as disk:
        yield disk


async def test_a_full_disk_holds_the_next_step_until_there_is_room(disk: SmallDisk) -> None:
    async with a_site(disk.folder) as site:
        await assert_the_run_waits_and_goes_on(site, disk)


async def test_a_file_that_may_not_grow_holds_the_next_step_until_it_may(site: Site) -> None:
    await assert_the_run_waits_and_goes_on(site, FileLimit(site))


async def assert_the_run_waits_and_goes_on(site: Site, room: Room) -> None:
    api = await about_to_fill(site, "observable")
    async with site.at_work():
        await until_nothing_can_be_written(site, room)
        shown = await site.until_ready_says(503, "the journal cannot be written")
        sent_without_room = list(api.sent)
        room.make_room()
        ended = await site.until_event(RunEnded)
        await site.until_ready_says(200, "ok")
        code, _ = await site.stop()

    assert sent_without_room == [FLAGS, MEND]
    assert f"cannot write to the journal {site.journal}" in shown
    assert ended.outcome.value == "succeeded"
    assert api.effects == Counter(STEPS)
    assert api.sent == STEPS
    assert code == 0
    await site.assert_sound()


async def test_an_answer_that_could_not_be_recorded_is_no_answer(site: Site) -> None:
    """A step that must not be repeated was done, and the journal does not say so."""
    room = FileLimit(site)
    api = await about_to_fill(site, "once")
    async with site.at_work():
        await until_nothing_can_be_written(site, room)
        room.make_room()
        ended = await site.until_event(RunEnded)

    assert ended.outcome.value == "interrupted"
    assert api.sent == [FLAGS, MEND]
    await site.assert_sound()


async def test_a_step_whose_intent_alone_cannot_be_recorded_is_not_sent(site: Site) -> None:
    api = await about_to_fill(site, "idempotent")
    api.held = {FLAGS}
    async with site.at_work():
        await site.until(lambda: api.sent == [FLAGS], "the first step is under way")
        execute(site.journal, NO_SECOND_INTENT)
        api.release()
        ended = await site.until_event(RunEnded)
        await site.until(lambda: heard(site, "cannot write to the journal"), "it is told")

    # It was taken up again and again, and then left to a person.
    assert ended.outcome.value == "interrupted"
    assert api.sent == [FLAGS]
    await site.assert_sound()


async def test_sigterm_while_nothing_can_be_written_ends_it_in_order(site: Site) -> None:
    room = FileLimit(site)
    api = await about_to_fill(site, "observable")
    async with site.at_work():
        await until_nothing_can_be_written(site, room)
        code, _ = await site.stop()
    # A limit of a process dies with it.
    async with site.at_work():
        ended = await site.until_event(RunEnded)

    assert code == 0
    assert "Traceback" not in site.log
    assert ended.outcome.value == "succeeded"
    assert api.sent == STEPS
    assert api.effects == Counter(STEPS)
    await site.assert_sound()


async def test_a_start_on_a_full_disk_is_refused_and_the_run_waits_for_the_next(
    disk: SmallDisk,
) -> None:
    async with a_site(disk.folder) as site:
        api = await about_to_fill(site, "observable")
        async with site.at_work():
            await until_nothing_can_be_written(site, disk)
            await site.kill()
        code, _, complaint = await site.command("run", site.file)
        sent_without_room = list(api.sent)
        disk.make_room()
        async with site.at_work():
            ended = await site.until_event(RunEnded)

        assert code == 4
        # Whether the database or the file beside it is first to find no room.
        assert re.search(
            r"\((SQLITE_FULL|ENOSPC)\); free some space on its disk", complaint.splitlines()[-1]
        )
        assert "Traceback" not in complaint
        assert sent_without_room == [FLAGS, MEND]
        assert ended.outcome.value == "succeeded"
        assert api.effects == Counter(STEPS)
        await site.assert_sound()


async def about_to_fill(site: Site, repeat: str) -> AdminApi:
    """A target of three steps, about to break; the second step's answer waits."""
    site.write(a_target(site.api, *[a_step(site.api, step, repeat) for step in STEPS]))
    await site.open_pages()
    site.api.held.add(MEND)
    site.api.bad.add(TARGET)
    return site.api


async def until_nothing_can_be_written(site: Site, room: Room) -> None:
    """The second step is answered when there is no room left, and the channel hears of it."""
    await site.until(lambda: site.api.sent == [FLAGS, MEND], "the second step is under way")
    room.fill()
    site.api.release()
    await site.until(lambda: heard(site, "cannot write to the journal"), "the channel hears of it")
    looks = site.api.looks[TARGET]
    # It goes on looking, and does nothing about what it sees.
    await site.until(lambda: site.api.looks[TARGET] > looks + 5, "it has looked again")


def heard(site: Site, words: str) -> bool:
    """Whether the channel was told that, as something to wake up for."""
    return any(words in page["text"] for page in site.api.told("paged"))
