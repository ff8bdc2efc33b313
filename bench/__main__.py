"""`make bench`: every figure of docs/performance.md, measured in one run."""

import asyncio
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import backtest, evaluation, reaction, whole_daemon
from bench.figures import machine, say
from bench.page import page_under_load
from tests.bed.prometheus import start_prometheus

# Until every `rate(…[30s])` stands on a whole window.
WARM_UP = 32.0


async def _all(program: str) -> None:
    say(machine())
    await reaction.measure()
    await asyncio.to_thread(backtest.measure)
    with TemporaryDirectory() as name:
        async with (
            page_under_load() as page,
            start_prometheus(program, Path(name), [page.target], scrape_interval="1s") as server,
        ):
            say(f"(a real Prometheus warms up for {WARM_UP:g} s)")
            await asyncio.sleep(WARM_UP)
            await evaluation.measure(server.url)
            await whole_daemon.measure_size(server.url)
    # A folder of its own: what the first one remembers would be a second series.
    with TemporaryDirectory() as name:
        async with (
            page_under_load() as page,
            start_prometheus(program, Path(name), [page.target]) as server,
        ):
            await whole_daemon.measure_delay(server.url, page)


def main() -> None:
    """Measure, or say what is missing."""
    program = shutil.which("prometheus")
    if program is None:
        say("bench: there is no prometheus on the PATH; run `make system`")
        sys.exit(1)
    asyncio.run(_all(program))


if __name__ == "__main__":
    main()
