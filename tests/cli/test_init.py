"""`init` beside a real Prometheus: what it finds of a service, and what it says where it cannot."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from tests.bed.command_line import called
from tests.bed.metrics_page import MetricsPage, metrics_page
from tests.bed.prometheus import Prometheus, start_prometheus
from tests.bed.wire import free_port


@asynccontextmanager
async def scraped_shop(
    require_program: Callable[[str], str], folder: Path
) -> AsyncIterator[tuple[Prometheus, MetricsPage]]:
    program = require_program("prometheus")
    async with (
        metrics_page() as page,
        start_prometheus(program, folder, [page.target]) as server,
    ):
        yield server, page


async def test_the_first_file_is_one_that_check_accepts_and_doctor_finds_whole(
    require_program: Callable[[str], str], tmp_path: Path
) -> None:
    async with scraped_shop(require_program, tmp_path) as (server, page):
        page.count(200, 1000)
        page.count(500, 1)
        page.took(0.2, 1000)
        await server.until_number('http_requests_total{code="500"}')
        await server.until_number("rate(http_request_duration_seconds_count[1m])")
        said = await asyncio.to_thread(
            called, "init", "--prometheus", f"{server.url}/", "--rollback", "sh -c 'echo back'"
        )
        file = tmp_path / "first.yaml"
        file.write_text(said.out)
        checked = await asyncio.to_thread(called, "check", "--strict", file)
        looked = await asyncio.to_thread(called, "doctor", file)

    assert said.code == 0, said.err
    assert 'argv: ["sh", "-c", "echo back"]' in said.out
    assert 'http_requests_total{job="bed",code=~"5.."}' in said.out
    assert (checked.code, checked.err) == (0, "")
    assert "ok: target bed (alert-only): " in checked.out
    assert "WRONG" not in looked.out, looked.out
    assert looked.code == 0


async def test_a_service_that_counts_no_requests_is_told_what_was_looked_for(
    require_program: Callable[[str], str], tmp_path: Path
) -> None:
    async with scraped_shop(require_program, tmp_path) as (server, page):
        # What every program in Go counts is not its traffic.
        page.text = 'promhttp_metric_handler_requests_total{code="200"} 9\nrpc_calls_total 4\n'
        await server.until_number("rpc_calls_total")
        said = await asyncio.to_thread(called, "init", "--prometheus", server.url)
        other = await asyncio.to_thread(
            called, "init", "--prometheus", server.url, "--job", "nobody"
        )

    assert (said.code, said.out) == (2, "")
    assert "job 'bed' has no counter of requests with a label of their status" in said.err
    assert "it has: rpc_calls_total. " in said.err
    assert (other.code, other.out) == (2, "")
    assert "no job 'nobody' is scraped there; it is one of: bed" in other.err


async def test_a_prometheus_that_is_not_there_leaves_no_file() -> None:
    url = f"http://127.0.0.1:{await free_port()}"

    said = await asyncio.to_thread(called, "init", "--prometheus", url)

    assert (said.code, said.out) == (6, "")
    assert f"{url}: cannot be reached" in said.err


def test_a_wrong_word_is_told_before_anybody_is_asked() -> None:
    for words, text in (
        (("--prometheus", "localhost:9090"), "--prometheus is no address of HTTP"),
        (("--prometheus", "http://p", "--rollback", "sh -c 'open"), "--rollback: No closing"),
    ):
        said = called("init", *words)

        assert (said.code, said.out) == (2, "")
        assert text in said.err
