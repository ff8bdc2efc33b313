"""Kill switch and pause by annotation, on a real API server, with the daemon as a process."""

import asyncio
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from tests.bed.annotated import RULES, Annotated, annotated
from tests.bed.control_plane import ControlPlane
from tests.bed.gateway import Gateway, refusal, refuses
from tests.faults.site import TARGET, Site, a_step, a_target
from watchdog.adapters.clock import SystemClock
from watchdog.domain.events import Decided, KillSwitchChanged, Paused, Resumed
from watchdog.domain.progress import RunEnded, RunStarted, StepIntended

# Far more steps than can be done in a second.
MANY = 80
PACE = 0.1
MEND, NEVER = f"{TARGET}/mend", f"{TARGET}/never"


@pytest.fixture
def noted(
    control_plane: ControlPlane,
    namespace: str,
    tmp_path: Path,
    require_program: Callable[[str], str],
) -> Annotated:
    """An object that an operator annotates, and an account that may see just that."""
    return annotated(control_plane, namespace, tmp_path, require_program("kubectl"))


def through(noted: Annotated, way: Gateway) -> Annotated:
    """The same, seen by the daemon through `way`."""
    token = noted.plane.account(noted.namespace, RULES)
    file = noted.plane.kubeconfig(noted.folder, token, noted.namespace, server=way.base)
    return replace(noted, kubeconfig=file)


def write(site: Site, noted: Annotated, *names: str) -> None:
    """A target of these steps, mended by `mend`, that is broken at once."""
    steps = [a_step(site.api, step) for step in names or (MEND,)]
    site.write(a_target(site.api, *steps), switches=noted.switches)
    site.api.bad.add(TARGET)


async def until_refused(site: Site, reason: str) -> Decided:
    return await site.until_event(Decided, refusal=reason)


# -- kill


async def test_no_step_starts_behind_the_one_under_way(site: Site, noted: Annotated) -> None:
    first = f"{TARGET}/first"
    write(site, noted, first, MEND, NEVER)
    site.api.held.add(MEND)
    async with site.at_work():
        await site.until(lambda: site.api.sent == [first, MEND], "the second step is under way")
        await noted.annotate("kill", "this is not the night for it")
        thrown = await site.until_event(KillSwitchChanged, on=True)
        site.api.release()
        ended = await site.until_event(RunEnded)
        code, said, _ = await site.command("kill", "--off", "--reason", "go", site.file)
        refused = code, said
        await noted.remove("kill")
        off = await site.until_event(KillSwitchChanged, on=False)
        await site.until(lambda: len(site.api.told("latched")) >= 2, "people hear of both")

    assert (
        thrown.how == f"the annotation rollback-watchdog.io/kill of {noted.place}: this is not the "
        "night for it (by kubectl-annotate)"
    )
    assert ended.outcome.value == "stopped"
    assert site.api.sent == [first, MEND]
    assert refused[0] != 0
    assert off.how == f"the annotation rollback-watchdog.io/kill of {noted.place} was removed"
    await site.assert_sound()


async def test_a_plan_at_full_speed_takes_no_step_once_it_is_seen(
    site: Site, noted: Annotated, capsys: pytest.CaptureFixture[str]
) -> None:
    site.api.pace = PACE
    steps = [a_step(site.api, f"{TARGET}/{number}", "idempotent") for number in range(MANY)]
    site.write(a_target(site.api, *steps), switches=noted.switches)
    site.api.bad.add(TARGET)
    async with site.at_work():
        await site.until(lambda: len(site.api.sent) >= 5, "the plan is under way")
        await noted.annotate("kill", "stop")
        answered = SystemClock().now()
        ended = await site.until_event(RunEnded)

    records = await site.records()
    [thrown] = [one for one in records if isinstance(one.event, KillSwitchChanged)]
    # The one whose intent was being written at that moment is given up, or is sent before.
    behind = [r for r in records if r.seq > thrown.seq and isinstance(r.event, StepIntended)]
    sent_behind = [one for one in site.api.posts() if one.at > thrown.at.elapsed]
    meanwhile = [one for one in site.api.posts() if one.at > answered.elapsed]
    with capsys.disabled():
        after = thrown.at.since(answered)
        print(f"\nkill by annotation: recorded {after * 1000:+.0f} ms after kubectl returned")  # noqa: T201
    assert ended.outcome.value == "stopped"
    assert behind == []
    assert len(sent_behind) <= 1
    # As many as a second has room for, however slow the machine is.
    assert len(meanwhile) <= 1 / PACE
    assert len(site.api.sent) < MANY
    await site.assert_sound()


