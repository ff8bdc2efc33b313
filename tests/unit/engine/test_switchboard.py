import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.builders import a_target
from tests.process import Process, a_world
from watchdog.domain.decision import Reason, standing_refusals
from watchdog.domain.errors import JournalError, WatchdogError
from watchdog.domain.events import Event, KillSwitchChanged, Paused, Resumed
from watchdog.domain.switches import Note, Notes, Switches
from watchdog.engine.service import FILE_HOW, Service
from watchdog.engine.switchboard import AGAIN, FIRST_LOOK, LOST_AFTER, Switchboard
from watchdog.testing.doubles import MemoryJournal
from watchdog.testing.virtual_time import virtually

PLACE = "deployment/watchdog in ops"
HOW = f"the annotation rollback-watchdog.io/kill of {PLACE}: stop (by ada)"
STOP = Note("stop", "ada")
NOTHING = Notes(PLACE)
KILL = Notes(PLACE, STOP)


class Daemon(Process):
    """A process with a switchboard; each that is given the same journal is a later life."""

    def __init__(
        self, folder: Path, *, journal: MemoryJournal | None = None, named: bool = True
    ) -> None:
        super().__init__(a_world(), a_target(name="shop"), a_target(name="stock"), journal=journal)
        self.kill_file = folder / "KILL"
        self.service = Service(self.shared, self.lanes, self.kill_file, 1.0, _nothing)
        switches = Switches("deployment/watchdog") if named else None
        self.board = Switchboard(switches, self.shared, self.service)

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator["Daemon"]:
        self.ledger.replay(self.journal.records)
        async with self.running(ticking=False), asyncio.TaskGroup() as tasks:
            work = tasks.create_task(self.board.run())
            yield self
            work.cancel()

    async def sees(self, notes: Notes) -> None:
        """And has had the time to record it."""
        self.board.take(notes)
        await asyncio.sleep(0.01)

    def said(self) -> list[Event]:
        kinds = (KillSwitchChanged, Paused, Resumed)
        return [one for one in self.journal.events if isinstance(one, kinds)]

    def refused(self, target: str) -> list[Reason]:
        now = self.clock.now()
        facts = self.lanes[target].decider.facts(now)
        return [one.reason for one in standing_refusals(facts, now)]


async def _nothing() -> None:
    """There are no files."""


def paused(target: str, note: Note = STOP, place: str = PLACE) -> Paused:
    return Paused(target, note.by, note.reason, None, place)


@virtually
async def test_the_kill_switch_is_as_they_say_before_anything_is_recorded(tmp_path: Path) -> None:
    async with Daemon(tmp_path).at_work() as daemon:
        daemon.board.take(KILL)
        assert daemon.ledger.killed == HOW
        assert daemon.said() == []

        daemon.board.take(NOTHING)
        assert daemon.ledger.killed == ""
        await asyncio.sleep(0.01)

    off = f"the annotation rollback-watchdog.io/kill of {PLACE} was removed"
    assert daemon.said() == [
        KillSwitchChanged(on=True, how=HOW),
        KillSwitchChanged(on=False, how=off),
    ]


@virtually
async def test_another_reason_is_recorded_and_the_same_one_is_not(tmp_path: Path) -> None:
    async with Daemon(tmp_path).at_work() as daemon:
        for notes in (KILL, KILL, Notes(PLACE, Note("", "")), KILL):
            await daemon.sees(notes)

    hows = [one.how for one in daemon.said() if isinstance(one, KillSwitchChanged)]
    assert hows == [HOW, HOW.replace("stop (by ada)", "it gives no reason"), HOW]


@virtually
async def test_a_disk_that_fails_keeps_nothing_from_being_stopped(tmp_path: Path) -> None:
    async with Daemon(tmp_path).at_work() as daemon:
        await daemon.sees(NOTHING)
        daemon.journal.fault = "no room"
        await daemon.sees(Notes(PLACE, STOP, {"": STOP}))
        assert daemon.ledger.killed == HOW
        daemon.journal.fault = ""
        await daemon.journal.probe()
        await asyncio.sleep(AGAIN + 0.1)

    assert daemon.said() == [KillSwitchChanged(on=True, how=HOW), paused("")]


@pytest.mark.parametrize("first", ["signal USR1", FILE_HOW])
@virtually
async def test_what_somebody_else_threw_stays_when_it_goes(first: str, tmp_path: Path) -> None:
    async with Daemon(tmp_path).at_work() as daemon:
        if first == FILE_HOW:
            daemon.kill_file.touch()
        await daemon.service.kill(on=True, how=first)
        await daemon.sees(KILL)
        await daemon.sees(NOTHING)

        assert daemon.ledger.killed == first


