"""Answers that an API server gives seldom, and those of what stands before one."""

import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from aiohttp import web
from lightkube import KubeConfig

from tests.adapters.kubernetes.test_access import TOKEN, cluster, everything_said, kubeconfig
from tests.bed.wire import raw_server, read_request, web_server
from watchdog.adapters.kubernetes.access import Access, reached
from watchdog.adapters.kubernetes.api import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    KubeApi,
    MissingError,
    Patch,
)
from watchdog.adapters.kubernetes.client import Client
from watchdog.adapters.kubernetes.kinds import CONFIG_MAP, POD
from watchdog.adapters.kubernetes.refusals import UnauthorizedError, asked_to_wait
from watchdog.domain.errors import InDoubtError, PermanentError, StepError, TransientError

ROOT = Path(__file__).parents[3]
NOTHING_HAPPENED = {
    301: PermanentError,
    400: InvalidError,
    401: UnauthorizedError,
    403: ForbiddenError,
    404: MissingError,
    405: PermanentError,
    409: ConflictError,
    410: TransientError,
    413: PermanentError,
    415: InvalidError,
    422: InvalidError,
    429: TransientError,
}
# Whoever says this may have passed on what was asked before.
NOBODY_KNOWS = (500, 502, 503, 504, 507)
FORMS = ("status", "other JSON", "HTML", "nothing")


def test_the_documentation_has_each_status_and_what_a_plan_makes_of_it() -> None:
    page = (ROOT / "docs/kubernetes.md").read_text()
    _, _, answers = page.partition("### What the API server answers")
    rows = re.findall(r"^\| `(\d+)` \| .* \| ([^|]+) \|$", answers, re.MULTILINE)

    refused = {
        str(code): "tries again" if issubclass(error, TransientError) else "stops"
        for code, error in NOTHING_HAPPENED.items()
    }
    doubtful = {str(code): "looks first whether it happened" for code in NOBODY_KNOWS}
    assert dict(rows) == refused | doubtful


@asynccontextmanager
async def answering(folder: Path, handler: Any) -> AsyncIterator[KubeApi]:  # noqa: ANN401
    """The code under test, before a server that answers everything by `handler`."""
    async with web_server(handler) as base, connected(folder, base) as api:
        yield api


@asynccontextmanager
async def connected(folder: Path, server: str) -> AsyncIterator[KubeApi]:
    path = kubeconfig(folder, clusters=cluster(server=server))
    async with reached(Access(kubeconfig=str(path))) as api:
        yield api


def answer(code: int, form: str) -> web.Response:
    """One of this status, from the API server itself or from what stands before it."""
    if form == "status":
        status = {"kind": "Status", "code": code, "message": "so it is", "status": "Failure"}
        return web.json_response(status, status=code)
    if form == "other JSON":
        return web.json_response({"error": "so it is"}, status=code)
    if form == "HTML":
        return web.Response(status=code, text="<html>so it is", content_type="text/html")
    return web.Response(status=code)


async def refusals(folder: Path, code: int, form: str) -> tuple[StepError, StepError]:
    """What comes of reading, and what of writing."""

    async def handler(request: web.Request) -> web.Response:
        await request.read()
        return answer(code, form)

    async with answering(folder, handler) as api:
        with pytest.raises(StepError) as reading:
            await api.get(POD, "shop")
        with pytest.raises(StepError) as writing:
            await api.patch(CONFIG_MAP, "notes", {}, how=Patch.MERGE)
    for caught in (reading, writing):
        assert str(code) in str(caught.value)
        assert TOKEN not in everything_said(caught.value)
    return reading.value, writing.value


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("code", NOTHING_HAPPENED)
async def test_a_refusal_is_what_its_status_says_whoever_gives_it(
    code: int, form: str, tmp_path: Path
) -> None:
    reading, writing = await refusals(tmp_path, code, form)

    assert type(reading) is type(writing) is NOTHING_HAPPENED[code]


@pytest.mark.parametrize(
    ("said", "seconds"), [("7", 7), ("", 0), ("-1", 0), ("Mon, 23 Nov 2026 03:00:00 GMT", 0)]
)
async def test_who_asks_not_to_be_asked_for_a_while_is_heard(
    said: str, seconds: float, tmp_path: Path
) -> None:
    async def handler(_request: web.Request) -> web.Response:
        return web.Response(status=429, headers={"Retry-After": said})

    async with answering(tmp_path, handler) as api:
        with pytest.raises(TransientError) as busy:
            await api.get(POD, "shop")

    assert asked_to_wait(busy.value) == seconds


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("code", NOBODY_KNOWS)
async def test_after_a_servers_error_only_who_wrote_is_in_doubt(
    code: int, form: str, tmp_path: Path
) -> None:
    reading, writing = await refusals(tmp_path, code, form)

    assert type(reading) is TransientError
    assert type(writing) is InDoubtError


