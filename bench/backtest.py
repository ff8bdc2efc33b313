"""A month of a hundred triggers through the state machine: seconds and memory, data on disk."""

import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from bench.figures import against_limit, say
from watchdog.adapters.backtest.history import (
    History,
    HistoryWriter,
    Line,
    Told,
    Wanted,
)
from watchdog.adapters.backtest.verdicts import JUDGEMENTS, codes_of_trigger
from watchdog.app.backtest_history import Needs, columns_of, needs_of, opened
from watchdog.app.backtesting import Asked, backtest
from watchdog.app.loading import Files
from watchdog.domain.backtest import Labelled
from watchdog.domain.trigger import TriggerStatus, evaluate

TRIGGERS, DAYS, EVERY = 100, 30, 15.0
LIMIT, MEMORY = 90.0, 1000.0
GAPS = 0.02
INCIDENTS = 4
# A whole number of slots.
END = 1_767_225_600.0
START = END - DAYS * 86400.0

_HEAD = """\
target: bench
sources:
  metrics: {use: prometheus, url: "http://127.0.0.1:9", every: 15s}
signals:
"""
_SIGNAL = """\
  errors-{n}: {{from: metrics, unit: ratio, query: "errors_{n}", volume: "requests_{n}"}}
"""
_TRIGGER = (
    "  t{n}: {{signal: errors-{n}, above: 1%, for: {hold}m, severity: warning, plan: undo}}\n"
)
_TAIL = """\
plans:
  undo:
    steps: [{use: http, name: undo, with: {url: "http://127.0.0.1:9/undo"}, repeat: idempotent}]
    verify: [{signal: errors-1, below: 1%}]
"""


def measure() -> None:
    """Print the time and the memory of a process that does nothing else."""
    say(f"backtest of {TRIGGERS} triggers over {DAYS} days, every {EVERY:g} s:")
    # A process of its own, so that its memory is its own.
    with TemporaryDirectory() as name:
        for part in ("write", "read"):
            command = [sys.executable, "-m", "bench.backtest", part, name]
            subprocess.run(command, check=True)


def write(folder: Path) -> None:
    """Make a month of noise with incidents in it, as if it had been loaded."""
    path = write_target(folder / "target.yaml")
    needs = needs_of(Files([path]).load().targets, START, END)
    chance = np.random.default_rng(4)
    with HistoryWriter(folder / "history") as writer:
        for _, wanted in needs.wanted.values():
            writer.add(wanted, _noise(wanted, chance))


def write_target(path: Path) -> Path:
    """A file with the triggers that are tested."""
    numbers = range(1, TRIGGERS + 1)
    signals = "".join(_SIGNAL.format(n=n) for n in numbers)
    rules = "".join(_TRIGGER.format(n=n, hold=1 + n % 5) for n in numbers)
    path.write_text(f"{_HEAD}{signals}triggers:\n{rules}{_TAIL}")
    return path


def _noise(wanted: Wanted, chance: np.random.Generator) -> list[Told]:
    """A ratio that wanders about 0.3 %, at times beyond its limit, and traffic with nights."""
    count = wanted.grid.count
    times = np.arange(count) * EVERY
    wander = np.convolve(chance.normal(0, 0.02, count + 239), np.ones(240) / 15.5, "valid")
    ratio = 0.003 * np.exp(wander * 12 + chance.normal(0, 0.25, count))
    for one in incidents():
        ratio[(times >= one.start - START) & (times <= one.end - START)] += 0.03
    traffic = 600 * (1.2 + np.sin(times / 86400 * 2 * np.pi)) * chance.uniform(0.8, 1.2, count)
    return [_told(ratio, chance), _told(traffic, chance)]


def _told(
    values: "np.ndarray[tuple[int], np.dtype[np.float64]]", chance: np.random.Generator
) -> Told:
    count = len(values)
    # Half of what is missing is missing in stretches of five minutes.
    seen = chance.random(count) >= GAPS / 2
    for start in chance.integers(0, count, int(count * GAPS / 2 / 20)):
        seen[start : start + 20] = False
    return Told((Line({}, values, seen),), np.zeros(count, np.bool_))


def incidents() -> tuple[Labelled, ...]:
    """Those that are in the noise: twenty minutes each."""
    starts = [START + (n + 0.5) * DAYS * 86400 / INCIDENTS for n in range(INCIDENTS)]
    return tuple(Labelled(start, start + 1200) for start in starts)


def read(folder: Path) -> None:
    """Test it, and print what that took."""
    needs = needs_of(Files([folder / "target.yaml"]).load().targets, START, END)
    clocks = time.perf_counter(), time.process_time()
    history = opened(folder / "history", needs)
    asked = Asked(incidents(), has_labels=True)
    result = backtest(needs, history, asked, lambda _done, _all: None)
    wall, cpu = time.perf_counter() - clocks[0], time.process_time() - clocks[1]
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    firings = sum(len(one.firings) for one in result.tested)
    share = result.evaluated / result.looks
    say(f"  {result.looks / 1e6:.1f} million looks, {firings} firings, {result.looks / cpu:.3g}/s")
    say(f"  {share:.1%} had to be put to the state machine; of the others it provably sees nothing")
    against_limit("CPU, from the file to the score", cpu, LIMIT, "s")
    say(f"  the same on the clock: {wall:.3g} s")
    against_limit("memory at most", memory, MEMORY, "MB")
    every = _each_look(needs, history) * TRIGGERS
    say(f"  were each look put to the state machine: {every:.3g} s (one trigger, times {TRIGGERS})")


def _each_look(needs: Needs, history: History) -> float:
    """CPU seconds of one trigger's month with nothing stepped over."""
    [need, *_] = needs.tested
    columns = columns_of(need, history)
    grid = next(iter(columns.values())).grid
    codes = codes_of_trigger(need.trigger, columns).tolist()
    status = TriggerStatus()
    started = time.process_time()
    for index, code in enumerate(codes):
        now, judgement = grid.moment(index), JUDGEMENTS[code]
        status, _ = evaluate(need.trigger, status, judgement, now, grid.first + index)
    return time.process_time() - started


if __name__ == "__main__":
    {"write": write, "read": read}[sys.argv[1]](Path(sys.argv[2]))
