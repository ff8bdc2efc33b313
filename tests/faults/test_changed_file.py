"""A file that changes while a run is under way: whole or not at all, and never for that run."""

import json
import signal
from pathlib import Path

from tests.faults.site import TARGET, Site, a_step, a_target
from watchdog.domain.events import ConfigLoaded, ConfigRefused, RunStarted, TriggerChanged
from watchdog.domain.progress import RunEnded
from watchdog.domain.trigger import Change

FIRST, OLD, NEW, MEND = (f"{TARGET}/{name}" for name in ("first", "old", "new", "mend"))


def target_file(site: Site) -> Path:
    return site.folder / f"target-{TARGET}.yaml"


async def test_a_run_keeps_its_plan_and_a_broken_file_is_refused_whole(site: Site) -> None:
    api = site.api
    before = a_target(api, *[a_step(api, step) for step in (FIRST, OLD, MEND)])
    after = a_target(api, *[a_step(api, step) for step in (FIRST, NEW, MEND)])
    site.write(before)
    api.held.add(FIRST)
    api.bad.add(TARGET)
    async with site.at_work() as process:
        await site.until(lambda: api.sent == [FIRST], "the first step is under way")
        site.write_target(after)
        process.send_signal(signal.SIGHUP)
        await site.until_event(ConfigLoaded, 2)
        # Half of it is right: a plan that would send something else, and one word too many.
        broken = {**before, "nonsense": 1}
        site.write_target(broken)
        process.send_signal(signal.SIGHUP)
        refused = await site.until_event(ConfigRefused)
        api.release()
        first = await site.until_event(RunEnded)
        in_the_first = list(api.sent)
        # What was taken over before goes on: the next run is of the second plan.
        await site.until_event(TriggerChanged, change=Change.RESOLVED)
        api.effects.clear()
        api.bad.add(TARGET)
        await site.until_event(RunEnded, 2)
        _, status, _ = await site.command("status", site.file)
        await assert_both_are_told(site)

    assert first.outcome.value == "succeeded"
    assert in_the_first == [FIRST, OLD, MEND]
    assert api.sent[3:] == [FIRST, NEW, MEND]
    hashes = [event.plan_hash for event in await site.events(RunStarted)]
    assert len(set(hashes)) == 2
    assert "nonsense: unknown key" in refused.error
    assert "nonsense" in status
    await site.assert_sound()


async def assert_both_are_told(site: Site) -> None:
    await site.until(lambda: len(site.api.told("config")) >= 3, "the channel hears of both")
    titles = [page["title"] for page in site.api.told("config")]
    assert sum("loaded in auto mode" in title for title in titles) == 2
    # A title has 100 characters at most, and the folder's name takes most of them.
    assert any(title.startswith(f"refused: {site.file};") for title in titles)


async def test_a_file_that_is_no_yaml_at_the_start_is_refused_before_anything_is_sent(
    site: Site,
) -> None:
    site.write(a_target(site.api, a_step(site.api, MEND)))
    target_file(site).write_text(json.dumps(a_target(site.api))[:-20])
    site.api.bad.add(TARGET)

    code, _, complaint = await site.command("run", site.file)

    assert code == 2
    assert f"{target_file(site)}:1" in complaint
    assert site.api.sent == []
    assert not site.journal.exists()
