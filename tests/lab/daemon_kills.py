"""Row `daemon`: `kill -9` of the whole daemon at random moments through a plan."""

from pathlib import Path

from tests.kills.killing import kill_loop, wrong_with
from tests.lab.row import Row, percentile
from tests.lab.sizes import command


async def daemon_kills(folder: Path, kills: int, seed: int) -> Row:
    """The row of the table."""
    row = Row("daemon", "", command("daemon", "DAEMON_KILLS", "SEED"), str(seed))
    survived = await kill_loop(folder, kills, seed, look_up=True)
    recovered = [seconds for one in survived for seconds in one.recoveries]
    for number, one in enumerate(survived):
        row.judge(one.kills, wrong_with(one), f"seed {seed}, run {number}")
    row.what = f"`kill -9` of the whole daemon, in {len(survived)} runs"
    p99 = percentile(recovered, 0.99)
    p50 = percentile(recovered, 0.5)
    row.notes = [f"recovery with the interpreter's start p50 {p50:.2f} s, p99 {p99:.2f} s"]
    return row
