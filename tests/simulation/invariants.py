"""What must hold after any schedule of crashes. Judged by the world's journal and our own."""

from collections.abc import Iterator
from itertools import pairwise

from tests.simulation.crashes import Told
from tests.simulation.run_invariants import Runs, runs_of, step_of, wrong_with_runs
from watchdog.domain.events import (
    Outcome,
    Proof,
    RunEnded,
    RunStarted,
    StopRequested,
    WatchEnded,
)
from watchdog.domain.plan import Repeat

HOUR = 3600.0


def broken(told: Told) -> list[str]:
    """Every invariant that does not hold, in words."""
    return list(_broken(told))


def _broken(told: Told) -> Iterator[str]:
    if told.hung:
        yield "it never came to an end"
    runs = runs_of(told)
    yield from wrong_with_runs(told, runs)
    yield from _limits(told)
    yield from _latch(told)
    yield from _stops(told, runs)


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


def _stops(told: Told, runs: Runs) -> Iterator[str]:
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
            run, _, _, step = step_of(runs, sent.key)
            settles = event.why is Outcome.SUPERSEDED and step.repeat is Repeat.IDEMPOTENT
            late = sent.at.elapsed > record.at.elapsed
            if run.id == event.run and late and not settles:
                yield f"{sent.key} was sent after its run was stopped"
