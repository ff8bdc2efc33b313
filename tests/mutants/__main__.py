"""`python -m tests.mutants`: every planted bug, the test that caught it, and which survived."""

import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from tests.mutants.hunt import Hunted, copy, hunt, run
from tests.mutants.planted import BUGS, Bug

WORKERS = 2


def main(words: Sequence[str]) -> int:
    """Hunt all bugs, or those whose names contain one of `words`."""
    bugs = [bug for bug in BUGS if not words or any(word in bug.name for word in words)]
    with tempfile.TemporaryDirectory() as folder:
        copies = [copy(_made(Path(folder) / str(number))) for number in range(WORKERS)]
        sound = run([test for bug in bugs for test in bug.tests], copies[0])
        if sound.returncode:
            print(sound.stdout[-3000:], sound.stderr[-1000:])  # noqa: T201
            print("the tests fail without any bug: mend that first")  # noqa: T201
            return 2
        found = _hunted(bugs, copies)
    survivors = [one for one in found if one.survived]
    print(f"{len(found) - len(survivors)} of {len(found)} planted bugs caught")  # noqa: T201
    return 1 if survivors else 0


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _hunted(bugs: Sequence[Bug], copies: Sequence[Path]) -> list[Hunted]:
    free: SimpleQueue[Path] = SimpleQueue()
    for folder in copies:
        free.put(folder)

    def hunted(bug: Bug) -> Hunted:
        copied = free.get()
        try:
            return hunt(bug, copied)
        finally:
            free.put(copied)

    print("| bug | in | caught by |\n| --- | --- | --- |")  # noqa: T201
    found = []
    with ThreadPoolExecutor(WORKERS) as pool:
        for one in pool.map(hunted, bugs):
            caught = f"`{one.caught_by}`" if one.caught_by else f"**SURVIVED** {one.trouble}"
            print(f"| {one.bug.name} | `{one.bug.file}` | {caught} |", flush=True)  # noqa: T201
            found.append(one)
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
