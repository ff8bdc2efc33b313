"""A run that stopped half way in the hands of a person: go on, take it back, or end it."""

from pathlib import Path
from typing import Any

import pytest

from tests.faults.admin_api import Fault
from tests.faults.site import TARGET, Site, a_step, a_target
from watchdog.domain.progress import CheckSampled, RunEnded, RunRecovered, RunResumed, StepEnded
from watchdog.domain.requests import ApprovalRequested

PAUSE, RESUME = f"{TARGET}/pause", f"{TARGET}/resume"
MEND, AFTER = f"{TARGET}/mend", f"{TARGET}/after"


def with_paused_traffic(site: Site, **mend: Any) -> dict[str, Any]:  # noqa: ANN401
    """Traffic is paused, the cure is taken, and nobody can tell afterwards whether it was."""
    pause = a_step(site.api, PAUSE, undo=a_step(site.api, RESUME))
    once = a_step(site.api, MEND, "once", **mend)
    return a_target(site.api, pause, once, a_step(site.api, AFTER))


async def cut_off_in_the_cure(site: Site) -> str:
    """Kill the daemon while the cure is under way; the run, once the next one has ended it."""
    site.api.held.add(MEND)
    site.api.curable = False
    site.api.bad.add(TARGET)
    async with site.at_work():
        await site.until(lambda: site.api.sent == [PAUSE, MEND], "the server holds the answer")
        await site.kill()
    site.api.held.clear()
    async with site.at_work():
        ended = await site.until_event(RunEnded)
        await site.until(lambda: bool(site.api.told("failed")), "people hear of it")
        await site.stop()
    assert ended.outcome.value == "interrupted"
    return ended.run


@pytest.mark.parametrize(
    ("words", "sent"),
    [
        (("--resume", "--done"), [AFTER]),
        (("--resume", "--again"), [MEND, AFTER]),
        (("--compensate", "--again"), [RESUME]),
        (("--abandon",), []),
    ],
    ids=["it happened", "it did not", "take it back", "give it up"],
)
async def test_a_run_cut_off_in_a_step_that_nobody_can_see_goes_on_as_a_person_says(
    site: Site, words: tuple[str, ...], sent: list[str]
) -> None:
    site.write(with_paused_traffic(site))
    run = await cut_off_in_the_cure(site)
    page = site.api.told("failed")[0]
    async with site.at_work():
        _, status, _ = await site.command("status", site.file)
        unsure, _, why = await site.command(
            "recover", run, site.file, "--resume", "--by", "ann", "--reason", "x"
        )
        code, said, complaint = await site.command(
            "recover", run, site.file, *words, "--by", "ann", "--reason", "I looked"
        )
        assert code == 0, complaint
        if sent:
            await site.until_event(RunEnded, count=2)
        again, _, gone = await site.command(
            "recover", run, site.file, "--abandon", "--by", "ann", "--reason", "x"
        )

    assert site.api.sent == [PAUSE, MEND, *sent]
    assert "(shop/pause), since" in page["text"]
    assert f"rollback-watchdog recover {run} --compensate --done" in page["text"]
    assert "holds: step 1 (shop/pause), since" in status
    assert f"recover {run} --resume" in status
    assert (unsure, "is in doubt" in why) == (6, True)
    assert said.startswith(f"run {run} ")
    recovered = await site.events(RunRecovered)
    assert [(one.by, one.reason) for one in recovered[:1]] == [("ann", "I looked")]
    if words == ("--abandon",):
        assert (again, "not the last run" in gone) == (6, True)
    await site.assert_sound()


async def test_a_recovery_that_is_cut_off_itself_is_taken_up_again(site: Site) -> None:
    site.write(with_paused_traffic(site))
    run = await cut_off_in_the_cure(site)
    site.api.held.add(AFTER)
    async with site.at_work():
        await site.command(
            "recover", run, site.file, "--resume", "--done", "--by", "ann", "--reason", "x"
        )
        await site.until(lambda: site.api.sent[-1] == AFTER, "the last step is under way")
        await site.kill()
    site.api.release()
    async with site.at_work():
        await site.until_event(RunEnded, count=2)

    assert site.api.sent == [PAUSE, MEND, AFTER]
    await site.assert_sound()


