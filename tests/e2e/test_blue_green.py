"""Acceptance on a controller of two environments, where a second request undoes the first."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.bed.blue_green import BLUE, GREEN, HEALTH, ROLLBACK, STATUS, BlueGreen, blue_green
from tests.faults.site import TARGET, Site, a_site
from watchdog.adapters.audit import verify
from watchdog.domain.events import TriggerChanged
from watchdog.domain.progress import (
    CheckSampled,
    RunEnded,
    RunVerified,
    StepAnswered,
    StepEnded,
    StepResult,
)
from watchdog.domain.trigger import Change

# One divisor for every duration of the file: a look every 10 s is one every half second.
SPEED = 20.0
SEEN = {"repeat": "observable", "settle": "2s"}
# What a file says whose owner has not thought of lost answers.
BLIND = {"repeat": "idempotent"}


@pytest.fixture
async def controller() -> AsyncIterator[BlueGreen]:
    async with blue_green() as controller:
        yield controller


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with a_site(tmp_path) as site:
        site.words = ("--speed", f"{SPEED:g}")
        yield site


def the_file(controller: BlueGreen, repeat: dict[str, str]) -> dict[str, Any]:
    """Three failed looks, then: save what is live, compare both versions, switch, prove it."""
    status = f"{controller.base}{STATUS}"
    expected = {"currentEnvironment": BLUE, "standby.version": "v2.4.0"}
    switched = {"get": status, "json": {"currentEnvironment": GREEN}}
    switch = {
        "name": "Switch to the standby",
        "use": "http",
        "with": {"method": "POST", "url": f"{controller.base}{ROLLBACK}"},
        **repeat,
    }
    if repeat is SEEN:
        switch["done_when"] = switched
    health = {"use": "http", "url": f"{controller.base}{HEALTH}", "every": "10s", "timeout": "3s"}
    return {
        "target": TARGET,
        "mode": "auto",
        "armed_by": "e2e",
        "sources": {"health": health},
        "signals": {"healthy": {"from": "health", "expect": {"json": {"health": "healthy"}}}},
        "triggers": {
            "down": {"signal": "healthy", "fails": 3, "severity": "critical", "plan": "switch"}
        },
        "plans": {
            "switch": {
                "within": "2m",
                "steps": [
                    {"save": "live", "get": status, "value": "currentEnvironment"},
                    {"check": {"name": "The standby is the one we mean", "get": status,
                               "json": expected, "tries": 1}},
                    switch,
                ],
                "verify": [
                    {"name": "GREEN is live", **switched},
                    {"get": status, "json": {"version": "v2.4.0"}},
                    {"signal": "healthy", "is": "ok", "samples": 2},
                ],
                "watch": {"short": "30s", "long": "0s", "every": "10s"},
            }
        },
    }  # fmt: skip


async def test_e3_f1_an_answer_lost_after_the_switch_is_looked_up_and_not_asked_for_again(
    site: Site, controller: BlueGreen
) -> None:
    controller.hangs_up = 1
    site.write(the_file(controller, SEEN))
    async with site.at_work():
        ended = await site.until_event(RunEnded)
        verified = await site.until_event(RunVerified)
        # What was said before goes on in the watch: no look of it sends anything either.
        await site.until(lambda: bool(site.api.told("stable")), "it lasts")

    (switch,) = controller.switches
    assert [asked.path for asked in controller.journal.mutating] == [ROLLBACK]
    assert controller.live == GREEN
    assert controller.history[-1] == {"event": "rollback", "version": "v2.4.0"}
    # The status was read between the lost answer and whatever came next.
    looked = [asked for asked in controller.journal.to(STATUS, "GET") if asked.at > switch.at]
    later = [asked for asked in controller.journal if asked.at > switch.at and asked.path != HEALTH]
    assert later[0] is looked[0]
    assert (ended.outcome.value, verified.proof.value) == ("succeeded", "passed")
    (firing,) = await site.events(TriggerChanged, change=Change.FIRING)
    assert firing.trigger == "down"
    (answered,) = await site.events(StepAnswered)
    assert answered.ok is None
    (stepped,) = [
        one for one in await site.events(StepEnded) if one.result is not StepResult.SKIPPED
    ]
    assert stepped.result is StepResult.OK
    (saved,) = [one.saved for one in await site.events(CheckSampled) if one.saved is not None]
    assert saved == BLUE
    assert await asyncio.to_thread(lambda: verify(site.journal).ok)


async def test_e3_f1_without_a_look_the_lost_answer_would_switch_back(
    site: Site, controller: BlueGreen
) -> None:
    controller.hangs_up = 1
    site.write(the_file(controller, BLIND))
    async with site.at_work():
        await site.until(lambda: len(controller.switches) == 2, "it is asked for again")

    assert controller.live == BLUE
