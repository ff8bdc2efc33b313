"""`python -m tests.lab [ROW ...]`: injects faults, and prints one table of what became of them."""

import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.lab.row import HEADING, Row
from tests.lab.rows import ROWS


async def played(names: Sequence[str], folder: Path) -> list[Row]:
    """The rows of those names, one after the other, each told as soon as it is known."""
    rows = []
    for name in names:
        place = folder / name
        place.mkdir()
        began = time.monotonic()
        row = await ROWS[name](place)
        row.seconds = time.monotonic() - began
        print(row, flush=True)  # noqa: T201
        rows.append(row)
    return rows


def main(words: Sequence[str]) -> int:
    """Play these rows, or all of them; 1 where anything did not survive."""
    unknown = [word for word in words if word not in ROWS]
    if unknown:
        print(f"there is no row {', '.join(unknown)}; there are {', '.join(ROWS)}")  # noqa: T201
        return 2
    # Kept where something went wrong: the journals tell the story.
    folder = Path(tempfile.mkdtemp(prefix="fault-lab-"))
    print(HEADING, flush=True)  # noqa: T201
    rows = asyncio.run(played(words or list(ROWS), folder))
    for row in rows:
        if row.details:
            print(f"\n{row.name}:", *row.details, sep="\n- ")  # noqa: T201
        if row.table:
            print("", *row.table, sep="\n")  # noqa: T201
    wrong = [row for row in rows if not row.fine]
    for row in wrong:
        problems = row.problems or ["nothing was injected"]
        print(f"\n{row.name} did not survive:", *problems[:20], sep="\n- ")  # noqa: T201
    if wrong:
        print(f"\nwhat was left behind stands in {folder}")  # noqa: T201
        return 1
    _remove(folder)
    return 0


def _remove(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    folder.rmdir()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
