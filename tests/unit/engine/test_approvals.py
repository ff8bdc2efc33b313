"""A plan that waits for people: asked, answered, forgotten, or overtaken by what happens."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from tests.builders import a_check, a_plan, a_step, a_target, a_trigger
from tests.process import Process, a_world
from watchdog.adapters.journal_codec import decode, encode
from watchdog.app.approving import ApprovalDesk, Wish
from watchdog.domain.approval import Approval, ChecklistItem, Member, OnTimeout
from watchdog.domain.change import ChangeSeen
from watchdog.domain.decision import Reason
from watchdog.domain.errors import WatchdogError
from watchdog.domain.events import (
    Decided,
    Event,
    IncidentClosed,
    KillSwitchChanged,
    LatchCleared,
    Outcome,
    Paused,
    Resumed,
    RunEnded,
    RunRecovered,
    RunStarted,
)
from watchdog.domain.ladder import AfterFailure, OnFailure
from watchdog.domain.people import Person
from watchdog.domain.plan import Level, Plan
from watchdog.domain.progress import Recovery
from watchdog.domain.requests import (
    ApprovalDenied,
    ApprovalExempted,
    ApprovalExpired,
    ApprovalGranted,
    ApprovalRefused,
    ApprovalRequested,
    ApprovalVoided,
    ChecklistAnswered,
)
from watchdog.domain.target import Mode, Target
from watchdog.domain.trigger import Severity
from watchdog.domain.unapproved import needs_people
from watchdog.domain.voting import Objection, Speaker, Word
from watchdog.testing.doubles import MemoryJournal
from watchdog.testing.virtual_time import virtually
from watchdog.testing.world import Reply, World

PEOPLE = {
    "ann": Person("ann", frozenset({"lead"})),
    "bob": Person("bob", frozenset({"ops"})),
    "cat": Person("cat", frozenset({"security"})),
    "dan": Person("dan"),
    "eve": Person("eve", frozenset({"lead"})),
}
LEADS = Approval(
    all_of=(Member("lead"), Member("ops"), Member("security", ("security",))), ttl=300.0
)
ANY = Approval(any_of=("lead", "ops"), ttl=300.0)


def asking(approval: Approval = LEADS, *, cause: str = "", **more: object) -> Target:
    """A target whose one plan needs people."""
    plan = replace(a_plan(), approval=approval, **more)  # type: ignore[arg-type]
    return a_target(replace(a_trigger(), cause=cause), plans=[plan])


class Room:
    """A process, and the people around it."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.desk = ApprovalDesk(process.shared, process.lanes, PEOPLE, lambda: process.hands)

    @property
    def request(self) -> str:
        """The request that was made last."""
        return self.process.told(ApprovalRequested)[-1].request

    async def yes(self, by: str, **word: object) -> str:
        said = Word("fine", **word)  # type: ignore[arg-type]
        answer = await self.desk.approve(self.request, Speaker(by), said)
        await asyncio.sleep(0.01)
        return str(answer["done"])

    async def no(self, by: str) -> None:
        await self.desk.deny(self.request, Speaker(by), "not now")
        await asyncio.sleep(0.01)

    async def rollback(self, by: str, plan: str = "undo") -> dict[str, object]:
        lane = self.process.lane
        wish = Wish(lane.target.plans[plan], Speaker(by), "it is broken")
        answer: dict[str, object] = await lane.order(lambda: self.desk.start(lane, wish))
        return answer

    async def recover(
        self, run: str, by: str, how: Recovery = Recovery.RESUME
    ) -> dict[str, object]:
        lane = self.process.lane
        event = RunRecovered(run, "shop", how, by, "I looked")
        answer: dict[str, object] = await lane.order(
            lambda: self.desk.recover(lane, event, Speaker(by))
        )
        await asyncio.sleep(0.01)
        return answer

    def refusals(self) -> list[str]:
        return [one.objection for one in self.process.told(ApprovalRefused)]


@asynccontextmanager
async def a_room(
    target: Target, world: World | None = None, journal: MemoryJournal | None = None
) -> AsyncIterator[Room]:
    async with Process(world or a_world(), target, journal=journal).running() as process:
        yield Room(process)


def decisions(process: Process) -> list[str]:
    return [decided.refusal for decided in process.told(Decided)]


# -- asked before anything is done


@virtually
async def test_people_are_asked_once_and_nothing_is_done_meanwhile() -> None:
    world = a_world()
    async with a_room(asking(), world) as room:
        await room.process.see(errors="obbbbbb")

        (asked,) = room.process.told(ApprovalRequested)
        assert decisions(room.process) == [Reason.AWAITING_APPROVAL]
        assert asked.needs == ("lead", "ops")
        assert asked.plan_hash == room.process.lane.target.plans["undo"].hash
        assert asked.would_do[0] == "flag off: make flag off"
        assert room.process.account.past == ()
        assert world.sends == []