async def test_what_was_annotated_while_it_was_down_stops_the_run_that_it_takes_up(
    site: Site, noted: Annotated
) -> None:
    write(site, noted, MEND, NEVER)
    site.api.held.add(MEND)
    async with site.at_work():
        await site.until(lambda: site.api.sent == [MEND], "the first step is under way")
        await site.kill()
    await noted.annotate("kill", "stop")
    site.api.release()

    async with site.at_work():
        ended = await site.until_event(RunEnded)

    assert ended.outcome.value == "stopped"
    assert site.api.sent == [MEND]
    await site.assert_sound()


async def test_what_was_annotated_before_the_start_lets_nothing_begin(
    site: Site, noted: Annotated
) -> None:
    write(site, noted)
    await noted.annotate("kill", "")
    async with site.at_work():
        refused = await until_refused(site, "kill_switch")
        await noted.remove("kill")
        ended = await site.until_event(RunEnded)

    assert "it gives no reason (by kubectl-annotate)" in refused.detail
    assert ended.outcome.value == "succeeded"
    assert site.api.sent == [MEND]


async def test_what_was_removed_while_it_was_down_holds_no_longer(
    site: Site, noted: Annotated
) -> None:
    site.write(a_target(site.api, a_step(site.api, MEND)), switches=noted.switches)
    async with site.at_work():
        await noted.annotate("kill", "stop")
        await noted.annotate(f"pause.{TARGET}", "wait")
        await site.until_event(KillSwitchChanged, on=True)
        await site.until_event(Paused)
        await site.kill()
    await noted.remove("kill")
    await noted.remove(f"pause.{TARGET}")
    site.api.bad.add(TARGET)

    async with site.at_work():
        await site.until_event(KillSwitchChanged, on=False)
        await site.until_event(Resumed)
        ended = await site.until_event(RunEnded)

    assert ended.outcome.value == "succeeded"


async def test_it_releases_only_what_it_threw_itself(site: Site, noted: Annotated) -> None:
    write(site, noted)
    site.api.bad.clear()
    kill = site.journal.with_name("KILL")
    async with site.at_work() as process:
        os.kill(process.pid, signal.SIGUSR1)
        await site.until_event(KillSwitchChanged, how="signal USR1")
        await noted.annotate("kill", "me too")
        await noted.annotate("pause", "so that its order shows")
        await site.until_event(Paused)
        # The signal is not what holds it any more: what is there, does.
        os.kill(process.pid, signal.SIGUSR2)
        by_note = await site.until_event(KillSwitchChanged, 2, on=True)
        kill.touch()
        await noted.remove("kill")
        by_file = await site.until_event(KillSwitchChanged, 3, on=True)
        os.kill(process.pid, signal.SIGUSR1)
        await site.until_event(KillSwitchChanged, 2, how="signal USR1")
        kill.unlink()
        await noted.annotate("kill", "again")
        await noted.annotate("pause", "so that its order shows again")
        await site.until_event(Paused, 2)
        await noted.remove("kill")
        await noted.remove("pause")
        await site.until_event(Resumed)
        site.api.bad.add(TARGET)
        refused = await until_refused(site, "kill_switch")

    assert by_note.how.startswith("the annotation rollback-watchdog.io/kill")
    assert by_file.how == "the kill file exists"
    assert refused.detail == "signal USR1"
    assert await site.events(KillSwitchChanged, on=False) == []
    assert site.api.sent == []


# -- pause


