"""Acceptance on a leads platform in a real control plane, by the shipped file and accounts."""

import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from tests.bed.cluster_steps import paths
from tests.bed.control_plane import ControlPlane
from tests.bed.leads_at_work import LeadsAtWork, leads_at_work
from tests.bed.leads_platform import BAD, FLAGS, GOOD, NAME
from tests.bed.manifests import Fails, deployment
from tests.bed.patience import until
from watchdog.domain.events import Decided, NotificationDelivered, RunStarted, TriggerChanged
from watchdog.domain.progress import (
    CheckSampled,
    Proof,
    RunEnded,
    RunVerified,
    StepEnded,
    StepResult,
)
from watchdog.domain.signal import Verdict
from watchdog.domain.trigger import Change

# Seconds: what a busy machine may take on top.
SLACK = 3.0
AtWork = Callable[[str], AbstractAsyncContextManager[LeadsAtWork]]


@pytest.fixture
def at_work(
    control_plane: ControlPlane,
    namespace: str,
    tmp_path: Path,
    require_program: Callable[[str], str],
) -> AtWork:
    programs = [require_program("prometheus"), require_program("kubectl")]

    def opened(level: str) -> AbstractAsyncContextManager[LeadsAtWork]:
        return leads_at_work(control_plane, namespace, tmp_path, programs=programs, level=level)

    return opened


async def wall_of(on: LeadsAtWork, kind: type, **fields: object) -> list[float]:
    """The Unix second of each such event, in order."""
    return [
        record.at.wall
        for record in await on.site.records()
        if isinstance(record.event, kind)
        and all(getattr(record.event, name) == value for name, value in fields.items())
    ]


async def test_e4_f1_a_rollout_that_is_stuck_ends_at_its_deadline_and_holds_the_target(
    at_work: AtWork,
) -> None:
    async with at_work("application") as on:
        await on.runs(BAD)
        # From now on no pod becomes ready, of whatever version: something else is wrong, too.
        stuck = deployment(NAME, BAD, 3, fails=Fails.NEVER_READY)
        on.plane.apply(stuck, namespace=on.namespace)
        serving = {pod["metadata"]["uid"] for pod in on.serving()}
        on.since = on.plane.mark()
        async with on.site.at_work():
            ended = await on.site.until_event(RunEnded)
            await on.site.until(lambda: bool(on.site.api.told("failed")), "people are paged")
            # It is as broken as before for as long as it takes to be sure.
            over = time.time() + on.here(300)
            await until(lambda: time.time() > over, "five minutes have gone by")
            _, status, _ = await on.site.command("status", on.site.file)
            calls = on.calls()

        assert ended.outcome.value == "partially_applied"
        (stepped,) = await on.site.events(StepEnded, name="Wait for the rollout")
        assert stepped.result is StepResult.FAILED
        (began,) = await wall_of(on, StepEnded, name="Take the known good version")
        (deadline,) = await wall_of(on, StepEnded, name="Wait for the rollout")
        assert on.here(300) - 0.3 <= deadline - began <= on.here(300) + SLACK
        assert [paths(call) for call in calls] == [["/spec/template/spec/containers/0/image"]]
        assert [(call.user, call.code) for call in calls] == [(on.account, 200)]
        assert {pod["metadata"]["uid"] for pod in on.serving()} == serving
        assert "LATCHED" in status
        assert len(await on.site.events(RunStarted)) == 1
        await assert_on_call_is_told_at_once(on)
        await on.site.assert_sound()


async def assert_on_call_is_told_at_once(on: LeadsAtWork) -> None:
    (ended,) = await wall_of(on, RunEnded)
    (page,) = on.site.api.told("failed")
    told = [at for at in await wall_of(on, NotificationDelivered, channel="pager") if at >= ended]
    assert page["severity"] == "critical"
    assert "Wait for the rollout" in page["text"]
    assert min(told) - ended <= SLACK


async def test_e4_3_a_service_that_is_not_ready_gets_the_known_good_version_by_the_shipped_file(
    at_work: AtWork,
) -> None:
    async with at_work("application") as on:
        await on.runs(BAD)
        on.since = on.plane.mark()
        async with on.site.at_work():
            verified = await on.site.until_event(RunVerified)
            calls = on.calls()

        (decided,) = [one for one in await on.site.events(Decided) if not one.refusal]
        assert (verified.proof, decided.detail) == (Proof.PASSED, "it is down"), on.site.log
        assert [(call.user, call.code) for call in calls] == [(on.account, 200)]
        assert [paths(call) for call in calls] == [["/spec/template/spec/containers/0/image"]]
        # The port is no tag.
        assert on.images() == {GOOD}
        (start,), (end,) = await wall_of(on, RunStarted), await wall_of(on, RunVerified)
        assert end - start <= on.here(300) + SLACK
        await on.site.assert_sound()


async def test_e4_1_slow_and_failing_switches_four_features_off_by_the_shipped_file(
    at_work: AtWork,
) -> None:
    async with at_work("flags") as on:
        await on.runs(GOOD)
        on.slow = True
        on.since = on.plane.mark()
        async with on.site.at_work():
            verified = await on.site.until_event(RunVerified)
            calls = on.calls()

        assert verified.proof is Proof.PASSED, on.site.log
        (call,) = calls
        assert (call.user, call.code) == (on.account, 200)
        assert len(paths(call)) == len(FLAGS)
        for environment in on.environments():
            assert {environment[flag] for flag in FLAGS} == {"false"}
        await assert_waited_for_the_outbox_to_be_silent(on)
        await on.site.assert_sound()


async def assert_waited_for_the_outbox_to_be_silent(on: LeadsAtWork) -> None:
    """The rate of five minutes is no proof before five minutes are over; execution is."""
    fired = await on.site.events(TriggerChanged, change=Change.FIRING)
    assert {one.trigger for one in fired} == {"slow", "errors-up"}
    (start,) = await wall_of(on, RunStarted)
    (rolled_out,) = await wall_of(on, StepEnded, name="Wait for the rollout")
    silent = await wall_of(on, CheckSampled, name="Nothing is published any more")
    assert rolled_out - start <= on.here(300) + SLACK
    assert len(silent) > 1
    assert silent[-1] - rolled_out >= on.here(240)
    looks = await on.site.events(CheckSampled, name="Nothing is published any more")
    # Before that there was none or it was false, each time.
    assert [one.verdict for one in looks if one.verdict is Verdict.OK] == [looks[-1].verdict]
    (old,) = await on.site.events(CheckSampled, name="No alert fires that did not before")
    assert old.value == 0