@virtually
async def test_when_all_agree_the_plan_starts_at_once_and_names_the_request() -> None:
    world = a_world()
    async with a_room(asking(), world) as room:
        await room.process.see(errors="obb")
        assert "still needed: ops" in await room.yes("ann")
        assert world.sends == []

        await room.yes("bob")
        (started,) = room.process.told(RunStarted)
        assert started.approval == room.request
        assert decisions(room.process) == [Reason.AWAITING_APPROVAL, ""]


@virtually
async def test_a_stranger_a_wrong_role_and_a_second_yes_are_refused_and_on_record() -> None:
    async with a_room(asking()) as room:
        await room.process.see(errors="obb")
        await room.yes("ann")
        for by in ("mallory", "dan", "ann"):
            with pytest.raises(WatchdogError, match="does not count"):
                await room.yes(by)

        assert room.refusals() == [
            Objection.UNKNOWN_PERSON,
            Objection.WRONG_ROLE,
            Objection.VOTED_ALREADY,
        ]
        assert room.process.told(RunStarted) == []


@virtually
async def test_security_is_asked_where_that_is_the_cause() -> None:
    async with a_room(asking(cause="security")) as room:
        await room.process.see(errors="obb")
        await room.yes("ann")
        await room.yes("bob")
        assert room.process.told(RunStarted) == []

        await room.yes("cat")
        assert len(room.process.told(RunStarted)) == 1


# -- an answer that does not come, or is no


@pytest.mark.parametrize("outcome", list(OnTimeout))
@virtually
async def test_too_few_in_time_and_nothing_is_ever_sent(outcome: OnTimeout) -> None:
    world = a_world()
    async with a_room(asking(replace(LEADS, on_timeout=outcome)), world) as room:
        await room.process.see(errors="obb")
        await room.yes("ann")
        await asyncio.sleep(20 * 60)

        (expired,) = room.process.told(ApprovalExpired)
        assert (expired.needs, expired.outcome) == (("ops",), outcome)
        assert len(room.process.told(ApprovalRequested)) == 1
        assert world.sends == []
        with pytest.raises(WatchdogError, match="expired"):
            await room.yes("bob")


@virtually
async def test_a_no_holds_for_the_incident() -> None:
    world = a_world()
    async with a_room(asking(), world) as room:
        await room.process.see(errors="obb")
        await room.yes("ann")
        await room.no("bob")
        await asyncio.sleep(20 * 60)

        (denied,) = room.process.told(ApprovalDenied)
        assert (denied.by, denied.roles) == ("bob", ("ops",))
        assert len(room.process.told(ApprovalRequested)) == 1
        assert world.sends == []


@virtually
async def test_the_next_incident_is_asked_about_anew() -> None:
    async with a_room(asking()) as room:
        await room.process.see(errors="obb")
        await room.no("bob")
        await room.process.see(errors="o" * 12)
        assert len(room.process.told(IncidentClosed)) == 1

        await room.process.see(errors="bb")
        assert len(room.process.told(ApprovalRequested)) == 2


@virtually
async def test_a_graver_trigger_asks_again_after_a_no() -> None:
    plan = replace(a_plan(), approval=ANY)
    outage = a_trigger("outage", severity=Severity.CRITICAL)
    target = a_target(a_trigger(), outage, plans=[plan])
    async with a_room(target) as room:
        await room.process.see(errors="obb", outage="ooo")
        await room.no("bob")
        await room.process.see(errors="bbb", outage="bbb")

        assert [one.trigger for one in room.process.told(ApprovalRequested)] == ["errors", "outage"]


# -- what happens meanwhile


@virtually
async def test_a_grant_that_comes_when_nothing_breaches_any_longer_starts_nothing() -> None:
    world = a_world()
    async with a_room(asking(ANY), world) as room:
        await room.process.see(errors="obboo")
        await room.yes("ann")
        await room.process.see(errors="oo")

        (void,) = room.process.told(ApprovalVoided)
        assert (void.was_granted, void.why) == (True, "errors breaches no longer")
        assert world.sends == []


@virtually
async def test_a_request_is_void_once_its_trigger_fires_no_longer() -> None:
    async with a_room(asking()) as room:
        await room.process.see(errors="obb" + "o" * 12)

        (void,) = room.process.told(ApprovalVoided)
        assert (void.was_granted, void.why) == (False, "errors fires no longer")
        assert room.process.account.incident == ""


