"""Tells the story of one seed: `python -m tests.simulation.replay SEED`."""

import sys
from pprint import pprint

from tests.simulation.crashes import play
from tests.simulation.invariants import broken


def main(seed: int) -> None:
    """Print the schedule, the journal, what reached the world, and what does not hold."""
    told = play(seed)
    pprint(told.schedule)  # noqa: T203
    for record in told.records:
        print(f"{record.at.elapsed:8.2f}  {record.seq:3}  {record.event}")  # noqa: T201
    for name, some in (("sent", told.world.sends), ("landed", told.world.effects)):
        for one in some:
            print(f"{one.at.elapsed:8.2f}  {name}  {one.key} ({one.name})")  # noqa: T201
    print(*(broken(told) or ["every invariant holds"]), sep="\n")  # noqa: T201


if __name__ == "__main__":
    main(int(sys.argv[1]))
