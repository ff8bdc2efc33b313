"""A service that is rolled back by programs, and this is the program: `traffic.py FOLDER WORD`.

Standard library only. What it is and what was done to it are files in FOLDER: `journal` has a line
of JSON for each call, `paused` is there while traffic is, and `version` says what runs.
"""

import json
import os
import sys
import time
from pathlib import Path

BAD, GOOD = "v1.0.1", "v1.0.0"
MUTATING = ("pause", "undo", "resume")


def main(folder: Path, word: str) -> int:
    """Do, or look at, one thing: the exit code says whether it went well, or is so."""
    if word in MUTATING:
        key = os.environ.get("ROLLBACK_KEY", "")
        # The test's clock is the same: CLOCK_BOOTTIME counts from the start of the machine.
        at = time.clock_gettime(time.CLOCK_BOOTTIME)
        with (folder / "journal").open("a") as journal:
            journal.write(json.dumps({"word": word, "key": key, "at": at}) + "\n")
    match word:
        case "pause":
            (folder / "paused").touch()
        case "resume":
            (folder / "paused").unlink(missing_ok=True)
        case "undo":
            (folder / "version").write_text(GOOD)
        case "is-paused":
            return int(not (folder / "paused").exists())
        case "is-open":
            return int((folder / "paused").exists())
        case "is-undone":
            return int((folder / "version").read_text() != GOOD)
        case "is-drained":
            return int(not (folder / "drained").exists())
        case _:
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
