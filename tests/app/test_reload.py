"""A changed file is taken over whole, or refused whole; a run in flight does not notice."""

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bed.patience import until
from tests.bed.shop import Shop, a_shop, write_files
from tests.bed.shop_at_work import at_work, two_targets
from watchdog.app.opening import Opened
from watchdog.domain.events import ConfigLoaded, ConfigRefused, RunEnded
from watchdog.domain.target import Mode


@pytest.fixture
def shop() -> Iterator[Shop]:
    with a_shop() as shop:
        yield shop


def change(folder: Path, old: str, new: str, file: str = "shop.yaml") -> None:
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new))


async def loaded(opened: Opened) -> list[str]:
    records = await opened.journal.read(kinds=[ConfigLoaded])
    return [record.event.target for record in records if isinstance(record.event, ConfigLoaded)]


async def test_what_did_not_change_is_left_alone(shop: Shop, tmp_path: Path) -> None:
    async with at_work(two_targets(tmp_path, shop)) as opened:
        eyes = dict(opened.daemon.eyes)
        change(tmp_path, "fails: 3", "fails: 5")
        await opened.daemon.reload()

        assert await loaded(opened) == ["shop", "other", "shop"]
        assert opened.daemon.eyes["other"] is eyes["other"]
        assert opened.daemon.targets()["shop"].triggers[0].fails == 5


async def test_one_wrong_file_among_good_ones_refuses_them_all(shop: Shop, tmp_path: Path) -> None:
    async with at_work(two_targets(tmp_path, shop)) as opened:
        change(tmp_path, "fails: 3", "fails: 5")
        change(tmp_path, "plan: undo", "plan: redo", "other.yaml")
        await opened.daemon.reload()

        assert "there is no plan 'redo'" in opened.daemon.refused
        assert opened.daemon.targets()["shop"].triggers[0].fails == 3
        assert len(await opened.journal.read(kinds=[ConfigRefused])) == 1

        change(tmp_path, "plan: redo", "plan: undo", "other.yaml")
        await opened.daemon.reload()
        assert opened.daemon.refused == ""
        assert opened.daemon.targets()["shop"].triggers[0].fails == 5


async def test_a_target_is_disarmed_by_its_file(shop: Shop, tmp_path: Path) -> None:
    async with at_work(write_files(tmp_path, shop)) as opened:
        change(tmp_path, "mode: auto", "mode: alert-only")
        await opened.daemon.reload()
        assert opened.daemon.targets()["shop"].mode is Mode.ALERT_ONLY

        shop.bad = True
        await until(
            lambda: bool(opened.daemon.recent.incidents), "an incident that nothing is done about"
        )
        await until(
            lambda: any(one.refusals for one in opened.daemon.recent.incidents.values()),
            "the decision",
        )

    assert shop.undone == 0


async def test_the_daemons_own_settings_need_a_restart(shop: Shop, tmp_path: Path) -> None:
    async with at_work(write_files(tmp_path, shop)) as opened:
        change(tmp_path, "grace: 10s", "grace: 20s", "daemon.yaml")
        await opened.daemon.reload()

        assert opened.daemon.refused == "the daemon's own settings changed: restart the daemon"


async def test_a_run_in_flight_keeps_the_plan_it_began_with(shop: Shop, tmp_path: Path) -> None:
    shop.hold()
    async with at_work(write_files(tmp_path, shop)) as opened:
        shop.bad = True
        await until(lambda: shop.undone == 1, "the step is under way")
        change(tmp_path, f"{shop.url}/undo", f"{shop.url}/elsewhere")
        await opened.daemon.reload()
        shop.released.set()
        await until(
            lambda: any(
                run.outcome for one in opened.daemon.recent.incidents.values() for run in one.runs
            ),
            "the run is over",
        )

        (ended,) = await opened.journal.read(kinds=[RunEnded])
        assert isinstance(ended.event, RunEnded)
        assert ended.event.outcome == "succeeded"
    assert ("POST", "/elsewhere") not in shop.asked


async def test_who_is_told_changes_with_the_file(shop: Shop, tmp_path: Path) -> None:
    async with at_work(write_files(tmp_path, shop)) as opened:
        text = (tmp_path / "shop.yaml").read_text()
        (tmp_path / "shop.yaml").write_text(text + "notify: [{on: [paged], to: [log]}]\n")
        await opened.daemon.reload()

        (rule,) = opened.daemon.targets()["shop"].notify
        assert rule.on == ("paged",)
        assert opened.daemon._rules["shop"] == (rule,)  # noqa: SLF001 (what the announcer looks at)


async def test_a_round_that_asked_what_the_old_file_says_is_not_judged_by_the_new_one(
    shop: Shop, tmp_path: Path
) -> None:
    async with at_work(write_files(tmp_path, shop)) as opened:
        (before,) = opened.daemon.service.watchers["shop"]
        change(tmp_path, "fails: 3", "fails: 5")
        await opened.daemon.reload()
        (after,) = opened.daemon.service.watchers["shop"]

        assert (before.retired, after.retired) == (True, False)


async def test_a_source_that_is_new_is_not_taken_for_one_that_stopped(
    shop: Shop, tmp_path: Path
) -> None:
    async with at_work(write_files(tmp_path, shop)) as opened:
        change(
            tmp_path,
            "signals:\n",
            f'  more: {{use: http, url: "{shop.url}/health", every: 60s}}\n'
            "signals:\n  other: {from: more}\n",
        )
        change(tmp_path, "triggers:\n", "triggers:\n  new: {signal: other, fails: 9, plan: undo}\n")
        await opened.daemon.reload()

        assert [one.name for one in opened.daemon.service.watchers["shop"]] == ["health", "more"]
        assert opened.daemon.service.stalled() == []


async def test_the_kill_switch_does_not_wait_for_a_reload(shop: Shop, tmp_path: Path) -> None:
    async with at_work(write_files(tmp_path, shop)) as opened, asyncio.TaskGroup() as tasks:
        daemon, held = opened.daemon, asyncio.Event()
        # A lane that is in the midst of a long look.
        busy = tasks.create_task(daemon.lanes["shop"].order(held.wait))
        change(tmp_path, "fails: 3", "fails: 5")
        os.kill(os.getpid(), signal.SIGHUP)
        os.kill(os.getpid(), signal.SIGUSR1)
        try:
            await until(lambda: bool(daemon.shared.ledger.killed), "the switch is thrown", 5)
            assert not busy.done()
            assert daemon.targets()["shop"].triggers[0].fails == 3
        finally:
            held.set()
