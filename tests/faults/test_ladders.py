"""The real daemon on its levels, on changes that lapse, and on what takes a rollback back."""

import asyncio
from itertools import pairwise
from typing import Any

from tests.faults.site import TARGET, Site, a_step, a_target
from watchdog.domain.events import (
    BudgetExceeded,
    ChangeExpired,
    Decided,
    ExpiryWarned,
    IncidentClosed,
    LatchCleared,
    Outcome,
    RunEnded,
    RunStarted,
    RunVerified,
)
from watchdog.domain.expiring import Lapse
from watchdog.domain.progress import Proof

CACHE, MEND, RESTORE = f"{TARGET}/cache", f"{TARGET}/mend", f"{TARGET}/restore"
OVERRIDE = f"{TARGET}/override"
# One sixtieth of the plans of the examples: five minutes, and ten.
ROUTING, APPLICATION = "5s", "10s"
STILL = 3.0


def a_level(site: Site, step: str, level: str, within: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    proof = {"signal": "healthy", "is": "ok", "samples": 2, "pause": "50ms", "within": "2s"}
    return {
        "level": level,
        "steps": [a_step(site.api, step)],
        "verify": [proof],
        "verify_trigger": False,
        "within": within,
        "watch": {"short": "0s", "long": "0s"},
        **more,
    }


def a_ladder(site: Site, then: str = "auto_next", **more: Any) -> dict[str, Any]:  # noqa: ANN401
    """Level 2, then 3, then the data level: the target starts with the first."""
    on_failure = {"then": then, "plans": ["application"]}
    offered = {"then": "offer_next", "plans": ["restore"]}
    target = a_target(site.api, a_step(site.api, CACHE), **more)
    target["plans"] = {
        "undo": a_level(site, CACHE, "routing", ROUTING, on_failure=on_failure),
        "application": a_level(site, MEND, "application", APPLICATION, on_failure=offered),
        "restore": a_level(site, RESTORE, "data", APPLICATION),
    }
    # What would count two levels twice would stop here.
    target["limits"] = {"per_hour": 1, "per_day": 1, "cooldown": "1h"}
    return target


def strict() -> dict[str, Any]:
    """The daemon's own limits as they are by default, but for what one target alone trips."""
    return {
        "limits": {"per_hour": 1},
        "breaker": {"unknown": "99%", "targets_firing": "1000 in 2m", "failed_plans": "2 in 24h"},
    }


# -- E1-3


async def test_e1_3_level_2_does_not_help_and_level_3_runs_once(site: Site) -> None:
    site.write(a_ladder(site), **strict())
    async with site.at_work():
        site.api.bad.add(TARGET)
        await site.until_event(RunEnded, outcome=Outcome.SUCCEEDED)
        await asyncio.sleep(STILL)

        assert site.api.sent == [CACHE, MEND]
        first, second = await site.events(RunStarted)
        assert [first.plan.name, second.plan.name] == ["undo", "application"]
        assert (second.follows, second.incident) == (first.run, first.incident)
        ends = await site.events(RunEnded)
        assert [one.outcome for one in ends] == [Outcome.FAILED, Outcome.SUCCEEDED]
        assert ends[0].elapsed <= 5.0
        assert ends[1].elapsed <= 10.0
        assert [one.proof for one in await site.events(RunVerified)] == [
            Proof.FAILED,
            Proof.PASSED,
        ]
        assert await site.events(BudgetExceeded) == []
        page = site.api.told("failed")[0]
        assert "The next level, plan application, starts by itself" in page["text"]
        assert any(
            "It is the next level (application)" in p["text"] for p in site.api.told("started")
        )
        await site.assert_sound()


async def test_e1_3_survives_a_kill_between_the_levels(site: Site) -> None:
    site.write(a_ladder(site), **strict())
    async with site.at_work():
        site.api.bad.add(TARGET)
        await site.until_event(RunEnded, outcome=Outcome.FAILED)
        await site.kill()
    async with site.at_work():
        await site.until_event(RunEnded, outcome=Outcome.SUCCEEDED)
        await asyncio.sleep(STILL)

    assert site.api.sent == [CACHE, MEND]
    assert len(await site.events(RunStarted)) == 2
    await site.assert_sound()


# -- E2-F2


async def test_e2_f2_what_does_not_help_is_latched_and_nothing_more_is_sent(site: Site) -> None:
    site.api.curable = False
    site.write(a_ladder(site), **strict())
    async with site.at_work():
        site.api.bad.add(TARGET)
        await site.until_event(RunEnded, count=2, outcome=Outcome.FAILED)
        # The breach goes on: ten minutes of it, at sixty times the speed.
        await asyncio.sleep(10.0)

        assert site.api.sent == [CACHE, MEND]
        _, status, _ = await site.command("status", site.file)
        assert "LATCHED" in status
        # The data level is asked about, and not begun.
        assert [one.plan for one in await site.events(Decided, refusal="")] == [
            "undo",
            "application",
        ]
        refused = [one for one in await site.events(Decided) if one.refusal]
        assert {one.plan for one in refused} == {"restore"}
        nameless, _, why = await site.command("clear", site.file, "--target", TARGET, "--by", "ann")
        assert nameless != 0
        assert "assessment" in why
        code, _, complaint = await site.command(
            "clear", site.file, "--target", TARGET, "--by", "ann", "--assessment", "disk was full"
        )
        assert code == 0, complaint
        cleared = await site.until_event(LatchCleared)
        assert (cleared.by, cleared.assessment) == ("ann", "disk was full")


# -- E0-4


def isolating(site: Site) -> dict[str, Any]:
    """The trouble goes on while the target is isolated, for six seconds at a time."""
    expires = {"after": "6s", "warn_before": "3s"}
    seen = {"get": f"{site.api.base}/do/{OVERRIDE}", "json": {"done": True}}
    plan = {
        "level": "routing",
        "steps": [a_step(site.api, CACHE), a_step(site.api, OVERRIDE, expires=expires)],
        "verify": [seen],
        "watch": {"short": "1s", "long": "1h"},
    }
    target = a_target(site.api, plan=plan)
    target["limits"] = {"per_hour": 1, "per_day": 1, "cooldown": "1h"}
    return target


async def until_lapsed(site: Site) -> ExpiryWarned:
    """The other side forgets the override soon after people were warned of that."""
    warned = await site.until_event(ExpiryWarned)
    site.api.effects[OVERRIDE] = 0
    return warned


async def test_e0_4_what_is_still_needed_is_renewed_once_and_paged(site: Site) -> None:
    site.write(isolating(site), **strict())
    async with site.at_work():
        site.api.bad.add(TARGET)
        warned = await until_lapsed(site)
        assert site.api.sent == [CACHE, OVERRIDE]
        _, status, _ = await site.command("status", site.file)
        assert "LAPSES   " in status
        await site.kill()
    async with site.at_work():
        renewed = await site.until_event(RunEnded, count=2)
        await site.until(lambda: len(site.api.told("started")) > 1, "people are paged")

        assert renewed.outcome is Outcome.SUCCEEDED
        assert site.api.sent == [CACHE, OVERRIDE, OVERRIDE]
        first, second = await site.events(RunStarted)
        assert (second.renews, second.incident) == (first.run, first.incident)
        assert (warned.by_run, warned.renews) == (first.run, True)
        page = site.api.told("started")[-1]
        assert "has lapsed, and down still breaches: it is done once more" in page["text"]
        # It is renewed once, and then it is for people.
        site.api.effects[OVERRIDE] = 0
        lapsed = await site.until_event(ChangeExpired)
        assert lapsed.lapse is Lapse.FOR_PEOPLE
        assert site.api.sent == [CACHE, OVERRIDE, OVERRIDE]
        await site.assert_sound()


async def test_e0_4_what_is_no_longer_needed_lapses(site: Site) -> None:
    site.write(isolating(site), **strict())
    async with site.at_work():
        site.api.bad.add(TARGET)
        await until_lapsed(site)
        site.api.bad.discard(TARGET)
        lapsed = await site.until_event(ChangeExpired)

        assert lapsed.lapse is Lapse.OVER
        assert site.api.sent == [CACHE, OVERRIDE]
        await site.until_event(IncidentClosed)


# -- E4-2

FEATURES = ("search", "ads", "reviews", "chat")


def switching(site: Site) -> dict[str, Any]:
    """All features go off at once, and come back one by one."""
    gate = {"signal": "healthy", "is": "ok", "samples": 2, "wait": "1s", "fails_after": 2}
    steps: list[dict[str, Any]] = []
    for feature in FEATURES:
        off = a_step(site.api, f"{TARGET}/{feature}-off")
        del off["name"]
        steps += [
            a_step(site.api, f"{TARGET}/{feature}-on", undo=off),
            {"check": gate, "name": f"{feature} holds", "on_error": "undo_last"},
        ]
    target = a_target(
        site.api, a_step(site.api, MEND), plan={"watch": {"short": "1s", "long": "0s"}}
    )
    target["plans"]["enable"] = {
        "reverses": "undo",
        "steps": steps,
        "verify": [{"signal": "healthy", "is": "ok"}],
        "within": "1m",
        "watch": {"short": "0s", "long": "0s"},
    }
    return target


async def enable(site: Site) -> tuple[int, str]:
    code, out, err = await site.command(
        "rollback", site.file, "enable", "--yes", "--by", "ann", "--reason", "all is well"
    )
    return code, out + err


async def test_e4_2_features_come_back_until_one_of_them_fails(site: Site) -> None:
    site.write(switching(site))
    async with site.at_work():
        early, why = await enable(site)
        assert early != 0
        assert "no run of plan undo is known that lasted" in why
        site.api.bad.add(TARGET)
        await site.until(lambda: bool(site.api.told("stable")), "the rollback lasts")
        assert "rollback FILE enable --reason WHY" in site.api.told("stable")[0]["text"]
        await site.until_event(IncidentClosed)
        async with asyncio.TaskGroup() as tasks:
            command = tasks.create_task(enable(site))
            await site.until(
                lambda: site.api.effects[f"{TARGET}/reviews-on"] > 0, "the third one is on"
            )
            site.api.bad.add(TARGET)
            await site.until(
                lambda: site.api.effects[f"{TARGET}/reviews-off"] > 0, "it is off again"
            )
            site.api.bad.discard(TARGET)
        code, _ = command.result()

        assert code != 0
        on = [step for step in site.api.sent if step != MEND]
        assert on == [
            f"{TARGET}/{one}" for one in ("search-on", "ads-on", "reviews-on", "reviews-off")
        ]
        posts = [one for one in site.api.posts() if one.path.endswith("-on")]
        for before, after in pairwise(posts):
            assert after.at - before.at >= 1.0
        last = (await site.events(RunEnded))[-1]
        assert last.outcome is Outcome.PARTIALLY_APPLIED
        await site.until(lambda: len(site.api.told("failed")) == 1, "people are paged")