async def test_a_step_that_fails_takes_back_what_was_done_with_what_was_saved_before(
    site: Site,
) -> None:
    api = site.api
    look = {"save": "before", "get": f"{api.base}/do/{PAUSE}", "value": "done"}
    undo = a_step(api, RESUME)
    undo["with"] = {**undo["with"], "json": {"paused": "{{ saved.before }}"}}
    pause = a_step(api, PAUSE, undo=undo)
    skipped = {**a_step(api, AFTER), "if": {"saved": "before", "is": True}}
    api.faults[MEND] = Fault(status=401)
    site.write(a_target(api, look, pause, skipped, a_step(api, MEND, on_error="compensate")))
    api.bad.add(TARGET)
    async with site.at_work():
        ended = await site.until_event(RunEnded)

    assert api.sent == [PAUSE, MEND, RESUME]
    assert api.posts(RESUME)[0].body == {"paused": False}
    assert ended.outcome.value == "failed"
    assert [one.saved for one in await site.events(CheckSampled) if one.saved is not None] == [
        False
    ]
    (why,) = [s.detail for s in await site.events(StepEnded) if s.result.value == "skipped"]
    assert why == "saved.before is False, and it is done only where it is True"
    await site.assert_sound()


async def test_a_plan_that_was_changed_while_the_daemon_was_down_is_not_gone_on_with(
    site: Site,
) -> None:
    api = site.api
    target = a_target(api, a_step(api, PAUSE), a_step(api, AFTER))
    site.write(target)
    api.held.add(PAUSE)
    api.curable = False
    api.bad.add(TARGET)
    async with site.at_work():
        await site.until(lambda: api.sent == [PAUSE], "the first step is under way")
        await site.kill()
    api.release()
    target["plans"]["undo"]["steps"][1]["timeout"] = "19s"
    site.write_target(target)
    async with site.at_work():
        ended = await site.until_event(RunEnded)
        await site.until(lambda: bool(api.told("failed")), "people hear of it")

    assert api.sent == [PAUSE]
    assert ended.outcome.value == "interrupted"
    assert ended.detail == "plan undo was changed in its file meanwhile"
    assert len(await site.events(RunResumed)) == 1
    await site.assert_sound()


async def test_a_run_that_may_lose_data_goes_on_when_two_others_agree_also_after_a_crash(
    site: Site,
) -> None:
    api = site.api
    target = a_target(api, a_step(api, PAUSE), a_step(api, AFTER), mode="alert-only")
    target["plans"]["undo"]["level"] = "data"
    site.write(target, people={name: {} for name in ("ann", "bob", "cat", "dan")})

    async def say(*words: str | Path, by: str) -> tuple[int, str]:
        code, out, err = await site.command(*words, "--by", by, "--reason", "I looked")
        return code, out + err

    async def agreed(request: str, *by: str) -> None:
        for name in by:
            assert (await say("approve", request, site.file, by=name))[0] == 0

    api.faults[AFTER] = Fault(status=401)
    async with site.at_work():
        await say("rollback", site.file, "undo", "--yes", by="ann")
        await agreed((await site.until_event(ApprovalRequested)).request, "bob", "cat")
        ended = await site.until_event(RunEnded)
        api.faults.clear()
        waits, told = await say("recover", ended.run, site.file, "--resume", by="ann")
        request = (await site.until_event(ApprovalRequested, count=2)).request
        own, _ = await say("approve", request, site.file, by="ann")
        await agreed(request, "bob")
        await site.kill()
    async with site.at_work():
        assert api.sent == [PAUSE, AFTER]
        await agreed(request, "dan")
        await site.until_event(RunEnded, count=2)
        again, used = await say("approve", request, site.file, by="cat")

    assert (waits, "waits for people: 2 different people" in told, own) == (6, True, 6)
    assert api.sent == [PAUSE, AFTER, AFTER]
    assert (again, "used" in used) == (6, True)
    (recovered,) = await site.events(RunRecovered)
    assert (recovered.by, recovered.approval) == ("ann", request)
    await site.assert_sound()
