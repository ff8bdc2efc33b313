"""`kill -9` in each state that a rollback can be in: it goes on, and nothing is sent twice."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.faults.site import TARGET, Site, a_step, a_target
from watchdog.domain.events import TriggerChanged
from watchdog.domain.progress import (
    RunEnded,
    RunStarted,
    RunVerified,
    StageEntered,
    WatchEnded,
    WatchStarted,
)
from watchdog.domain.requests import ApprovalGranted, ApprovalRequested
from watchdog.domain.trigger import Change

MEND = f"{TARGET}/mend"
Act = Callable[[Site], Awaitable[None]]


async def pending(site: Site) -> None:
    await site.until_event(TriggerChanged, change=Change.PENDING)


async def awaiting_approval(site: Site) -> None:
    await site.until_event(ApprovalRequested)
    await site.until(lambda: "approve ask-" in str(site.api.pages), "people are asked")


async def approved(site: Site) -> None:
    asked = re.search(r"approve (ask-\S+)", str(site.api.pages))
    assert asked is not None
    words = ("--by", "ann", "--reason", "yes")
    code, _, complaint = await site.command("approve", asked[1], site.file, *words)
    assert code == 0, complaint
    await site.until_event(ApprovalGranted)


async def executing(site: Site) -> None:
    await site.until(lambda: site.api.sent == [MEND], "the step is under way")


async def verifying(site: Site) -> None:
    await site.until_event(StageEntered)


async def watching(site: Site) -> None:
    await site.until_event(WatchStarted)


async def nothing(_: Site) -> None:
    """Nobody has to do anything."""


@pytest.mark.parametrize(
    ("state", "then", "more"),
    [
        (pending, nothing, {}),
        (awaiting_approval, approved, {"approval": "anyone"}),
        (executing, nothing, {}),
        (verifying, nothing, {}),
        (watching, nothing, {}),
    ],
    ids=["pending", "awaiting approval", "executing", "verifying", "watching"],
)
async def test_ex_6_a_kill_in_any_state_leaves_one_run_and_one_call(
    site: Site, state: Act, then: Act, more: dict[str, Any]
) -> None:
    api = site.api
    slow = {"signal": "healthy", "is": "ok", "samples": 3, "pause": "500ms", "within": "20s"}
    plan = {
        "verify": [slow],
        "watch": {"short": "2s", "long": "0s", "every": "200ms", "coverage": 0.1},
        **more,
    }
    target = a_target(api, a_step(api, MEND), plan=plan)
    target["triggers"]["down"]["fails"] = 4
    site.write(target, people={"ann": {"roles": ["lead"]}})
    if state is executing:
        api.held.add(MEND)
    api.bad.add(TARGET)
    async with site.at_work():
        await state(site)
        await site.kill()
    api.release()
    async with site.at_work():
        await then(site)
        ended = await site.until_event(RunEnded)
        watched = await site.until_event(WatchEnded)

    assert api.sent == [MEND]
    assert (ended.outcome.value, watched.proof.value) == ("succeeded", "passed")
    assert len(await site.events(RunStarted)) == 1
    assert len(await site.events(RunVerified)) == 1
    await site.assert_sound()