@virtually
async def test_not_to_know_makes_no_request_void() -> None:
    async with a_room(asking(ANY)) as room:
        await room.process.see(errors="obb????????")
        assert room.process.told(ApprovalVoided) == []

        await room.yes("ann")
        await room.process.see(errors="??")
        assert room.process.told(RunStarted) == []
        await room.process.see(errors="b")
        assert len(room.process.told(RunStarted)) == 1


@virtually
async def test_every_guard_is_asked_again_when_people_agree() -> None:
    world = a_world()
    async with a_room(asking(ANY), world) as room:
        await room.process.see(errors="obb")
        await room.process.journal.append(Paused("shop", "dan", "a release", None))
        await room.yes("ann")

        assert decisions(room.process) == [Reason.AWAITING_APPROVAL, Reason.PAUSED]
        assert world.sends == []


@virtually
async def test_a_grant_that_is_never_used_expires() -> None:
    async with a_room(asking(ANY)) as room:
        await room.process.see(errors="obb")
        await room.process.journal.append(Paused("shop", "dan", "a release", None))
        await room.yes("ann")
        await asyncio.sleep(10 * 60)

        (expired,) = room.process.told(ApprovalExpired)
        assert expired.needs == ()


@virtually
async def test_a_changed_plan_voids_the_request_and_is_asked_about_itself() -> None:
    world = a_world()
    target = asking(LEADS)
    async with a_room(target, world) as room:
        await room.process.see(errors="obb")
        await room.yes("ann")
        first = room.request
        other = replace(target, hash="2", plans={"undo": replace(target.plans["undo"], title="x")})
        lane, process = room.process.lane, room.process
        await lane.order(lambda: lane.reload(other, process.eyes, process.hands))
        with pytest.raises(WatchdogError, match="plan_changed"):
            await room.yes("bob")
        await room.process.see(errors="bbbb")

        (void,) = process.told(ApprovalVoided)
        assert (void.request, void.why) == (first, "the plan was changed since it was asked about")
        again = process.told(ApprovalRequested)[-1]
        assert again.request != first
        assert again.plan_hash == other.plans["undo"].hash
        assert world.sends == []


@virtually
async def test_a_plan_that_is_changed_after_a_no_is_another_question() -> None:
    target = asking(LEADS)
    async with a_room(target) as room:
        await room.process.see(errors="obb")
        await room.no("bob")
        other = replace(target, hash="2", plans={"undo": replace(target.plans["undo"], title="x")})
        lane, process = room.process.lane, room.process
        await lane.order(lambda: lane.reload(other, process.eyes, process.hands))
        await room.process.see(errors="bbbb")

        assert len(process.told(ApprovalRequested)) == 2


@virtually
async def test_two_triggers_of_one_plan_are_one_question() -> None:
    target = a_target(a_trigger(), a_trigger("latency"), plans=[replace(a_plan(), approval=ANY)])
    async with a_room(target) as room:
        await room.process.see(errors="obbb", latency="obbb")
        assert len(room.process.told(ApprovalRequested)) == 1

        await room.yes("ann")
        assert len(room.process.told(RunStarted)) == 1


@virtually
async def test_a_graver_plan_that_waits_stops_no_lower_run() -> None:
    lower = a_plan(a_step("one"), name="cache", verify=[a_check(within="20m")])
    graver = replace(a_plan(a_step("cut"), name="cut", verify=[]), approval=ANY)
    target = a_target(
        a_trigger("latency", plan="cache"),
        a_trigger("outage", plan="cut", severity=Severity.CRITICAL),
        plans=[lower, graver],
    )
    world = a_world()
    world.says("healthy", "err")
    async with a_room(target, world) as room:
        await room.process.see(latency="obbbb", outage="oobbb")
        assert world.names == ["one"]
        assert room.process.lane.runner is not None
        assert room.process.lane.runner.run.stop is None

        await room.yes("ann")
        await asyncio.sleep(30)
        assert world.names == ["one", "cut"]
        assert room.process.run(0).outcome is Outcome.SUPERSEDED


# -- who need not be asked, and who always is


@virtually
async def test_an_exemption_by_cause_starts_at_once_and_is_on_record() -> None:
    target = asking(replace(LEADS, exempt=("outage",)), cause="outage")
    async with a_room(target) as room:
        await room.process.see(errors="obb")

        (exempted,) = room.process.told(ApprovalExempted)
        (started,) = room.process.told(RunStarted)
        assert (exempted.cause, exempted.plan_hash) == (
            "outage",
            room.process.lane.target.plans["undo"].hash,
        )
        assert started.approval == "exempt: outage"
        assert room.process.told(ApprovalRequested) == []


