"""Rows `storms` and `model`: the engine in virtual time, in seeded storms and against its model."""

import asyncio
from pathlib import Path

from tests.lab.row import Row
from tests.model import hunt as of_model
from tests.storms import hunt as of_storms
from tests.storms.planted import PLANTED

_HEADING = "| bug | found by | again |\n| --- | --- | --- |"
# Of the seeds of a row, those that are played again, and how often.
_REPLAYED = 3
_REPLAYS = 20
# Of the sequences of a row: so many have their journal in a file.
_ON_DISK = 10


async def storms(_folder: Path, count: int, first: int) -> Row:
    """Play `count` storms from seed `first` on; replay some; look for the planted bugs."""
    how = f"make faults-storms STORMS={count} SEED={first}"
    row = Row("storms", "seeded storms", how, f"{first} to {first + count - 1}")
    hunt = await asyncio.to_thread(of_storms.run, count, first)
    row.judge(hunt.faults, (), "")
    for seed, problems in hunt.broken.items():
        row.judge(1, problems, f"python -m tests.storms {seed}")
    seeds = range(first, first + min(_REPLAYED, count))
    once = await asyncio.to_thread(of_storms.digests, seeds)
    same = 0
    for number in range(_REPLAYS):
        same += await asyncio.to_thread(of_storms.digests_elsewhere, seeds, number) == once
    row.judge(1, [] if same == _REPLAYS else [f"{same} of {_REPLAYS} replays are the same"], "")
    found = [await asyncio.to_thread(of_storms.hunted, bug) for bug in PLANTED]
    caught = sum(one.seed is not None for one in found)
    row.notes = [
        f"{hunt.storms:,} storms, {len(hunt.broken)} broken",
        f"{same} of {_REPLAYS} replays the same",
        f"{caught} of {len(PLANTED)} planted bugs found",
    ]
    row.judge(1, [one.bug for one in found if one.seed is None], "not found")
    row.table = [_HEADING, *(f"| {one.bug} | {one.problem} | `{one.command}` |" for one in found)]
    return row


async def model(_folder: Path, count: int, seed: int) -> Row:
    """Play `count` sequences of 50 steps against the model; look for the planted bugs."""
    how = f"make faults-model SEQUENCES={count} SEED={seed}"
    row = Row("model", "moves of a state machine, against a model", how, str(seed))
    played = await asyncio.to_thread(of_model.run, count, seed)
    few = max(count // _ON_DISK, 1)
    on_disk = await asyncio.to_thread(of_model.run, few, seed + 1, sqlite=True)
    for one in (played, on_disk):
        row.judge(one.faults, [one.diverged] if one.diverged else [], "")
    missing = played.missing if count >= of_model.ALL_IN else []
    row.judge(1, [f"never came about: {', '.join(missing)}"] if missing else [], "")
    found = [await asyncio.to_thread(of_model.hunted, bug) for bug in PLANTED]
    caught = sum(bool(one.how) for one in found)
    steps = played.counts["steps"] + on_disk.counts["steps"]
    row.notes = [
        f"{count + few} sequences, {steps:,} steps, {few} with a journal in a file",
        f"{sum(bool(one.diverged) for one in (played, on_disk))} divergences",
        f"{caught} of {len(PLANTED)} planted bugs found",
    ]
    row.judge(1, [one.bug for one in found if not one.how], "not found")
    row.table = [_HEADING, *(f"| {one.bug} | {one.how[:160]} | `{one.command}` |" for one in found)]
    return row
