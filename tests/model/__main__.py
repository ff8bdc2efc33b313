"""`python -m tests.model`: plays the engine against its model, or looks for planted bugs."""

import argparse
import sys
import time
from pathlib import Path

from tests.model.hunt import hunted, replayed, run
from tests.storms.planted import PLANTED


def main() -> int:
    """1 where the engine and the model differ, or too little was played to tell."""
    words = argparse.ArgumentParser(prog="python -m tests.model", description=__doc__)
    words.add_argument("--count", type=int, default=500, help="how many sequences")
    words.add_argument("--steps", type=int, default=50, help="how many steps in each")
    words.add_argument("--seed", type=int, default=7)
    words.add_argument("--sqlite", action="store_true", help="with a journal on the disk")
    words.add_argument("--bug", choices=PLANTED, help="plant this bug")
    words.add_argument("--bugs", action="store_true", help="look for every planted bug")
    words.add_argument("--story", type=Path, help="make the moves that a failure printed")
    asked = words.parse_args()
    if asked.bugs:
        return _bugs()
    parts = PLANTED[asked.bug][0] if asked.bug else None
    if asked.story:
        differs = replayed(asked.story.read_text(), parts=parts, sqlite=asked.sqlite)
        print(differs or "0 divergences")  # noqa: T201
        return 1 if differs else 0
    began = time.monotonic()
    played = run(asked.count, asked.seed, asked.steps, parts=parts, sqlite=asked.sqlite)
    took = time.monotonic() - began
    for name, times in sorted(played.counts.items()):
        print(f"{times:8}  {name}")  # noqa: T201
    sequences, steps = played.counts["sequences"], played.counts["steps"]
    print(f"{sequences} sequences, {steps} steps, {played.faults} faults, {took:.0f} s")  # noqa: T201
    print(f"missing: {', '.join(played.missing) or 'nothing'}")  # noqa: T201
    print(played.diverged or "0 divergences")  # noqa: T201
    return 1 if played.diverged or played.missing else 0


def _bugs() -> int:
    missed = 0
    for bug in PLANTED:
        caught = hunted(bug)
        missed += not caught.how
        found = f"{caught.command}: {caught.how}" if caught.how else "NOT CAUGHT"
        print(f"{bug}: {found}", flush=True)  # noqa: T201
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