@virtually
async def test_another_cause_is_no_exemption() -> None:
    target = asking(replace(LEADS, exempt=("outage",)), cause="budget")
    async with a_room(target) as room:
        await room.process.see(errors="obb")

        assert room.process.told(RunStarted) == []
        assert len(room.process.told(ApprovalRequested)) == 1


@virtually
async def test_in_approve_mode_every_plan_waits_for_one_known_person() -> None:
    target = replace(a_target(), mode=Mode.APPROVE, armed_by="")
    async with a_room(target) as room:
        await room.process.see(errors="obb")
        (asked,) = room.process.told(ApprovalRequested)
        assert asked.needs == ("one more person",)

        await room.yes("dan")
        assert len(room.process.told(RunStarted)) == 1


@virtually
async def test_in_approve_mode_no_exemption_counts() -> None:
    target = replace(asking(replace(LEADS, exempt=("outage",)), cause="outage"), mode=Mode.APPROVE)
    async with a_room(target) as room:
        await room.process.see(errors="obb")

        assert room.process.told(RunStarted) == []


@pytest.mark.parametrize("how", [{"level": Level.DATA}, {"loses_data": True}])
@virtually
async def test_what_may_lose_data_takes_two_people_whatever_its_policy_says(
    how: dict[str, object],
) -> None:
    target = asking(Approval(exempt=("outage",)), cause="outage", **how)
    async with a_room(target) as room:
        await room.process.see(errors="obb")
        assert room.process.told(ApprovalRequested)[0].needs == ("2 different people",)
        await room.yes("dan")
        assert room.process.told(RunStarted) == []

        await room.yes("bob")
        assert len(room.process.told(RunStarted)) == 1


@virtually
async def test_in_alert_only_mode_nobody_is_asked() -> None:
    async with a_room(replace(asking(), mode=Mode.ALERT_ONLY)) as room:
        await room.process.see(errors="obb")

        assert decisions(room.process) == [Reason.ALERT_ONLY]
        assert room.process.told(ApprovalRequested) == []


# -- the checklist

CHECKED = Approval(
    any_of=("lead",), checklist=(ChecklistItem("backup"), ChecklistItem("told", "ops")), ttl=3600.0
)


def checked() -> Target:
    return asking(CHECKED, checklist=(a_check("backup"),))


@virtually
async def test_the_machine_answers_its_items_and_looks_again_while_they_are_not_good() -> None:
    world = a_world()
    world.says("backup", 0.5)
    async with a_room(checked(), world) as room:
        await room.process.see(errors="obb")
        await room.yes("ann")
        await room.yes("bob", item="told")
        assert room.process.told(RunStarted) == []
        (first, *_) = room.process.told(ChecklistAnswered)
        assert (first.item, first.ok, first.detail) == ("backup", False, "not good, 0.5")

        world.says("backup", 0.01)
        await room.process.slots(3)
        assert [one.ok for one in room.process.told(ChecklistAnswered) if not one.by] == [
            False,
            True,
        ]
        assert len(room.process.told(RunStarted)) == 1


@virtually
async def test_an_item_that_cannot_be_told_is_waived_with_a_reason_or_waits() -> None:
    world = a_world()
    world.says("backup", "err")
    async with a_room(checked(), world) as room:
        await room.process.see(errors="obb")
        await room.yes("ann")
        await room.yes("bob", item="told")
        await room.process.slots(4)
        assert room.process.told(RunStarted) == []

        await room.yes("ann", item="backup", waived=True)
        waived = room.process.told(ChecklistAnswered)[-1]
        assert (waived.by, waived.waived, waived.detail) == ("ann", True, "fine")
        assert len(room.process.told(RunStarted)) == 1


@virtually
async def test_an_item_is_good_only_where_all_that_it_looks_at_is() -> None:
    world = a_world()
    world.says("backup", 0.01)
    world.says("replica", 0.5)
    only = Approval(checklist=(ChecklistItem("backup"),))
    check = replace(a_check("backup"), also=(a_check("replica"),))
    async with a_room(asking(only, checklist=(check,)), world) as room:
        await room.process.see(errors="obb")
        await asyncio.sleep(0.01)

        assert room.process.told(RunStarted) == []
        (answered,) = room.process.told(ChecklistAnswered)
        assert not answered.ok
        assert "replica" in answered.detail


@virtually
async def test_a_checklist_of_looks_alone_needs_nobody() -> None:
    world = a_world()
    world.says("backup", 0.01)
    only = Approval(checklist=(ChecklistItem("backup"),))
    async with a_room(asking(only, checklist=(a_check("backup"),)), world) as room:
        await room.process.see(errors="obb")
        await asyncio.sleep(0.01)

        assert room.process.told(ApprovalGranted)[0].by == ()
        assert len(room.process.told(RunStarted)) == 1


