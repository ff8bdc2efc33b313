"""`backtest` as a user types it, on the history of a real Prometheus with known incidents."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.bed.backfilled import backfilled_prometheus
from tests.bed.command_line import Said, called, command
from tests.bed.wire import free_port

END = 1_767_225_600.0  # 2026-01-01T00:00:00Z
HOURS = 8
START = END - HOURS * 3600
# Minutes after the start: a bad release, a flood of errors that passes, an upstream's fault.
BAD, PASSING, UPSTREAM, DARK = (60, 80), (150, 160), (300, 330), (400, 430)
LABELS = """\
incidents:
  - {start: 2025-12-31T17:00:00Z, end: 2025-12-31T17:20:00Z, name: bad release}
  - {start: 2025-12-31T21:00:00Z, end: 2025-12-31T21:30:00Z, name: upstream, rollback: false}
  - {start: 2025-12-31T23:20:00Z, end: 2025-12-31T23:30:00Z, name: unseen}
"""
TARGET = """\
target: shop
sources:
  metrics: {use: prometheus, url: "%s", every: 15s}
  health: {use: http, url: "http://127.0.0.1:9/health", every: 10s}
signals:
  errors:
    from: metrics
    unit: ratio
    query: last_over_time(errors[16s])
    volume: last_over_time(requests[16s])
  healthy: {from: health}
triggers:
  errors-high: {signal: errors, above: 1%%, for: 5m, severity: critical, plan: undo}
  down: {signal: healthy, fails: 3, severity: critical, plan: undo}
limits: {cooldown: 3h}
plans:
  undo:
    steps:
      - {use: http, name: undo, with: {url: "http://127.0.0.1:9/"}, repeat: idempotent}
    verify: [{signal: errors, below: 1%%}]
    within: 5m
    watch: {short: 15m, long: 0s}
