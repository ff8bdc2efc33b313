"""Acceptance on a shop that programs roll back: people who do not agree, a cure that does not
help, and a daemon that dies while the traffic is paused."""

import asyncio
from pathlib import Path

import pytest

from tests.bed.acts import Client
from tests.bed.paused_shop import EVERY, OTTO, PausedShop, paused_shop
from tests.bed.scenarios import scenario
from tests.faults.site import TARGET
from watchdog.adapters.clock import SystemClock
from watchdog.cli.asking import ask
from watchdog.domain.errors import WatchdogError
from watchdog.domain.events import (
    DaemonStarted,
    LatchCleared,
    NotificationDelivered,
    RunStarted,
    TriggerChanged,
)
from watchdog.domain.progress import Proof, RunEnded, RunVerified
from watchdog.domain.requests import (
    ApprovalDenied,
    ApprovalExempted,
    ApprovalExpired,
    ApprovalGiven,
    ApprovalRefused,
    ApprovalRequested,
)
from watchdog.domain.trigger import Change

# Seconds: what a busy machine may take on top.
SLACK = 3.0
P2 = 0.007
P1 = 0.03


async def time_goes_by(on: PausedShop, seconds: float) -> None:
    """`seconds` of the file."""
    end = SystemClock().now().after(on.here(seconds)).elapsed
    await on.site.until(lambda: SystemClock().now().elapsed >= end, f"{seconds:g} s have gone by")


# -- E2-F1: not all of those who are asked agree


@scenario
async def test_e2_f1_one_lead_agrees_the_other_is_silent_and_the_traffic_is_not_paused(
    folder: Path, prometheus: str
) -> None:
    async with paused_shop(folder, prometheus, speed=40, errors=P2) as on, on.site.at_work():
        asked = await on.site.until_event(ApprovalRequested)
        yes, stranger, (_, status) = await asyncio.gather(
            on.say("approve", asked.request, "inga"),
            on.say("approve", asked.request, "mallory"),
            on.command("status"),
        )
        expired = await on.site.until_event(ApprovalExpired)
        await on.site.until(lambda: "NOBODY ANSWERED" in str(on.site.api.pages), "people hear")
        late = await on.say("approve", asked.request, "otto")

        assert (asked.trigger, asked.needs) == ("lasting", ("incident-lead", "ops-lead"))
        assert (yes[0], "still needed: ops-lead" in yes[1]) == (0, True), yes
        assert (stranger[0], "unknown_person" in stranger[1]) == (6, True), stranger
        assert (late[0], "expired" in late[1]) == (6, True), late
        assert expired.needs == ("ops-lead",)
        assert f"approve {asked.request}" in status
        assert [one.by for one in await on.site.events(ApprovalGiven)] == ["inga"]
        refused = [one.by for one in await on.site.events(ApprovalRefused)]
        assert refused == ["mallory", "otto"]
        posted = on.site.api.told("approval")[0]
        assert "traffic.py" in posted["text"]
        await assert_untouched(on)


@scenario
async def test_e2_f1_the_other_lead_says_no_by_the_api_and_it_is_closed(
    folder: Path, prometheus: str
) -> None:
    async with paused_shop(folder, prometheus, speed=60, errors=P2) as on, on.site.at_work():
        asked = await on.site.until_event(ApprovalRequested)
        client = Client(f"http://{on.site.listen}")
        denied = await client.act(
            "deny", OTTO, request=asked.request, reason="we fix it by a release"
        )
        await on.site.until(lambda: "we fix it by a release" in str(on.site.api.pages), "told")
        late = await on.say("approve", asked.request, "inga")
        # It is breached as before, and nobody is asked again.
        await time_goes_by(on, 120)

        assert denied.status == 200, denied
        assert (late[0], "denied" in late[1]) == (6, True), late
        (closed,) = await on.site.events(ApprovalDenied)
        assert (closed.by, closed.reason) == ("otto", "we fix it by a release")
        assert len(await on.site.events(ApprovalRequested)) == 1
        await assert_untouched(on)


@scenario
async def test_e2_f1_where_security_is_the_cause_it_is_asked_as_well(
    folder: Path, prometheus: str
) -> None:
    async with paused_shop(folder, prometheus, speed=10, errors=0.0) as on, on.site.at_work():
        words = ("--for", "1h", "--by", "ann", "--reason", "seen by hand")
        code, _, wrong = await on.site.command("signal", on.site.file, "break-in", *words)
        assert code == 0, wrong
        asked = await on.site.until_event(ApprovalRequested)
        await asyncio.gather(*(on.say("approve", asked.request, by) for by in ("inga", "otto")))

        assert asked.needs == ("incident-lead", "ops-lead", "security")
        assert (await on.site.events(ApprovalGiven))[-1].needs == ("security",)
        await assert_untouched(on)
        code, said = await on.say("approve", asked.request, "sue")
        assert code == 0, said
        await on.site.until(lambda: on.calls == ["pause"], "the last yes starts it")


async def assert_untouched(on: PausedShop) -> None:
    """Nothing was done to the shop, and no run began."""
    assert on.calls == []
    assert not on.is_paused
    assert await on.site.events(RunStarted) == []
    await on.site.assert_sound()


