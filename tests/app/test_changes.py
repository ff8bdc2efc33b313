"""CI, a daemon and a shop, over real HTTP: what changed decides whether a rollback would help."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.bed.patience import until
from tests.bed.shop import Shop, a_shop
from watchdog.adapters.clock import SystemClock
from watchdog.adapters.secrets import EnvAndFileSecrets
from watchdog.app.control import Control
from watchdog.app.known_versions import known_versions
from watchdog.app.loading import Files
from watchdog.app.opening import Opened, open_daemon
from watchdog.domain.change import ChangeSeen, VersionGood, VersionQuarantined
from watchdog.domain.errors import ConfigError, WatchdogError
from watchdog.domain.events import Decided, Event, RunStarted
from watchdog.domain.progress import RunEnded

TOKEN = "kanarie-0815"
DAEMON = """\
journal: {path: state/journal.db}
listen: "127.0.0.1:0"
targets: [shop.yaml]
"""
SHOP = """\
target: shop
mode: auto
armed_by: ann
changes:
  webhook: {{token: {{env: CI_TOKEN}}}}
  from:
    - {{use: file, path: {log}, every: 200ms}}
  bake: 300ms
sources:
  health: {{use: http, url: "{url}/health", every: 100ms, timeout: 90ms}}
signals:
  healthy: {{from: health}}
triggers:
  down: {{signal: healthy, fails: 3, plan: undo, keep_firing_for: 200ms, max_gap: 20}}
plans:
  undo:
    returns_to: previous
    steps:
      - name: Undo the release
        use: http
        with: {{url: "{url}/undo", json: {{to: "{{{{ run.to_version }}}}"}}}}
        done_when: {{get: "{url}/release", json: {{bad: false}}}}
        settle: 100ms
    verify: [{{signal: healthy, is: ok, samples: 2, pause: 100ms, within: 3s}}]
    watch: {{short: 60s, long: 60s}}
