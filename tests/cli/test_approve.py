"""Requests in a status come first; every objection has its row in the page about approvals."""

import asyncio
from dataclasses import replace
from pathlib import Path

from tests.bed.statuses import status_of
from tests.builders import a_check, a_plan, a_target
from tests.process import Process, a_world
from watchdog.app.approving import ApprovalDesk
from watchdog.cli.status_text import text
from watchdog.domain.approval import Approval, ChecklistItem, Member
from watchdog.domain.people import Person
from watchdog.domain.target import Mode
from watchdog.domain.voting import OBJECTIONS, Speaker, Word
from watchdog.testing.virtual_time import virtually

PAGE = Path(__file__).parents[2] / "docs/approvals.md"
PEOPLE = {"ann": Person("ann", frozenset({"lead"})), "bob": Person("bob", frozenset({"ops"}))}


@virtually
async def test_the_status_says_first_who_is_needed_until_when_and_what_to_type() -> None:
    items = (ChecklistItem("backup"), ChecklistItem("users are told", "ops"))
    policy = Approval(all_of=(Member("lead"), Member("ops")), checklist=items)
    plan = replace(a_plan(), approval=policy, checklist=(a_check("backup"),))
    world = a_world()
    world.says("backup", 0.5)
    async with Process(world, a_target(plans=[plan])).running() as process:
        await process.see(errors="obb")
        request = process.account.requests[0].id
        desk = ApprovalDesk(process.shared, process.lanes, PEOPLE, lambda: process.hands)
        await desk.approve(request, Speaker("ann"), Word("it is broken"))
        await asyncio.sleep(1)
        lines = text(status_of(process)).splitlines()

    until = "2026-01-01T00:15:45Z"
    assert lines[0].startswith("shop: APPROVE plan undo? needs ops, checklist: backup (seen")
    assert lines[0].endswith(f"left, until {until}")
    assert lines[1] == "  because errors fires, since 2026-01-01T00:00:45Z"
    assert lines[2] == "  ann agrees: it is broken"
    assert lines[3] == "  [!] backup: not good, 0.5"
    assert lines[4] == "  [ ] users are told (answered by ops)"
    assert lines[5] == f"  > rollback-watchdog approve {request} --by YOU --reason WHY"
    assert lines[6] == f"  > rollback-watchdog deny {request} --by YOU --reason WHY"


@virtually
async def test_a_target_that_asks_says_so() -> None:
    target = replace(a_target(), mode=Mode.APPROVE, armed_by="")
    async with Process(a_world(), target).running() as process:
        await process.see(errors="oo")

        assert text(status_of(process)).startswith("shop: WOULD ASK now")


def test_every_objection_stands_in_the_page_about_approvals() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| `")]

    assert [f"| `{one.value}` | {why} |" for one, why in OBJECTIONS.items()] == [
        row for row in rows if row.split("`")[1] in {one.value for one in OBJECTIONS}
    ]
