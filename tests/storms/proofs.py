"""Whether what the journal calls seen was there to be seen: looks, proofs and breaches."""

from collections.abc import Iterator

from tests.simulation.run_invariants import Runs
from tests.storms.storm import Aftermath
from tests.storms.weather import EVERY
from watchdog.domain.events import (
    CheckEnded,
    CheckSampled,
    Event,
    Outcome,
    Proof,
    RunEnded,
    RunStarted,
    RunVerified,
    Stage,
    WatchEnded,
)
from watchdog.domain.plan import Check
from watchdog.domain.signal import Verdict

# So many looks ago a firing trigger may have seen its last breach.
_LOOKS = 3


def wrong_with_proofs(told: Aftermath, runs: Runs) -> Iterator[str]:
    """Everything that was taken for seen, and was not."""
    proofs = _Proofs(runs)
    for record in told.records:
        event, at = record.event, told.written[record.seq]
        if isinstance(event, RunStarted) and not event.by:
            yield from _breach(told, event, at)
        if isinstance(event, CheckSampled):
            yield from _look(told, runs, event, at)
        yield from proofs.take(event)


class _Proofs:
    """Which looks there were, and what was concluded from them."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs
        self._looks: dict[tuple[str, Stage, int], list[Verdict]] = {}
        self._passed: set[tuple[str, Stage, int]] = set()
        self._proven: set[str] = set()

    def take(self, event: Event) -> Iterator[str]:
        """What was concluded from too little."""
        match event:
            case CheckSampled(run=run, stage=stage, index=index, verdict=verdict):
                self._looks.setdefault((run, stage, index), []).append(verdict)
            case CheckEnded(proof=Proof.PASSED):
                yield from self._check(event)
            case RunVerified(run=run, proof=Proof.PASSED):
                self._proven.add(run)
                for index, check in enumerate(self._runs[run].start.plan.verify):
                    if (run, Stage.VERIFY, index) not in self._passed:
                        yield f"run {run} is called proven, and {check.name} never passed"
            case RunEnded(run=run, outcome=Outcome.SUCCEEDED) if run not in self._proven:
                yield f"run {run} succeeded without a proof"
            case WatchEnded(run=run, stage=stage, proof=Proof.PASSED):
                yield from self._watch(run, stage)
            case _:
                pass

    def _check(self, event: CheckEnded) -> Iterator[str]:
        place = event.run, event.stage, event.index
        self._passed.add(place)
        needed = _check(self._runs, *place).samples
        last = self._looks.get(place, [])[-needed:]
        if len(last) < needed or set(last) != {Verdict.OK}:
            yield f"run {event.run}: {event.name} passed without {needed} good looks in a row"

    def _watch(self, run: str, stage: Stage) -> Iterator[str]:
        for index in range(len(self._runs[run].start.plan.verify)):
            seen = self._looks.get((run, stage, index), [])
            if not seen or seen[-1] is not Verdict.OK:
                yield f"run {run}: its watch passed without a good look"


def _breach(told: Aftermath, start: RunStarted, at: float) -> Iterator[str]:
    """It begins because something was wrong, and not long ago."""
    signal = f"{start.target} {start.trigger}"
    if not told.world.ever_said(signal, "1", at - _LOOKS * EVERY, at):
        yield f"run {start.run} began, and {signal} was not bad"


def _look(told: Aftermath, runs: Runs, event: CheckSampled, at: float) -> Iterator[str]:
    token = {Verdict.OK: "0", Verdict.BREACH: "1"}.get(event.verdict)
    if token is None:
        return
    signal = _check(runs, event.run, event.stage, event.index).look.ask["signal"]
    if not told.world.ever_said(signal, token, at, at):
        yield f"run {event.run}: {event.name} was seen {event.verdict}, and it was not"


def _check(runs: Runs, run: str, stage: Stage, index: int) -> Check:
    plan = runs[run].start.plan
    found = plan.steps[index] if stage is Stage.STEPS else plan.verify[index]
    assert isinstance(found, Check), (run, stage, index)
    return found
