"""What must hold after any schedule of crashes. Judged by the world's journal and our own."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import pairwise

from tests.simulation.crashes import Told
from watchdog.domain.events import (
    Outcome,
    Proof,
    Record,
    RunEnded,
    RunStarted,
    Stage,
    StepAnswered,
    StepEnded,
    StepIntended,
    StepResult,
    StopRequested,
    WatchEnded,
)
from watchdog.domain.ledger import Ledger
from watchdog.domain.plan import Check, OnError, Plan, Repeat, Step
from watchdog.domain.run import Run, fold

HOUR = 3600.0


def broken(told: Told) -> list[str]:
    """Every invariant that does not hold, in words."""
    return list(_broken(told))


def _broken(told: Told) -> Iterator[str]:
    if told.hung:
        yield "it never came to an end"
    runs = {name: fold(_of(told, name)) for name in _names(told)}
    yield from _intents(told)
    yield from _effects(told, runs)
    yield from _ends(told, runs)
    yield from _order(told, runs)
    yield from _truth(told, runs)
    yield from _foundations(told, runs)
    yield from _doubts(told, runs)
    yield from _one_at_a_time(told)
    yield from _ledger(told)
    yield from _limits(told)
    yield from _latch(told)
    yield from _stops(told, runs)


def _names(told: Told) -> list[str]:
    return [record.event.run for record in told.records if isinstance(record.event, RunStarted)]


def _of(told: Told, run: str) -> list[Record]:
    return [record for record in told.records if _run_of(record) == run]


def _step(runs: dict[str, Run], key: str) -> tuple[Run, Stage, int, Step]:
    name, stage, index = key.rsplit("/", 2)
    run = runs[name]
    items = _items(run.start.plan, Stage(stage))
    step = items[int(index)]
    assert isinstance(step, Step)
    return run, Stage(stage), int(index), step


def _items(plan: Plan, stage: Stage) -> tuple[Step | Check, ...]:
    return plan.steps if stage is Stage.STEPS else plan.final


def _intents(told: Told) -> Iterator[str]:
    """No effect without an earlier durable intent; every intent the next attempt at its step."""
    for key in told.world.unintended:
        yield f"{key} was sent without an intent on the disk"
    attempts: Counter[str] = Counter()
    for record in told.records:
        if isinstance(record.event, StepIntended):
            attempts[record.event.key] += 1
            if record.event.attempt != attempts[record.event.key]:
                yield f"{record.event.key}: attempt {record.event.attempt} out of turn"


def _effects(told: Told, runs: dict[str, Run]) -> Iterator[str]:
    """A step that can be looked at, or that nobody can look at, happens once at most."""
    for key, times in Counter(effect.key for effect in told.world.effects).items():
        _, _, _, step = _step(runs, key)
        if times > 1 and step.repeat is not Repeat.IDEMPOTENT:
            yield f"{key} ({step.repeat}) happened {times} times"


def _ends(told: Told, runs: dict[str, Run]) -> Iterator[str]:
    """Every run ends in an outcome, and lets its target go; the ledger knows."""
    for name, run in runs.items():
        if run.outcome is None:
            yield f"run {name} has no outcome"
        if run.stage is not Stage.ENDED:
            yield f"run {name} is still in {run.stage}"
    current = Ledger().replay(told.records).account("shop").current
    if current is not None:
        yield f"the ledger says that run {current.run} still holds the target"


def _order(told: Told, runs: dict[str, Run]) -> Iterator[str]:
    """The steps of a run are sent in order, the final stage last."""
    reached: dict[str, tuple[bool, int]] = {}
    for sent in told.world.sends:
        run, stage, index, _ = _step(runs, sent.key)
        place = (stage is Stage.FINAL, index)
        if place < reached.get(run.id, (False, -1)):
            yield f"{sent.key} was sent after a later step"
        reached[run.id] = place


def _truth(told: Told, runs: dict[str, Run]) -> Iterator[str]:
    """What the journal says of a step is what happened in the world."""
    landed = _landed(told)
    for (name, stage, index), result in _results(told).items():
        key = f"{name}/{stage}/{index}"
        if result is StepResult.OK and not landed[key]:
            yield f"{key} is called done, but never happened"
        if result in (StepResult.FAILED, StepResult.SKIPPED) and landed[key]:
            yield f"{key} is called {result}, but happened"
    for run in runs.values():
        for key in _musts(run, len(run.start.plan.steps)):
            if run.outcome is Outcome.SUCCEEDED and not landed[key]:
                yield f"run {run.id} succeeded without {key}"


def _foundations(told: Told, runs: dict[str, Run]) -> Iterator[str]:
    """A step is sent once all before it have happened in the world."""
    landed = _landed(told)
    for sent in told.world.sends:
        run, stage, index, _ = _step(runs, sent.key)
        for key in _musts(run, index) if stage is Stage.STEPS else ():
            if not any(at <= sent.at.elapsed for at in landed[key]):
                yield f"{sent.key} was sent before {key} had happened"


def _musts(run: Run, before: int) -> list[str]:
    """The keys of the steps before number `before` that must not fail."""
    return [
        f"{run.id}/{Stage.STEPS}/{number}"
        for number, step in enumerate(run.start.plan.steps[:before])
        if isinstance(step, Step) and step.on_error is OnError.ABORT
    ]


def _landed(told: Told) -> defaultdict[str, list[float]]:
    landed: defaultdict[str, list[float]] = defaultdict(list)
    for effect in told.world.effects:
        landed[effect.key].append(effect.at.elapsed)
    return landed


def _results(told: Told) -> dict[tuple[str, Stage, int], StepResult]:
    return {
        (event.run, event.stage, event.index): event.result
        for event in (record.event for record in told.records)
        if isinstance(event, StepEnded)
    }


def _doubts(told: Told, runs: dict[str, Run]) -> Iterator[str]:
    """A step whose answer was lost and that cannot be looked at is a doubt, and interrupts."""
    answers: defaultdict[tuple[str, Stage, int], list[bool | None]] = defaultdict(list)
    for event in (record.event for record in told.records):
        if isinstance(event, StepAnswered):
            answers[event.run, event.stage, event.index].append(event.ok)
    results = _results(told)
    for key in {sent.key for sent in told.world.sends}:
        run, stage, index, step = _step(runs, key)
        place = (run.id, stage, index)
        known = [answer for answer in answers[place] if answer is not None]
        doubt = results.get(place) is StepResult.IN_DOUBT
        if step.repeat is Repeat.ONCE and not known and not doubt:
            yield f"{key}: sent once, never answered, and yet {results.get(place)}"
    for (name, stage, index), result in results.items():
        doubt = result is StepResult.IN_DOUBT and stage is Stage.STEPS
        if doubt and runs[name].outcome is not Outcome.INTERRUPTED:
            yield f"step {index} of run {name} is in doubt, and it ended {runs[name].outcome}"


def _one_at_a_time(told: Told) -> Iterator[str]:
    """A run begins when every run before it is over."""
    for number, record in enumerate(told.records):
        if isinstance(record.event, RunStarted):
            before = told.records[:number]
            for name in {r.event.run for r in before if isinstance(r.event, RunStarted)}:
                run = fold([one for one in before if _run_of(one) == name])
                if run.stage is not Stage.ENDED:
                    yield f"run {record.event.run} began while run {name} was in {run.stage}"


def _ledger(told: Told) -> Iterator[str]:
    """Whenever a run moves on, the ledger and the fold of its records agree on what it holds."""
    ledger = Ledger()
    for number, record in enumerate(told.records, 1):
        ledger.apply(record.event, record.at)
        name = getattr(record.event, "run", "")
        if name and isinstance(record.event, Ledger.KINDS):
            run = fold([one for one in told.records[:number] if _run_of(one) == name])
            current = ledger.account("shop").current
            holds = current is not None and current.run == name
            if holds is (run.stage is Stage.ENDED):
                yield f"record {record.seq}: the ledger is wrong about run {name}"


def _run_of(record: Record) -> str:
    return str(getattr(record.event, "run", ""))


def _limits(told: Told) -> Iterator[str]:
    """One automatic run an hour, but for a graver one that takes the place of a lower one."""
    starts = [record for record in told.records if isinstance(record.event, RunStarted)]
    for first, second in pairwise(starts):
        assert isinstance(first.event, RunStarted)
        assert isinstance(second.event, RunStarted)
        graver = second.event.severity > first.event.severity
        if second.at.since(first.at) < HOUR and not graver:
            yield f"run {second.event.run} began too soon after run {first.event.run}"


def _latch(told: Told) -> Iterator[str]:
    """Nothing begins after a run that did not prove that it helped: nobody clears anything here."""
    unproven = ""
    for event in (record.event for record in told.records):
        match event:
            case RunEnded(run=run, outcome=outcome):
                fine = outcome in (Outcome.SUCCEEDED, Outcome.SUPERSEDED)
                unproven = unproven if fine else f"run {run} ended {outcome}"
            case WatchEnded(run=run, proof=Proof.FAILED):
                unproven = f"run {run} relapsed"
            case RunStarted(run=run) if unproven:
                yield f"run {run} began after {unproven}"
            case _:
                pass


def _stops(told: Told, runs: dict[str, Run]) -> Iterator[str]:
    """Nothing is sent after the kill switch, nor by a run that gave way or ended."""
    if told.killed_at is not None:
        for sent in told.world.sends:
            if sent.at.elapsed > told.killed_at:
                yield f"{sent.key} was sent after the kill switch"
    for record in told.records:
        event = record.event
        if not isinstance(event, StopRequested):
            continue
        for sent in told.world.sends:
            run, _, _, step = _step(runs, sent.key)
            settles = event.why is Outcome.SUPERSEDED and step.repeat is Repeat.IDEMPOTENT
            late = sent.at.elapsed > record.at.elapsed
            if run.id == event.run and late and not settles:
                yield f"{sent.key} was sent after its run was stopped"
