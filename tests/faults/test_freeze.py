"""Freezes, planned work and groups of a real daemon: by its files, by hand, and over kill -9."""

from typing import Any

from tests.faults.site import TARGET, Site, a_step, a_target
from watchdog.domain.events import Decided, RunStarted, WindowBegan, WindowSet

ALWAYS = {"cron": "* * * * *", "for": "2h", "zone": "Europe/Berlin", "reason": "fair"}


def the_shop(site: Site) -> dict[str, Any]:
    return a_target(site.api, a_step(site.api, f"{TARGET}/mend"))


async def said(site: Site, *words: object) -> str:
    code, out, err = await site.command(*words)
    assert code == 0, f"{out}{err}"
    return out


async def test_a_freeze_by_hand_outlives_kill_9_and_ends_when_it_is_lifted(site: Site) -> None:
    api = site.api
    site.write(the_shop(site))
    async with site.at_work():
        frozen = await said(
            site, "freeze", site.file, "--target", TARGET, "--for", "2h",
            "--reason", "fair", "--by", "ann", "--except", "security",
        )  # fmt: skip
        assert "target shop is frozen until" in frozen
        assert "except security" in frozen
        api.bad.add(TARGET)
        decided = await site.until_event(Decided, refusal="frozen")
        assert decided.detail == "fair, by ann, except security"
        await site.kill()

    async with site.at_work():
        status = await said(site, "status", site.file)
        assert "frozen: a freeze holds" in status
        assert "FREEZE until" in status
        looks = api.looks[TARGET]
        await site.until(lambda: api.looks[TARGET] > looks + 5, "it is looked at again")
        assert api.sent == []

        lifted = await said(site, "unfreeze", site.file, "--target", TARGET, "--by", "bob")
        assert "no longer frozen" in lifted
        await site.until(lambda: api.sent == [f"{TARGET}/mend"], "the plan runs")
        code, _, err = await site.command("unfreeze", site.file, "--target", TARGET)
        assert code != 0
        assert "not frozen by anybody" in err

    assert [one.by for one in await site.events(WindowSet)] == ["ann"]
    await site.assert_sound()


async def test_a_written_freeze_holds_all_but_what_it_spares_and_a_person(site: Site) -> None:
    api = site.api
    other = a_target(api, a_step(api, "grave/mend"), name="grave")
    shop = the_shop(site)
    shop["triggers"]["down"]["severity"] = "warning"
    site.write(shop, other, freeze=[{**ALWAYS, "except": ["critical"]}])
    async with site.at_work():
        api.bad |= {TARGET, "grave"}
        await site.until(lambda: api.sent == ["grave/mend"], "what is critical passes")
        await site.until_event(Decided, refusal="frozen", target=TARGET)
        assert {one.target for one in await site.events(WindowBegan)} == {TARGET, "grave"}

        told = await said(
            site, "rollback", site.file, "undo", "--target", TARGET, "--reason", "now", "--yes"
        )
        await site.until(lambda: f"{TARGET}/mend" in api.sent, "the person's plan runs")
        started = await site.until_event(RunStarted, target=TARGET)

    assert "in spite of: frozen (fair, except critical)" in started.reason
    assert "in spite of" in told
    await site.assert_sound()


async def test_planned_work_pages_nobody_and_is_over_when_a_person_says_so(site: Site) -> None:
    api = site.api
    site.write(the_shop(site), defaults={"notify": [{"to": ["pager"], "severity": "warning"}]})
    async with site.at_work():
        await said(site, "maintenance", site.file, "--all", "--for", "1h", "--reason", "new disks")
        api.bad.add(TARGET)
        await site.until_event(Decided, refusal="maintenance")
        assert api.told("firing") == []
        assert api.told("refused") == []
        assert api.sent == []

        over = await said(site, "maintenance", site.file, "--all", "--end")
        assert "no longer under planned work" in over
        await site.until(lambda: api.sent == [f"{TARGET}/mend"], "the plan runs")

    await site.assert_sound()


async def test_a_freeze_must_say_where_and_must_end(site: Site) -> None:
    site.write(the_shop(site))
    for words in (
        ["--target", TARGET, "--all", "--for", "1h"],
        ["--for", "1h"],
        ["--target", TARGET],
        ["--target", TARGET, "--for", "1h", "--until", "2026-12-24T18:00Z"],
        ["--target", TARGET, "--until", "2026-12-24T18:00"],
        ["--target", TARGET, "--until", "soon"],
        ["--target", TARGET, "--for", "soon"],
    ):
        code, _, err = await site.command("freeze", site.file, "--reason", "x", *words)
        assert code == 2, words
        assert "--" in err


async def test_a_group_is_mended_in_its_order_and_never_two_at_a_time(site: Site) -> None:
    api = site.api
    names = ("db", "web")
    site.write(
        *[a_target(api, a_step(api, f"{name}/mend"), name=name) for name in reversed(names)],
        groups={"payments": list(names)},
    )
    api.held.add("db/mend")
    async with site.at_work():
        api.bad |= {*names}
        await site.until(lambda: api.sent == ["db/mend"], "the first goes first")
        await site.until_event(Decided, refusal="group_busy", target="web")
        await site.kill()
    api.release()

    async with site.at_work():
        await site.until(lambda: api.sent[-1] == "web/mend", "the second goes when it is over")

    assert [one.target for one in await site.events(RunStarted)] == [*names]
    await site.assert_sound()