# -- by hand


@virtually
async def test_whoever_holds_one_of_the_roles_starts_it_by_hand_and_that_is_on_record() -> None:
    async with a_room(asking(ANY)) as room:
        answer = await room.rollback("bob")

        (started,) = room.process.told(RunStarted)
        assert answer["run"] == started.run
        assert (started.by, started.approval) == ("bob", "role: ops")


@pytest.mark.parametrize(
    ("by", "objection"),
    [("dan", Objection.WRONG_ROLE), ("mallory", Objection.UNKNOWN_PERSON)],
)
@virtually
async def test_others_may_not_start_it_by_hand_and_that_is_on_record(
    by: str, objection: Objection
) -> None:
    world = a_world()
    async with a_room(asking(ANY), world) as room:
        with pytest.raises(WatchdogError, match=objection):
            await room.rollback(by)

        assert room.refusals() == [objection]
        assert world.sends == []


@virtually
async def test_a_plan_for_several_is_started_by_hand_once_the_others_agree() -> None:
    async with a_room(asking()) as room:
        answer = await room.rollback("ann")
        assert "run" not in answer
        assert answer["request"] == room.request
        with pytest.raises(WatchdogError, match="initiator"):
            await room.yes("ann")
        with pytest.raises(WatchdogError, match="wrong_role"):
            await room.yes("cat")

        await room.yes("eve")
        assert room.process.told(RunStarted) == []
        await room.yes("bob")
        (started,) = room.process.told(RunStarted)
        assert (started.by, started.approval) == ("ann", room.request)


@virtually
async def test_a_data_plan_is_started_by_hand_once_two_others_agree() -> None:
    target = asking(Approval(), level=Level.DATA)
    async with a_room(replace(target, mode=Mode.ALERT_ONLY)) as room:
        await room.rollback("ann")
        await room.yes("bob")
        assert room.process.told(RunStarted) == []

        assert "has begun" in await room.yes("cat")
        (started,) = room.process.told(RunStarted)
        assert (started.by, started.approval) == ("ann", room.request)
        with pytest.raises(WatchdogError, match="used"):
            await room.yes("dan")


@virtually
async def test_to_ask_again_by_hand_is_the_same_request() -> None:
    async with a_room(asking()) as room:
        first = await room.rollback("ann")
        again = await room.rollback("ann")

        assert first["request"] == again["request"]
        assert len(room.process.told(ApprovalRequested)) == 1


@virtually
async def test_no_way_around_the_desk_starts_a_plan_that_asks_people() -> None:
    async with a_room(asking()) as room:
        lane, process = room.process.lane, room.process
        plan = lane.target.plans["undo"]
        with pytest.raises(WatchdogError, match="people must agree first"):
            await lane.order(
                lambda: lane.start_by_hand(plan, "ann", "broken", lambda: process.hands)
            )


# -- a crash while people are asked


def through_the_codec(event: Event) -> Event:
    return decode(type(event).__name__, encode(event))


@virtually
async def test_a_restart_keeps_the_request_and_every_word_said_to_it() -> None:
    world = a_world()
    journal = MemoryJournal(world.clock, through=through_the_codec)
    async with a_room(asking(), world, journal) as room:
        await room.process.see(errors="obb")
        await room.yes("ann")
        first = room.request

    survived = MemoryJournal(world.clock, survived=journal, through=through_the_codec)
    async with a_room(asking(), world, survived) as room:
        await room.process.see(errors="bbb")
        assert [one.request for one in room.process.told(ApprovalRequested)] == [first]
        with pytest.raises(WatchdogError, match="voted_already"):
            await room.yes("ann")

        await room.yes("bob")
        await room.process.see(errors="b")
        assert [one.approval for one in room.process.told(RunStarted)] == [first]


@virtually
async def test_a_grant_survives_a_crash_and_is_used_once() -> None:
    world = a_world()
    journal = MemoryJournal(world.clock, through=through_the_codec)
    async with a_room(asking(ANY), world, journal) as room:
        await room.process.see(errors="obb?")
        await room.yes("ann")
        assert room.process.told(RunStarted) == []

    survived = MemoryJournal(world.clock, survived=journal, through=through_the_codec)
    async with a_room(asking(ANY), world, survived) as room:
        await room.process.see(errors="bbb")
        assert len(room.process.told(RunStarted)) == 1
    again = MemoryJournal(world.clock, survived=survived, through=through_the_codec)
    async with a_room(asking(ANY), world, again) as room:
        await room.process.see(errors="bbb")
        assert len(room.process.told(RunStarted)) == 1


