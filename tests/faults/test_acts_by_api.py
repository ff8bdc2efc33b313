"""Acts by the API of the real daemon: killed in between, with a journal that takes nothing."""

import asyncio
import random
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import aiohttp
import pytest

from tests.bed.acts import ANA, ANA_NEXT, BEN, TOKENS, Answer, Client, api_settings, bearer
from tests.bed.journals import execute
from tests.faults.site import TARGET, Site, Words, a_step, a_target
from watchdog.adapters.clock import SystemClock
from watchdog.domain.asking import Via
from watchdog.domain.events import (
    CommandAnswered,
    CommandReceived,
    CommandRefused,
    KillSwitchChanged,
    Paused,
    RunStarted,
)
from watchdog.domain.progress import RunEnded

# Seconds: what is promised, and what a busy machine may take on top of it.
PROMISED = 1.0
SLACK = 1.0
MANY = 80
PACE = 0.1
KILLS = 3
# The record of that kind, and no other, cannot be written.
NO_RECORD = """
CREATE TRIGGER no_record BEFORE INSERT ON events
WHEN NEW.kind = '{kind}' BEGIN SELECT RAISE(ABORT, 'no record'); END
"""


async def write(site: Site, *steps: Words, **more: object) -> Client:
    """The files of a daemon with the API, and a client for it."""
    await site.open_pages()
    site.write(a_target(site.api, *steps), **api_settings(site.folder), **more)
    return Client(f"http://{site.listen}")


