import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from aiohttp import web
from pydantic import ValidationError

from tests.bed.deps import now, real_deps
from tests.bed.wire import free_port, raw_server, read_request, web_server
from watchdog.adapters.sources.prometheus import Ask, Options, PrometheusSource, plugin
from watchdog.adapters.turns import SharedTurns
from watchdog.domain.moment import Moment
from watchdog.domain.observation import Gap, Observation, Sample, Unknown
from watchdog.ports import Deps, Question

AT = Moment(elapsed=50.0, wall=1_763_800_000.5)
MEMBER = re.compile(r'"__trigger__","(\d+)"')


@dataclass
class FakePrometheus:
    """Answers every member with its number in the batch, and says no to what holds a word."""

    url: str = ""
    refuses: set[str] = field(default_factory=set)
    most_members: int = 1_000
    warnings: list[str] = field(default_factory=list)
    warns_of: str = ""
    histogram: str = ""
    forms: list[dict[str, str]] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)

    @property
    def queries(self) -> list[str]:
        return [form["query"] for form in self.forms]

    async def answer(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.forms.append(form)
        self.headers.append(request.headers)
        members = MEMBER.findall(form["query"])
        if len(members) > self.most_members:
            return self.error("too many samples")
        for word in self.refuses:
            if word in form["query"]:
                return self.error(f"{word} is duplicate")
        warnings = list(self.warnings)
        if self.warns_of and self.warns_of in form["query"]:
            warnings.append(f"{self.warns_of} might not be a counter")
        result = [{"metric": {"__trigger__": m}, "value": [1, f"{m}.5"]} for m in members]
        if self.histogram and self.histogram in form["query"]:
            result.append({"metric": {"__trigger__": members[-1]}, "histogram": [1, {}]})
        return web.json_response(
            {
                "status": "success",
                "data": {"resultType": "vector", "result": result},
                "warnings": warnings,
            }
        )

    def error(self, text: str) -> web.Response:
        error = {"status": "error", "errorType": "execution", "error": text}
        return web.json_response(error, status=422)


@pytest.fixture
async def deps() -> AsyncIterator[Deps]:
    async with real_deps(TOKEN="hush") as deps:
        yield deps


@pytest.fixture
async def fake() -> AsyncIterator[FakePrometheus]:
    fake = FakePrometheus()
    async with web_server(fake.answer) as url:
        fake.url = url
        yield fake


def source(url: str, deps: Deps, **options: object) -> PrometheusSource:
    return plugin.build(Options.model_validate({"url": url, **options}), deps)  # type: ignore[return-value]


def questions(*names: str) -> list[Question]:
    return [Question(name, Ask(query=f"sum({name})")) for name in names]


async def observe(
    source: PrometheusSource, asked: Sequence[Question], at: Moment = AT
) -> Mapping[str, Observation]:
    seen = await source.observe(asked, at)
    assert set(seen) == {question.id for question in asked}
    return seen


def values(seen: Mapping[str, Observation]) -> dict[str, object]:
    return {name: one.values if isinstance(one, Sample) else one.note for name, one in seen.items()}


async def test_the_time_is_the_slots_less_the_offset_whatever_the_clock_says(
    fake: FakePrometheus, deps: Deps
) -> None:
    await observe(source(f"{fake.url}/", deps, query_offset="30s", timeout="2s"), questions("a"))

    assert fake.forms[0]["time"] == "1763799970.500"
    assert fake.forms[0]["timeout"] == "1.800"


async def test_many_questions_share_a_request(fake: FakePrometheus, deps: Deps) -> None:
    asked = questions(*(f"q{n}" for n in range(60)))

    seen = await observe(source(fake.url, deps, batch=25), asked)

    assert len(fake.forms) == 3
    # Each question has two members: its freshness, and then its number.
    assert seen["q0"] == Sample((1.5,), age=0.5)
    assert seen["q24"] == Sample((49.5,), age=48.5)
    assert seen["q25"] == Sample((1.5,), age=0.5)


async def test_a_thousand_ratios_with_their_volume_and_freshness_are_twenty_requests_a_round(
    fake: FakePrometheus, deps: Deps
) -> None:
    asked = [
        Question(f"q{n}", Ask(query=f"sum(bad{n}) / sum(all{n})", volume=f"sum(all{n})"))
        for n in range(1_000)
    ]
    one = source(fake.url, deps)

    for _ in range(3):
        seen = await observe(one, asked)

    assert len(seen) == 1_000
    assert len(fake.forms) == 3 * 20


async def test_no_question_needs_no_request(fake: FakePrometheus, deps: Deps) -> None:
    await observe(source(fake.url, deps), [])

    assert fake.forms == []


async def test_warnings_stand_with_every_answer_of_the_batch(
    fake: FakePrometheus, deps: Deps
) -> None:
    fake.warnings = ["a store is missing"]

    seen = await observe(source(fake.url, deps), questions("a", "b"))

    for sample in seen.values():
        assert isinstance(sample, Sample)
        assert sample.warnings == ("a store is missing",)


async def test_a_warning_that_all_repeat_is_asked_about_once(
    fake: FakePrometheus, deps: Deps
) -> None:
    asking, asked = source(fake.url, deps), questions("a", "b")
    requests = []

    for warnings in (["one store"], ["one store"], ["another"], [], ["another"], ["another"]):
        fake.forms.clear()
        fake.warnings = warnings
        seen = await observe(asking, asked)
        for sample in seen.values():
            assert isinstance(sample, Sample)
            assert sample.warnings == tuple(warnings)
        requests.append(len(fake.forms))

    assert requests == [3, 1, 3, 1, 3, 1]


async def test_the_warning_of_one_query_is_kept_away_from_the_others(
    fake: FakePrometheus, deps: Deps
) -> None:
    asking, asked = source(fake.url, deps), questions("a", "bad", "c")
    fake.warns_of = "bad"
    requests = []

    for round_ in range(9):
        fake.forms.clear()
        fake.warns_of = "bad" if round_ < 5 else ""
        seen = await observe(asking, asked)
        warned = {name for name, one in seen.items() if isinstance(one, Sample) and one.warnings}
        assert warned == ({"bad"} if round_ < 5 else set())
        requests.append(len(fake.forms))

    assert requests == [4, 2, 2, 2, 2, 2, 2, 2, 1]


async def test_a_native_histogram_spoils_no_answer_but_its_own(
    fake: FakePrometheus, deps: Deps
) -> None:
    asking, asked = source(fake.url, deps), questions("a", "bad", "c")
    fake.histogram = "bad"

    for requests in (4, 2, 2):
        fake.forms.clear()
        seen = await observe(asking, asked)
        assert isinstance(seen["a"], Sample)
        assert isinstance(seen["c"], Sample)
        gap = seen["bad"]
        assert isinstance(gap, Gap)
        assert gap.reason is Unknown.PARSE
        assert "native histogram" in gap.note
        assert len(fake.forms) == requests


async def test_the_headers_carry_the_tenant_and_the_secret_as_it_is_now(
    fake: FakePrometheus, deps: Deps
) -> None:
    asking = source(
        fake.url, deps, headers={"X-Scope-OrgID": "team"}, auth={"bearer": {"env": "TOKEN"}}
    )

    await observe(asking, questions("a"))

    assert fake.headers[0]["X-Scope-OrgID"] == "team"
    assert fake.headers[0]["Authorization"] == "Bearer hush"


async def test_a_missing_secret_is_a_gap_that_names_it(fake: FakePrometheus, deps: Deps) -> None:
    asking = source(fake.url, deps, auth={"bearer": {"env": "NOWHERE"}})

    assert await observe(asking, questions("a")) == {
        "a": Gap(Unknown.ERROR, "no secret in env NOWHERE")
    }
    assert fake.forms == []


async def test_what_spoils_a_batch_is_found_in_the_same_round(
    fake: FakePrometheus, deps: Deps
) -> None:
    fake.refuses = {"bad"}

    seen = await observe(source(fake.url, deps), questions("a", "bad", "c"))

    assert values(seen) == {"a": (1.5,), "bad": "execution: bad is duplicate", "c": (1.5,)}
    assert len(fake.forms) == 4


async def test_the_culprit_is_asked_alone_until_three_good_answers_in_a_row(
    fake: FakePrometheus, deps: Deps
) -> None:
    asking, asked = source(fake.url, deps), questions("a", "bad", "c")
    fake.refuses = {"bad"}
    await observe(asking, asked)
    requests = []

    for round_ in range(6):
        fake.forms.clear()
        fake.refuses = {"bad"} if round_ < 2 else set()
        seen = await observe(asking, asked)
        assert isinstance(seen["a"], Sample)
        requests.append(len(fake.forms))

    assert requests == [2, 2, 2, 2, 2, 1]


async def test_members_that_are_too_much_together_are_asked_alone(
    fake: FakePrometheus, deps: Deps
) -> None:
    asking, asked = source(fake.url, deps), questions("a", "b", "c")
    fake.most_members = 2
    await observe(asking, asked)
    fake.forms.clear()

    seen = await observe(asking, asked)

    assert values(seen) == {"a": (1.5,), "b": (1.5,), "c": (1.5,)}
    assert len(fake.forms) == 3


async def test_where_none_goes_well_alone_nobody_is_kept_out(
    fake: FakePrometheus, deps: Deps
) -> None:
    asking, asked = source(fake.url, deps), questions("a", "b", "c")
    fake.refuses = {"sum"}
    await observe(asking, asked)
    fake.refuses = set()
    fake.forms.clear()

    seen = await observe(asking, asked)

    assert values(seen) == {"a": (1.5,), "b": (3.5,), "c": (5.5,)}
    assert len(fake.forms) == 1


async def test_a_question_may_insist_on_a_request_of_its_own(
    fake: FakePrometheus, deps: Deps
) -> None:
    lone = Question("lone", Ask(query="sum(lone)", batch=False))

    await observe(source(fake.url, deps), [*questions("a", "b"), lone])

    assert sorted("lone" in query for query in fake.queries) == [False, True]


async def test_a_connection_that_dies_is_tried_once_more(deps: Deps) -> None:
    requests = 0
    body = json.dumps({"status": "success", "data": {"resultType": "vector", "result": []}})

    async def die_first(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        await read_request(reader)
        requests += 1
        if requests > 1:
            writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
            await writer.drain()

    async with raw_server(die_first) as url:
        seen = await observe(source(url, deps), questions("a"))

    assert seen == {"a": Sample(())}
    assert requests == 2


async def test_the_servers_clock_is_compared_with_ours(deps: Deps) -> None:
    date = "Sat, 22 Nov 2025 08:26:40 GMT"

    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=500, headers={"Date": date})

    async with web_server(answer) as url:
        asking = source(url, deps)
        assert asking.skew_seconds is None
        await observe(asking, questions("a"))
        assert asking.skew_seconds == pytest.approx(1_763_800_000 - now().wall, abs=5)

        date = "no date"
        await observe(asking, questions("a"))
        assert asking.skew_seconds == pytest.approx(1_763_800_000 - now().wall, abs=5)


@dataclass
class LaterClock:
    """The real clock, and some seconds."""

    later: float = 0.0

    def now(self) -> Moment:
        return now().after(self.later)


async def test_what_a_source_said_of_the_clock_counts_for_five_minutes(deps: Deps) -> None:
    # A source that only a plan's check asks is not asked again for days.
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=500, headers={"Date": "Sat, 22 Nov 2025 08:26:40 GMT"})

    clock = LaterClock()
    async with web_server(answer) as url:
        asking = source(url, replace(deps, clock=clock))
        await observe(asking, questions("a"))
        assert asking.skew_seconds is not None

    clock.later = 290.0
    assert asking.skew_seconds is not None
    clock.later = 301.0
    assert asking.skew_seconds is None


