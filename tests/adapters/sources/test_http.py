import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest
from aiohttp import web
from pydantic import ValidationError

from tests.bed.deps import now, real_deps
from tests.bed.wire import free_port, raw_server, read_request, web_server
from watchdog.adapters.http import AnswerLostError, Failure, NotSentError
from watchdog.adapters.sources.http import Ask, HttpSource, Options, plugin
from watchdog.domain.errors import StepError
from watchdog.domain.moment import Moment
from watchdog.domain.observation import Gap, Observation, Sample, Unknown
from watchdog.ports import Deps, Question

YES = Sample((1.0,))


@pytest.fixture
async def deps() -> AsyncIterator[Deps]:
    async with real_deps(TOKEN="hush-hush") as deps:
        yield deps


async def look(deps: Deps, url: str, ask: dict[str, object], **options: object) -> Observation:
    source = plugin.build(Options.model_validate({"url": url, **options}), deps)
    try:
        seen = await source.observe([Question("q", Ask.model_validate(ask))], now())
    finally:
        await source.close()
    return seen["q"]


async def answered(
    deps: Deps, ask: dict[str, object], body: str = "", status: int = 200, **options: object
) -> Observation:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, text=body, headers={"Location": "/other"})

    async with web_server(answer) as url:
        return await look(deps, url, ask, **options)


@pytest.mark.parametrize(
    ("path", "body", "value"),
    [
        ("budget.used", '{"budget": {"used": 95.5}}', 95.5),
        ("0.n", '[{"n": 3}]', 3.0),
        ("..used", '{"budget": {"used": 7}}', 7.0),
        ("on", '{"on": true}', 1.0),
        ("on", '{"on": false}', 0.0),
    ],
)
async def test_a_number_is_read_from_the_json(
    deps: Deps, path: str, body: str, value: float
) -> None:
    assert await answered(deps, {"json": path}, body) == Sample((value,))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ('{"n": null}', Unknown.NODATA),
        ("{}", Unknown.NODATA),
        ('{"n": "5"}', Unknown.PARSE),
        ('{"n": [5]}', Unknown.PARSE),
        ('{"n": ' + "9" * 400 + "}", Unknown.PARSE),
        ("<html>", Unknown.PARSE),
        ("", Unknown.PARSE),
        ("[" * 100_000, Unknown.PARSE),
        ('{"a": {"n": 1}, "b": {"n": 2}}', Unknown.AMBIGUOUS),
    ],
)
async def test_what_is_no_one_number_is_a_gap(deps: Deps, body: str, reason: Unknown) -> None:
    seen = await answered(deps, {"json": "..n"}, body)

    assert isinstance(seen, Gap)
    assert seen.reason is reason


@pytest.mark.parametrize("ask", [{"json": "n"}, {"latency": True}])
@pytest.mark.parametrize("status", [302, 404, 503])
async def test_a_number_from_a_failed_request_is_a_gap(
    deps: Deps, ask: dict[str, object], status: int
) -> None:
    assert await answered(deps, ask, '{"n": 1}', status) == Gap(Unknown.HTTP, f"HTTP {status}")


async def test_an_answer_that_is_too_long_names_the_limit(deps: Deps) -> None:
    body = '{"n": 1, "rest": "' + "x" * 5_000 + '"}'

    number = await answered(deps, {"json": "n"}, body, max_bytes=2_000)
    health = await answered(deps, {"expect": {"json": {"n": 1}}}, body, max_bytes=2_000)
    status = await answered(deps, {}, body, max_bytes=2_000)

    for gap in (number, health):
        assert isinstance(gap, Gap)
        assert "longer than 2000 bytes (max_bytes)" in gap.note
    assert status == YES


async def test_the_latency_is_in_seconds(deps: Deps) -> None:
    async def slow(_: web.Request) -> web.Response:
        await asyncio.sleep(0.05)
        return web.Response()

    async with web_server(slow) as url:
        seen = await look(deps, url, {"latency": True})

    assert isinstance(seen, Sample)
    assert 0.04 < seen.values[0] < 3


