import json
from typing import Any

import pytest
from aiohttp import web
from pydantic import ValidationError

from tests.bed.deps import real_deps
from tests.bed.wire import free_port, web_server
from watchdog.adapters.changes.http_json import Options, plugin
from watchdog.domain.change import ChangeKind, News
from watchdog.domain.errors import StepError, TransientError

EPOCH = 1_767_225_600


async def told(body: object, status: int = 200, **options: Any) -> list[News]:  # noqa: ANN401
    text = body if isinstance(body, str) else json.dumps(body)
    asked: list[str | None] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.headers.get("Authorization"))
        return web.Response(status=status, text=text)

    async with real_deps(TOKEN="hush-hush") as deps, web_server(answer) as url:
        source = plugin.build(Options.model_validate({"url": url, **options}), deps)
        news = list(await source.news())
        await source.close()
    assert asked == ["Bearer hush-hush" if "auth" in options else None]
    return news


async def test_a_history_becomes_changes_oldest_first() -> None:
    history = {"deployments": [{"tag": "v2", "ended": EPOCH + 60}, {"tag": "v1", "ended": EPOCH}]}

    news = await told(history, list="deployments", version="tag", time="ended")

    assert news == [News("v1", EPOCH), News("v2", EPOCH + 60)]


async def test_paths_lead_into_each_entry() -> None:
    entry = {
        "image": {"tag": "v2", "was": "v1"},
        "times": ["2026-01-01T01:00:00+01:00"],
        "who": "x",
    }

    news = await told(
        [entry],
        version="image.tag",
        time="times.0",
        previous="image.was",
        by="who",
        reference="nowhere",
        kind="config",
        auth={"bearer": {"env": "TOKEN"}},
    )

    assert news == [News("v2", EPOCH, "v1", "x", ChangeKind.CONFIG)]


@pytest.mark.parametrize("time", [EPOCH, EPOCH * 1000, float(EPOCH), "2026-01-01T00:00:00Z"])
async def test_times_are_read_as_others_write_them(time: object) -> None:
    assert await told({"version": "v1", "time": time}) == [News("v1", EPOCH)]


@pytest.mark.parametrize("time", ["yesterday", "2026-01-01T00:00:00", True, [], {}])
async def test_what_is_no_time_is_no_time(time: object) -> None:
    with pytest.raises(TransientError, match="none of 1 entries"):
        await told({"version": "v1", "time": time})


async def test_an_entry_without_a_time_is_still_under_way() -> None:
    history = [{"version": "v2", "time": None}, {"version": "v1", "time": EPOCH}, {"time": 1}, 7]

    assert await told(history) == [News("v1", EPOCH)]


async def test_a_number_is_a_version_too() -> None:
    assert await told({"version": 17, "time": EPOCH}) == [News("17", EPOCH)]


@pytest.mark.parametrize("newest_first", [True, False])
async def test_of_an_endless_history_the_newest_part_is_read(newest_first: bool) -> None:
    history = [{"version": f"v{n}", "time": EPOCH + n} for n in range(5000)]

    news = await told(history[::-1] if newest_first else history)

    assert news[-1] == News("v4999", EPOCH + 4999)


async def test_a_time_that_is_no_number_hides_no_other() -> None:
    entries = [
        f'{{"version": "v{n}", "time": {EPOCH + n}}}, {{"version": "x", "time": NaN}}'
        for n in range(30)
    ]

    assert (await told(f"[{', '.join(entries)}]"))[-1] == News("v29", EPOCH + 29)


async def test_an_empty_history_tells_of_nothing() -> None:
    assert await told({"items": []}, list="items") == []


@pytest.mark.parametrize(
    ("body", "status", "why"),
    [
        ("<html>", 200, "is not JSON"),
        ("[" * 2000, 200, "is not JSON"),
        ('{"error": "no"}', 503, "503 Service Unavailable"),
        ({"other": []}, 200, "there is nothing at items"),
        ({"items": [{"tag": "v1"}]}, 200, "none of 1 entries has a version at version"),
        ("[" + "1," * 2000 + "1]", 200, "longer than"),
    ],
)
async def test_what_cannot_be_understood_says_why(body: object, status: int, why: str) -> None:
    with pytest.raises(TransientError, match=why):
        await told(body, status, list="items", max_bytes=3000)


async def test_an_address_that_does_not_answer_is_an_error() -> None:
    async with real_deps() as deps:
        url = f"http://127.0.0.1:{await free_port()}/"
        source = plugin.build(Options.model_validate({"url": url}), deps)
        with pytest.raises(StepError):
            await source.news()


@pytest.mark.parametrize(
    "options",
    [
        {"url": "ftp://x/"},
        {"url": "http://169.254.169.254/"},
        {"url": "http://x/", "list": ".."},
        {"url": "http://x/", "kind": "weather"},
        {"url": "http://x/", "verison": "tag"},
    ],
)
def test_options_that_mean_nothing_are_refused(options: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Options.model_validate(options)