@pytest.mark.parametrize("key", ["pause", f"pause.{TARGET}"])
async def test_while_it_is_paused_no_run_begins(key: str, site: Site, noted: Annotated) -> None:
    write(site, noted)
    await noted.annotate(key, "we are at it")
    async with site.at_work():
        refused = await until_refused(site, "paused")
        about = [] if key == "pause" else [site.folder / f"target-{TARGET}.yaml"]
        code, _, why = await site.command(
            "resume", *about, "--socket", site.journal.with_suffix(".sock")
        )
        assert site.api.sent == []
        await noted.remove(key)
        ended = await site.until_event(RunEnded)

    assert "by kubectl-annotate, annotation of" in refused.detail
    assert "we are at it" in refused.detail
    assert code != 0, why
    assert ended.outcome.value == "succeeded"
    [paused] = await site.events(Paused)
    [resumed] = await site.events(Resumed)
    assert (paused.by, paused.place) == ("kubectl-annotate", noted.place)
    assert resumed.place == noted.place


async def test_a_pause_stops_no_run(site: Site, noted: Annotated) -> None:
    write(site, noted, MEND, NEVER)
    site.api.held.add(MEND)
    async with site.at_work():
        await site.until(lambda: site.api.sent == [MEND], "the first step is under way")
        await noted.annotate("pause", "later")
        await site.until_event(Paused)
        site.api.release()
        ended = await site.until_event(RunEnded)

    assert ended.outcome.value == "succeeded"
    assert site.api.sent == [MEND, NEVER]


async def test_an_annotation_that_names_no_target_is_told(site: Site, noted: Annotated) -> None:
    site.write(a_target(site.api, a_step(site.api, MEND)), switches=noted.switches)
    async with site.at_work():
        await noted.annotate("pause.shoop", "wait")
        await site.until(
            lambda: any("pause.shoop" in str(page) for page in site.api.pages), "people hear of it"
        )


# -- out of sight


async def test_nothing_begins_before_they_were_seen(site: Site, noted: Annotated) -> None:
    await site.open_pages()
    async with noted.plane.gateway() as way:
        way.rule = refuses(503)
        write(site, through(noted, way))
        async with site.at_work():
            refused = await until_refused(site, "switches_unseen")
            await site.until_ready_says(503, "were not seen yet")
            await site.until(
                lambda: any("were not seen yet" in str(page) for page in site.api.pages),
                "people hear of it",
            )
            code, _, err = await site.command(
                "rollback", site.file, "undo", "--yes", "--reason", "now"
            )
            assert site.api.sent == []
            way.rule = None
            ended = await site.until_event(RunEnded)
            await site.until_ready_says(200, "")

    assert "503" in refused.detail
    assert (code != 0, "were not seen yet" in err) == (True, True), err
    assert ended.outcome.value == "succeeded"


@pytest.mark.parametrize("killed", [True, False])
async def test_no_run_is_taken_up_before_they_were_seen(
    killed: bool,
    site: Site,
    noted: Annotated,
) -> None:
    async with noted.plane.gateway() as way:
        write(site, through(noted, way), MEND, NEVER)
        site.api.held.add(MEND)
        async with site.at_work():
            await site.until(lambda: site.api.sent == [MEND], "the first step is under way")
            await site.kill()
        site.api.release()
        if killed:
            await noted.annotate("kill", "stop")
        way.rule = refuses(503)
        async with site.at_work():
            looks = site.api.looks[TARGET]
            await site.until(lambda: site.api.looks[TARGET] > looks + 5, "it looks, meanwhile")
            assert await site.events(RunEnded) == []
            assert site.api.sent == [MEND]
            way.rule = None
            ended = await site.until_event(RunEnded)

    assert ended.outcome.value == ("stopped" if killed else "succeeded")
    assert site.api.sent == ([MEND] if killed else [MEND, NEVER])
    await site.assert_sound()