# -- E2-F2: the rollback does not help


@scenario
async def test_e2_f2_a_rollback_that_does_not_help_is_latched_and_nothing_more_is_done(
    folder: Path, prometheus: str
) -> None:
    async with (
        paused_shop(folder, prometheus, speed=60, errors=P1, errors_after=0.008) as on,
        on.site.at_work(),
    ):
        on.drain()
        ended = await on.site.until_event(RunEnded)
        # The trigger of the milder class fires in these ten minutes, and starts nothing either.
        await time_goes_by(on, 600)
        sent, asked = list(on.calls), await on.site.events(ApprovalRequested)
        _, status = await on.command("status")
        socket = str(on.site.journal.with_suffix(".sock"))
        for arguments in ({"assessment": "x"}, {"by": "ann"}, {"by": "ann", "assessment": " "}):
            with pytest.raises(WatchdogError):
                await asyncio.to_thread(ask, socket, "clear", {"target": TARGET, **arguments})
        wordless = await on.command("clear", "--target", TARGET, "--by", "ann")
        assert await on.site.events(LatchCleared) == []
        code, said = await on.command(
            "clear", "--target", TARGET, "--by", "ann", "--assessment", "a bad disk, not us"
        )
        assert code == 0, said

        assert (sent, asked) == (["pause", "undo", "resume"], [])
        (exempted,) = await on.site.events(ApprovalExempted)
        assert exempted.cause == "outage"
        assert ended.outcome.value == "failed"
        assert [one.proof for one in await on.site.events(RunVerified)] == [Proof.FAILED]
        assert "LATCHED" in status
        firing = await on.site.events(TriggerChanged, change=Change.FIRING)
        assert [one.trigger for one in firing] == ["spike", "lasting"]
        assert wordless[0] != 0
        (cleared,) = await on.site.events(LatchCleared)
        assert (cleared.by, cleared.assessment) == ("ann", "a bad disk, not us")
        assert len(await on.site.events(RunStarted)) == 1
        await on.site.assert_sound()


# -- E2-F8: killed while the traffic is paused


async def cut_off_while_paused(on: PausedShop) -> str:
    """Kill the daemon between the pause and the undo; the run, once the next one has ended it."""
    async with on.site.at_work():
        await on.site.until(lambda: on.calls == ["pause"], "the traffic is paused")
        await on.site.until(lambda: "Pause traffic" in on.site.log, "the step has ended")
        await on.site.kill()
    on.drain()
    return (await on.site.events(RunStarted))[0].run


async def assert_it_is_given_to_a_person(on: PausedShop, run: str) -> None:
    """The run is interrupted, people are paged within a round, and the undo is not done blindly."""
    ended = await on.site.until_event(RunEnded)
    await on.site.until(lambda: bool(on.site.api.told("failed")), "people are paged")
    await time_goes_by(on, 120)
    _, status = await on.command("status")
    (page,) = on.site.api.told("failed")
    records = await on.site.records()
    again = [one.at.elapsed for one in records if isinstance(one.event, DaemonStarted)][-1]
    paged = [
        one.at.elapsed for one in records
        if isinstance(one.event, NotificationDelivered) and one.event.channel == "pager"
    ]  # fmt: skip

    assert (ended.run, ended.outcome.value) == (run, "interrupted")
    assert on.calls == ["pause"]
    assert on.is_paused
    assert page["severity"] == "critical"
    assert "Pause traffic" in page["text"]
    assert "since" in page["text"]
    assert f"recover {run} --compensate" in page["text"]
    assert "holds: step 1 (Pause traffic), since" in status
    assert min(at for at in paged if at >= again) - again <= on.here(EVERY) + SLACK


@scenario
async def test_e2_f8_goes_on_once_a_person_says_so_after_a_kill_while_traffic_was_paused(
    folder: Path, prometheus: str
) -> None:
    # The owner of this file wants a person to look before any run is taken up again.
    async with paused_shop(folder, prometheus, speed=60, errors=P1, resume_within="0s") as on:
        run = await cut_off_while_paused(on)
        async with on.site.at_work():
            await assert_it_is_given_to_a_person(on, run)
            words = ("--by", "ann", "--reason", "the release is bad")
            code, said = await on.command("recover", run, "--resume", *words)
            assert code == 0, said
            ended = await on.site.until_event(RunEnded, count=2)

        assert on.calls == ["pause", "undo", "resume"]
        assert not on.is_paused
        assert ended.outcome.value == "succeeded"
        await on.site.assert_sound()


@scenario
async def test_e2_f8_is_taken_back_once_a_person_says_so_after_a_kill_while_traffic_was_paused(
    folder: Path, prometheus: str
) -> None:
    async with paused_shop(folder, prometheus, speed=60, errors=P1, resume_within="0s") as on:
        run = await cut_off_while_paused(on)
        async with on.site.at_work():
            await assert_it_is_given_to_a_person(on, run)
            words = ("--by", "ann", "--reason", "the release is good")
            code, said = await on.command("recover", run, "--compensate", *words)
            assert code == 0, said
            await on.site.until_event(RunEnded, count=2)

        assert on.calls == ["pause", "resume"]
        assert not on.is_paused
        await on.site.assert_sound()