"""


def minutes_in(spell: tuple[int, int], at: float) -> bool:
    return spell[0] * 60 <= at - START <= spell[1] * 60


def errors() -> Iterator[tuple[float, float]]:
    for slot in range(HOURS * 240 + 1):
        at = START + 15 * slot
        bad = any(minutes_in(spell, at) for spell in (BAD, PASSING, UPSTREAM))
        if not minutes_in(DARK, at):
            yield at, 0.05 if bad else 0.002


@asynccontextmanager
async def shop(folder: Path, require_program: Callable[[str], str]) -> AsyncIterator[Path]:
    """The folder with shop.yaml and labels.yaml, beside a Prometheus that knows the past."""
    traffic = [(START + 15 * slot, 600.0) for slot in range(HOURS * 240 + 1)]
    programs = require_program("prometheus"), require_program("promtool")
    past = {"errors": errors(), "requests": traffic}
    async with backfilled_prometheus(*programs, folder, past) as server:
        (folder / "shop.yaml").write_text(TARGET % server.url)
        (folder / "labels.yaml").write_text(LABELS)
        yield folder


async def backtest(folder: Path, *words: object) -> Said:
    """The command in a process of its own, over the hours that Prometheus knows."""
    until = ("--until", "2026-01-01T00:00:00Z", "--since", f"{HOURS}h")
    return await asyncio.to_thread(command, "backtest", folder / "shop.yaml", *until, *words)


def trigger(result: Any, name: str = "errors-high") -> Any:  # noqa: ANN401 (what JSON holds)
    return next(one for one in result["triggers"] if one["trigger"] == name)


async def test_known_incidents_are_found_when_they_were_and_decided_as_live(
    tmp_path: Path, require_program: Callable[[str], str]
) -> None:
    async with shop(tmp_path, require_program) as folder:
        labels = ("--incidents", folder / "labels.yaml")
        kept = ("--data", folder / "history.npz")
        said = await backtest(folder, *labels, *kept, "--json", "-")
    assert said.code == 0, said.err
    result = said.json

    found = trigger(result)
    shown = [(one["pending"], one["fired"], one["false_alarm"]) for one in found["firings"]]
    assert shown == [
        ("2025-12-31T17:00:00Z", "2025-12-31T17:05:00Z", False),
        ("2025-12-31T18:30:00Z", "2025-12-31T18:35:00Z", True),
        ("2025-12-31T21:00:00Z", "2025-12-31T21:05:00Z", False),
    ]
    assert [one["peak"] for one in found["firings"]] == [0.05] * 3
    # Two minutes without a breach clear it, from the first slot that showed none.
    assert found["firings"][0]["cleared"] == "2025-12-31T17:22:15Z"
    assert [one["refusal"] for one in found["firings"]] == ["", "cooling_down", ""]
    assert found["firings"][1]["rulings"][0]["until"] == "2025-12-31T20:10:00Z"
    assert (found["detected"], found["missed"], found["mean_delay"]) == (2, ["unseen"], 300.0)
    assert (found["false_alarms"], found["wrong_rollbacks"]) == (1, 1)
    assert found["looks"]["unknown"] in range(118, 122)
    assert [one["trigger"] for one in result["left_out"]] == ["down"]
    assert "http" in result["left_out"][0]["why"]

    # The server is gone; what was kept is enough, and says the same.
    again = await backtest(folder, *labels, *kept, "--json", "-")
    assert again.json == result


async def test_a_sweep_shows_what_other_limits_would_have_found(
    tmp_path: Path, require_program: Callable[[str], str]
) -> None:
    async with shop(tmp_path, require_program) as folder:
        said = await backtest(
            folder,
            *("--incidents", folder / "labels.yaml", "--data", folder / "history"),
            *("--sweep", "errors-high=0.1%,10%", "--json", folder / "out.json"),
            *("--html", folder / "out.html", "--fail-on-false-alarms", "0"),
        )
    assert said.code == 1
    assert "1 false alarms; 0 are allowed" in said.err
    rows = trigger(json.loads((folder / "out.json").read_text()))["sweep"]
    assert [(row["limit"], row["now"], row["firings"]) for row in rows] == [
        # Half an hour in the dark never clears it.
        (0.001, False, 1),
        (0.01, True, 3),
        (0.1, False, 0),
    ]
    assert "fired 3 times, would have acted 2 times" in said.out
    assert "detected 2 of 3 incidents after 5m (mean); 1 false alarms" in said.out
    page = (folder / "out.html").read_text()
    assert "bad release" in page
    assert not re.search(r'(src|href)="(?!#)', page)
    allowed = await backtest(
        folder,
        *("--incidents", folder / "labels.yaml", "--data", folder / "history"),
        *("--fail-on-false-alarms", "1"),
    )
    assert allowed.code == 0


async def test_a_prometheus_that_is_not_there_is_an_error_and_tests_nothing(
    tmp_path: Path,
) -> None:
    (tmp_path / "shop.yaml").write_text(TARGET % f"http://127.0.0.1:{await free_port()}")

    said = await asyncio.to_thread(
        command,
        *("backtest", tmp_path / "shop.yaml", "--since", "1h"),
        *("--data", tmp_path / "history", "--json", tmp_path / "out.json"),
    )

    assert said.code == 6
    assert "the history is not whole, nothing was tested" in said.err
    assert "firing" not in said.out
    assert [one.name for one in tmp_path.iterdir()] == ["shop.yaml"]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--since", "soon"], "--since: 'soon' is no time"),
        (["--since", "0"], "nothing lies between"),
        (["--since", "100000d"], "--since 100000d: that is before 1970"),
        (["--html", "no/such.html"], "--html no/such.html: there is no folder no; make it, or"),
        (["--json", "no/such.json"], "--json no/such.json: there is no folder no"),
        (["--data", "no/such"], "--data no/such: there is no folder no"),
        (["--sweep", "nobody=1%"], "--sweep nobody: no trigger of that name is tested"),
        (["--sweep", "errors-high="], "write TRIGGER, TRIGGER=1%,2%,5% or all"),
        (["--sweep", "errors-high=5s"], "cannot be compared with a signal in 'ratio'"),
        (["--run-takes", "long"], "--run-takes: 'long' is not a duration"),
        (["--fail-on-false-alarms", "3"], "needs --incidents"),
        (["--target", "bank"], "there is no target 'bank'"),
    ],
)
def test_a_wrong_word_is_told_before_anything_is_asked(
    tmp_path: Path, words: list[str], text: str
) -> None:
    (tmp_path / "shop.yaml").write_text(TARGET % "http://127.0.0.1:9")

    said = called("backtest", tmp_path / "shop.yaml", *words)

    assert said.code == 2
    assert text in said.err


async def test_a_kept_history_of_another_query_is_refused(
    tmp_path: Path, require_program: Callable[[str], str]
) -> None:
    async with shop(tmp_path, require_program) as folder:
        said = await backtest(folder, "--data", folder / "history")
    assert said.code == 0
    path = folder / "shop.yaml"
    path.write_text(path.read_text().replace("errors[16s]", "errors[1m]"))

    said = await backtest(folder, "--data", folder / "history")

    assert said.code == 2
    assert "answers to another query" in said.err
