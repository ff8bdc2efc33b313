"""`kill -9` while nobody can tell what was done, and two daemons on one journal."""

import re
import socket

import pytest

from tests.faults.site import TARGET, Site, a_step, a_target
from watchdog.domain.events import Decided, TriggerChanged
from watchdog.domain.progress import RunEnded, StepEnded
from watchdog.domain.trigger import Change

MEND = f"{TARGET}/mend"
AFTER = f"{TARGET}/after"


async def test_kill_9_in_a_step_that_must_not_be_repeated_leaves_it_to_a_person(
    site: Site,
) -> None:
    api = site.api
    site.write(a_target(api, a_step(api, MEND, "once"), a_step(api, AFTER, "idempotent")))
    api.held.add(MEND)
    api.curable = False
    api.bad.add(TARGET)
    async with site.at_work():
        await site.until(lambda: api.sent == [MEND], "the server holds the answer")
        await site.kill()

    # What the dead one left locked keeps nobody out.
    async with site.at_work():
        ended = await site.until_event(RunEnded)
        await site.until(lambda: bool(api.told("failed")), "the channel hears of it")
        step = await site.until_event(StepEnded)
        # A firing of its own, which only the latch holds back.
        api.bad.clear()
        await site.until_event(TriggerChanged, change=Change.RESOLVED)
        api.bad.add(TARGET)
        refused = await site.until_event(Decided, refusal="latched")
        _, status, _ = await site.command("status", site.file)

    assert ended.outcome.value == "interrupted"
    assert step.detail == "sent, no answer, and nothing can tell whether it happened"
    assert refused.detail.startswith(f"run {ended.run} ended interrupted")
    assert "latched" in status
    assert api.sent == [MEND]
    assert "may or may not have happened" in api.told("interrupted")[0]["title"]
    assert {page["severity"] for page in api.told("failed")} == {"critical"}
    await site.assert_sound()


@pytest.mark.parametrize("way", ["the same path", "a symbolic link"])
async def test_a_second_daemon_on_one_journal_names_the_first_and_leaves_it_alone(
    site: Site, way: str
) -> None:
    api = site.api
    site.write(a_target(api, a_step(api, MEND)))
    second = site.folder / "second.yaml"
    (site.folder / "link").symlink_to(site.folder / "state")
    path = "state/journal.db" if way == "the same path" else "link/journal.db"
    second.write_text(site.file.read_text().replace("state/journal.db", path))
    api.held.add(MEND)
    api.bad.add(TARGET)

    async with site.at_work() as first:
        await site.until(lambda: api.sent == [MEND], "a run is under way")
        code, _, complaint = await site.command("run", second)
        api.release()
        ended = await site.until_event(RunEnded)
        running = first.returncode is None

    assert code == 4
    holder = rf"process {first.pid} on {re.escape(socket.gethostname())} \(.* run .*, since \S+Z\)"
    assert re.fullmatch(
        rf"rollback-watchdog: cannot open the journal {site.folder}/state/journal\.db: {holder} "
        r"is using it; one journal has one daemon, so stop that one, or give this one a journal "
        r"of its own\n",
        complaint,
    ), complaint
    assert running
    assert ended.outcome.value == "succeeded"
    assert api.sent == [MEND]
    await site.assert_sound()
