"""The doctor asks a real Prometheus what the series of a file are."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from tests.bed.command_line import command
from tests.bed.metrics_page import metrics_page
from tests.bed.prometheus import start_prometheus

FILE = """\
target: shop
sources:
  metrics: {{use: prometheus, url: "{url}"}}
signals:
  load:   {{from: metrics, query: steady}}
  growth: {{from: metrics, query: "rate(steady[5s])"}}
  none:   {{from: metrics, query: no_such_series}}
triggers:
  busy: {{signal: load, above: 5, for: 1m, plan: undo}}
plans:
  undo:
    steps: [{{use: command, with: {{argv: ["true"]}}}}]
    verify: [{{signal: load, below: 5}}]
"""


async def test_a_missing_series_and_a_rate_of_a_gauge_are_found(
    require_program: Callable[[str], str], tmp_path: Path
) -> None:
    program = require_program("prometheus")
    async with (
        metrics_page() as page,
        start_prometheus(program, tmp_path, [page.target]) as prometheus,
    ):
        page.gauge("steady", 7)
        await prometheus.until_number("steady")
        file = tmp_path / "shop.yaml"
        file.write_text(FILE.format(url=prometheus.url))

        said = await asyncio.to_thread(command, "doctor", file, "--json")

    wrong = {
        (one["about"], one["text"]) for one in said.json["examined"] if one["health"] == "wrong"
    }
    assert said.code == 1
    assert {about for about, _ in wrong} == {
        "shop: signal growth from metrics",
        "shop: signal none from metrics",
    }
    assert any("steady is a gauge, and rate() is for counters" in text for _, text in wrong)
    assert any("no_such_series: no such series now" in text for _, text in wrong)
    notes = [one for one in said.json["examined"] if "busy is in breach" in one["text"]]
    assert [note["health"] for note in notes] == ["note"]