@virtually
async def test_what_was_granted_by_hand_starts_after_a_restart() -> None:
    world = a_world()
    journal = MemoryJournal(world.clock, through=through_the_codec)
    target = asking(Approval(), level=Level.DATA)
    async with a_room(target, world, journal) as room:
        await room.rollback("ann")
        await room.yes("bob")
        # The last yes is on record, and the process died before the start.
        request = room.process.account.requests[0]
        asked = request.asked
        await journal.append(
            ApprovalGranted(asked.request, "shop", "", "undo", asked.plan_hash, ("bob", "cat"))
        )

    survived = MemoryJournal(world.clock, survived=journal, through=through_the_codec)
    async with a_room(target, world, survived) as room:
        await room.desk.start_granted()

        assert [one.by for one in room.process.told(RunStarted)] == ["ann"]


@virtually
async def test_time_that_passed_while_nobody_was_here_counts() -> None:
    world = a_world()
    journal = MemoryJournal(world.clock)
    async with a_room(asking(), world, journal) as room:
        await room.process.see(errors="obb")
    await asyncio.sleep(10 * 60)
    survived = MemoryJournal(world.clock, survived=journal)
    async with a_room(asking(), world, survived) as room:
        await room.process.see(errors="bbb")

        assert len(room.process.told(ApprovalExpired)) == 1
        assert world.sends == []


# -- who brought it about


@virtually
async def test_whoever_gave_the_signal_does_not_approve_what_it_asks_for() -> None:
    signal = replace(a_trigger().terms[0].signal, hearsay=True)
    target = a_target(a_trigger(signal=signal), plans=[replace(a_plan(), approval=ANY)])
    process = Process(a_world(), target)
    givers: Sequence[str] = (" Ann ",)
    process.shared = replace(process.shared, said_by=lambda _target, _ask: givers)
    process.lanes["shop"] = type(process.lane)(target, process.shared, process.eyes, process.hands)
    async with process.running():
        room = Room(process)
        await process.see(errors="obb")
        with pytest.raises(WatchdogError, match="initiator"):
            await room.yes("ann")

        await room.yes("bob")
        assert len(process.told(RunStarted)) == 1


def test_a_plan_that_asks_people_is_another_plan_than_one_that_does_not() -> None:
    plan: Plan = a_plan()

    assert replace(plan, approval=ANY).hash != plan.hash


# -- a level that is offered


@virtually
async def test_the_next_level_that_is_offered_starts_once_anybody_known_agrees() -> None:
    follows = OnFailure(AfterFailure.OFFER_NEXT, ("app",))
    lower = replace(a_plan(a_step("one"), within="2m"), on_failure=follows)
    higher = replace(a_plan(a_step("two"), name="app", verify=[]), level=Level.APPLICATION)
    world = a_world()
    async with a_room(a_target(a_trigger(), plans=[lower, higher]), world) as room:
        await room.process.see(errors="obb")
        await asyncio.sleep(15 * 60)
        first = room.process.told(RunStarted)[0].run
        (asked,) = room.process.told(ApprovalRequested)
        assert (asked.plan, asked.offered_after, asked.needs) == (
            "app",
            first,
            ("one more person",),
        )
        assert world.names == ["one"]

        await room.yes("dan")
        started = room.process.told(RunStarted)[-1]
        assert (started.plan.name, started.follows, started.approval) == (
            "app",
            first,
            asked.request,
        )


# -- what is agreed to is what is done


def two_causes(approval: Approval = LEADS) -> Target:
    """One plan, which a plain trigger selects, and one whose cause is security."""
    wrong = replace(a_trigger("latency"), cause="security")
    return a_target(a_trigger(), wrong, plans=[replace(a_plan(), approval=approval)])


@virtually
async def test_security_is_asked_too_when_its_trigger_fires_while_people_think() -> None:
    world = a_world()
    async with a_room(two_causes(), world) as room:
        await room.process.see(errors="obb")
        await room.yes("ann")
        await room.process.see(errors="b", latency="bbb")
        (void,) = room.process.told(ApprovalVoided)
        assert "security" in void.why

        await room.yes("ann")
        await room.yes("bob")
        assert world.sends == []
        await room.yes("cat")
        assert len(room.process.told(RunStarted)) == 1


