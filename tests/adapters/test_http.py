import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from tests.bed.wire import free_port, raw_server, read_request, web_server
from watchdog import __version__
from watchdog.adapters.clock import SystemClock
from watchdog.adapters.http import AioHttpClient, AnswerLostError, Failure, NotSentError, shown
from watchdog.domain.errors import InDoubtError, PermanentError, TransientError


@pytest.fixture
async def client() -> AsyncIterator[AioHttpClient]:
    async with AioHttpClient(SystemClock()) as client:
        yield client


async def test_an_answer_is_read_whole_with_its_headers_and_time(client: AioHttpClient) -> None:
    async def answer(request: web.Request) -> web.Response:
        body = await request.read()
        seen = request.headers
        return web.Response(
            status=201,
            text=f"{request.method} {body.decode()} {seen['X-Mine']} {seen['User-Agent']}",
            headers={"X-Theirs": "yes"},
        )

    async with web_server(answer) as url:
        got = await client.request(
            "PUT", url, timeout=5, headers={"X-Mine": "1"}, data="größe".encode()
        )

    assert got.status == 201
    assert got.body.decode() == f"PUT größe 1 rollback-watchdog/{__version__}"
    assert got.headers["x-theirs"] == "yes"
    assert 0 < got.elapsed < 5
    assert not got.truncated


async def test_a_redirect_is_an_answer_and_is_not_followed(client: AioHttpClient) -> None:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(status=307, headers={"Location": "/elsewhere"})

    async with web_server(answer) as url:
        got = await client.request("POST", f"{url}/here", timeout=5)

    assert got.status == 307
    assert asked == ["/here"]


async def test_an_answer_longer_than_allowed_is_cut_and_says_so(client: AioHttpClient) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=b"x" * 1_000_000)

    async with web_server(answer) as url:
        short = await client.request("GET", url, timeout=5, max_bytes=1_000)
        exact = await client.request("GET", url, timeout=5, max_bytes=1_000_000)

    assert (len(short.body), short.truncated) == (1_000, True)
    assert (len(exact.body), exact.truncated) == (1_000_000, False)


async def test_a_compressed_answer_is_not_unpacked(client: AioHttpClient) -> None:
    async def answer(request: web.Request) -> web.Response:
        assert request.headers["Accept-Encoding"] == "identity"
        response = web.Response(body=b"x" * 1_000_000)
        response.enable_compression(web.ContentCoding.gzip)
        return response

    async with web_server(answer) as url:
        got = await client.request("GET", url, timeout=5)

    assert got.body[:2] == b"\x1f\x8b"
    assert len(got.body) < 10_000


async def test_a_refused_connection_means_nothing_was_sent(client: AioHttpClient) -> None:
    port = await free_port()

    with pytest.raises(NotSentError) as caught:
        await client.request("POST", f"http://127.0.0.1:{port}/act?token=hush", timeout=5)

    assert isinstance(caught.value, TransientError)
    assert caught.value.failure is Failure.REFUSED
    assert str(caught.value).startswith(f"POST http://127.0.0.1:{port}/act: cannot connect")
    assert "hush" not in str(caught.value)


async def test_a_name_that_does_not_resolve_means_nothing_was_sent(client: AioHttpClient) -> None:
    with pytest.raises(NotSentError) as caught:
        await client.request("POST", "http://nowhere.invalid/", timeout=10)

    assert caught.value.failure is Failure.DNS


async def test_a_failed_tls_handshake_means_nothing_was_sent(client: AioHttpClient) -> None:
    async def not_tls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await writer.drain()

    async with raw_server(not_tls) as url:
        with pytest.raises(NotSentError) as caught:
            await client.request("POST", url.replace("http:", "https:"), timeout=5)

    assert caught.value.failure is Failure.TLS


async def test_no_answer_in_time_after_sending_is_in_doubt(client: AioHttpClient) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with raw_server(silent) as url:
        with pytest.raises(AnswerLostError) as caught:
            await client.request("POST", f"{url}/act", timeout=0.05, data=b"{}")

    assert isinstance(caught.value, InDoubtError)
    assert caught.value.failure is Failure.TIMEOUT
    assert "no whole answer within 0.05 s" in str(caught.value)


async def test_a_handshake_that_takes_too_long_means_nothing_was_sent(
    client: AioHttpClient,
) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with raw_server(silent) as url:
        with pytest.raises(NotSentError) as caught:
            await client.request("POST", url.replace("http:", "https:"), timeout=0.05)

    assert caught.value.failure is Failure.TIMEOUT


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
async def test_a_connection_dropped_after_the_request_is_in_doubt_and_nothing_is_sent_twice(
    client: AioHttpClient, method: str
) -> None:
    requests = 0

    async def drop(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        await read_request(reader)
        requests += 1

    async with raw_server(drop) as url:
        with pytest.raises(AnswerLostError) as caught:
            await client.request(method, url, timeout=5)

    assert caught.value.failure is Failure.LOST
    assert requests == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        b"HTTP/1.1 200 OK\r\nContent-Le",
    ],
)
async def test_a_half_answer_is_in_doubt(client: AioHttpClient, answer: bytes) -> None:
    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(answer)
        await writer.drain()

    async with raw_server(half) as url:
        with pytest.raises(AnswerLostError) as caught:
            await client.request("POST", url, timeout=5)

    assert caught.value.failure is Failure.LOST


async def test_an_answer_that_is_not_http_is_in_doubt_and_is_not_quoted(
    client: AioHttpClient,
) -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"secret token 42\r\n\r\n")
        await writer.drain()

    async with raw_server(babble) as url:
        with pytest.raises(AnswerLostError) as caught:
            await client.request("POST", url, timeout=5)

    assert caught.value.failure is Failure.GARBLED
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("method", "headers", "connections"),
    [
        ("GET", {}, 1),
        ("POST", {}, 1),
        ("POST", {"connection": "close"}, 3),
        ("PUT", {}, 3),
        ("DELETE", {}, 3),
    ],
)
async def test_a_request_that_must_not_meet_a_dying_connection_gets_its_own(
    client: AioHttpClient, method: str, headers: dict[str, str], connections: int
) -> None:
    peers = set()

    async def answer(request: web.Request) -> web.Response:
        assert request.transport is not None
        peers.add(request.transport.get_extra_info("peername"))
        return web.Response()

    async with web_server(answer) as url:
        for _ in range(3):
            await client.request(method, url, timeout=5, headers=headers)

    assert len(peers) == connections


async def test_a_header_with_a_line_break_is_refused_without_its_value(
    client: AioHttpClient,
) -> None:
    with pytest.raises(PermanentError, match="'X-Key' holds a line break") as caught:
        await client.request("GET", "http://127.0.0.1:1/", timeout=5, headers={"X-Key": "hush\n"})

    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("url", ["ftp://host/", "nonsense", "http://", "http://[::"])
async def test_what_is_no_address_of_http_is_refused(client: AioHttpClient, url: str) -> None:
    with pytest.raises(PermanentError):
        await client.request("GET", url, timeout=5)


async def test_a_client_can_be_closed_twice_and_used_again(client: AioHttpClient) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text="hello")

    async with web_server(answer) as url:
        await client.request("GET", url, timeout=5)
        await client.close()
        await client.close()
        again = await client.request("GET", url, timeout=5)

    assert again.body == b"hello"


def test_an_address_is_shown_without_what_may_be_secret() -> None:
    assert shown("https://user:hush@host:1/path?key=hush#hush") == "https://host:1/path"
    assert shown("http://[::") == "(not an address)"