@pytest.mark.parametrize(
    ("expect", "status", "body"),
    [
        ({}, 200, ""),
        ({"status": 204}, 204, ""),
        ({"status": [200, 503]}, 503, ""),
        ({"json": {"status": "healthy"}}, 200, '{"status": "healthy", "more": 1}'),
        ({"json": {"a.0": 1, "..b": False}}, 200, '{"a": [1.0], "c": {"b": false}}'),
        ({"body": "all is (well)"}, 200, "and all is (well) here"),
        ({"body_matches": "^up [0-9]+ days$"}, 200, "up 12 days"),
    ],
)
async def test_what_is_expected_is_a_yes(
    deps: Deps, expect: dict[str, object], status: int, body: str
) -> None:
    assert await answered(deps, {"expect": expect}, body, status) == YES


async def test_nothing_asked_means_the_status_200(deps: Deps) -> None:
    assert await answered(deps, {}) == YES
    assert await answered(deps, {}, status=204) == Sample((0.0,), note="HTTP 204, expected 200")


@pytest.mark.parametrize(
    ("expect", "body", "why"),
    [
        ({"json": {"status": "healthy"}}, '{"status": "ill"}', 'status is "ill", expected'),
        ({"json": {"status": "healthy"}}, "{}", "status is nothing, expected"),
        ({"json": {"status": "healthy"}}, "<html>", "the answer is not JSON"),
        ({"json": {"on": True}}, '{"on": 1}', "on is 1, expected true"),
        ({"json": {"n": 1}}, '{"n": true}', "n is true, expected 1"),
        ({"json": {"..n": 1}}, '[{"n": 1}, {"n": 1}]', "2 values at ..n"),
        ({"body": "well"}, "ill", 'the body does not hold "well"'),
        ({"body_matches": "^well$"}, "ill", 'the body does not match "^well$"'),
    ],
)
async def test_what_is_not_expected_is_a_no_with_its_reason(
    deps: Deps, expect: dict[str, object], body: str, why: str
) -> None:
    seen = await answered(deps, {"expect": expect}, body)

    assert isinstance(seen, Sample)
    assert seen.values == (0.0,)
    assert why in seen.note


async def test_a_secret_in_the_answer_does_not_reach_the_note(deps: Deps) -> None:
    seen = await answered(deps, {"expect": {"json": {"a": "b"}}}, '{"a": "the hush-hush one"}')

    assert isinstance(seen, Sample)
    assert "hush" not in seen.note


async def test_a_redirect_is_not_followed_and_is_a_no(deps: Deps) -> None:
    seen = await answered(deps, {}, status=302)

    assert seen == Sample((0.0,), note="HTTP 302, expected 200")


async def test_all_signals_share_one_request_on_a_fresh_connection(deps: Deps) -> None:
    peers = []

    async def answer(request: web.Request) -> web.Response:
        assert request.transport is not None
        peers.append(request.transport.get_extra_info("peername"))
        return web.json_response({"n": 5})

    asks: list[dict[str, object]] = [{"json": "n"}, {"latency": True}, {}]
    questions = [Question(str(n), Ask.model_validate(ask)) for n, ask in enumerate(asks)]
    async with web_server(answer) as url:
        source = HttpSource(Options(url=url), deps)
        first = await source.observe(questions, now())
        await source.observe(questions, now())
        assert await source.observe([], now()) == {}
        await source.close()

    assert set(first) == {"0", "1", "2"}
    assert len(set(peers)) == len(peers) == 2


async def test_a_connection_refused_by_loopback_is_always_a_no(deps: Deps) -> None:
    port = await free_port()
    for host in ("127.0.0.1", "localhost"):
        seen = await look(deps, f"http://{host}:{port}/", {})

        assert isinstance(seen, Sample)
        assert seen.values == (0.0,)
        assert "cannot connect" in seen.note


async def test_silence_is_a_no_for_health_and_a_gap_for_a_number(deps: Deps) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with raw_server(silent) as url:
        health = await look(deps, url, {}, timeout="100ms")
        number = await look(deps, url, {"json": "n"}, timeout="100ms")

    assert isinstance(health, Sample)
    assert health.values == (0.0,)
    assert isinstance(number, Gap)
    assert number.reason is Unknown.TIMEOUT


async def test_a_dropped_connection_is_a_no(deps: Deps) -> None:
    async def drop(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)

    async with raw_server(drop) as url:
        seen = await look(deps, url, {})

    assert isinstance(seen, Sample)
    assert seen.values == (0.0,)


