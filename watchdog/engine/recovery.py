"""At start: folds the journal, and hands each lane what it knew and the run it left open."""

from collections.abc import Callable, Mapping

from watchdog.domain.events import Decided
from watchdog.domain.ledger import Ledger
from watchdog.domain.progress import Stage
from watchdog.domain.run import Run, fold
from watchdog.engine.baselines import recall_baselines
from watchdog.engine.lane import Lane
from watchdog.engine.memories import Memories
from watchdog.engine.shadow import recall_shadows
from watchdog.ports import Clock, Hands, Journal


async def recall(
    journal: Journal, ledger: Ledger, lanes: Mapping[str, Lane], clock: Clock
) -> list[Run]:
    """Fill `ledger` and the lanes from the journal; returns the runs found open."""
    ledger.replay(await journal.read(kinds=Ledger.KINDS))
    for record in await journal.read(kinds=[Decided]):
        event = record.event
        if isinstance(event, Decided) and event.refusal and event.target in lanes:
            lanes[event.target].decider.remember(event)
    # Before the states, which say what of it they are compared with.
    await recall_baselines(journal, {name: _memories_of(lane) for name, lane in lanes.items()})
    for name, lane in lanes.items():
        kept = await journal.kept(f"triggers/{name}")
        if kept is not None:
            body, saved_at = kept
            lane.evaluator.restore(body, saved_at, clock.now())
    await recall_shadows(journal, {name: lane.shadows for name, lane in lanes.items()})
    open_runs = [account.current.run for account in ledger.accounts.values() if account.current]
    runs = [fold(await journal.read(run=name)) for name in open_runs]
    return [run for run in runs if run.stage is not Stage.ENDED]


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
