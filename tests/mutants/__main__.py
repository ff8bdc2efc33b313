"""`python -m tests.mutants [WORD ...]`: planted bugs, who caught each, and how to repeat it."""

import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from tests.mutants.hunt import HEADING, Hunted, UnsoundError, copy, hunt, run
from tests.mutants.planted import Bug
from tests.mutants.planted_runs import ALL_BUGS

WORKERS = 2


def main(words: Sequence[str]) -> int:
    """Hunt all bugs, or those whose names contain one of `words`."""
    bugs = [bug for bug in ALL_BUGS if not words or any(word in bug.name for word in words)]
    with tempfile.TemporaryDirectory() as folder:
        try:
            found = hunted(bugs, Path(folder), tell=lambda line: print(line, flush=True))  # noqa: T201
        except UnsoundError as error:
            print(error)  # noqa: T201
            return 2
    survivors = [one for one in found if one.survived]
    print(f"{len(found) - len(survivors)} of {len(found)} planted bugs caught")  # noqa: T201
    return 1 if survivors else 0


def hunted(
    bugs: Sequence[Bug], folder: Path, tell: Callable[[str], None] = lambda _line: None
) -> list[Hunted]:
    """What came of each, in copies below `folder`, told as a table while it is made.

    Raises UnsoundError where the tests fail without any bug.
    """
    copies = [copy(_made(folder / str(number))) for number in range(WORKERS)]
    sound = run([test for bug in bugs for test in bug.tests], copies[0])
    if sound.returncode:
        said = f"{sound.stdout[-3000:]} {sound.stderr[-1000:]}"
        raise UnsoundError(f"{said}\nthe tests fail without any bug: mend that first")
    free: SimpleQueue[Path] = SimpleQueue()
    for copied in copies:
        free.put(copied)

    def one(bug: Bug) -> Hunted:
        copied = free.get()
        try:
            return hunt(bug, copied)
        finally:
            free.put(copied)

    tell(HEADING)
    found = []
    with ThreadPoolExecutor(WORKERS) as pool:
        for each in pool.map(one, bugs):
            tell(str(each))
            found.append(each)
    return found


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