@virtually
async def test_a_grant_without_security_starts_nothing_once_security_is_the_cause() -> None:
    world = a_world()
    async with a_room(two_causes(), world) as room:
        await room.process.see(errors="obb")
        await room.process.journal.append(Paused("shop", "ann", "wait", None))
        await room.yes("ann")
        await room.yes("bob")
        await room.process.see(errors="b", latency="bb")
        await room.process.journal.append(Resumed("shop", "ann"))
        await room.process.see(errors="bb")

        assert world.sends == []
        assert "security" in room.process.account.requests[-1].needs


@virtually
async def test_by_hand_security_is_asked_as_well_while_its_trigger_fires() -> None:
    target = replace(asking(cause="security"), mode=Mode.ALERT_ONLY)
    async with a_room(target) as room:
        await room.process.see(errors="obb")
        await room.rollback("ann")
        (asked,) = room.process.told(ApprovalRequested)

        assert asked.needs == ("lead", "ops", "security")


def returning() -> Target:
    return asking(replace(ANY, people=2), returns_to="previous")


def deployed(version: str, previous: str, at: float) -> ChangeSeen:
    return ChangeSeen("shop", version, previous, at, "ci")


@pytest.mark.parametrize("when", ["while people think", "between the grant and the start"])
@virtually
async def test_what_would_return_to_another_version_now_is_asked_about_anew(when: str) -> None:
    world = a_world()
    async with a_room(returning(), world) as room:
        journal, now = room.process.journal, world.clock.now().wall
        await journal.append(deployed("1", "", now - 900), deployed("2", "1", now - 600))
        await room.process.see(errors="obb")
        assert room.process.told(ApprovalRequested)[0].returns_to == "1"
        await room.yes("ann")
        if when == "between the grant and the start":
            await journal.append(Paused("shop", "ann", "wait", None))
            await room.yes("bob")
        await journal.append(deployed("3", "2", world.clock.now().wall))
        with pytest.raises(WatchdogError, match="plan_changed"):
            await room.yes("eve")
        await journal.append(Resumed("shop", "ann"))
        await room.process.see(errors="bb")

        assert world.sends == []
        first, second = room.process.told(ApprovalRequested)
        assert (first.returns_to, second.returns_to) == ("1", "2")
        assert room.process.told(ApprovalVoided)[0].request == first.request


@virtually
async def test_by_hand_too_a_grant_is_for_the_version_that_was_named() -> None:
    world = a_world()
    target = replace(asking(LEADS, returns_to="previous"), mode=Mode.ALERT_ONLY)
    async with a_room(target, world) as room:
        journal, now = room.process.journal, world.clock.now().wall
        await journal.append(deployed("1", "", now - 900), deployed("2", "1", now - 600))
        await room.rollback("ann")
        await room.yes("eve")
        await journal.append(deployed("3", "2", world.clock.now().wall))
        with pytest.raises(WatchdogError, match="plan_changed"):
            await room.yes("bob")

        assert world.sends == []


# -- a run that stopped on the way, and may lose data


@asynccontextmanager
async def a_data_run_that_failed(world: World) -> AsyncIterator[tuple[Room, str]]:
    """Ann began it, Bob and Cat agreed, and its one step was refused."""
    target = replace(asking(Approval(), level=Level.DATA), mode=Mode.ALERT_ONLY)
    world.will("flag off", Reply.DENIED)
    async with a_room(target, world) as room:
        await room.rollback("ann")
        await room.yes("bob")
        await room.yes("cat")
        await asyncio.sleep(60)
        (ended,) = room.process.told(RunEnded)
        assert ended.outcome is Outcome.FAILED
        yield room, ended.run


@virtually
async def test_no_one_person_goes_on_with_a_run_that_may_lose_data() -> None:
    world = a_world()
    async with a_data_run_that_failed(world) as (room, run):
        lane, process = room.process.lane, room.process
        alone = RunRecovered(run, "shop", Recovery.RESUME, "ann", "I looked")
        with pytest.raises(WatchdogError, match="people must agree first"):
            await lane.order(lambda: lane.recover(alone, lambda: process.hands))

        assert process.told(RunRecovered) == []


def test_to_take_back_what_may_lose_data_takes_people_as_well() -> None:
    guarded = [replace(a_plan(), level=Level.DATA), replace(a_plan(), loses_data=True)]

    assert all(needs_people(plan, Recovery.COMPENSATE) for plan in guarded)
    assert not needs_people(a_plan(), Recovery.RESUME)


