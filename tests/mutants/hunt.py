"""Runs the tests of each planted bug against a copy of the program that has it."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.planted import Bug

ROOT = Path(__file__).parents[2]
LIMIT = 300
_PARTS = ("watchdog", "tests", "config", "docs", "pyproject.toml")
_FAILED = re.compile(r"^FAILED (\S+)", re.MULTILINE)
# A few days are enough to see a bug that a hundred are to prove the absence of.
_SEEDS = "2"


HEADING = "| bug | in | caught by | again |\n| --- | --- | --- | --- |"


class UnsoundError(RuntimeError):
    """The tests fail without any bug, so what they say of one proves nothing."""


@dataclass(frozen=True, slots=True)
class Hunted:
    """What came of one bug. `caught_by`: the first test that failed; empty when none did."""

    bug: Bug
    caught_by: str = ""
    trouble: str = ""

    @property
    def survived(self) -> bool:
        """Whether nothing saw it, or nobody could look."""
        return not self.caught_by or bool(self.trouble)

    def __str__(self) -> str:
        caught = f"`{self.caught_by}`" if self.caught_by else f"**SURVIVED** {self.trouble}"
        again = f'`python -m tests.mutants "{self.bug.name}"`'
        return f"| {self.bug.name} | `{self.bug.file}` | {caught} | {again} |"


def fits(bug: Bug, root: Path = ROOT) -> bool:
    """Whether there is still exactly one place for it."""
    return (root / bug.file).read_text().count(bug.old) == 1


def copy(folder: Path) -> Path:
    """A whole copy of the program and its tests, to plant in."""
    for part in _PARTS:
        source, copied = ROOT / part, folder / part
        if source.is_dir():
            shutil.copytree(source, copied, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copied)
    return folder


def hunt(bug: Bug, copied: Path) -> Hunted:
    """Plant it, run its tests, and take it out again."""
    if not fits(bug, copied):
        return Hunted(bug, trouble="does not apply any more: mend tests/mutants/planted.py")
    with _planted(bug, copied):
        done = run(bug.tests, copied)
    failed = _FAILED.search(done.stdout)
    if failed is not None:
        return Hunted(bug, failed[1].rpartition("::")[2].partition("[")[0])
    if done.returncode == 0:
        return Hunted(bug)
    return Hunted(bug, trouble=f"the tests did not run: {done.stdout[-500:]}{done.stderr[-500:]}")


def run(tests: Sequence[str], copied: Path) -> "subprocess.CompletedProcess[str]":
    """Run these tests on the copy."""
    words = [sys.executable, "-m", "pytest", *dict.fromkeys(tests)]
    options = ["-x", "-q", "-rf", "--no-header", "--tb=no", "-p", "no:cacheprovider"]
    environ = {
        **os.environ,
        "SOAK_SEEDS": _SEEDS,
        "SCHEDULES": "400",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return subprocess.run(
        [*words, *options],
        capture_output=True,
        check=False,
        cwd=copied,
        env={**environ, "PYTHONPATH": str(copied)},
        text=True,
        timeout=LIMIT,
    )


@contextmanager
def _planted(bug: Bug, copied: Path) -> Iterator[None]:
    path = copied / bug.file
    sound = path.read_text()
    path.write_text(sound.replace(bug.old, bug.new))
    try:
        yield
    finally:
        path.write_text(sound)
