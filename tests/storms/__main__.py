"""`python -m tests.storms`: plays many storms; with a SEED it tells the story of that one."""

import argparse
import sys
import time

from tests.storms.hunt import digests, hunted, run
from tests.storms.invariants import broken
from tests.storms.planted import PLANTED
from tests.storms.storm import play


def main() -> int:
    """1 where anything does not hold."""
    words = argparse.ArgumentParser(prog="python -m tests.storms", description=__doc__)
    words.add_argument("seeds", nargs="*", type=int, help="the storms to tell of")
    words.add_argument("--count", type=int, default=2000, help="how many to play")
    words.add_argument("--first", type=int, default=0, help="the seed to begin with")
    words.add_argument("--bug", choices=PLANTED, help="plant this bug")
    words.add_argument("--bugs", action="store_true", help="look for every planted bug")
    words.add_argument("--digests", action="store_true", help="print what the seeds leave behind")
    asked = words.parse_args()
    if asked.digests:
        sys.stdout.write(digests(asked.seeds))
        return 0
    if asked.bugs:
        return _bugs()
    if asked.seeds:
        return max([_story(seed, asked.bug) for seed in asked.seeds])
    return _many(asked.count, asked.first)


def _many(count: int, first: int) -> int:
    began = time.monotonic()
    hunt = run(count, first)
    took = time.monotonic() - began
    print(f"{hunt.storms} storms, {hunt.faults} faults, {took:.0f} s")  # noqa: T201
    for name, times in sorted(hunt.happened.items()):
        print(f"{times:8}  {name}")  # noqa: T201
    for seed, problems in hunt.broken.items():
        print(f"seed {seed}: python -m tests.storms {seed}", *problems, sep="\n  ")  # noqa: T201
    return 1 if hunt.broken else 0


def _bugs() -> int:
    missed = 0
    for bug in PLANTED:
        caught = hunted(bug)
        missed += caught.seed is None
        found = "NOT CAUGHT" if caught.seed is None else f"{caught.command}: {caught.problem}"
        print(f"{bug}: {found}", flush=True)  # noqa: T201
    return 1 if missed else 0


def _story(seed: int, bug: str | None) -> int:
    told = play(seed, PLANTED[bug][0] if bug else None)
    print(told.weather)  # noqa: T201
    for record in told.records:
        at = told.written[record.seq]
        print(f"{at:9.2f}  {record.epoch:2} {record.seq:4}  {record.event}")  # noqa: T201
    for name, some in (("sent", told.world.sends), ("landed", told.world.effects)):
        for one in some:
            print(f"{one.at.elapsed:9.2f}  {name}  {one.key} ({one.name})")  # noqa: T201
    problems = broken(told)
    print(*(problems or ["every invariant holds"]), sep="\n")  # noqa: T201
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
