"""Planted bugs of the run engine: one part of a whole daemon each, with one thing wrong in it."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

from tests.storms.daemon import Parts
from watchdog.domain.decision import supersedes
from watchdog.domain.events import (
    CheckSampled,
    ClockStepped,
    Event,
    Outcome,
    Proof,
    RunVerified,
    StepIntended,
)
from watchdog.domain.ledger import Ledger
from watchdog.domain.matrix import Proposal
from watchdog.domain.moment import Moment
from watchdog.domain.next_action import Action, Execute, Inspect
from watchdog.domain.plan import Plan, Repeat, Step
from watchdog.domain.progress import StepAnswered
from watchdog.domain.run import Run
from watchdog.domain.signal import Verdict
from watchdog.engine.lane import Lane
from watchdog.engine.runner import NoHands, Runner
from watchdog.engine.service import Service
from watchdog.ports import Hands


def driven_by(runner: type[Runner]) -> Parts:
    """A daemon whose runs are driven by `runner`."""

    class Planted(Lane):
        def _runner(self, run: Run, hands: Hands | None) -> Runner:
            shared = self._shared
            return runner(
                run, shared.journal, shared.clock, self._eyes, hands or NoHands(self.target.name)
            )

    return Parts(lane=Planted)


# -- what is remembered


def forgets_the_budget(ledger: Ledger) -> None:
    """Counts the runs of this process only."""
    for name, account in ledger.accounts.items():
        ledger.accounts[name] = replace(account, past=())


def clears(ledger: Ledger) -> None:
    """Takes a restart for a person who looked."""
    for name, account in ledger.accounts.items():
        ledger.accounts[name] = replace(account, latched="", half_way=None)


def forgets_firings(ledger: Ledger) -> None:
    """Takes a firing that had its run for a new one after a restart."""
    for name, account in ledger.accounts.items():
        ledger.accounts[name] = replace(account, episodes=frozenset())


def lifts_the_kill_switch(ledger: Ledger) -> None:
    """A restart lifts the kill switch."""
    ledger.killed = ""


def lifts_pauses(ledger: Ledger) -> None:
    """A restart lifts every pause."""
    ledger.paused = None
    for name, account in ledger.accounts.items():
        ledger.accounts[name] = replace(account, paused=None)


class ClockStepForgets(Ledger):
    """Begins to count anew when the wall clock steps."""

    def apply(self, event: Event, at: Moment) -> None:
        """As a ledger does; but a step of the clock ends all that was counted."""
        super().apply(event, at)
        if isinstance(event, ClockStepped):
            for name, account in self.accounts.items():
                self.accounts[name] = replace(account, past=())


class RelapseIsNothing(Ledger):
    """Lets a target go on that relapsed."""

    def apply(self, event: Event, at: Moment) -> None:
        """As a ledger does, but for what a relapse latches."""
        super().apply(event, at)
        for name, account in self.accounts.items():
            if "relapsed" in account.latched:
                self.accounts[name] = replace(account, latched="")


# -- what a run does


class UnknownIsProof(Runner):
    """Takes a look that saw nothing for a good one."""

    async def _record(self, *events: Event) -> None:
        seen = [
            replace(one, verdict=Verdict.OK)
            if isinstance(one, CheckSampled) and one.verdict is Verdict.UNKNOWN
            else one
            for one in events
        ]
        await super()._record(*seen)


class BelievesTheSteps(Runner):
    """Takes steps that were done for a proof that they helped."""

    async def _record(self, *events: Event) -> None:
        seen = [
            replace(one, proof=Proof.PASSED) if isinstance(one, RunVerified) else one
            for one in events
        ]
        await super()._record(*seen)


class SendsInDoubt(Runner):
    """Sends a step whose answer was lost once more, without a look."""

    def next(self) -> Action | None:
        """As a runner does, but that it does not look."""
        action, flight = super().next(), self.run.flight
        lost = flight is not None and flight.attempt == 1 and flight.answered is None
        if isinstance(action, Inspect) and lost:
            return Execute(action.index, action.step, 2)
        return action


class SendsOnceTwice(Runner):
    """Sends a step that nobody can look at once more after a crash."""

    def next(self) -> Action | None:
        """As a runner does, but for a step of which nothing is known."""
        action, flight, item = super().next(), self.run.flight, self.run.item
        once = isinstance(item, Step) and item.repeat is Repeat.ONCE
        if once and flight is not None and flight.answered is None and flight.attempt == 1:
            assert isinstance(item, Step)
            return Execute(self.run.index, item, 2)
        return action


class ResultBeforeEffect(Runner):
    """Records that it was done, and does it then."""

    async def _execute(self, index: int, step: Step, attempt: int) -> None:
        run, stage, key = self.run.id, self.run.stage, self.run.key(index)
        await self._record(StepIntended(run, stage, index, step.name, key, attempt))
        await self._record(StepAnswered(run, stage, index, ok=True, detail="done"))
        await self._send(key, step)


class NeverTooOld(Runner):
    """Goes on with a run however old it is."""

    async def _record(self, *events: Event) -> None:
        await super()._record(*events)
        if self.run.resumes:
            self.run = replace(self.run, started=self._clock.now())


class AsksOnlyAtTheStart(Runner):
    """Heeds the kill switch before its first step alone."""

    def request_stop(self, why: Outcome, detail: str) -> None:
        """As a runner does, as long as nothing was done."""
        if why is not Outcome.STOPPED or not self.run.index:
            super().request_stop(why, detail)


# -- who drives it


class TwoDrivers(Lane):
    """Takes a run up that is driven already."""

    async def resume(self, run: Run, make_hands: Callable[[], Hands]) -> None:
        """Twice."""
        await super().resume(run, make_hands)
        if self.runner is not None:
            second = self._runner(self.runner.run, self._hands)
            self._drive(second)


class ResolvedCancels(Lane):
    """Takes a trigger that is over for a reason to leave a run half done."""

    async def _decide(self, events: list[Event]) -> None:
        await super()._decide(events)
        if self.evaluator.quiet:
            self.stop_run(Outcome.STOPPED, "the trigger is over")


class Interleaves(Lane):
    """Starts a graver run at once, beside the lower one."""

    def _waits_for_lower_run(self, proposal: Proposal, plan: Plan) -> bool:
        if self.runner is not None and supersedes(proposal, self.decider.account):
            self.runner.request_stop(Outcome.SUPERSEDED, "superseded")
            return False
        return super()._waits_for_lower_run(proposal, plan)


class NeverTakesUp(Lane):
    """Leaves a run that a crash interrupted where it is."""

    async def resume(self, run: Run, make_hands: Callable[[], Hands]) -> None:
        """Do nothing."""

    async def _take_up_lost(self) -> None:
        """Do nothing."""


class KillsAtTheStart(Service):
    """Looks for the kill file when it starts, and never again."""

    async def _watch_kill_file(self) -> None:
        await asyncio.Event().wait()

    async def _guard(self) -> None:
        await asyncio.Event().wait()


# What is wrong, the part it is in, and the words of the invariant that must not hold then.
PLANTED = {
    "the budget is not remembered": (Parts(recalled=forgets_the_budget), "began too soon"),
    "a restart clears the latch": (Parts(recalled=clears), "began after"),
    "a firing is handled twice after a restart": (Parts(recalled=forgets_firings), "second one of"),
    "a step of the clock forgets the cool-down": (Parts(ledger=ClockStepForgets), "began too soon"),
    "a restart lifts the kill switch": (Parts(recalled=lifts_the_kill_switch), "kill switch"),
    "a restart lifts a pause": (Parts(recalled=lifts_pauses), "although there was a pause"),
    "a relapse is nothing": (Parts(ledger=RelapseIsNothing), "relapsed"),
    "unknown passes the proof": (driven_by(UnknownIsProof), "and it was not"),
    "steps are proof enough": (driven_by(BelievesTheSteps), "never passed"),
    "a step in doubt is sent again": (driven_by(SendsInDoubt), "happened 2 times"),
    "a step nobody can look at is sent again": (driven_by(SendsOnceTwice), "happened 2 times"),
    "result before effect": (driven_by(ResultBeforeEffect), "never happened"),
    "a run is never too old": (driven_by(NeverTooOld), "s after it began"),
    "the kill switch is asked at the start": (
        driven_by(AsksOnlyAtTheStart),
        "after the kill switch",
    ),
    "two drivers of one run": (Parts(lane=TwoDrivers), "out of turn"),
    "what is over cancels the run": (Parts(lane=ResolvedCancels), "stopped by nobody"),
    "the graver run begins at once": (Parts(lane=Interleaves), "began while"),
    "a run is not taken up again": (Parts(lane=NeverTakesUp), "has no outcome"),
    "the guard sleeps": (Parts(service=KillsAtTheStart), "after the kill switch"),
}
