"""At start: folds the journal, and hands each lane what it knew and the run it left open."""

from collections.abc import Callable, Mapping

from watchdog.domain.errors import JournalError
from watchdog.domain.ledger import Ledger
from watchdog.domain.progress import Stage
from watchdog.domain.recollection import KINDS, Recollection
from watchdog.domain.run import Run, fold
from watchdog.engine.baselines import recall_baselines
from watchdog.engine.lane import Lane
from watchdog.engine.memories import Memories
from watchdog.engine.shadow import keep_shadows
from watchdog.ports import Clock, Hands, Journal


async def recall(
    journal: Journal,
    ledger: Ledger,
    lanes: Mapping[str, Lane],
    clock: Clock,
    memory: Recollection | None = None,
) -> list[Run]:
    """Fill the lanes from the journal, and `ledger`; returns the runs found open.

    `memory`: what the journal came to, where that was folded already, around this same `ledger`.
    Raises JournalError where a run has lost records.
    """
    if memory is None:
        memory = Recollection(ledger=ledger).replay(await journal.read(kinds=KINDS))
    for name, lane in lanes.items():
        for decided in memory.told.get(name, ()):
            lane.decider.remember(decided)
    # Before the states, which say what of it they are compared with.
    memories = {name: _memories_of(lane) for name, lane in lanes.items()}
    await recall_baselines(journal, memories, memory.changed)
    for name, lane in lanes.items():
        kept = await journal.kept(f"triggers/{name}")
        if kept is not None:
            body, saved_at = kept
            lane.evaluator.restore(body, saved_at, clock.now())
        lane.shadows = memory.shadows.get(name, lane.shadows)
    keep_shadows(journal, {name: lane.shadows for name, lane in lanes.items()})
    for name, lane in lanes.items():
        broken_off = ledger.account(name).broken_off
        lane.stopped = await _run(journal, memory, broken_off.run) if broken_off else None
    open_runs = [account.current.run for account in ledger.accounts.values() if account.current]
    runs = [await _run(journal, memory, name) for name in open_runs]
    return [run for run in runs if run.stage is not Stage.ENDED]


async def _run(journal: Journal, memory: Recollection, name: str) -> Run:
    records = await journal.read(run=name)
    known = memory.lengths.get(name, len(records))
    if len(records) != known:
        raise JournalError(
            f"the journal finds {len(records)} of the {known} records of run {name}: "
            "an index of it is damaged; keep a copy, and put a backup in its place"
        )
    return fold(records)


def _memories_of(lane: Lane) -> Callable[[], Memories]:
    return lambda: lane.evaluator.memories


async def take_up(
    runs: list[Run],
    lanes: Mapping[str, Lane],
    make_hands: Callable[[], Hands],
    alarm: Callable[[str], None],
) -> None:
    """Let each lane go on with its open run."""
    for run in runs:
        lane = lanes.get(run.start.target)
        if lane is None:
            alarm(
                f"run {run.id} of target {run.start.target} is open in the journal, but no file "
                f"names that target: start again with its file, or look at it by hand"
            )
            continue
        await lane.order(lambda lane=lane, run=run: lane.resume(run, make_hands))  # type: ignore[misc]