@virtually
async def test_the_file_holds_what_the_annotation_threw_and_the_other_way_round(
    tmp_path: Path,
) -> None:
    async with Daemon(tmp_path).at_work() as daemon:
        await daemon.sees(KILL)
        daemon.kill_file.touch()
        await daemon.sees(NOTHING)
        assert daemon.ledger.killed == FILE_HOW

        await daemon.sees(KILL)
        daemon.kill_file.unlink()
        await daemon.service.kill(on=False, how="the kill file was removed")
        assert daemon.ledger.killed == HOW

        await daemon.sees(NOTHING)
        assert daemon.ledger.killed == ""


@virtually
async def test_no_word_of_a_person_releases_it_while_it_is_there(tmp_path: Path) -> None:
    async with Daemon(tmp_path).at_work() as daemon:
        await daemon.sees(KILL)
        await daemon.service.kill(on=False, how="signal USR2")

        assert daemon.ledger.killed == HOW
        assert daemon.alarms == [f"the kill switch stays on as long as there is {HOW}: remove it"]


@virtually
async def test_the_next_life_releases_what_was_removed_meanwhile(tmp_path: Path) -> None:
    async with Daemon(tmp_path).at_work() as before:
        await before.sees(Notes(PLACE, STOP, {"": STOP, "shop": STOP}))

    async with Daemon(tmp_path, journal=before.journal).at_work() as daemon:
        assert daemon.ledger.killed == HOW
        assert Reason.PAUSED in daemon.refused("stock")
        await daemon.sees(NOTHING)

    assert daemon.ledger.killed == ""
    assert daemon.refused("shop") == []


@virtually
async def test_what_another_object_did_is_left_to_people(tmp_path: Path) -> None:
    async with Daemon(tmp_path).at_work() as before:
        await before.sees(Notes(PLACE, STOP, {"shop": STOP}))

    async with Daemon(tmp_path, journal=before.journal).at_work() as daemon:
        with pytest.raises(WatchdogError, match="stays paused"):
            daemon.board.lifted("shop")
        await daemon.sees(Notes("deployment/other in ops"))

        assert daemon.ledger.killed == HOW
        assert daemon.refused("shop") == [Reason.KILL_SWITCH, Reason.PAUSED]
        assert daemon.board.lifted("shop") == PLACE


@virtually
async def test_an_object_that_was_made_anew_releases_nothing_that_the_old_one_did(
    tmp_path: Path,
) -> None:
    first, anew = f"{PLACE} (uid 1)", f"{PLACE} (uid 2)"
    async with Daemon(tmp_path).at_work() as before:
        await before.sees(Notes(first, STOP, {"": STOP, "shop": STOP}))
        before.board.lost("there is no such object")
        await before.sees(Notes(anew))
        assert before.ledger.killed == HOW.replace(PLACE, first)

    async with Daemon(tmp_path, journal=before.journal).at_work() as daemon:
        await daemon.sees(Notes(anew))
        assert daemon.refused("shop") == [Reason.KILL_SWITCH, Reason.PAUSED]
        assert daemon.refused("stock") == [Reason.KILL_SWITCH, Reason.PAUSED]
        assert daemon.board.lifted("shop") == daemon.board.lifted("") == first

        await daemon.service.kill(on=False, how="ada: go on")
        assert daemon.ledger.killed == ""


@virtually
async def test_whoever_annotates_the_new_object_takes_over_what_the_old_one_did(
    tmp_path: Path,
) -> None:
    first, anew = f"{PLACE} (uid 1)", f"{PLACE} (uid 2)"
    async with Daemon(tmp_path).at_work() as daemon:
        await daemon.sees(Notes(first, STOP, {"shop": STOP}))
        await daemon.sees(Notes(anew, STOP, {"shop": STOP}))
        assert daemon.ledger.killed == HOW.replace(PLACE, anew)
        await daemon.sees(Notes(anew))

        assert daemon.ledger.killed == ""
        assert daemon.refused("shop") == []


@virtually
async def test_a_pause_is_of_all_targets_or_of_one(tmp_path: Path) -> None:
    async with Daemon(tmp_path).at_work() as daemon:
        await daemon.sees(Notes(PLACE, None, {"shop": STOP}))
        assert daemon.refused("shop") == [Reason.PAUSED]
        assert daemon.refused("stock") == []
        await daemon.sees(Notes(PLACE, None, {"": STOP}))
        assert daemon.refused("stock") == [Reason.PAUSED]
        await daemon.sees(NOTHING)
        assert daemon.refused("shop") == []

    assert [type(one) for one in daemon.said()] == [Paused, Paused, Resumed, Resumed]


@virtually
async def test_the_pause_of_a_person_and_that_of_an_annotation_are_two(tmp_path: Path) -> None:
    async with Daemon(tmp_path).at_work() as daemon:
        soon = daemon.clock.now().wall + 60
        await daemon.journal.append(Paused("shop", "bob", "lunch", soon))
        await daemon.sees(Notes(PLACE, None, {"shop": STOP}))
        assert daemon.board.lifted("shop") == ""
        await daemon.journal.append(Resumed("shop", "bob"))
        assert daemon.refused("shop") == [Reason.PAUSED]

        with pytest.raises(
            WatchdogError, match=r"as long as there is the annotation .*pause\.shop"
        ):
            daemon.board.lifted("shop")
        await daemon.journal.append(Paused("shop", "bob", "lunch", soon))
        await daemon.sees(NOTHING)
        assert daemon.refused("shop") == [Reason.PAUSED]
        await asyncio.sleep(61)
        assert daemon.refused("shop") == []


