"""People are asked, and a real daemon does nothing until they agree, whatever befalls it."""

import asyncio
import json
import os
from typing import Any

import aiohttp
import pytest

from tests.faults.site import TARGET, Site, a_step, a_target
from watchdog.cli.asking import RefusedError, ask
from watchdog.cli.status_text import text
from watchdog.domain.progress import RunEnded, RunStarted
from watchdog.domain.requests import (
    ApprovalDenied,
    ApprovalExpired,
    ApprovalGiven,
    ApprovalRefused,
    ApprovalRequested,
    ApprovalVoided,
)

PAUSE, MEND = f"{TARGET}/pause", f"{TARGET}/mend"
PEOPLE = {
    "inga": {"roles": ["incident-lead"]},
    "otto": {"roles": ["ops-lead"]},
    "vera": {"roles": ["vp-engineering"]},
    "cleo": {"roles": ["cto"]},
    "sue": {"roles": ["security"]},
    "joe": {},
}
LEADS = {
    "all_of": ["incident-lead", "ops-lead", {"role": "security", "when": {"causes": ["security"]}}],
    "ttl": "60s",
}
LEADERS = {"any_of": ["devops-lead", "architecture-lead", "cto", "vp-engineering"], "ttl": "60s"}


def asking(site: Site, approval: Any, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    """Traffic would be paused, and the cure taken, if people agreed."""
    steps = [a_step(site.api, PAUSE), a_step(site.api, MEND)]
    return a_target(site.api, *steps, plan={"approval": approval}, **more)


def write(site: Site, approval: Any, **more: Any) -> None:  # noqa: ANN401
    site.write(asking(site, approval, **more), people=PEOPLE)


def socket_of(site: Site) -> str:
    return str(site.journal.with_suffix(".sock"))


async def say(site: Site, word: str, by: str, request: str, **more: str) -> tuple[bool, str]:
    """A person's word through the socket: whether it counts, and what was answered."""
    arguments = {"request": request, "by": by, "reason": f"{by} says so", **more}
    socket = socket_of(site)
    try:
        answer = await asyncio.to_thread(ask, socket, word, arguments)
    except RefusedError as refused:
        return False, str(refused)
    return True, answer["done"]


async def type_in(site: Site, word: str, by: str, request: str, *more: str) -> tuple[int, str]:
    """The same as a command: the exit code, and all that was said."""
    code, out, err = await site.command(
        word, request, site.file, "--by", by, "--reason", f"{by} says so", *more
    )
    return code, out + err


async def until_asked(site: Site) -> str:
    site.api.bad.add(TARGET)
    return (await site.until_event(ApprovalRequested)).request


async def test_one_lead_agrees_a_stranger_does_not_count_the_other_is_silent(site: Site) -> None:
    write(site, LEADS | {"ttl": "8s"})
    async with site.at_work():
        request = await until_asked(site)
        yes, said = await say(site, "approve", "inga", request)
        status = text(
            await asyncio.to_thread(ask, str(site.journal.with_suffix(".sock")), "status")
        )
        stranger, refused = await say(site, "approve", "mallory", request)
        nobody, no_role = await say(site, "approve", "joe", request)
        expired = await site.until_event(ApprovalExpired)
        await site.until(lambda: len(site.api.told("approval")) >= 5, "people hear of it")
        late, too_late = await say(site, "approve", "otto", request)

    assert (yes, "still needed: ops-lead" in said) == (True, True)
    assert (stranger, "unknown_person" in refused) == (False, True)
    assert (nobody, "wrong_role" in no_role) == (False, True)
    assert (late, "expired" in too_late) == (False, True)
    assert status.startswith(f"{TARGET}: APPROVE plan undo? needs ops-lead; ")
    assert f"> rollback-watchdog approve {request} --by YOU --reason WHY" in status
    assert expired.needs == ("ops-lead",)
    assert site.api.sent == []
    assert await site.events(RunStarted) == []
    assert [one.by for one in await site.events(ApprovalRefused)] == ["mallory", "joe", "otto"]
    first, *_, last = [one for one in site.api.told("approval") if one["severity"] == "critical"]
    assert f"rollback-watchdog deny {request} --by YOU --reason WHY" in first["text"]
    assert f"POST {site.api.base}/do/{PAUSE}" in first["text"]
    assert "NOBODY ANSWERED" in last["title"]
    await site.assert_sound()


async def test_the_other_lead_says_no_and_nothing_is_paused(site: Site) -> None:
    write(site, LEADS)
    async with site.at_work():
        request = await until_asked(site)
        agreed, so_far = await type_in(site, "approve", "inga", request)
        code, said = await type_in(site, "deny", "otto", request)
        looks = site.api.looks[TARGET]
        await site.until(lambda: site.api.looks[TARGET] > looks + 10, "it goes on looking")
        await site.until(lambda: len(site.api.told("approval")) >= 3, "people hear of it")

    assert (agreed, "still needed: ops-lead" in so_far) == (0, True)
    assert (code, "denied by otto" in said) == (0, True)
    assert site.api.sent == []
    assert len(await site.events(ApprovalRequested)) == 1
    assert any("DENIED by otto" in one["title"] for one in site.api.told("approval"))


@pytest.mark.parametrize("by", ["cleo", "vera"])
async def test_any_one_leader_lets_it_run_and_the_report_knows_who(site: Site, by: str) -> None:
    write(site, LEADERS)
    async with site.at_work():
        request = await until_asked(site)
        assert (await say(site, "approve", by, request))[0]
        ended = await site.until_event(RunEnded)
        again, used = await type_in(site, "approve", by, request)

    assert ended.outcome.value == "succeeded"
    assert site.api.sent == [PAUSE, MEND]
    assert (again, "used" in used) == (6, True)
    (started,) = await site.events(RunStarted)
    assert started.approval == request
    assert [one.roles for one in await site.events(ApprovalGiven)] == [(PEOPLE[by]["roles"][0],)]
    await site.assert_sound()


async def test_the_vice_president_says_no_and_why_is_on_record(site: Site) -> None:
    write(site, LEADERS)
    async with site.at_work():
        request = await until_asked(site)
        await say(site, "deny", "vera", request)
        await site.until(lambda: len(site.api.told("approval")) >= 2, "people hear of it")

    (denied,) = await site.events(ApprovalDenied)
    assert (denied.by, denied.roles, denied.reason) == (
        "vera",
        ("vp-engineering",),
        "vera says so",
    )
    assert "Why: vera says so." in site.api.told("approval")[-1]["text"]
    assert site.api.posts() == []


async def test_a_file_changed_meanwhile_voids_what_was_said(site: Site) -> None:
    write(site, LEADS)
    async with site.at_work() as process:
        request = await until_asked(site)
        await say(site, "approve", "inga", request)
        changed = asking(site, LEADS)
        changed["plans"]["undo"]["steps"] += (a_step(site.api, f"{TARGET}/more"),)
        site.write_target(changed)
        process.send_signal(1)
        void = await site.until_event(ApprovalVoided)
        again = (await site.until_event(ApprovalRequested, count=2)).request
        code, said = await say(site, "approve", "otto", request)
        assert (await say(site, "approve", "otto", again))[0]

    assert void.why == "the plan was changed since it was asked about"
    assert (code, "void" in said) == (False, True)
    assert site.api.sent == []


async def test_killed_while_people_are_asked_it_forgets_no_word(site: Site) -> None:
    write(site, LEADS)
    async with site.at_work():
        request = await until_asked(site)
        assert (await say(site, "approve", "inga", request))[0]
        await site.kill()

    async with site.at_work():
        twice, refused = await say(site, "approve", "inga", request)
        assert (await say(site, "approve", "otto", request))[0]
        await site.until_event(RunEnded)

    assert (twice, "voted_already" in refused) == (False, True)
    assert site.api.sent == [PAUSE, MEND]
    assert len(await site.events(ApprovalRequested)) == 1
    await site.assert_sound()


async def test_a_name_with_an_account_is_not_spoken_for_by_another(site: Site) -> None:
    people = PEOPLE | {"cleo": {"roles": ["cto"], "uids": [os.getuid() + 1]}}
    site.write(asking(site, LEADERS), people=people)
    async with site.at_work():
        request = await until_asked(site)
        code, said = await say(site, "approve", "cleo", request)

    assert (code, "wrong_account" in said) == (False, True)
    assert site.api.sent == []


async def rollback(site: Site, by: str) -> tuple[int, str]:
    code, out, err = await site.command(
        "rollback", site.file, "undo", "--yes", "--by", by, "--reason", "a hunch"
    )
    return code, out + err


async def test_by_hand_only_those_who_may_and_others_are_on_record(site: Site) -> None:
    write(site, LEADERS, mode="alert-only")
    async with site.at_work():
        code, said = await rollback(site, "otto")
        assert (code, "wrong_role" in said) == (6, True)
        assert site.api.sent == []
        code, said = await rollback(site, "cleo")

    assert code == 0, said
    (started,) = await site.events(RunStarted)
    assert (started.by, started.approval) == ("cleo", "role: cto")
    assert [one.by for one in await site.events(ApprovalRefused)] == ["otto"]


async def test_the_data_level_waits_for_two_others_also_by_hand(site: Site) -> None:
    target = asking(site, None, mode="alert-only")
    del target["plans"]["undo"]["approval"]
    target["plans"]["undo"]["level"] = 4
    site.write(target, people=PEOPLE)
    async with site.at_work():
        code, said = await rollback(site, "cleo")
        request = (await site.events(ApprovalRequested))[0].request
        own, initiator = await say(site, "approve", "cleo", request)
        await say(site, "approve", "vera", request)
        assert site.api.sent == []
        _, started = await say(site, "approve", "otto", request)
        await site.until_event(RunEnded)

    assert (code, "waits for people: 2 different people" in said) == (6, True)
    assert (own, "initiator" in initiator) == (False, True)
    assert "has begun" in started
    assert site.api.sent == [PAUSE, MEND]


async def test_a_checklist_is_answered_by_a_look_and_by_a_person(site: Site) -> None:
    target = asking(site, LEADERS)
    look = {"get": f"{site.api.base}/health/backup", "json": {"healthy": True}}
    target["plans"]["undo"]["checklist"] = [
        {"name": "the backup is there", "check": look},
        {"name": "users are told", "by": "incident-lead"},
    ]
    site.write(target, people=PEOPLE)
    site.api.bad.add("backup")
    async with site.at_work():
        request = await until_asked(site)
        await say(site, "approve", "cleo", request)
        await say(site, "approve", "inga", request, item="users are told")
        _, status, _ = await site.command("status", site.file, "--json")
        assert site.api.sent == []
        waived = "the backup is there"
        code, _ = await type_in(site, "approve", "cleo", request, "--waive", waived)
        await site.until_event(RunEnded)

    (shown,) = json.loads(status)["targets"][0]["requests"]
    assert [one["ok"] for one in shown["checklist"]] == [False, True]
    assert shown["needs"] == ["checklist: the backup is there (seen by the machine)"]
    assert code == 0


async def test_people_answer_over_the_api_in_the_name_of_their_token(site: Site) -> None:
    names = ("inga", "otto", "joe")
    for name in names:
        site.environ[f"TOKEN_{name.upper()}"] = f"a-token-of-{name}-for-a-test"
    tokens = [
        {"person": name, "token": {"env": f"TOKEN_{name.upper()}"}, "scopes": ["act"]}
        for name in names
    ]
    await site.open_pages()
    site.write(asking(site, LEADS), people=PEOPLE, api={"tokens": tokens})

    async def over_the_api(name: str, request: str) -> tuple[int, str]:
        async with (
            aiohttp.ClientSession() as session,
            session.post(
                f"http://{site.listen}/api/v1/acts/approve",
                json={"request": request, "reason": f"{name} says so"},
                headers={
                    "Authorization": f"Bearer {site.environ[f'TOKEN_{name.upper()}']}",
                    "Idempotency-Key": f"{name}-{request}",
                },
            ) as answer,
        ):
            return answer.status, await answer.text()

    async with site.at_work():
        request = await until_asked(site)
        refused, why = await over_the_api("joe", request)
        first = await over_the_api("inga", request)
        again = await over_the_api("inga", request)
        assert site.api.sent == []
        await over_the_api("otto", request)
        await site.until_event(RunEnded)

    assert (refused, "wrong_role" in why) == (409, True)
    assert (first[0], again) == (200, first)
    assert [one.by for one in await site.events(ApprovalGiven)] == ["inga", "otto"]
    assert site.api.sent == [PAUSE, MEND]