@pytest.mark.parametrize("head", ["", "Content-Type: application/json\r\n"])
async def test_an_error_without_head_or_body_is_understood(head: str, tmp_path: Path) -> None:
    async def talk(reader: Any, writer: Any) -> None:  # noqa: ANN401
        await read_request(reader)
        writer.write(
            f"HTTP/1.1 503 No\r\n{head}Content-Length: 0\r\nConnection: close\r\n\r\n".encode()
        )
        await writer.drain()

    async with raw_server(talk) as base, connected(tmp_path, base) as api:
        with pytest.raises(TransientError):
            await api.get(POD, "shop")
        with pytest.raises(InDoubtError):
            await api.delete(CONFIG_MAP, "notes")


@pytest.mark.parametrize("said", ["<html>Sign in", "", "[]", "null", "12", '"ok"', "{", "\ufeff{}"])
async def test_what_is_no_answer_of_an_api_server_is_no_object(said: str, tmp_path: Path) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(text=said, content_type="text/html")

    async with answering(tmp_path, handler) as api:
        with pytest.raises(TransientError, match="not that of an API server"):
            await api.get(POD, "shop")
        with pytest.raises(TransientError, match="not that of an API server"):
            await api.listed(POD)
        with pytest.raises(InDoubtError, match="not that of an API server"):
            await api.create(CONFIG_MAP, {"metadata": {"name": "notes"}})


async def test_a_server_that_is_too_slow_leaves_who_wrote_in_doubt(tmp_path: Path) -> None:
    async def talk(reader: Any, writer: Any) -> None:  # noqa: ANN401
        await reader.read()

    async with raw_server(talk) as base:
        config = KubeConfig.from_file(kubeconfig(tmp_path, clusters=cluster(server=base))).get()
        assert config is not None
        client = Client(config, None, httpx2.Timeout(0.05), "tests")
        api = KubeApi(client, base)
        with pytest.raises(TransientError, match="no answer"):
            await api.get(POD, "shop")
        with pytest.raises(InDoubtError, match="no answer"):
            await api.delete(POD, "shop")
        await api.close()


async def test_a_long_list_comes_in_pages(tmp_path: Path) -> None:
    async def handler(request: web.Request) -> web.Response:
        page = int(request.query.get("continue", "0"))
        metadata = {"resourceVersion": "7", "continue": str(page + 1) if page < 2 else ""}
        return web.json_response({"metadata": metadata, "items": [{"metadata": {"page": page}}]})

    async with answering(tmp_path, handler) as api:
        listing = await api.listed(POD)

    assert [each["metadata"]["page"] for each in listing.objects] == [0, 1, 2]
    assert listing.version == "7"


async def test_a_list_whose_next_page_is_too_old_is_asked_for_again_later(tmp_path: Path) -> None:
    async def handler(request: web.Request) -> web.Response:
        if "continue" in request.query:
            return answer(410, "status")
        metadata = {"resourceVersion": "7", "continue": "next"}
        return web.json_response({"metadata": metadata, "items": []})

    async with answering(tmp_path, handler) as api:
        with pytest.raises(TransientError, match="410"):
            await api.listed(POD)


WATCHED: dict[str, tuple[Any, type[StepError], str]] = {
    "too old": (
        {"type": "ERROR", "object": {"kind": "Status", "code": 410, "message": "too old"}},
        TransientError,
        "410 too old",
    ),
    "an error": (
        {"type": "ERROR", "object": {"kind": "Status", "code": 500, "message": "lost"}},
        TransientError,
        "500 lost",
    ),
    "no event": ({"kind": "Pod"}, TransientError, "not that of an API server"),
    "an event of nothing": (
        {"type": "ADDED", "object": None},
        TransientError,
        "not that of an API server",
    ),
    "no JSON": ("<html>", TransientError, "not that of an API server"),
}


@pytest.mark.parametrize("name", WATCHED)
async def test_a_watch_that_is_told_nonsense_breaks_off(name: str, tmp_path: Path) -> None:
    line, expected, said = WATCHED[name]

    async def handler(request: web.Request) -> web.Response:
        return lines(event("ADDED", 1), line)

    async with answering(tmp_path, handler) as api, aclosing(api.watch(POD)) as events:
        assert (await anext(events))[0] == "ADDED"
        with pytest.raises(expected, match=said):
            await anext(events)


async def test_a_watch_that_the_server_ends_goes_on_where_it_was(tmp_path: Path) -> None:
    since: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        since.append(request.query.get("resourceVersion", ""))
        return lines(event("ADDED", len(since)))

    told = []
    async with answering(tmp_path, handler) as api, aclosing(api.watch(POD, since="0")) as events:
        async for _, found in events:
            told.append(found["metadata"]["resourceVersion"])
            if len(told) == 3:
                break

    assert told == ["1", "2", "3"]
    assert since == ["0", "1", "2"]


def event(kind: str, version: int) -> Mapping[str, Any]:
    metadata = {"name": "shop", "resourceVersion": str(version)}
    return {"type": kind, "object": {"kind": "Pod", "metadata": metadata}}


def lines(*events: Any) -> web.Response:  # noqa: ANN401
    texts = [each if isinstance(each, str) else json.dumps(each) for each in events]
    return web.Response(text="".join(f"{text}\n" for text in texts))