Lie = Callable[[web.Request], Any]
TEN_MEGABYTES = b" " * 10_000_000


@pytest.mark.parametrize(
    ("status", "body", "reason", "note"),
    [
        (200, b"<html>Sign in</html>", Unknown.PARSE, "not JSON (text/html"),
        (502, b"<html>Bad Gateway</html>", Unknown.HTTP, "HTTP 502"),
        (401, b"", Unknown.HTTP, "HTTP 401"),
        (302, b"", Unknown.HTTP, "HTTP 302"),
        (200, b"", Unknown.PARSE, "not JSON"),
        (200, b'{"status":"success"}', Unknown.PARSE, "not an answer"),
        (200, TEN_MEGABYTES, Unknown.PARSE, "4194304 bytes (max_bytes)"),
    ],
)
async def test_a_lie_is_a_gap_with_its_reason(
    deps: Deps, status: int, body: bytes, reason: Unknown, note: str
) -> None:
    headers = {"Content-Type": "text/html", "Location": "http://x.invalid"}

    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, body=body, headers=headers)

    async with web_server(answer) as url:
        seen = await observe(source(url, deps), questions("a", "b"))

    for gap in seen.values():
        assert isinstance(gap, Gap)
        assert gap.reason is reason
        assert note in gap.note


async def test_silence_is_a_gap_after_the_timeout_for_all_at_once(deps: Deps) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    asked = questions(*(f"q{n}" for n in range(30)))
    async with raw_server(silent) as url, asyncio.timeout(5):
        seen = await observe(source(url, deps, batch=1, timeout="100ms"), asked)

    for gap in seen.values():
        assert isinstance(gap, Gap)
        assert gap.reason is Unknown.TIMEOUT
        assert "no whole answer within 0.1 s" in gap.note


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (b"", Unknown.ERROR),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{", Unknown.ERROR),
        (b"\x16\x03\x01 hello\r\n\r\n", Unknown.PARSE),
    ],
)
async def test_a_broken_answer_is_a_gap(deps: Deps, sent: bytes, reason: Unknown) -> None:
    async def broken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(sent)
        await writer.drain()

    async with raw_server(broken) as url:
        seen = await observe(source(url, deps), questions("a"))

    gap = seen["a"]
    assert isinstance(gap, Gap)
    assert gap.reason is reason