limits: {{per_hour: 9, per_day: 9, cooldown: 0s}}
"""


@pytest.fixture
def shop() -> Iterator[Shop]:
    with a_shop() as shop:
        yield shop


@asynccontextmanager
async def a_daemon(folder: Path, shop: Shop) -> AsyncIterator[Opened]:
    (folder / "state").mkdir(exist_ok=True)
    log = folder / "deploys.jsonl"
    log.touch()
    (folder / "shop.yaml").write_text(SHOP.format(url=shop.url, log=log))
    (folder / "daemon.yaml").write_text(DAEMON)
    secrets = EnvAndFileSecrets({"CI_TOKEN": TOKEN})
    async with (
        open_daemon(Files([folder / "daemon.yaml"]), secrets) as opened,
        asyncio.TaskGroup() as tasks,
    ):
        tasks.create_task(opened.daemon.run(opened.open_runs))
        await opened.daemon.ready.wait()
        yield opened
        opened.daemon.service.stop("the test is over")


async def tell(
    opened: Opened, document: object, *, token: str = TOKEN, target: str = "shop"
) -> tuple[int, Any]:
    url = f"{opened.daemon.listen}/targets/{target}/changes"
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data=data, headers=headers) as response,
    ):
        text = await response.text()
        return response.status, json.loads(text) if response.status == 200 else text


async def asks(opened: Opened, version: str, target: str = "shop") -> tuple[int, Any]:
    url = f"{opened.daemon.listen}/targets/{target}/versions/{version}"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return response.status, await response.json() if response.status == 200 else None


def now() -> float:
    return SystemClock().now().wall


async def events(opened: Opened, kind: type[Event]) -> list[Any]:
    return [record.event for record in await opened.journal.read(kinds=[kind])]


async def eventually(opened: Opened, kind: type[Event], count: int = 1) -> list[Any]:
    for _ in range(2000):
        found = await events(opened, kind)
        if len(found) >= count:
            return found
        await asyncio.sleep(0.01)
    raise AssertionError(f"there never were {count} {kind.__name__}")


async def v1_is_good(opened: Opened) -> None:
    status, answer = await tell(opened, {"version": "v1", "at": now() - 9000})
    assert (status, answer["recorded"]) == (200, True)
    await eventually(opened, VersionGood)


async def test_ci_tells_of_a_release_it_breaks_and_the_one_before_is_back(
    tmp_path: Path, shop: Shop
) -> None:
    async with a_daemon(tmp_path, shop) as opened:
        await v1_is_good(opened)
        await tell(opened, {"version": "v2", "at": now(), "by": "ci", "reference": "job 7"})
        shop.bad = True
        await eventually(opened, RunEnded)

        (start,) = await events(opened, RunStarted)
        assert (start.from_version, start.to_version) == ("v2", "v1")
        assert shop.undone == 1
        status, known = await asks(opened, "v2")
        assert (status, known["standing"], known["running"]) == (200, "quarantined", False)
        assert start.run in known["why"]
        _, before = await asks(opened, "v1")
        assert (before["standing"], before["running"]) == ("good", True)

        # Somebody deploys it again: CI hears at once that it should not have.
        shop.bad = False
        _, answer = await tell(opened, {"version": "v2", "at": now()})
        assert answer["warning"].startswith("it is in quarantine since")


async def test_what_was_broken_before_the_release_is_not_undone(tmp_path: Path, shop: Shop) -> None:
    async with a_daemon(tmp_path, shop) as opened:
        await v1_is_good(opened)
        shop.bad = True
        await eventually(opened, Decided)
        await tell(opened, {"version": "v2", "at": now()})
        await eventually(opened, Decided, 2)

        refusals = [decided.refusal for decided in await events(opened, Decided)]
        assert refusals == ["no_recent_change", "breach_before_change"]
        assert shop.undone == 0


async def test_a_line_in_a_file_is_told_once_also_after_a_restart(
    tmp_path: Path, shop: Shop
) -> None:
    at = now()
    async with a_daemon(tmp_path, shop) as opened:
        (tmp_path / "deploys.jsonl").write_text(json.dumps({"version": "v1", "at": at}) + "\n")
        await eventually(opened, ChangeSeen)
        assert (await tell(opened, {"version": "v1", "at": at}))[1]["recorded"] is False
    async with a_daemon(tmp_path, shop) as opened:
        with (tmp_path / "deploys.jsonl").open("a") as file:
            file.write(json.dumps({"version": "v2", "at": at + 1}) + "\n")
        await eventually(opened, ChangeSeen, 2)

        told = [seen.version for seen in await events(opened, ChangeSeen)]
        assert told == ["v1", "v2"]


async def test_the_same_news_without_a_time_is_recorded_once(tmp_path: Path, shop: Shop) -> None:
    async with a_daemon(tmp_path, shop) as opened:
        answers = [(await tell(opened, {"version": "v1"}))[1]["recorded"] for _ in range(3)]

        assert answers == [True, False, False]


@pytest.mark.parametrize("target", ["shop", "nobody"])
@pytest.mark.parametrize("token", ["", "wrong", TOKEN + "x"])
async def test_a_stranger_tells_nothing_and_learns_nothing(
    tmp_path: Path, shop: Shop, token: str, target: str
) -> None:
    async with a_daemon(tmp_path, shop) as opened:
        status, _ = await tell(opened, {"version": "v1"}, token=token, target=target)

        assert status == 401
        assert await events(opened, ChangeSeen) == []


@pytest.mark.parametrize(
    ("document", "status"),
    [
        (b"{", 400),
        (b"[]", 400),
        ({}, 400),
        ({"version": "-rf"}, 400),
        ({"version": "v1", "at": "yesterday"}, 400),
        ({"version": "v1", "at": "2026-01-01T00:00:00"}, 400),
        ({"version": "v1", "at": 9e10}, 400),
        ({"version": "v1", "kind": "weather"}, 400),
        ({"version": "v1", "verison": "v2"}, 400),
        (b'{"version": "' + b"x" * 9000 + b'"}', 413),
    ],
)
async def test_what_is_no_change_is_refused_with_its_reason(
    tmp_path: Path, shop: Shop, document: object, status: int
) -> None:
    async with a_daemon(tmp_path, shop) as opened:
        answered, text = await tell(opened, document)

        assert answered == status
        assert text.strip()
        assert await events(opened, ChangeSeen) == []


async def test_the_page_knows_what_it_does_not_know(tmp_path: Path, shop: Shop) -> None:
    async with a_daemon(tmp_path, shop) as opened:
        status, known = await asks(opened, "release/7")

        assert (status, known["standing"]) == (200, "unknown")
        assert known["version"] == "release/7"
        assert (await asks(opened, "v1", target="nobody"))[0] == 404


async def test_a_person_releases_a_version_and_says_why(tmp_path: Path, shop: Shop) -> None:
    async with a_daemon(tmp_path, shop) as opened:
        await opened.journal.append(VersionQuarantined("shop", "v2", "r1", "down fires"))
        control = Control(opened.daemon)
        said = {"target": "shop", "version": "v2", "by": "ann", "reason": "it was the disk"}
        await until(opened.daemon.ready.is_set, "the daemon is ready")

        answer = await control.obey("release-version", said, 0)

        assert answer["done"] == "v2 of target shop is released by ann"
        assert (await asks(opened, "v2"))[1]["standing"] == "unknown"
        with pytest.raises(WatchdogError, match="not quarantined"):
            await control.obey("release-version", said, 0)
        with pytest.raises(ConfigError, match="no target"):
            await control.obey("release-version", {**said, "target": "x"}, 0)


async def test_the_journal_alone_lists_the_versions(tmp_path: Path, shop: Shop) -> None:
    async with a_daemon(tmp_path, shop) as opened:
        await tell(opened, {"version": "v1", "at": now() - 60})
        await tell(opened, {"version": "v2", "at": now() - 30})

        found = await known_versions(tmp_path / "state/journal.db")

        assert [(one["version"], one["running"]) for one in found["shop"]] == [
            ("v2", True),
            ("v1", False),
        ]


async def test_the_token_is_nowhere_to_be_found(tmp_path: Path, shop: Shop) -> None:
    async with a_daemon(tmp_path, shop) as opened:
        await tell(opened, {"version": "v1"})
        await tell(opened, {"version": "v1"}, token=TOKEN + "x")

    for file in (tmp_path / "state").iterdir():
        assert TOKEN.encode() not in file.read_bytes()
