import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest

from tests.bed.wire import free_port
from watchdog.domain.errors import ConfigError, JournalError
from watchdog.web.face import MAX_LINE, Facts, serving


@dataclass
class Truth:
    """What the pages are to show; a test changes it."""

    stalled: list[str] = field(default_factory=list)
    unable: list[str] = field(default_factory=list)
    status: dict[str, Any] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    journal_fault: str = ""

    async def read_status(self) -> Mapping[str, Any]:
        return self.status

    async def read_run(self, run: str) -> Sequence[Mapping[str, Any]]:
        if self.journal_fault:
            raise JournalError(self.journal_fault)
        return [event for event in self.events if event["run"] == run]


@pytest.fixture
def truth() -> Truth:
    return Truth()


@asynccontextmanager
async def pages(truth: Truth, listen: str = "127.0.0.1:0") -> AsyncIterator[str]:
    facts = Facts(
        stalled=lambda: truth.stalled,
        unable=lambda: truth.unable,
        metrics=lambda: b"up 1\n",
        status=truth.read_status,
        run=truth.read_run,
    )
    async with serving(listen, facts) as url:
        yield url


async def fetched(
    url: str, method: str = "GET", headers: Mapping[str, str] | None = None
) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, url, headers=headers) as response,
    ):
        return response.status, await response.text()


async def test_live_as_long_as_every_source_has_its_rounds(truth: Truth) -> None:
    async with pages(truth) as url:
        assert await fetched(f"{url}/livez") == (200, "ok\n")


async def test_not_live_when_rounds_stopped_and_says_which(truth: Truth) -> None:
    truth.stalled = ["checkout/metrics: no round for 61 s"]

    async with pages(truth) as url:
        status, text = await fetched(f"{url}/livez")

    assert status == 503
    assert "checkout/metrics: no round for 61 s" in text


async def test_not_ready_when_it_could_not_act_and_says_why(truth: Truth) -> None:
    truth.unable = ["the journal cannot be written: disk full"]

    async with pages(truth) as url:
        ready, live = await fetched(f"{url}/readyz"), await fetched(f"{url}/livez")

    assert ready == (503, "it could not act:\n- the journal cannot be written: disk full\n")
    assert live[0] == 200


async def test_metrics_are_in_the_text_format(truth: Truth) -> None:
    async with (
        pages(truth) as url,
        aiohttp.ClientSession() as session,
        session.get(f"{url}/metrics") as response,
    ):
        assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        assert await response.text() == "up 1\n"


async def test_status_is_json_even_where_a_value_is_not_a_number(truth: Truth) -> None:
    truth.status = {"value": float("nan"), "list": [float("inf")], "text": "é"}

    async with pages(truth) as url:
        _, text = await fetched(f"{url}/api/v1/status")

    assert json.loads(text) == {"value": "nan", "list": ["inf"], "text": "é"}


async def test_the_events_of_a_run_are_shown_and_of_no_other(truth: Truth) -> None:
    truth.events = [{"run": "r1", "seq": 1}, {"run": "r2", "seq": 2}]

    async with pages(truth) as url:
        _, text = await fetched(f"{url}/api/v1/runs/r2")

    assert json.loads(text) == {"run": "r2", "events": [{"run": "r2", "seq": 2}]}


async def test_an_unknown_run_is_not_found(truth: Truth) -> None:
    async with pages(truth) as url:
        assert await fetched(f"{url}/api/v1/runs/none") == (
            404,
            "the journal knows no run 'none'\n",
        )


async def test_a_journal_that_cannot_be_read_is_unavailable(truth: Truth) -> None:
    truth.journal_fault = "cannot read the journal /x: disk I/O error"

    async with pages(truth) as url:
        status, text = await fetched(f"{url}/api/v1/runs/r1")

    assert (status, text) == (503, "cannot read the journal /x: disk I/O error\n")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", ["/livez", "/metrics", "/api/v1/status", "/elsewhere"])
async def test_nothing_but_reading_is_possible(truth: Truth, method: str, path: str) -> None:
    async with pages(truth) as url:
        assert (await fetched(url + path, method))[0] == 405


async def test_what_is_shown_must_not_be_kept_by_anybody(truth: Truth) -> None:
    async with (
        pages(truth) as url,
        aiohttp.ClientSession() as session,
        session.get(f"{url}/api/v1/status") as response,
    ):
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_header_without_end_is_refused(truth: Truth) -> None:
    async with pages(truth) as url:
        status, _ = await fetched(f"{url}/livez", headers={"X-Long": "x" * (MAX_LINE + 100)})

    assert status == 400


async def test_an_address_in_use_is_a_clear_error(truth: Truth) -> None:
    listen = f"127.0.0.1:{await free_port()}"

    async with pages(truth, listen):
        with pytest.raises(ConfigError, match=f"listen: {listen} cannot be had: .*in use"):
            async with pages(truth, listen):
                pass


async def test_an_idle_client_does_not_keep_it_from_ending(truth: Truth) -> None:
    async with pages(truth) as url:
        host, _, port = url.removeprefix("http://").rpartition(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET /livez HTTP/1.1\r\n")
        await writer.drain()
    writer.close()