@pytest.mark.parametrize("killed", [True, False])
async def test_what_was_seen_last_holds_while_the_api_server_is_gone(
    killed: bool,
    site: Site,
    noted: Annotated,
) -> None:
    async with noted.plane.gateway() as way:
        write(site, through(noted, way))
        site.api.bad.clear()
        async with site.at_work():
            if killed:
                await noted.annotate("kill", "stop")
                await site.until_event(KillSwitchChanged, on=True)
            way.rule = refuses(503)
            way.hang_up()
            await site.until(lambda: way.refused > 0, "it has noticed")
            site.api.bad.add(TARGET)
            if killed:
                await until_refused(site, "kill_switch")
            else:
                await site.until_event(RunEnded)

    assert site.api.sent == ([] if killed else [MEND])


async def test_a_watch_that_fell_silent_is_not_believed_for_long(
    site: Site, noted: Annotated
) -> None:
    async def swallows(request: web.Request) -> web.StreamResponse | None:
        if "watch" not in request.query:
            return None
        response = web.StreamResponse()
        await response.prepare(request)
        await asyncio.Event().wait()
        return refusal(500)

    async with noted.plane.gateway() as way:
        way.rule = swallows
        site.write(
            a_target(site.api, a_step(site.api, MEND)), switches=through(noted, way).switches
        )
        async with site.at_work():
            await noted.annotate("kill", "stop")
            await site.until_event(KillSwitchChanged, on=True)


async def test_without_the_right_nothing_begins_and_the_right_is_named(
    site: Site, noted: Annotated
) -> None:
    token = noted.plane.account(noted.namespace, (), "poor")
    file = noted.plane.kubeconfig(noted.folder, token, noted.namespace)
    write(site, replace(noted, kubeconfig=file))
    async with site.at_work():
        refused = await until_refused(site, "switches_unseen")
        _, said, _ = await site.command("doctor", site.file)
        assert site.api.sent == []
        noted.plane.account(noted.namespace, RULES, "poor")
        await site.until_event(RunStarted)

    assert 'cannot list resource "configmaps"' in refused.detail
    assert "WRONG  switches configmap/watchdog: may not list or watch it in" in said
    assert "  resourceNames: [watchdog]\n  verbs: [list, watch]" in said


async def test_an_object_that_is_not_there_is_no_word_to_go_on(
    site: Site, noted: Annotated
) -> None:
    noted.plane.delete("configmap/watchdog", noted.namespace)
    write(site, noted)
    async with site.at_work():
        refused = await until_refused(site, "switches_unseen")

    assert "there is no such object" in refused.detail
    assert site.api.sent == []


@pytest.mark.parametrize("down", [True, False])
async def test_an_object_that_is_made_anew_releases_nothing_and_a_person_does(
    down: bool, site: Site, noted: Annotated
) -> None:
    write(site, noted)
    await noted.annotate("kill", "stop")
    async with site.at_work():
        await until_refused(site, "kill_switch")
        if down:
            await site.kill()
        noted.plane.delete("configmap/watchdog", noted.namespace)
        noted.make()
        if not down:
            await _seen_anew_and_released(site, noted)
    if down:
        async with site.at_work():
            await _seen_anew_and_released(site, noted)

    assert site.api.sent == [MEND]


async def _seen_anew_and_released(site: Site, noted: Annotated) -> None:
    await noted.annotate("pause", "so that its order shows")
    await site.until_event(Paused)
    assert await site.events(KillSwitchChanged, on=False) == []
    code, _, why = await site.command("kill", "--off", "--reason", "go", site.file)
    assert code == 0, why
    await noted.remove("pause")
    await site.until_event(RunEnded)


async def test_an_object_that_is_deleted_releases_nothing(site: Site, noted: Annotated) -> None:
    write(site, noted)
    await noted.annotate("kill", "stop")
    async with site.at_work():
        await until_refused(site, "kill_switch")
        noted.plane.delete("configmap/watchdog", noted.namespace)
        status = ""
        while "are out of sight" not in status:
            _, status, _ = await site.command("status", site.file)

    assert await site.events(KillSwitchChanged, on=False) == []
    assert site.api.sent == []
