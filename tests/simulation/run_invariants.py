"""What must hold of every run, whatever happened to whoever drove it."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from watchdog.domain.events import (
    Outcome,
    Record,
    RunStarted,
    Stage,
    StepAnswered,
    StepEnded,
    StepIntended,
    StepResult,
)
from watchdog.domain.ledger import Ledger
from watchdog.domain.plan import Check, OnError, Plan, Repeat, Step
from watchdog.domain.run import Run, apply, begin, fold
from watchdog.testing.world import Sent


class Witness(Protocol):
    """What a world remembers of itself, and the requests without an intent on the disk."""

    @property
    def sends(self) -> Sequence[Sent]: ...

    @property
    def effects(self) -> Sequence[Sent]: ...

    @property
    def unintended(self) -> Sequence[str]: ...


class Left(Protocol):
    """What something left behind: a world, and a journal."""

    @property
    def world(self) -> Witness: ...

    @property
    def records(self) -> Sequence[Record]: ...


Runs = Mapping[str, Run]
_STAGES = (Stage.STEPS, Stage.UNDO, Stage.FINAL)


def wrong_with_runs(told: Left, runs: Runs) -> Iterator[str]:
    """Every invariant of runs that does not hold, in words."""
    yield from _intents(told)
    yield from _effects(told, runs)
    yield from _ends(runs)
    yield from _order(told, runs)
    yield from _truth(told, runs)
    yield from _foundations(told, runs)
    yield from _doubts(told, runs)
    yield from _taken_back(told, runs)
    yield from _holding(told)


def runs_of(told: Left) -> dict[str, Run]:
    """Every run there was, as its records tell of it."""
    found: dict[str, list[Record]] = {}
    for record in told.records:
        name = run_of(record)
        if isinstance(record.event, RunStarted) or name in found:
            found.setdefault(name, []).append(record)
    return {name: fold(records) for name, records in found.items()}


def _ends(runs: Runs) -> Iterator[str]:
    """Every run ends in an outcome, and lets its target go."""
    for name, run in runs.items():
        if run.outcome is None:
            yield f"run {name} has no outcome"
        if run.stage is not Stage.ENDED:
            yield f"run {name} is still in {run.stage}"


def _intents(told: Left) -> Iterator[str]:
    """No effect without an earlier durable intent; every intent the next attempt at its step."""
    for key in told.world.unintended:
        yield f"{key} was sent without an intent on the disk"
    attempts: Counter[str] = Counter()
    for record in told.records:
        if isinstance(record.event, StepIntended):
            attempts[record.event.key] += 1
            if record.event.attempt != attempts[record.event.key]:
                yield f"{record.event.key}: attempt {record.event.attempt} out of turn"


def _effects(told: Left, runs: Runs) -> Iterator[str]:
    """A step that can be looked at, or that nobody can look at, happens once at most."""
    for key, times in Counter(effect.key for effect in told.world.effects).items():
        _, _, _, step = step_of(runs, key)
        if times > 1 and step.repeat is not Repeat.IDEMPOTENT:
            yield f"{key} ({step.repeat}) happened {times} times"


def _order(told: Left, runs: Runs) -> Iterator[str]:
    """The steps of a run are sent in order, the final stage last."""
    reached: dict[str, tuple[int, int]] = {}
    for sent in told.world.sends:
        run, stage, index, _ = step_of(runs, sent.key)
        # What was done is taken back in the other order.
        place = (_STAGES.index(stage), -index if stage is Stage.UNDO else index)
        if place < reached.get(run.id, place):
            yield f"{sent.key} was sent after a later step"
        reached[run.id] = place


def _truth(told: Left, runs: Runs) -> Iterator[str]:
    """What the journal says of a step is what happened in the world."""
    landed = _landed(told)
    for (name, stage, index), result in _results(told, runs).items():
        key = f"{name}/{stage}/{index}"
        if result is StepResult.OK and not landed[key]:
            yield f"{key} is called done, but never happened"
        if result in (StepResult.FAILED, StepResult.SKIPPED) and landed[key]:
            yield f"{key} is called {result}, but happened"
    for run in runs.values():
        for key in _musts(run, len(run.start.plan.steps)):
            if run.outcome is Outcome.SUCCEEDED and not landed[key]:
                yield f"run {run.id} succeeded without {key}"
        if run.outcome is Outcome.SUCCEEDED and run.undoing:
            yield f"run {run.id} succeeded, and took back what it did"


def _foundations(told: Left, runs: Runs) -> Iterator[str]:
    """A step is sent once all before it have happened in the world."""
    landed = _landed(told)
    for sent in told.world.sends:
        run, stage, index, _ = step_of(runs, sent.key)
        for key in _musts(run, index) if stage is Stage.STEPS else ():
            if not any(at <= sent.at.elapsed for at in landed[key]):
                yield f"{sent.key} was sent before {key} had happened"


def _doubts(told: Left, runs: Runs) -> Iterator[str]:
    """A step whose answer was lost and that cannot be looked at is a doubt, and interrupts."""
    answers: defaultdict[tuple[str, Stage, int], list[bool | None]] = defaultdict(list)
    for event in (record.event for record in told.records):
        if isinstance(event, StepAnswered):
            answers[event.run, event.stage, _number(runs, event)].append(event.ok)
    results = _results(told, runs)
    for key in {sent.key for sent in told.world.sends}:
        run, stage, index, step = step_of(runs, key)
        place = (run.id, stage, index)
        known = [answer for answer in answers[place] if answer is not None]
        doubt = results.get(place) is StepResult.IN_DOUBT
        if step.repeat is Repeat.ONCE and not known and not doubt:
            yield f"{key}: sent once, never answered, and yet {results.get(place)}"
    for (name, stage, index), result in results.items():
        doubt = result is StepResult.IN_DOUBT and stage is Stage.STEPS
        if doubt and runs[name].outcome is not Outcome.INTERRUPTED:
            yield f"step {index} of run {name} is in doubt, and it ended {runs[name].outcome}"


def _taken_back(told: Left, runs: Runs) -> Iterator[str]:
    """Only what was done is taken back."""
    results = _results(told, runs)
    for sent in told.world.sends:
        run, stage, index, _ = step_of(runs, sent.key)
        done = results.get((run.id, Stage.STEPS, index)) is StepResult.OK
        if stage is Stage.UNDO and not done:
            yield f"{sent.key} was sent, and the step had not been done"


def _holding(told: Left) -> Iterator[str]:
    """A run begins when every run of its target is over; the ledger always knows which holds it."""
    ledger = Ledger()
    runs: dict[str, Run] = {}
    for record in told.records:
        ledger.apply(record.event, record.at)
        name, event = run_of(record), record.event
        if isinstance(event, RunStarted):
            held = [r for r in runs.values() if r.start.target == event.target and not _over(r)]
            for run in held:
                yield f"run {name} began while run {run.id} was in {run.stage}"
            runs[name] = begin(record)
        elif name in runs:
            runs[name] = apply(runs[name], event, record.at)
        if name in runs and isinstance(event, Ledger.KINDS):
            current = ledger.account(runs[name].start.target).current
            holds = current is not None and current.run == name
            if holds is _over(runs[name]):
                yield f"record {record.seq}: the ledger is wrong about run {name}"


def _over(run: Run) -> bool:
    return run.stage is Stage.ENDED


def step_of(runs: Runs, key: str) -> tuple[Run, Stage, int, Step]:
    name, stage, index = key.rsplit("/", 2)
    run = runs[name]
    items = _items(run.start.plan, Stage(stage))
    step = items[int(index)]
    assert isinstance(step, Step)
    return run, Stage(stage), int(index), step


def _items(plan: Plan, stage: Stage) -> Sequence[Step | Check | None]:
    """What a key's number counts: a step that is taken back is named by its own."""
    match stage:
        case Stage.UNDO:
            return [one.undo if isinstance(one, Step) else None for one in plan.steps]
        case Stage.FINAL:
            return plan.final
        case _:
            return plan.steps


def _musts(run: Run, before: int) -> list[str]:
    """The keys of the steps before number `before` that must not fail."""
    return [
        f"{run.id}/{Stage.STEPS}/{number}"
        for number, step in enumerate(run.start.plan.steps[:before])
        if isinstance(step, Step) and step.on_error is not OnError.CONTINUE
    ]


def _landed(told: Left) -> defaultdict[str, list[float]]:
    landed: defaultdict[str, list[float]] = defaultdict(list)
    for effect in told.world.effects:
        landed[effect.key].append(effect.at.elapsed)
    return landed


def _results(told: Left, runs: Runs) -> dict[tuple[str, Stage, int], StepResult]:
    return {
        (event.run, event.stage, _number(runs, event)): event.result
        for event in (record.event for record in told.records)
        if isinstance(event, StepEnded)
    }


def _number(runs: Runs, event: StepEnded | StepAnswered) -> int:
    """The number of a step in its plan: in the undo stage its place says something else."""
    if event.stage is not Stage.UNDO:
        return event.index
    return runs[event.run].undoing[event.index]


def run_of(record: Record) -> str:
    return str(getattr(record.event, "run", ""))
