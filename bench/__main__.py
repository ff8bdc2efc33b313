"""`make bench`: every figure of docs/performance.md, measured in one run.

`python -m bench PART…` measures only these: reaction, backtest, evaluation, size, rules, curve,
delay, journal, runs, cluster.
"""

import asyncio
import shutil
import sys
from collections.abc import Set as AbstractSet
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import (
    backtest,
    cluster,
    evaluation,
    long_journal,
    many_runs,
    many_triggers,
    reaction,
    rule_engine,
    whole_daemon,
)
from bench.figures import machine, say
from bench.page import page_under_load
from tests.bed.prometheus import start_prometheus

# Until every `rate(…[30s])` stands on a whole window.
WARM_UP = 32.0
_ON_A_STEADY_PAGE = frozenset({"evaluation", "size", "rules", "curve"})
PARTS = _ON_A_STEADY_PAGE | {"reaction", "backtest", "delay", "journal", "runs", "cluster"}


async def _all(program: str, wanted: AbstractSet[str]) -> None:
    say(machine())
    if "reaction" in wanted:
        await reaction.measure()
    if "backtest" in wanted:
        await asyncio.to_thread(backtest.measure)
    if "journal" in wanted:
        await long_journal.measure()
    if "runs" in wanted:
        await many_runs.measure()
    if "cluster" in wanted:
        await cluster.measure()
    if wanted & _ON_A_STEADY_PAGE:
        await _on_a_steady_page(program, wanted)
    if "delay" in wanted:
        # A folder of its own: what the first one remembers would be a second series.
        with TemporaryDirectory() as name:
            async with (
                page_under_load() as page,
                start_prometheus(program, Path(name), [page.target]) as server,
            ):
                await whole_daemon.measure_delay(server.url, page)


async def _on_a_steady_page(program: str, wanted: AbstractSet[str]) -> None:
    with TemporaryDirectory() as name:
        folder, rules = Path(name), rule_engine.NO_RULES
        async with (
            page_under_load() as page,
            start_prometheus(
                program, folder, [page.target], scrape_interval="1s", rules=rules
            ) as server,
        ):
            say(f"(a real Prometheus warms up for {WARM_UP:g} s)")
            await asyncio.sleep(WARM_UP)
            if "evaluation" in wanted:
                await evaluation.measure(server.url)
            if "size" in wanted:
                await whole_daemon.measure_size(server.url)
            if "rules" in wanted:
                await rule_engine.measure(server)
            if "curve" in wanted:
                await many_triggers.measure(server, page)


def main() -> None:
    """Measure, or say what is missing."""
    program = shutil.which("prometheus")
    if program is None:
        say("bench: there is no prometheus on the PATH; run `make system`")
        sys.exit(1)
    wanted = set(sys.argv[1:]) or PARTS
    if wanted - PARTS:
        say(f"bench: no part {', '.join(wanted - PARTS)}; there are {', '.join(sorted(PARTS))}")
        sys.exit(2)
    asyncio.run(_all(program, wanted))


if __name__ == "__main__":
    main()
