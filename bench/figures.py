"""How a figure is printed: what was measured, the limit or the peer it is held against."""

import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path


def machine() -> str:
    """The machine, in one line: no figure means anything without it."""
    cores = os.cpu_count()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{_processor()}, {cores} cores, {memory:.0f} GiB, {platform.system()} "
        f"{platform.release().split('-')[0]}, Python {platform.python_version()}"
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def say(text: str) -> None:
    """A line of the report."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def against_limit(what: str, measured: float, limit: float, unit: str) -> None:
    """A figure beside the limit it must not pass."""
    verdict = "within" if measured <= limit else "ABOVE"
    share = measured / limit
    say(f"  {what}: {measured:.3g} {unit}; {verdict} the limit of {limit:g} {unit} ({share:.2f}x)")


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of `values` do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
