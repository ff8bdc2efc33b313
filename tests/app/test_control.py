"""What people may ask of a daemon, asked of one in this process."""

import asyncio
import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.bed.patience import until
from tests.bed.shop import Shop, a_shop, write_files
from tests.bed.shop_at_work import at_work, two_targets
from watchdog.adapters.secrets import EnvAndFileSecrets
from watchdog.app.control import Control
from watchdog.app.loading import Files
from watchdog.app.opening import Opened, open_daemon
from watchdog.domain.approval import Approval
from watchdog.domain.errors import ConfigError, WatchdogError
from watchdog.domain.events import CommandReceived, LatchCleared, Paused, Resumed, RunStarted
from watchdog.domain.requests import ApprovalGranted, ApprovalRequested
from watchdog.domain.trigger import Severity

UID = 4711


@pytest.fixture
def shop() -> Iterator[Shop]:
    with a_shop() as shop:
        yield shop


async def asked(control: Control, command: str, **arguments: object) -> Mapping[str, Any]:
    return await control.obey(command, arguments, UID)


async def events(opened: Opened, *kinds: type) -> list[object]:
    return [record.event for record in await opened.journal.read(kinds=kinds)]


async def test_a_command_is_on_record_before_what_it_does(shop: Shop, tmp_path: Path) -> None:
    async with at_work(write_files(tmp_path, shop)) as opened:
        await asked(opened.control, "pause", target="shop", by=" Ann ", reason="a release")
        await asked(opened.control, "resume", target="shop", by="Ann")

        assert await events(opened, CommandReceived, Paused, Resumed) == [
            CommandReceived("pause", UID, "Ann", "shop: a release"),
            Paused("shop", "Ann", "a release", None),
            CommandReceived("resume", UID, "Ann", "shop"),
            Resumed("shop", "Ann"),
        ]


async def test_a_command_that_is_refused_is_on_record_all_the_same(
    shop: Shop, tmp_path: Path
) -> None:
    async with at_work(write_files(tmp_path, shop)) as opened:
        with pytest.raises(WatchdogError, match="nothing to clear"):
            await asked(opened.control, "clear", target="shop", by="Ann", assessment="fine")

        assert await events(opened, CommandReceived, LatchCleared) == [
            CommandReceived("clear", UID, "Ann", "shop: fine")
        ]


@pytest.mark.parametrize(
    ("command", "arguments", "text"),
    [
        ("dance", {}, "there is no command 'dance'; there are: status, run, pause"),
        ("pause", {"by": "Ann"}, "pause: reason: is missing"),
        ("pause", {"by": "", "reason": "x"}, "pause: by: must not be empty"),
        ("pause", {"by": "Ann", "reason": "x", "all": True}, "pause: all: is not known"),
        ("clear", {"target": "shop", "by": "Ann"}, "clear: assessment: is missing"),
        ("pause", {"by": "Ann", "reason": "x", "until": 1.0}, "until: 1970-01-01T00:00:01Z is"),
        ("pause", {"by": "Ann", "reason": "x", "until": float("nan")}, "pause: until: "),
        (
            "rollback",
            {"target": "shop", "plan": "redo", "by": "Ann", "reason": "x"},
            "target shop has no plan 'redo'; there are: undo",
        ),
    ],
)
async def test_a_command_that_is_wrong_says_what(
    shop: Shop, tmp_path: Path, command: str, arguments: dict[str, object], text: str
) -> None:
    async with at_work(write_files(tmp_path, shop)) as opened:
        with pytest.raises(ConfigError) as caught:
            await asked(opened.control, command, **arguments)

    assert text in str(caught.value)


async def test_reading_leaves_no_trace_in_the_journal(shop: Shop, tmp_path: Path) -> None:
    async with at_work(write_files(tmp_path, shop)) as opened:
        before = await opened.journal.head()
        await asked(opened.control, "status")
        await asked(opened.control, "run", run="none")

        assert await opened.journal.head() == before


async def test_the_status_says_what_preflight_finds(shop: Shop, tmp_path: Path) -> None:
    file = write_files(tmp_path, shop)
    target = tmp_path / "shop.yaml"
    target.write_text(
        target.read_text()
        .replace(f'{{url: "{shop.url}/undo"}}', '{argv: ["no-such-tool"]}')
        .replace("use: http\n        with", "use: command\n        with")
    )
    async with at_work(file) as opened:
        (shown,) = (await opened.control.status())["targets"]

    (refusal,) = shown["refusals"]
    assert shown["would_act"] is False
    assert refusal["reason"] == "preflight_failed"
    assert "no-such-tool" in refusal["detail"]


async def test_a_plan_that_could_not_run_is_not_started(shop: Shop, tmp_path: Path) -> None:
    file = write_files(tmp_path, shop)
    target = tmp_path / "shop.yaml"
    target.write_text(
        target.read_text().replace('/undo"}', '/undo", auth: admin}')
        + "auth:\n  admin: {bearer: {env: NO_SUCH_TOKEN}}\n"
    )
    async with at_work(file) as opened:
        with pytest.raises(WatchdogError, match=r"plan undo was not started: .*NO_SUCH_TOKEN"):
            await asked(opened.control, "rollback", target="shop", plan="undo", by="A", reason="x")

    assert shop.undone == 0