async def test_nobody_there_is_a_gap_that_says_where(deps: Deps) -> None:
    port = await free_port()

    seen = await observe(source(f"http://127.0.0.1:{port}", deps), questions("a"))

    gap = seen["a"]
    assert isinstance(gap, Gap)
    assert gap.reason is Unknown.ERROR
    assert f"POST http://127.0.0.1:{port}/api/v1/query: cannot connect" in gap.note


@pytest.mark.parametrize("query", ["sum(", "x[5m]", '"text"', "x" * 10_000, "brand_new(x)"])
def test_a_query_that_can_never_be_decided_is_refused_at_load(query: str) -> None:
    for written in ({"query": query}, {"query": "sum(x)", "volume": query}):
        with pytest.raises(ValidationError):
            Ask.model_validate(written)


def test_the_speed_divides_the_ranges_of_both_queries() -> None:
    ask = Ask.model_validate(
        {"query": "sum(rate(x[5m]))", "volume": "sum(increase(x[5m]))"}, context={"speed": 60}
    )

    assert ask.query == "sum(rate(x[5s]))"
    assert ask.volume == "sum(increase(x[5s]))"


def test_what_is_only_doubtful_is_told_by_check() -> None:
    doubtful = Ask(query="x > 1", volume="x")

    assert [text.split()[0] for text in doubtful.warnings()] == ["query", "volume"]
    assert Ask(query="sum(x)").warnings() == []


@pytest.mark.parametrize(
    "options",
    [
        {"url": "prometheus:9090"},
        {"url": "http://me:hush@prometheus"},
        {"url": "http://p", "timeout": "0s"},
        {"url": "http://p", "timeout": 5},
        {"url": "http://p", "batch": 51},
        {"url": "http://p", "batch": 0},
        {"url": "http://p", "retries": 3},
    ],
)
def test_options_that_cannot_work_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Options.model_validate(options)


async def test_all_targets_together_ask_one_server_only_so_much_at_once(deps: Deps) -> None:
    under_way, most, asked = 0, 0, 0

    async def answer(_: web.Request) -> web.Response:
        nonlocal under_way, most, asked
        under_way, asked = under_way + 1, asked + 1
        most = max(most, under_way)
        await asyncio.sleep(0.01)
        under_way -= 1
        return web.json_response(
            {"status": "success", "data": {"resultType": "vector", "result": []}}
        )

    shared = replace(deps, turns=SharedTurns())
    async with web_server(answer) as url:
        targets = [source(url, shared, batch=1) for _ in range(6)]
        await asyncio.gather(*(observe(one, questions("a", "b", "c", "d")) for one in targets))

    assert asked == 24
    assert 1 < most <= 8