@pytest.mark.parametrize("target", ["", "shop"])
@virtually
async def test_an_annotation_outlasts_the_pause_that_ends_by_itself(
    target: str, tmp_path: Path
) -> None:
    async with Daemon(tmp_path).at_work() as daemon:
        soon = daemon.clock.now().wall + 60
        await daemon.journal.append(Paused(target, "bob", "lunch", soon))
        await daemon.sees(Notes(PLACE, None, {target: STOP}))
        await asyncio.sleep(61)

        assert daemon.refused("shop") == [Reason.PAUSED]


@virtually
async def test_what_stops_nothing_is_told_once(tmp_path: Path) -> None:
    async with Daemon(tmp_path).at_work() as daemon:
        odd = Notes(PLACE, None, {"shoop": STOP}, ("rollback-watchdog.io/paused",))
        for notes in (odd, odd, NOTHING, odd):
            await daemon.sees(notes)

    told = [one.partition(" of ")[0].removeprefix("the annotation ") for one in daemon.alarms]
    assert told == ["rollback-watchdog.io/pause.shoop", "rollback-watchdog.io/paused"] * 2
    assert daemon.said() == []


# -- out of sight


@virtually
async def test_until_they_were_seen_nothing_may_begin_and_people_are_told_why(
    tmp_path: Path,
) -> None:
    async with Daemon(tmp_path).at_work() as daemon:
        called: list[float] = []

        async def call() -> None:
            called.append(daemon.clock.now().elapsed)

        daemon.board.lost("403 no")
        began = daemon.clock.now()
        await daemon.board.first_look()
        assert daemon.clock.now().since(began) == FIRST_LOOK
        await daemon.board.once_seen(call)
        daemon.board.lost("403 no")
        daemon.board.lost("403 no")

        [told] = daemon.alarms
        assert told.startswith(
            "the annotations of deployment/watchdog were not seen yet, so nothing begins: 403 no; "
        )
        assert daemon.board.unseen == daemon.board.trouble == told.partition(";")[0]
        assert called == []
        await daemon.sees(NOTHING)
        assert (daemon.board.unseen, daemon.board.trouble, len(called)) == ("", "", 1)
        assert daemon.alarms[1:] == [
            "the annotations of deployment/watchdog are seen again, and hold"
        ]


@virtually
async def test_what_was_seen_last_holds_and_people_are_told_when_it_lasts(tmp_path: Path) -> None:
    async with Daemon(tmp_path).at_work() as daemon:
        await daemon.sees(KILL)
        daemon.board.lost("gone")
        await asyncio.sleep(LOST_AFTER - 1)
        daemon.board.lost("gone")
        assert daemon.alarms == []
        await asyncio.sleep(2)
        daemon.board.lost("gone")
        daemon.board.lost("gone")

        [told] = daemon.alarms
        assert "are out of sight, so what they said last holds: gone" in told
        assert daemon.ledger.killed == HOW
        assert (daemon.board.unseen, daemon.board.trouble) == ("", told.partition(";")[0])


@virtually
async def test_the_first_look_counts_once_its_pauses_are_on_the_disk(tmp_path: Path) -> None:
    async with Daemon(tmp_path).at_work() as daemon:
        daemon.journal.fault = "no room"
        await daemon.sees(Notes(PLACE, None, {"": STOP}))
        assert daemon.board.unseen
        daemon.journal.fault = ""
        await daemon.journal.probe()
        await asyncio.sleep(AGAIN + 0.1)

        assert daemon.board.unseen == ""
        assert daemon.said() == [paused("")]


@virtually
async def test_what_waited_for_the_first_look_is_tried_again_while_the_disk_fails(
    tmp_path: Path,
) -> None:
    async with Daemon(tmp_path).at_work() as daemon:
        called: list[float] = []

        async def call() -> None:
            called.append(daemon.clock.now().elapsed)
            if len(called) == 1:
                raise JournalError("disk I/O error")

        await daemon.board.once_seen(call)
        await daemon.sees(NOTHING)
        assert daemon.alarms == ["disk I/O error"]
        await asyncio.sleep(AGAIN)
        await daemon.sees(KILL)

        assert daemon.ledger.killed == HOW
        assert len(called) == 2


@virtually
async def test_where_no_object_is_named_nothing_is_waited_for(tmp_path: Path) -> None:
    async with Daemon(tmp_path, named=False).at_work() as daemon:
        await daemon.board.first_look()

        assert (daemon.board.unseen, daemon.board.trouble) == ("", "")