async def test_a_pause_of_all_holds_for_each_and_one_alone_cannot_lift_it(
    shop: Shop, tmp_path: Path
) -> None:
    async with at_work(two_targets(tmp_path, shop)) as opened:
        await asked(opened.control, "pause", by="Ann", reason="a drill")
        assert [one["would_act"] for one in (await opened.control.status())["targets"]] == [
            False,
            False,
        ]
        with pytest.raises(WatchdogError, match="`resume` without a target lifts that"):
            await asked(opened.control, "resume", target="shop", by="Ann")

        answer = await asked(opened.control, "resume", by="Ann")
        assert answer["notes"] == ["target shop would act now", "target other would act now"]


async def test_many_commands_at_once_wait_for_each_other_and_end(
    shop: Shop, tmp_path: Path
) -> None:
    async with at_work(two_targets(tmp_path, shop)) as opened, asyncio.timeout(20):
        async with asyncio.TaskGroup() as tasks:
            for number in range(10):
                target = (None, "shop", "other")[number % 3]
                command = asked(opened.control, "pause", target=target, by="Ann", reason="x")
                tasks.create_task(_alone(command))

        assert len(await events(opened, Paused)) == 10


async def _alone(command: Any) -> None:  # noqa: ANN401 (a coroutine)
    await command


async def test_nobody_is_obeyed_before_it_has_started(shop: Shop, tmp_path: Path) -> None:
    async with open_daemon(Files([write_files(tmp_path, shop)]), EnvAndFileSecrets({})) as opened:
        for command in ("pause", "resume", "clear", "rollback"):
            arguments = {
                "pause": {"reason": "x"},
                "resume": {},
                "clear": {"target": "shop", "assessment": "x"},
                "rollback": {"target": "shop", "plan": "undo", "reason": "x"},
            }[command]
            with pytest.raises(WatchdogError, match="still starting"):
                await asked(opened.control, command, by="Ann", **arguments)
        assert (await opened.control.status())["daemon"]["unable"] == ["it has not started yet"]


async def test_a_second_run_beside_one_in_its_steps_is_refused(shop: Shop, tmp_path: Path) -> None:
    shop.hold()
    wish = {"target": "shop", "plan": "undo", "by": "Ann", "reason": "x"}
    async with at_work(write_files(tmp_path, shop)) as opened:
        await asked(opened.control, "rollback", **wish)
        await until(lambda: shop.undone == 1, "the step is under way")

        with pytest.raises(WatchdogError, match="only one run a target at a time"):
            await asked(opened.control, "rollback", **wish)
        shop.released.set()

    assert shop.undone == 1


async def test_the_events_of_a_run_are_plain_json_behind_a_number(
    shop: Shop, tmp_path: Path
) -> None:
    wish = {"target": "shop", "plan": "undo", "by": "Ann", "reason": "x"}
    async with at_work(write_files(tmp_path, shop)) as opened:
        run = (await asked(opened.control, "rollback", **wish))["run"]
        shown = (await asked(opened.control, "run", run=run))["events"]
        later = (await asked(opened.control, "run", run=run, after=shown[0]["seq"]))["events"]

    assert shown[0]["kind"] == "RunStarted"
    assert json.loads(json.dumps(shown))[0]["event"]["by"] == "Ann"
    assert later[: len(shown) - 1] == shown[1:]


async def test_the_kill_switch_is_not_released_by_word_while_its_file_exists(
    shop: Shop, tmp_path: Path
) -> None:
    async with at_work(write_files(tmp_path, shop)) as opened:
        kill_file = tmp_path / "state/KILL"
        kill_file.touch()
        await until(lambda: bool(opened.daemon.shared.ledger.killed), "the file is seen")

        with pytest.raises(WatchdogError, match=f"{kill_file} exists: remove it"):
            await asked(opened.control, "kill", on=False, by="Ann", reason="x")


async def test_commands_are_counted(shop: Shop, tmp_path: Path) -> None:
    async with at_work(write_files(tmp_path, shop)) as opened:
        await asked(opened.control, "pause", by="Ann", reason="x")

        page = opened.daemon.metrics.render().decode()
        assert 'watchdog_commands_total{command="pause"} 1.0' in page
        assert 'watchdog_target_refused{reason="paused",target="shop"} 1.0' in page


@pytest.mark.parametrize("watching", [True, False])
async def test_what_was_granted_starts_in_a_daemon_and_not_beside_somebodys_own_run(
    shop: Shop, tmp_path: Path, *, watching: bool
) -> None:
    file = write_files(tmp_path, shop)
    async with (
        open_daemon(Files([file]), EnvAndFileSecrets({}), faceless=True) as opened,
        asyncio.TaskGroup() as tasks,
    ):
        plan, now = opened.daemon.lanes["shop"].target.plans["undo"], time.time()
        request = ApprovalRequested(
            "ask-1", "shop", "", "undo", plan.hash, "", "", Severity.WARNING,
            Approval(people=1), now + 900, by="ann",
        )  # fmt: skip
        granted = ApprovalGranted("ask-1", "shop", "", "undo", plan.hash, ("bob",))
        await opened.journal.append(request, granted)
        tasks.create_task(opened.daemon.run([], watching=watching))
        await opened.daemon.ready.wait()
        started = await events(opened, RunStarted)
        opened.daemon.service.stop("the test is over")

    assert len(started) == watching