@virtually
async def test_a_run_that_may_lose_data_goes_on_once_two_others_agree() -> None:
    world = a_world()
    async with a_data_run_that_failed(world) as (room, run):
        sent = len(world.sends)
        with pytest.raises(WatchdogError, match="unknown_person"):
            await room.recover(run, "mallory")
        first = await room.recover(run, "ann")
        again = await room.recover(run, "ann")
        assert (first["request"], "run" in first) == (again["request"], False)
        with pytest.raises(WatchdogError, match="initiator"):
            await room.yes("ann")
        await room.yes("bob")
        assert len(world.sends) == sent

        assert "goes on" in await room.yes("dan")
        await asyncio.sleep(1)
        (recovered,) = room.process.told(RunRecovered)
        assert (recovered.by, recovered.approval) == ("ann", room.request)
        assert len(world.sends) == sent + 1
        with pytest.raises(WatchdogError, match="used"):
            await room.yes("eve")


@virtually
async def test_a_yes_to_going_on_starts_nothing_anew() -> None:
    world = a_world()
    async with a_data_run_that_failed(world) as (room, run):
        await room.recover(run, "ann")
        room.process.ledger.killed = "signal"
        await room.yes("bob")
        await room.yes("dan")
        room.process.ledger.killed = ""
        answer = await room.rollback("ann")

        assert "run" not in answer
        assert len(room.process.told(RunStarted)) == 1


@virtually
async def test_a_yes_to_going_on_is_void_once_another_run_began() -> None:
    world = a_world()
    async with a_data_run_that_failed(world) as (room, run):
        await room.recover(run, "ann")
        request = room.request
        await room.rollback("bob")
        await room.yes("ann")
        await room.yes("dan")
        await room.process.slots(2)

        (void,) = room.process.told(ApprovalVoided)
        assert (void.request, run in void.why) == (request, True)


@virtually
async def test_one_person_gives_up_a_run_that_may_lose_data() -> None:
    async with a_data_run_that_failed(a_world()) as (room, run):
        await room.recover(run, "ann", Recovery.ABANDON)

        (recovered,) = room.process.told(RunRecovered)
        assert recovered.how is Recovery.ABANDON


@virtually
async def test_what_the_kill_switch_kept_back_is_not_started_by_a_restart() -> None:
    world = a_world()
    journal = MemoryJournal(world.clock, through=through_the_codec)
    target = asking(Approval(), level=Level.DATA)
    async with a_room(target, world, journal) as room:
        await journal.append(KillSwitchChanged(on=True, how="signal USR1"))
        await room.rollback("ann")
        await room.yes("bob")
        await room.yes("cat")
        await journal.append(KillSwitchChanged(on=False, how="signal USR2"))
        assert world.sends == []

    survived = MemoryJournal(world.clock, survived=journal, through=through_the_codec)
    async with a_room(target, world, survived) as room:
        await room.desk.start_granted()
        assert room.process.told(RunStarted) == []
        assert "rollback FILE undo" in room.process.alarms[-1]

        assert "run" in await room.rollback("ann")


def a_slowly_asked_ladder(*, offered: bool) -> Target:
    """Its second level needs people, who have an hour; it may follow within a quarter of one."""
    then = AfterFailure.OFFER_NEXT if offered else AfterFailure.AUTO_NEXT
    first = a_plan(
        a_step("first"), name="first", verify=[], verify_within="1m", verify_trigger=True
    )
    first = replace(first, on_failure=OnFailure(then, ("second",)))
    second = replace(a_plan(a_step("second"), name="second"), level=Level.ROUTING)
    second = replace(second, approval=replace(ANY, ttl=3600.0))
    return a_target(a_trigger("errors", plan="first"), plans=[first, second])


@pytest.mark.parametrize("offered", [True, False])
@virtually
async def test_a_request_about_a_level_that_may_follow_no_longer_is_void(offered: bool) -> None:
    async with a_room(a_slowly_asked_ladder(offered=offered)) as room:
        await room.process.see(errors="obb")
        await asyncio.sleep(300)
        (asked,) = room.process.told(ApprovalRequested)
        assert asked.plan == "second"
        await asyncio.sleep(1200)

        (void,) = room.process.told(ApprovalVoided)
        assert void.request == asked.request
        assert "was not begun within" in void.why
        with pytest.raises(WatchdogError):
            await room.yes("ann")
        assert [one.plan.name for one in room.process.told(RunStarted)] == ["first"]


@pytest.mark.parametrize("offered", [True, False])
@virtually
async def test_a_request_about_a_next_level_is_void_once_somebody_ends_the_ladder(
    offered: bool,
) -> None:
    async with a_room(a_slowly_asked_ladder(offered=offered)) as room:
        await room.process.see(errors="obb")
        await asyncio.sleep(300)
        await room.process.journal.append(LatchCleared("shop", "ann", "I see to it"))
        await asyncio.sleep(60)

        assert [one.plan for one in room.process.told(ApprovalVoided)] == ["second"]