async def test_a_name_that_nobody_resolves_is_our_blindness(deps: Deps) -> None:
    seen = await look(deps, "http://nowhere.invalid/", {}, timeout="10s")

    assert isinstance(seen, Gap)
    assert seen.reason is Unknown.ERROR


async def test_a_failed_tls_handshake_is_our_blindness(deps: Deps) -> None:
    async def not_tls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()

    async with raw_server(not_tls) as url:
        seen = await look(deps, url.replace("http:", "https:"), {})

    assert isinstance(seen, Gap)
    assert seen.reason is Unknown.ERROR


async def test_a_missing_secret_is_our_blindness(deps: Deps) -> None:
    seen = await look(deps, "http://127.0.0.1:1/", {}, auth={"bearer": {"env": "NOWHERE"}})

    assert seen == Gap(Unknown.ERROR, "no secret in env NOWHERE")


@dataclass
class FailingClient:
    """Fails each request as told."""

    error: StepError

    async def request(self, method: str, url: str, **_: object) -> object:
        raise self.error

    async def close(self) -> None: ...


@dataclass
class FailingTest:
    """Cannot even connect to itself."""

    async def passes(self) -> bool:
        return False

    async def close(self) -> None: ...


FAILURES = [
    (NotSentError("refused", Failure.REFUSED), True),
    (NotSentError("no route", Failure.UNREACHABLE), True),
    (NotSentError("too late", Failure.TIMEOUT), True),
    (AnswerLostError("too late", Failure.TIMEOUT), True),
    (AnswerLostError("reset", Failure.LOST), True),
    (AnswerLostError("babble", Failure.GARBLED), True),
    (NotSentError("no such name", Failure.DNS), False),
    (NotSentError("no certificate", Failure.TLS), False),
    (NotSentError("no files left", Failure.OURS), False),
]


@pytest.mark.parametrize(("error", "counts"), FAILURES)
async def test_a_failure_counts_against_a_distant_service_only_if_we_can_connect_to_ourselves(
    deps: Deps, error: StepError, *, counts: bool
) -> None:
    failing = replace(deps, http=FailingClient(error))  # type: ignore[arg-type]
    question = Question("q", Ask())
    well, ill = (HttpSource(Options(url="http://10.0.0.1/"), failing) for _ in range(2))
    ill._self_test = FailingTest()  # type: ignore[assignment] # noqa: SLF001 (ports run out for nobody here)

    seen_well = (await well.observe([question], now()))["q"]
    seen_ill = (await ill.observe([question], now()))["q"]
    await well.close()

    assert isinstance(seen_well, Sample if counts else Gap)
    assert isinstance(seen_ill, Gap)


async def test_time_out_of_a_process_that_stood_still_is_our_blindness(deps: Deps) -> None:
    @dataclass
    class JumpingClock:
        """An hour passes between any two looks at it."""

        hours: int = 0

        def now(self) -> Moment:
            self.hours += 1
            return Moment(elapsed=self.hours * 3600.0, wall=0.0)

    client = FailingClient(AnswerLostError("too late", Failure.TIMEOUT))
    jumped = replace(deps, http=client, clock=JumpingClock())  # type: ignore[arg-type]
    source = HttpSource(Options(url="http://10.0.0.1/"), jumped)

    seen = (await source.observe([Question("q", Ask())], now()))["q"]

    assert isinstance(seen, Gap)


@pytest.mark.parametrize(
    "ask",
    [
        {"json": "a", "latency": True},
        {"json": "a", "expect": {}},
        {"json": "a..b."},
        {"expect": {"json": {"": 1}}},
        {"expect": {"body_matches": "("}},
        {"expect": {"status": "fine"}},
        {"number": "a"},
    ],
)
def test_an_ask_that_cannot_work_is_refused(ask: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Ask.model_validate(ask)


@pytest.mark.parametrize(
    "options",
    [
        {"url": "checkout:8080"},
        {"url": "http://me:hush@checkout"},
        {"url": "http://checkout", "timeout": 3},
        {"url": "http://checkout", "method": "DELETE"},
        {"url": "http://checkout", "verify": False},
    ],
)
def test_options_that_cannot_work_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Options.model_validate(options)
