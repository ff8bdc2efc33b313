"""Acceptance on an agent platform in a real control plane, by the shipped file: its traffic is
paused, its release undone, and its traffic back, in the minutes that the runbook has for it."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.bed.agent_platform import (
    BAD,
    GOOD,
    NAME,
    PODS,
    WORKLOAD,
    AgentPlatform,
    agent_platform,
    moment,
)
from tests.bed.cluster_steps import paths
from tests.bed.control_plane import ControlPlane
from tests.bed.manifests import deployment
from tests.bed.patience import until
from tests.control_plane.audit import Call
from watchdog.domain.change import ChangeSeen, VersionGood
from watchdog.domain.events import Decided, RunStarted, TriggerChanged
from watchdog.domain.progress import CheckSampled, Proof, RunEnded, RunVerified, StepEnded
from watchdog.domain.requests import ApprovalDenied, ApprovalExempted, ApprovalRequested
from watchdog.domain.trigger import Change

# Seconds: what a busy machine may take on top.
SLACK = 3.0
WINDOW = 300.0


@pytest.fixture
async def platform(
    control_plane: ControlPlane,
    namespace: str,
    tmp_path: Path,
    require_program: Callable[[str], str],
) -> AsyncIterator[AgentPlatform]:
    programs = [require_program("prometheus"), require_program("kubectl")]
    async with agent_platform(control_plane, namespace, tmp_path, programs=programs) as platform:
        yield platform


async def released(on: AgentPlatform) -> None:
    """The bad version, once the good one is known to be good; that it came is known, too."""
    await on.site.until_event(VersionGood)
    # A cluster tells the time in seconds: what came in the same one came at the same time.
    second = int(time.time())
    await until(lambda: int(time.time()) > second, "a second is over")
    on.since = on.plane.mark()
    await on.runs(BAD)
    await on.site.until_event(ChangeSeen, version="v1.0.1")


async def told_of_firing(on: AgentPlatform) -> dict[str, float]:
    """The Unix second at which each trigger fired."""
    return {
        record.event.trigger: record.at.wall
        for record in await on.site.records()
        if isinstance(record.event, TriggerChanged) and record.event.change is Change.FIRING
    }


async def test_e2_1_an_error_spike_pauses_the_traffic_undoes_the_release_and_resumes(
    platform: AgentPlatform,
) -> None:
    on = platform
    async with on.site.at_work():
        await released(on)
        # The window of the ratio is full of good requests, as it is on an ordinary day.
        full = max(on.began + on.here(WINDOW), time.time() + 1.0)
        await until(lambda: time.time() > full, "the window is full")
        on.broken = True
        (_, planned, _), _ = await asyncio.gather(
            on.site.command("plan", on.site.file, "undo"), on.site.until_event(RunStarted)
        )
        ended = await on.site.until_event(RunEnded)
        verified = await on.site.until_event(RunVerified)
    calls = on.calls()

    assert (ended.outcome.value, verified.proof) == ("succeeded", Proof.PASSED), on.site.log
    fired = await told_of_firing(on)
    start = fired["errors-high"]
    # It passes 1 % of the five minutes once 100 s of them are bad, and is held for two minutes.
    assert on.here(215) - 0.3 <= start - on.broke <= on.here(250) + SLACK
    # What it makes of its own pause is no outage.
    assert fired.keys() == {"errors-high", "very-slow", "slow", "some-errors"}
    await assert_nobody_was_asked(on)
    assert_what_the_plan_said_was_received(planned, calls)
    await assert_done_in_time(on, calls, max(fired["errors-high"], fired["very-slow"]))
    await assert_looked_at_from_inside_before_the_traffic_came_back(on, moment(calls[2]))
    assert (on.images(), on.selector()) == ([GOOD] * PODS, {"app": NAME})
    await on.site.assert_sound()


async def assert_nobody_was_asked(on: AgentPlatform) -> None:
    """More than 1 % for two minutes is approved already, and that this was so is on record."""
    (exempted,) = await on.site.events(ApprovalExempted)
    assert exempted.cause == "errors"
    assert await on.site.events(ApprovalRequested) == []
    (start,) = await on.site.events(RunStarted)
    assert (start.from_version, start.to_version) == ("v1.0.1", "v1.0.0")
    (decided,) = [one for one in await on.site.events(Decided) if not one.refusal]
    assert "PATCH deployment/squad-api: /spec/template of v1.0.0" in "\n".join(decided.would_do)


def assert_what_the_plan_said_was_received(planned: str, calls: list[Call]) -> None:
    """The lines of `plan`, in their order, are what the API server was asked to change."""
    said = re.findall(r"^ +kubernetes_\w+: (PATCH) (\w+)/(\S+): (/\S+)", planned, re.MULTILINE)
    assert said == [
        ("PATCH", "service", NAME, "/spec/selector"),
        ("PATCH", "deployment", NAME, "/spec/template"),
        ("PATCH", "service", NAME, "/spec/selector"),
    ]
    received = [
        (call.verb.upper(), call.resource.removesuffix("s"), call.name, path)
        for call in calls
        for path in paths(call)
    ]
    assert received == said
    assert {call.code for call in calls} == {200}


async def assert_done_in_time(on: AgentPlatform, calls: list[Call], start: float) -> None:
    """Pause by T+0:30, undo by T+1:30, all of it by T+3, proven by T+5 and by its trigger."""
    pause, undo, resume = map(moment, calls)
    finished = {
        record.event.name: record.at.wall
        for record in await on.site.records()
        if isinstance(record.event, StepEnded)
    }
    (verified,) = [
        record.at.wall
        for record in await on.site.records()
        if isinstance(record.event, CheckSampled) and record.event.name == "success_now above 99%"
    ][-1:]
    for at, limit in ((pause, 30), (undo, 90), (resume, 180), (verified, 300)):
        assert start <= at <= start + on.here(limit) + SLACK
    assert pause < undo < finished["Wait for the rollout"] < resume
    # Whoever calls while it is paused is refused at once: nobody is sent to a pod.
    assert on.fewest == 0
    assert [put(calls[0]), put(calls[2])] == [{"app": f"{NAME}-paused"}, {"app": NAME}]


def put(call: Call) -> object:
    """What was sent to stand where the selector is."""
    (found,) = [one["value"] for one in call.body if one["op"] == "replace"]
    return found


async def assert_looked_at_from_inside_before_the_traffic_came_back(
    on: AgentPlatform, resumed: float
) -> None:
    for path in ("GET /health", "GET /providers", "GET /v1/agents/code", "POST /v1/chat"):
        assert path in on.asked
    looked = {
        record.event.name: record.at.wall
        for record in await on.site.records()
        if isinstance(record.event, CheckSampled)
    }
    before = ("All pods run", "It is healthy from inside", "It writes no errors to its log")
    assert all(looked[name] < resumed for name in before)
    assert looked["Its users reach it"] > resumed


async def said(on: AgentPlatform, signal: str) -> None:
    """A person says what only people can see."""
    words = ("--for", "1h", "--by", "ann", "--reason", "seen by hand")
    code, _, wrong = await on.site.command("signal", on.site.file, signal, *words)
    assert code == 0, wrong


async def test_e2_1_where_people_are_asked_the_traffic_is_not_paused_before_they_agree(
    platform: AgentPlatform,
) -> None:
    on = platform
    async with on.site.at_work():
        await released(on)
        await said(on, "data-corruption")
        asked = await on.site.until_event(ApprovalRequested)
        words = ("--by", "otto", "--reason", "the data are fine")
        code, _, wrong = await on.site.command("deny", asked.request, *words, on.site.file)
        assert code == 0, wrong
        await on.site.until_event(ApprovalDenied)

    assert asked.needs == ("incident-lead", "ops-lead")
    assert "PATCH service/squad-api: /spec/selector with app=squad-api-paused" in str(
        asked.would_do
    )
    assert on.calls() == []
    assert (on.selector(), on.images()) == ({"app": NAME}, [BAD] * PODS)
    assert await on.site.events(RunStarted) == []


async def test_e2_f3_a_revision_that_is_gone_is_seen_before_the_traffic_is_paused(
    platform: AgentPlatform,
) -> None:
    on = platform
    async with on.site.at_work():
        await released(on)
        # There is another revision to go back to, and it is not the one that is wanted.
        mended = deployment(NAME, BAD, PODS, environment={"LOG_LEVEL": "debug"})
        on.plane.apply(mended, namespace=on.namespace)
        await on.plane.until_rolled_out(WORKLOAD, on.namespace)
        for one in on.plane.listed("replicaset", on.namespace):
            if GOOD in str(one["spec"]["template"]):
                on.plane.delete(f"replicaset/{one['metadata']['name']}", on.namespace)
        await said(on, "database-lost")
        decided = await on.site.until_event(Decided, plan="undo")

    assert decided.refusal == "preflight_failed", decided
    assert "Undo the release: deployment/squad-api: there is no 'v1.0.0'" in decided.detail
    assert on.calls() == []
    assert (on.selector(), on.images()) == ({"app": NAME}, [BAD] * PODS)


async def test_e2_f3_a_rollout_that_cannot_go_on_brings_the_traffic_back(
    platform: AgentPlatform,
) -> None:
    on = platform
    async with on.site.at_work():
        await released(on)
        # No pod more than there are: a rollout begins with one.
        on.plane.apply(quota(PODS), namespace=on.namespace)
        await on.plane.until("resourcequota/few", on.namespace, is_counted, "it is counted")
        await said(on, "database-lost")
        ended = await on.site.until_event(RunEnded)
    calls = on.calls()

    assert ended.outcome.value == "partially_applied", on.site.log
    assert "quota" in ended.detail
    assert [(call.resource, *paths(call)) for call in calls] == [
        ("services", "/spec/selector"),
        ("deployments", "/spec/template"),
        ("services", "/spec/selector"),
    ]
    assert (on.selector(), on.images()) == ({"app": NAME}, [BAD] * PODS)
    assert (on.fewest, on.endpoints()) == (0, PODS)
    await on.site.assert_sound()


def is_counted(found: Mapping[str, Any]) -> bool:
    """Whether the pods that are there count already."""
    return "used" in found.get("status", {})


def quota(pods: int) -> dict[str, object]:
    """No more pods than that, in all of the namespace."""
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "few"},
        "spec": {"hard": {"pods": str(pods)}},
    }