@contextmanager
def held(journal: Path) -> Iterator[None]:
    """Nobody else can write to the journal, and whoever tries has to wait."""
    with closing(sqlite3.connect(journal)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


# -- the kill switch


async def test_no_step_starts_behind_the_one_under_way(site: Site) -> None:
    api = site.api
    first, mend, never = (f"{TARGET}/{name}" for name in ("first", "mend", "never"))
    client = await write(site, *[a_step(api, step) for step in (first, mend, never)])
    api.held.add(mend)
    api.bad.add(TARGET)
    async with site.at_work():
        await site.until(lambda: api.sent == [first, mend], "the second step is under way")
        answer = await client.act("kill", on=True, reason="it makes things worse")
        await site.until_event(KillSwitchChanged, on=True)
        api.release()
        ended = await site.until_event(RunEnded)

    assert answer.status == 200
    assert answer.body["notes"] == [f"run {ended.run} starts no further step"]
    assert (ended.outcome.value, api.sent) == ("stopped", [first, mend])
    assert "command of ana: it makes things worse" in ended.detail
    await site.assert_sound()


async def at_full_speed(site: Site) -> Client:
    """The files of a plan that goes on for long enough to be stopped on the way."""
    site.api.pace = PACE
    site.api.bad.add(TARGET)
    steps = [a_step(site.api, f"{TARGET}/{number}", "idempotent") for number in range(MANY)]
    return await write(site, *steps)


async def test_a_plan_at_full_speed_stops_within_a_second_though_nothing_can_be_written(
    site: Site,
) -> None:
    api, client = site.api, await at_full_speed(site)
    async with site.at_work():
        await site.until(lambda: len(api.sent) >= 5, "the plan is under way")
        for kind in ("CommandReceived", "KillSwitchChanged"):
            execute(site.journal, NO_RECORD.format(kind=kind).replace("no_record", kind))
        thrown = SystemClock().now().elapsed
        answer = await client.act("kill", on=True, reason="stop")
        await site.until(lambda: unwritable(site), "people are told")
        await site.stop()

    assert answer.status == 200
    assert api.posts()[-1].at - thrown < PROMISED + SLACK
    assert len(api.sent) < MANY


async def test_the_kill_switch_does_not_wait_for_a_disk_that_hangs(site: Site) -> None:
    api, client = site.api, await at_full_speed(site)
    async with site.at_work(), asyncio.TaskGroup() as tasks:
        await site.until(lambda: len(api.sent) >= 5, "the plan is under way")
        with held(site.journal):
            thrown = SystemClock().now()
            asked = tasks.create_task(client.act("kill", on=True, reason="stop"))
            while not await is_on(client):
                assert SystemClock().now().since(thrown) < PROMISED + SLACK
            # That the disk is locked is found out later.
            assert not unwritable(site)
            assert not asked.done()
        await site.until_event(KillSwitchChanged, on=True)
        await site.stop()

    assert asked.result().status == 200
    assert len(api.sent) < MANY


def unwritable(site: Site) -> bool:
    """Whether people were told that nothing can be recorded."""
    return any("cannot write to the journal" in page["text"] for page in site.api.told("paged"))


async def is_on(client: Client) -> bool:
    status = await client.request("GET", "/api/v1/status")
    return bool(status.body["daemon"]["kill_switch"])


# -- once


async def test_an_act_is_done_once_though_the_daemon_dies_behind_its_answer(site: Site) -> None:
    client = await write(site, a_step(site.api, f"{TARGET}/mend"))
    async with site.at_work():
        first = await client.act("rollback", key="k", target=TARGET, plan="undo", reason="x")
        await site.kill()
    async with site.at_work():
        again = await client.act("rollback", key="k", target=TARGET, plan="undo", reason="x")
        other = await client.act("rollback", key="k", target=TARGET, plan="undo", reason="y")

    assert first.status == again.status == 200
    assert again.body == first.body
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (other.status, other.body["kind"]) == (422, "key_reused")
    assert [one.run for one in await site.events(RunStarted)] == [first.body["run"]]


@pytest.mark.parametrize(("lost", "recorded"), [("CommandAnswered", ["Paused"]), ("Paused", [])])
async def test_an_act_whose_answer_was_lost_is_not_done_again_and_says_what_is_known(
    site: Site, lost: str, recorded: list[str]
) -> None:
    client = await write(site, a_step(site.api, f"{TARGET}/mend"))
    async with site.at_work():
        execute(site.journal, NO_RECORD.format(kind=lost))
        await client.act("pause", key="k", reason="x")
        await site.kill()
    execute(site.journal, "DROP TRIGGER no_record")
    async with site.at_work():
        again = await client.act("pause", key="k", reason="x")
        # What came later was not its doing.
        await client.act("pause", key="another", target=TARGET, reason="x")
        and_again = await client.act("pause", key="k", reason="x")

    assert (again.status, again.body["kind"]) == (409, "in_doubt")
    assert [one["kind"] for one in again.body["recorded"]] == recorded
    assert and_again.body == again.body
    assert len(await site.events(Paused, target="")) == len(recorded)


async def test_of_acts_asked_again_across_kills_none_is_done_twice_and_no_answer_is_taken_back(
    site: Site,
) -> None:
    client = await write(site, a_step(site.api, f"{TARGET}/mend"))
    dice = random.Random(4711)
    told: dict[str, Answer] = {}
    asked: list[str] = []
    for _ in range(KILLS):
        async with site.at_work(), asyncio.TaskGroup() as tasks:
            # What was asked of the daemon before this one, and something new.
            keys = [*asked[-5:], *(f"act {len(asked) + number}" for number in range(20))]
            asked += keys[-20:]
            for key in keys:
                tasks.create_task(asking(client, key, told))
            await asyncio.sleep(dice.uniform(0.0, 0.1))
            await site.kill()
    async with site.at_work():
        for key in asked:
            await asking(client, key, told)
    reasons = Counter(one.reason for one in await site.events(Paused))

    assert max(reasons.values()) == 1
    assert set(told) == set(asked)
    assert {key for key, answer in told.items() if answer.status == 200} <= set(reasons)
    assert {answer.status for answer in told.values()} <= {200, 409}
    # Whoever was told that it is in doubt was told what was recorded, too.
    in_doubt = {key: answer for key, answer in told.items() if answer.status == 409}
    assert all(answer.body["kind"] == "in_doubt" for answer in in_doubt.values())
    await site.assert_sound()


async def asking(client: Client, key: str, told: dict[str, Answer]) -> None:
    """Ask for a pause under `key`; whoever was told something is told that again."""
    try:
        answer = await client.act("pause", key=key.replace(" ", "-"), reason=key)
    except (aiohttp.ClientError, ValueError):
        return
    if answer.status == 503 or answer.body.get("kind") == "refused":
        return
    if key in told and told[key].status == 200:
        assert answer.body == told[key].body
    told[key] = answer


async def test_what_could_not_be_recorded_is_not_done(site: Site) -> None:
    client = await write(site, a_step(site.api, f"{TARGET}/mend"))
    async with site.at_work():
        execute(site.journal, NO_RECORD.format(kind="CommandReceived"))
        refused = await client.act("pause", key="k", reason="x")
        execute(site.journal, "DROP TRIGGER no_record")
        await site.until_ready_says(200, "ok")
        done = await client.act("pause", key="k", reason="x")

    assert (refused.status, refused.body["kind"]) == (503, "journal")
    assert done.status == 200
    assert len(await site.events(Paused)) == 1


# -- who


async def test_an_act_is_on_record_and_its_refusal_too(site: Site) -> None:
    client = await write(site, a_step(site.api, f"{TARGET}/mend"))
    async with site.at_work():
        missing = await client.post("/api/v1/acts/pause", b"{}", {})
        wrong = await client.act("pause", "a-wrong-token-0123456789", reason="x")
        scope = await client.act("kill", BEN, on=True, reason="x")
        done = await client.act("pause", BEN, target=TARGET, reason="a release")
        (site.folder / "ana").write_text("a-renewed-token-0123456789")
        old = await client.act("pause", ANA, reason="x")
        new = await client.act("resume", ANA_NEXT, target=TARGET, reason="over")
        _, audited, _ = await site.command("audit", "verify", site.file)

    statuses = [one.status for one in (missing, wrong, scope, done, old, new)]
    assert statuses == [401, 401, 403, 200, 401, 200]
    received = await site.events(CommandReceived)
    assert [(one.command, one.by, one.via) for one in received] == [
        ("pause", "ben", Via.API),
        ("resume", "ana", Via.API),
    ]
    assert [(one.by, one.status) for one in await site.events(CommandRefused)] == [("ben", 403)]
    assert [one.status for one in await site.events(CommandAnswered)] == [200, 200]
    assert "intact" in audited or "ok" in audited.lower(), audited
    await site.assert_sound()


async def test_a_token_is_found_in_nothing_that_is_written_or_shown(site: Site) -> None:
    client = await write(site, a_step(site.api, f"{TARGET}/mend"))
    async with site.at_work() as daemon:
        command_line = Path(f"/proc/{daemon.pid}/cmdline").read_bytes()
        shown = []
        for token in (ANA, ANA_NEXT, BEN):
            shown += [
                await client.act("pause", token, reason=f"I am {token}"),
                await client.act("pause", token, key=token, target=token, reason="x"),
                await client.act(token, token, reason="x"),
                await client.act("pause", token, key="k", reason="x", **{token: token}),
                await client.post(
                    "/api/v1/acts/pause", f'{{"reason": "{token}', bearer(token, "j")
                ),
                await client.act("pause", token + "x", reason=token),
            ]
        for path in ("/metrics", "/api/v1/status", "/api/v1/openapi.json", "/readyz"):
            shown.append(await client.request("GET", path))
        said = [
            await site.command(*words, site.file) for words in (["status"], ["status", "--json"])
        ]
        await site.stop()

    paths = [path for path in (site.folder / "state").rglob("*") if path.is_file()]
    texts = [command_line, repr(said).encode(), (site.folder / "daemon.log").read_bytes()]
    texts += [path.read_bytes() for path in paths]
    # Whoever shows a token may be told what they said: that is no one else's business.
    texts += [repr(one.body).encode() for one in shown if one.status == 200]
    assert len(await site.events(CommandReceived)) == 6
    assert [token for text in texts for token in TOKENS.values() if token.encode() in text] == []
