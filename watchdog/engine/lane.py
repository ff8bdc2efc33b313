"""One target, one task, in order: evaluate, decide, and hand a run to its runner."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, assert_never

from watchdog.domain.decision import supersedes
from watchdog.domain.errors import JournalError
from watchdog.domain.events import (
    ConfigLoaded,
    Event,
    IncidentClosed,
)
from watchdog.domain.expiring import renewal
from watchdog.domain.matrix import Proposal
from watchdog.domain.moment import Moment
from watchdog.domain.plan import Plan
from watchdog.domain.progress import Outcome, RunStarted, Stage
from watchdog.domain.requests import ApprovalGranted, ApprovalRequested
from watchdog.domain.run import WATCHES, begin
from watchdog.domain.shadow_book import ShadowBook
from watchdog.domain.target import Target
from watchdog.domain.trigger import Inactive
from watchdog.domain.unapproved import with_all_causes
from watchdog.domain.windows import kept_down
from watchdog.engine.baking import Baking
from watchdog.engine.baselines import keep_baselines
from watchdog.engine.decider import Shared
from watchdog.engine.evaluator import Evaluator, Looked
from watchdog.engine.expiry_clock import ExpiryClock
from watchdog.engine.inbox import Order, Wake
from watchdog.engine.own_eyes import OwnEyes
from watchdog.engine.table_clock import TableClock
from watchdog.engine.target_runs import TargetRuns, refuse_wrong_hands
from watchdog.ports import Eyes, Hands


class Lane(TargetRuns):
    """Owns one target's state: nothing else changes it, so there is nothing to lock."""

    def __init__(self, target: Target, shared: Shared, eyes: Eyes, hands: Hands | None) -> None:
        self.taken: dict[str, Moment] = {}
        self.shadows = ShadowBook()
        self.baking = Baking()
        super().__init__(target, shared, eyes, hands)

    def _take(self, target: Target, eyes: Eyes, hands: Hands | None) -> None:
        super()._take(target, eyes, hands)
        self.evaluator = Evaluator(target)
        self.table = TableClock(target, self.evaluator)
        self.expiries = ExpiryClock(
            target.name, self._shared.ledger, self.evaluator, self.decider.facts
        )
        self._eyes = OwnEyes(eyes, lambda: self.evaluator)

    # -- what comes in

    def post(self, looked: Looked) -> None:
        """Hand over a round of looks; never waits."""
        self._inbox.put(looked)

    async def order(self, call: Callable[[], Awaitable[Any]]) -> Any:  # noqa: ANN401 -- as `call`
        """Have `call` done between two rounds; returns (or raises) what it does."""
        return await self._inbox.order(call)

    async def run(self) -> None:
        """Work until cancelled. A run goes on beside the rounds, in a task of its own."""
        try:
            async with asyncio.TaskGroup() as self._tasks:
                while True:
                    await self._take_in(await self._inbox.take())
        finally:
            self._inbox.close()

    async def _take_in(self, item: Looked | Order | Wake) -> None:
        match item:
            case Looked() as looked:
                self.decider.vetoes.take(looked)
                await self._guarded(lambda: self._round(looked))
                self.taken[looked.source] = self._shared.clock.now()
                for member in self.decider.group.others():
                    member.look_again()
                self._shared.round_taken(self.target.name, looked.source)
            case Wake():
                await self._guarded(lambda: self._round(None))
            case Order() as order:
                await order.obey(self._inbox.stopping())
            case _:
                assert_never(item)

    # -- a round: evaluate, decide

    async def _round(self, looked: Looked | None) -> None:
        """Evaluate (unless there is nothing new), decide, act."""
        # The next start goes on from the last checkpoint.
        if self._parked:
            return
        events = self.evaluator.take(looked) if looked else []
        unwritten: JournalError | None = None
        try:
            await self._take_up_lost()
        except JournalError as error:
            # What was seen is not lost with it: it is kept until it can be recorded.
            unwritten = error
        versions, now = self.decider.versions, self._shared.clock.now()
        events += self.baking.due(self.target, self.evaluator, versions, looked, now)
        await self._decide(events)
        if unwritten is not None:
            raise unwritten
        await self._keep_checkpoint()

    async def _decide(self, events: list[Event]) -> None:
        """Decide about every breaching trigger; journal it all at once, then act on it."""
        now = self._shared.clock.now()
        firing = self.evaluator.proposals(now)
        breaching = [one for one in firing if one.breaching]
        incident = self.decider.account.incident
        planned = self.decider.windows.planned(now)
        if breaching and not incident:
            opened = self._incident(breaching[0].trigger, breaching[0].severity)
            incident = opened.incident
            events.append(opened)
        events += self.table.moves(self.decider.account, incident, firing, now)
        events = [kept_down(one, planned) for one in events]
        events += self.decider.windows.turned(self.evaluator, now)
        selected = self.decider.climber.climbing(self.table.proposals(firing, now), now)
        selected = with_all_causes(selected, self.target)
        events += await self.decider.approvals.moves(selected, self.evaluator.statuses, now)
        proposals = [one for one in selected if one.breaching]
        chosen = await self._consider(proposals, incident, events)
        if chosen is not None and await self._has_stopped_itself(events):
            chosen = await self._consider([chosen[0]], incident, events)
        if chosen is None:
            events += self.decider.left_half_way()
        if chosen is None:
            events += self.decider.climber.left(now, over=self._may_close)
        moved, due = self.expiries.moves(firing, now)
        events += moved
        if chosen is None and due is not None:
            chosen = due.proposal, renewal(due.change)
        if chosen is None and self._may_close:
            events += self.table.left_open(self.decider.account, now)
            events += self.decider.approvals.left_open(events)
            events.append(IncidentClosed(self.target.name, incident))
        coming, now = [*self._unwritten, *events], self._shared.clock.now()
        events += self.shadows.due(self.target, firing, coming, now)
        if any(isinstance(one, ApprovalGranted) for one in events):
            self.wake()
        if chosen is None or self._waits_for_lower_run(*chosen):
            await self._write(events)
        else:
            await self._start(*chosen, incident, events)

    async def _consider(
        self, proposals: Sequence[Proposal], incident: str, events: list[Event]
    ) -> tuple[Proposal, Plan] | None:
        """Add to `events` what is decided about `proposals`; returns what is to be acted on."""
        now = self._shared.clock.now()
        chosen: tuple[Proposal, Plan] | None = None
        for proposal in proposals:
            if chosen is not None:
                events += self.decider.joined(proposal, incident)
                continue
            if any(isinstance(e, ApprovalRequested) and e.plan == proposal.plan for e in events):
                # Asked about in this very round, for a graver one.
                continue
            self._relapse(proposal)
            told, plan = await self.decider.consider(proposal, incident, now)
            events += told
            chosen = None if plan is None else (proposal, plan)
        return chosen

    async def _start(
        self, proposal: Proposal, plan: Plan, incident: str, events: list[Event]
    ) -> None:
        """Start a run, unless other lanes meanwhile used up what all of them share."""
        async with self._shared.starting:
            await self._stop_itself(events)
            events += self.decider.go(proposal, plan, incident, self._shared.clock.now())
            records = await self._write(events)
        for record in records:
            if isinstance(record.event, RunStarted):
                self._drive(self._runner(begin(record), self._hands))

    async def _has_stopped_itself(self, events: list[Event]) -> bool:
        """Whether too much goes wrong to begin anything: asked before a lower run gives way."""
        async with self._shared.starting:
            await self._stop_itself(events)
        return bool(self._shared.ledger.breaker.why)

    async def _stop_itself(self, events: list[Event]) -> None:
        stop = self._shared.self_stop()
        if stop:
            await self._write([*events, *stop])
            events.clear()

    def _relapse(self, proposal: Proposal) -> None:
        """A trigger that begins to fire in a watch shows that the rollback did not help."""
        if self.runner is None or supersedes(proposal, self.decider.account):
            return
        run = self.runner.run
        if run.stage not in WATCHES or run.watch_since is None:
            return
        # In the long watch, only what would do the same once more.
        if run.stage is Stage.WATCH_LONG and proposal.plan != run.start.plan.name:
            return
        if proposal.since.elapsed > run.watch_since.elapsed:
            self.runner.relapse(f"trigger {proposal.trigger} fires again")

    def _waits_for_lower_run(self, proposal: Proposal, plan: Plan) -> bool:
        """Ask a lower run to stop; its end starts this one, so that no steps interleave."""
        if self.runner is None:
            # One that waits to be taken up again holds the target as well.
            return self.decider.account.current is not None
        by = f"superseded by plan {plan.name} (trigger {proposal.trigger})"
        self.runner.request_stop(Outcome.SUPERSEDED, by)
        return True

    @property
    def last_look(self) -> Moment | None:
        """Since when at least all that its triggers rest on was looked at; None: not yet."""
        looks = [self.taken.get(trigger.source) for trigger in self.target.triggers]
        known = [look for look in looks if look is not None]
        return min(known, key=lambda look: look.elapsed) if len(known) == len(looks) > 0 else None

    def look_again(self) -> None:
        """Decide anew, if it waits for its group; never waits."""
        if self.decider.group.waits:
            self.wake()

    def would_start(self, now: Moment) -> str:
        """What it is about to start, were it in no group; empty where something is against it."""
        firing = self.table.proposals(self.evaluator.proposals(now), now)
        breaching = [one for one in firing if one.breaching]
        return self.decider.would_start(self.decider.climber.climbing(breaching, now), now)

    def _restless(self) -> Sequence[str]:
        statuses = self.evaluator.statuses
        return [name for name, one in statuses.items() if not isinstance(one.state, Inactive)]

    @property
    def _may_close(self) -> bool:
        account = self.decider.account
        idle = account.current is None or account.current.stage is Stage.WATCH_LONG
        return bool(account.incident) and idle and self.evaluator.quiet

    async def _keep_checkpoint(self) -> None:
        self.evaluator.mindful = self.decider.has_recent_change(self._shared.clock.now())
        kept = self.evaluator.checkpoint(self._shared.clock.now())
        if kept is not None:
            await self._shared.journal.keep(f"triggers/{self.target.name}", kept)
            self.evaluator.was_kept()
        await keep_baselines(self._shared.journal, self.target.name, self.evaluator.memories)

    # -- a changed file

    async def reload(
        self, target: Target, eyes: Eyes, hands: Hands | None, also: Sequence[Event] = ()
    ) -> None:
        """Take over a changed file whole; a run in flight keeps the plan it began with.

        `also` is recorded with it.
        """
        refuse_wrong_hands(target, hands)
        before = self.evaluator
        loaded = ConfigLoaded(
            target.name, target.file, target.hash, target.mode.value, target.armed_by
        )
        await self._write([loaded, *also])
        self._take(target, eyes, hands)
        self.evaluator.adopt(before)
