import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.bed.alertmanager import start_alertmanager
from tests.bed.deps import now, real_deps
from tests.bed.wire import web_server
from watchdog.adapters.silences import silences_about
from watchdog.adapters.sources.alertmanager import AlertmanagerSource, Ask, Options
from watchdog.domain.observation import Gap, Observation, Sample, Unknown
from watchdog.ports import Question

LABELS = {"service": "shop", "severity": "critical"}


def a_matcher(name: str, value: str, *, regex: bool = False, equal: bool = True) -> dict[str, Any]:
    return {"name": name, "value": value, "isRegex": regex, "isEqual": equal}


def a_silence(*matchers: dict[str, Any], state: str = "active") -> dict[str, Any]:
    return {
        "id": "5d7c",
        "status": {"state": state},
        "matchers": list(matchers or [a_matcher("service", "shop")]),
        "createdBy": "ann",
        "comment": "a\nmove",
        "startsAt": "2026-01-01T00:00:00.000Z",
        "endsAt": "2026-01-01T02:00:00.000Z",
    }


async def look(url: str, timeout: float = 5.0) -> Observation:  # noqa: ASYNC109 (an option)
    async with real_deps() as deps:
        options = Options.model_validate({"url": url, "timeout": f"{timeout}s"})
        source = AlertmanagerSource(options, deps)
        answers = await source.observe([Question("q", Ask(matchers=LABELS))], now())
        await source.close()
        return answers["q"]


async def answered(body: object, status: int = 200) -> Observation:
    async def handler(request: web.Request) -> web.Response:
        assert request.path == "/api/v2/silences"
        return web.Response(text=body if isinstance(body, str) else json.dumps(body), status=status)

    async with web_server(handler) as url:
        return await look(url)


async def test_an_active_silence_is_a_yes_that_says_whose_it_is() -> None:
    seen = await answered([a_silence(state="expired"), a_silence()])

    assert seen == Sample((1.0,), note="silence 5d7c by ann until 2026-01-01T02:00:00.000Z: a move")


async def test_a_silence_that_is_over_or_to_come_is_none() -> None:
    seen = await answered([a_silence(state="expired"), a_silence(state="pending")])

    assert seen == Sample((0.0,), note="no active silence is about it")


async def test_a_silence_in_a_state_of_its_own_tells_nothing() -> None:
    seen = await answered([a_silence(state="suppressed")])

    assert isinstance(seen, Gap)
    assert seen.reason is Unknown.PARSE


@pytest.mark.parametrize(
    ("matchers", "is_about"),
    [
        ([a_matcher("service", "shop")], True),
        ([a_matcher("service", "basket")], False),
        ([a_matcher("service", "shop"), a_matcher("alertname", "Burns")], True),
        ([a_matcher("service", "shop"), a_matcher("severity", "info")], False),
        ([a_matcher("alertname", "DiskFull")], False),
        ([a_matcher("alertname", ".+", regex=True)], True),
        ([a_matcher("service", "sho.+|basket", regex=True)], True),
        ([a_matcher("service", "(basket|shop)", regex=True)], True),
        ([a_matcher("service", "basket|cart", regex=True)], False),
        ([a_matcher("service", "shopping", regex=True)], False),
        ([a_matcher("service", "shop", equal=False)], False),
        ([a_matcher("service", "basket", equal=False)], True),
        ([a_matcher("service", "sh.*", regex=True, equal=False)], False),
        # What might take for ever to try, or means something else in Go, is taken to fit.
        ([a_matcher("service", "(a+)+$", regex=True)], True),
        ([a_matcher("service", ".*.*.*.*.*x", regex=True)], True),
        ([a_matcher("service", "[[:alpha:]]", regex=True, equal=False)], True),
    ],
)
def test_which_silences_are_about_these_labels(
    matchers: list[dict[str, Any]], is_about: bool
) -> None:
    assert bool(silences_about([a_silence(*matchers)], LABELS)) is is_about


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        ("not json", 200, Unknown.PARSE),
        ({}, 200, Unknown.PARSE),
        ([1], 200, Unknown.PARSE),
        ([{"status": {}, "matchers": [{"name": 1}]}], 200, Unknown.PARSE),
        ([{"status": "active", "matchers": []}], 200, Unknown.PARSE),
        ("[" * 5000, 200, Unknown.PARSE),
        ("", 503, Unknown.HTTP),
        ("", 302, Unknown.HTTP),
    ],
)
async def test_any_other_answer_tells_nothing(body: object, status: int, reason: Unknown) -> None:
    seen = await answered(body, status)

    assert isinstance(seen, Gap)
    assert seen.reason is reason


async def test_nobody_there_tells_nothing() -> None:
    seen = await look("http://127.0.0.1:1")

    assert isinstance(seen, Gap)
    assert seen.reason is Unknown.ERROR


async def test_a_real_one_is_understood(
    require_program: Callable[[str], str], tmp_path: Path
) -> None:
    program = require_program("prometheus-alertmanager")
    async with start_alertmanager(program, tmp_path / "am", "http://127.0.0.1:1", "x" * 9) as real:
        before = await look(real.url)
        name = await real.silence("a move", service="shop")
        silenced = await look(real.url)
        await real.unsilence(name)
        after = await look(real.url)

    assert [one.values for one in (before, silenced, after) if isinstance(one, Sample)] == [
        (0.0,),
        (1.0,),
        (0.0,),
    ]
    assert isinstance(silenced, Sample)
    assert silenced.note.startswith(f"silence {name} by ann until ")
