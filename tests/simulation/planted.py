"""Planted bugs: one part of a process each, with one thing wrong in it."""

from dataclasses import replace

from tests.process import Parts
from watchdog.domain.events import (
    Effect,
    Event,
    Outcome,
    RunEnded,
    StepAnswered,
    StepIntended,
    StopRequested,
)
from watchdog.domain.ledger import Ledger
from watchdog.domain.matrix import Proposal
from watchdog.domain.moment import Moment
from watchdog.domain.next_action import Action, Execute, Inspect
from watchdog.domain.plan import Check, Plan, Step
from watchdog.domain.run import Run
from watchdog.engine.lane import Lane
from watchdog.engine.runner import NoHands, Runner
from watchdog.ports import Hands


def _with(runner: type[Runner]) -> Parts:
    """A process whose runs are driven by `runner`."""

    class Planted(Lane):
        def _runner(self, run: Run, hands: Hands | None) -> Runner:
            shared = self._shared
            return runner(
                run, shared.journal, shared.clock, self._eyes, hands or NoHands(self.target.name)
            )

    return Parts(lane=Planted)


class NoLookUp(Runner):
    """Sends once more without looking first, and looks only then."""

    def next(self) -> Action | None:
        action, flight = super().next(), self.run.flight
        lost = flight is not None and flight.attempt == 1 and flight.answered is None
        if isinstance(action, Inspect) and lost:
            return Execute(action.index, action.step, 2)
        return action


class ResultBeforeEffect(Runner):
    """Records that it was done, and does it then."""

    async def _execute(self, index: int, step: Step | Check, attempt: int) -> None:
        assert isinstance(step, Step)
        run, stage, key = self.run.id, self.run.stage, self.run.key(index)
        await self._record(StepIntended(run, stage, index, step.name, key, attempt))
        await self._record(StepAnswered(run, stage, index, ok=True, detail="done"))
        await self._send(key, step)


class EffectBeforeIntent(Runner):
    """Does it, and records afterwards what it was about to do."""

    async def _execute(self, index: int, step: Step | Check, attempt: int) -> None:
        assert isinstance(step, Step)
        run, stage, key = self.run.id, self.run.stage, self.run.key(index)
        ok, detail = await self._send(key, step)
        await self._record(StepIntended(run, stage, index, step.name, key, attempt))
        await self._record(StepAnswered(run, stage, index, ok, detail))


class _Guessing(Runner):
    guess: Effect

    async def _effect(self, index: int, step: Step) -> tuple[Effect, str]:
        effect, detail = await super()._effect(index, step)
        return (self.guess if effect is Effect.UNKNOWN else effect), detail


class UnknownIsApplied(_Guessing):
    """Takes a look that could not tell for a yes."""

    guess = Effect.APPLIED


class UnknownIsNotApplied(_Guessing):
    """Takes a look that could not tell for a no."""

    guess = Effect.NOT_APPLIED


class NoSettling(Runner):
    """Believes the first look that sees nothing, however early."""

    def next(self) -> Action | None:
        action, flight = super().next(), self.run.flight
        unseen = flight is not None and flight.effect is Effect.NOT_APPLIED
        if isinstance(action, Inspect) and flight is not None and unseen:
            return Execute(action.index, action.step, flight.attempt + 1)
        return action


class SettlesFromTheIntent(Runner):
    """Forgets that a request may be under way for as long as nobody answers."""

    async def _record(self, *events: Event) -> None:
        await super()._record(*events)
        flight = self.run.flight
        if flight is not None:
            self.run = replace(self.run, flight=replace(flight, under_way=flight.intended))


class LostMeansFailed(Runner):
    """Takes a lost answer for a definite no."""

    async def _send(self, key: str, step: Step, stood: str = "") -> tuple[bool | None, str]:
        ok, detail = await super()._send(key, step, stood)
        return bool(ok), detail


class DeafToStops(Runner):
    """Starts the next step whatever anybody says."""

    def request_stop(self, why: Outcome, detail: str) -> None:
        """Do nothing."""


class ForgetsTheDoubt(Runner):
    """Ends a run that was asked to stop as stopped, whatever became of its step."""

    async def _record(self, *events: Event) -> None:
        for event in events:
            if isinstance(event, RunEnded) and event.outcome is Outcome.INTERRUPTED:
                await super()._record(replace(event, outcome=Outcome.FAILED))
            else:
                await super()._record(event)


class Impatient(Lane):
    """Starts the graver run at once, beside the lower one."""

    def _waits_for_lower_run(self, proposal: Proposal, plan: Plan) -> bool:
        return False


class NeverTakesUp(Lane):
    """Leaves a run that the journal interrupted where it is."""

    async def _take_up_lost(self) -> None:
        """Do nothing."""


def forgets_limits(ledger: Ledger) -> None:
    """Counts runs of this process only."""
    for name, account in ledger.accounts.items():
        ledger.accounts[name] = replace(account, past=(), latched="", episodes=frozenset())


class NoLatch(Ledger):
    """Lets a target go on after a run that proved nothing."""

    def apply(self, event: Event, at: Moment) -> None:
        """As a ledger does, less the latch."""
        super().apply(event, at)
        for name, account in self.accounts.items():
            self.accounts[name] = replace(account, latched="")


class HoldsForEver(Ledger):
    """Never notices that a watch was stopped."""

    def apply(self, event: Event, at: Moment) -> None:
        """As a ledger does, but for stops."""
        if not isinstance(event, StopRequested):
            super().apply(event, at)


# What is wrong, the part it is in, and the words of the invariant that must not hold then.
PLANTED = {
    "no look before sending again": (_with(NoLookUp), "happened 2 times"),
    "result before effect": (_with(ResultBeforeEffect), "never happened"),
    "effect before intent": (_with(EffectBeforeIntent), "without an intent"),
    "unknown means applied": (_with(UnknownIsApplied), "never happened"),
    "unknown means not applied": (_with(UnknownIsNotApplied), "but happened"),
    "no settling": (_with(NoSettling), "happened 2 times"),
    "settling counted from the intent": (_with(SettlesFromTheIntent), "happened 2 times"),
    "a lost answer means no": (_with(LostMeansFailed), "but happened"),
    "deaf to stops": (_with(DeafToStops), "after the kill switch"),
    "a doubt is forgotten": (_with(ForgetsTheDoubt), "is in doubt, and it ended failed"),
    "the graver run begins at once": (Parts(lane=Impatient), "began while"),
    "a run is not taken up again": (Parts(lane=NeverTakesUp), "has no outcome"),
    "limits are not remembered": (Parts(recalled=forgets_limits), "began too soon"),
    "no latch": (Parts(ledger=NoLatch), "began after"),
    "stops are not remembered": (Parts(ledger=HoldsForEver), "never came to an end"),
}
