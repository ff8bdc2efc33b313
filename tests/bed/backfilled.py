"""A real Prometheus whose past was written beforehand."""

import asyncio
import math
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from tests.bed.prometheus import Prometheus, start_prometheus

# Labels in braces behind a metric's name, or none; then Unix seconds and values.
Past = Mapping[str, Iterable[tuple[float, float]]]


@asynccontextmanager
async def backfilled_prometheus(
    prometheus: str, promtool: str, folder: Path, past: Past, targets: Sequence[str] = ()
) -> AsyncIterator[Prometheus]:
    """A server that remembers `past` and scrapes `targets`. The programs are given by path."""
    text = folder / "past.txt"
    text.write_text(_as_open_metrics(past))
    command = ("tsdb", "create-blocks-from", "openmetrics", str(text), str(folder / "data"))
    process = await asyncio.create_subprocess_exec(
        promtool, *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    if process.returncode:
        raise OSError(f"promtool: {said.decode()}")
    async with start_prometheus(prometheus, folder, targets) as server:
        yield server


def _as_open_metrics(past: Past) -> str:
    lines = [
        f"{name} {_number(value)} {at:.3f}" for name, points in past.items() for at, value in points
    ]
    return "\n".join([*lines, "# EOF", ""])


def _number(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return repr(value) if math.isfinite(value) else f"{'+' if value > 0 else '-'}Inf"
