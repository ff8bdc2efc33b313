"""The runs of one target: begun, driven, stopped, and taken up again; never two at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from watchdog.domain.changed_since import why_not_go_on
from watchdog.domain.errors import JournalError, WatchdogError
from watchdog.domain.events import (
    Event,
    IncidentOpened,
    KillSwitchChanged,
    Record,
    SourceSeesAgain,
    SourceWentBlind,
    TriggerChanged,
)
from watchdog.domain.groups import data_run
from watchdog.domain.lasting import why_not_reverse
from watchdog.domain.plan import Level, Plan
from watchdog.domain.progress import (
    Outcome,
    Recovery,
    RunRecovered,
    RunResumed,
    RunStarted,
    Stage,
)
from watchdog.domain.recovering import objection
from watchdog.domain.run import WATCHES, Run, apply, begin, fold
from watchdog.domain.target import Mode, Target
from watchdog.domain.trigger import Severity
from watchdog.domain.unapproved import needs_people, policy_of
from watchdog.domain.words import stamp
from watchdog.engine.decider import Decider, Shared
from watchdog.engine.inbox import Inbox, Wake
from watchdog.engine.runner import NoHands, Runner
from watchdog.ports import Eyes, Hands

MAX_UNWRITTEN = 100
# What happened, whether it could be recorded or not.
FACTS = (TriggerChanged, SourceWentBlind, SourceSeesAgain)


class TargetRuns:
    """What drives one target's runs; its lane tells it when.

    `hands` is None for an alert-only target: then no executor can be built, whatever fires.
    """

    def __init__(self, target: Target, shared: Shared, eyes: Eyes, hands: Hands | None) -> None:
        self._shared = shared
        self._inbox = Inbox(target.name)
        self._unwritten: list[Event] = []
        self._drive_task: asyncio.Task[None] | None = None
        self._tasks: asyncio.TaskGroup | None = None
        self.runner: Runner | None = None
        self._lost: Runner | None = None
        self.stopped: Run | None = None
        self._spare_hands: Callable[[], Hands] | None = None
        self._alarmed = ""
        self._parked = False
        self._take(target, eyes, hands)

    def _take(self, target: Target, eyes: Eyes, hands: Hands | None) -> None:
        refuse_wrong_hands(target, hands)
        self.target = target
        self.decider = Decider(target, self._shared, eyes)
        self._eyes = eyes
        self._hands = hands

    @property
    def busy(self) -> bool:
        """Whether a run is driven, or waits to be taken up again; it keeps its own eyes."""
        return self.runner is not None or self._lost is not None

    def wake(self) -> None:
        """Look again at what could not be done before; never waits."""
        self._inbox.put(Wake())

    async def start_by_hand(
        self,
        plan: Plan,
        by: str,
        reason: str,
        make_hands: Callable[[], Hands],
        *,
        approval: str = "",
    ) -> str:
        """A person starts a plan: whatever the limits say, but never beside another run.

        An alert-only target gets hands for this one run only. `approval`: the request on which
        it runs, or the role that may start it alone. Returns the run's name.
        """
        if not approval and not policy_of(plan, Mode.AUTO, offered=False).is_auto:
            raise WatchdogError(f"plan {plan.name} was not started: people must agree first")
        self._refuse_while_stopped()
        self._refuse_reversal(plan)
        await self._free_for(f"superseded by {by}")
        incident = self.decider.account.incident
        events: list[Event] = []
        if not incident:
            opened = self._incident("", Severity.WARNING)
            incident = opened.incident
            events.append(opened)
        plan = self.decider.with_trigger_checks(plan)
        started = self.decider.started(plan, incident, self._shared.clock.now())
        start = replace(started, by=by, reason=reason, approval=approval)
        self.decider.refuse_without_destination(start)
        # Should it be written later than anybody waits for, it is taken up with these.
        self._spare_hands = make_hands
        async with self._shared.starting:
            self._refuse_beside_data_run(plan)
            records = await self._write([*events, *self.decider.quarantined(start), start])
        self._drive(self._runner(begin(records[-1]), self._hands or make_hands()))
        return start.run

    async def recover(self, event: RunRecovered, make_hands: Callable[[], Hands]) -> Run:
        """A person decides about the run that stopped last. Raises WatchdogError: refused.

        Returns the run as it goes on, or as it was given up.
        """
        run = await self.recoverable(event)
        if needs_people(run.start.plan, event.how) and not event.approval:
            raise WatchdogError(f"run {run.id} was left as it is: people must agree first")
        await self._free_for(f"recovered by {event.by}")
        self._spare_hands = make_hands
        async with self._shared.starting:
            if event.how is not Recovery.ABANDON:
                self._refuse_beside_data_run(run.start.plan)
            (record,) = (r for r in await self._write([event]) if r.event == event)
        run = apply(run, record.event, record.at)
        if run.stage is not Stage.ENDED:
            self._drive(self._runner(run, self._hands or make_hands()))
        else:
            self.stopped = None
        return run

    async def recoverable(self, event: RunRecovered) -> Run:
        """The run that a person decides about. Raises WatchdogError where they cannot, so."""
        if event.how is not Recovery.ABANDON:
            self._refuse_while_stopped()
        last = self.decider.account.broken_off
        if last is None or last.run != event.run:
            hint = f"; the last one is {last.run}" if last else ""
            raise WatchdogError(
                f"run {event.run} is not the last run of {self.target.name} that stopped on the "
                f"way{hint}"
            )
        run = fold(await self._shared.journal.read(run=event.run))
        refused = objection(run, event.how, happened=event.happened)
        if refused:
            raise WatchdogError(refused)
        return run

    def _refuse_while_stopped(self) -> None:
        """Raises WatchdogError while the kill switch is on, or nobody knows whether it is."""
        if self._shared.ledger.killed:
            raise WatchdogError(f"the kill switch is on: {self._shared.ledger.killed}")
        if self._shared.unseen():
            raise WatchdogError(self._shared.unseen())

    def _refuse_beside_data_run(self, plan: Plan) -> None:
        """Raises WatchdogError: not even a person starts two of the data level at a time."""
        other = data_run(self.target.name, self._shared.ledger)
        if plan.level >= Level.DATA and other:
            raise WatchdogError(
                f"plan {plan.name} is of the data level, and so is {other}: only one at a time"
            )

    def _refuse_reversal(self, plan: Plan) -> None:
        """Raises WatchdogError where a rollback is to be taken back too soon."""
        current = self.decider.account.current
        holds = "" if current is None or current.stage is Stage.WATCH_LONG else current.run
        lasting = self._shared.ledger.lasting.of(self.target.name)
        why = why_not_reverse(plan, lasting, holds, self._restless())
        if why:
            raise WatchdogError(f"plan {plan.name} was not started: {why}")

    def _restless(self) -> Sequence[str]:
        """The triggers that fire, or are about to."""
        return ()

    async def _free_for(self, why: str) -> None:
        if self._parked:
            raise self._inbox.stopping()
        current = self.decider.account.current
        if self.runner is None and current is not None:
            raise WatchdogError(
                f"run {current.run} waits to be taken up again until the journal can be written; "
                "only one run a target at a time"
            )
        if self.runner is None:
            return
        if self.runner.run.stage not in WATCHES:
            run = self.runner.run
            raise WatchdogError(
                f"run {run.id} is in its {run.stage.value} stage; only one run a target at a time"
            )
        self.runner.request_stop(Outcome.SUPERSEDED, why)
        await self._rest()

    def _incident(self, trigger: str, severity: Severity) -> IncidentOpened:
        name = f"inc-{self.target.name}-{stamp(self._shared.clock.now().wall)}"
        return IncidentOpened(self.target.name, name, trigger, severity)

    async def resume(self, run: Run, make_hands: Callable[[], Hands]) -> None:
        """Go on with a run found open in the journal, unless a round before did so already."""
        self._spare_hands = make_hands
        if self._shared.unseen() and run.stage not in WATCHES:
            # Somebody may have stopped it meanwhile: a round takes it up once that is known.
            return
        current = self.decider.account.current
        if not self.busy and current is not None and current.run == run.id:
            await self._go_on(self._taken_up(fold(await self._shared.journal.read(run=run.id))))

    async def _take_up_lost(self) -> None:
        """Go on with a run that nobody drives, once the journal is well again.

        Its records failed; or its start did, as it seemed, and was written later all the same.
        """
        current = self.decider.account.current
        if self.runner is not None or not self._shared.journal.healthy:
            return
        if self._lost is None and (current is None or (current.by and not self._can_act)):
            return
        if self._shared.unseen():
            return
        name = self._lost.run.id if self._lost else current.run if current else ""
        run = fold(await self._shared.journal.read(run=name))
        if run.stage is not Stage.ENDED:
            await self._go_on(self._lost.again(run) if self._lost else self._taken_up(run))
        self._lost = None

    @property
    def _can_act(self) -> bool:
        """Whether there are hands for a run that a person started."""
        return self._hands is not None or self._spare_hands is not None

    def _taken_up(self, run: Run) -> Runner:
        # Whoever recovered it is at it now, whatever began it.
        current = self.decider.account.current
        by_hand = run.start.by or (current is not None and current.by)
        spare = self._spare_hands if by_hand else None
        return self._runner(run, self._hands or (spare() if spare else None))

    async def _go_on(self, runner: Runner) -> None:
        thrown = await self._thrown_since(runner.run)
        if thrown and runner.run.stage not in WATCHES:
            # It was told to stop, and may have had no time to record that.
            runner.request_stop(Outcome.STOPPED, f"kill switch: {thrown}")
        moved = why_not_go_on(runner.run, self.target.plans, self._shared.version)
        if not moved and not runner.run.flight:
            moved = await self._moved_on(runner.run)
        if moved:
            runner.request_stop(Outcome.INTERRUPTED, moved)
        resumed = RunResumed(runner.run.id, runner.run.resumes + 1)
        for record in await self._write([resumed]):
            runner.run = apply(runner.run, record.event, record.at)
        self._drive(runner)

    async def _moved_on(self, run: Run) -> str:
        """Why a run that has changed nothing yet would undo the wrong version; empty: it may go on.

        While nobody drove it, somebody else may have been at work.
        """
        start = run.start
        begun = run.stage is not Stage.STEPS or run.index
        if begun or not start.from_version or not start.plan.judges_version:
            return ""
        await self._shared.look_for_changes(start.target)
        running = self.decider.versions.running
        if running == start.from_version:
            return ""
        return f"{start.from_version} was to be undone, and {running} runs now"

    async def _thrown_since(self, run: Run) -> str:
        """How the kill switch was last thrown since `run` began, or a person let it go on.

        Empty when it was not.
        """
        journal = self._shared.journal
        begun = (RunStarted, RunRecovered)
        first = max(r.seq for r in await journal.read(run=run.id) if isinstance(r.event, begun))
        changes = [r.event for r in await journal.read(kinds=[KillSwitchChanged], after=first)]
        hows = [one.how for one in changes if isinstance(one, KillSwitchChanged) and one.on]
        return hows[-1] if hows else ""

    def _runner(self, run: Run, hands: Hands | None) -> Runner:
        hands = hands or NoHands(self.target.name)
        world = (self._shared.journal, self._shared.clock, self._eyes, hands)
        return Runner(run, *world, moved_on=self._moved_on)

    def _drive(self, runner: Runner) -> None:
        if self._tasks is None:
            raise RuntimeError(f"{self.target.name}: the lane is not running")
        self.runner, self.stopped = runner, None
        if self._shared.ledger.killed:
            # Thrown between the decision and this moment: no step may start.
            runner.request_stop(Outcome.STOPPED, f"kill switch: {self._shared.ledger.killed}")
        work = self._guarded(lambda: self._driven(runner))
        self._drive_task = self._tasks.create_task(work, name=f"run {runner.run.id}")

    async def _driven(self, runner: Runner) -> None:
        try:
            run = await runner.drive()
        except JournalError:
            self._lost = runner
            raise
        finally:
            if self.runner is runner:
                self.runner = None
        self.stopped = run if self.decider.account.broken_off else None
        if run.stop is not None:
            # What superseded it has been waiting for this moment.
            self.wake()

    def stop_run(self, why: Outcome, detail: str) -> None:
        """Let the run under way start no further step."""
        runner = self.runner or self._lost
        if runner is not None:
            runner.request_stop(why, detail)

    async def park(self, reason: str, grace: float) -> None:
        """Let the step under way finish within `grace` seconds; the next start goes on.

        From now on nothing is evaluated and nothing begins.
        """
        self._parked = True
        if self.runner is not None:
            self.runner.park(reason)
        await self._rest(grace)

    async def _rest(self, limit: float | None = None) -> None:
        """Wait until no run is driven, or for `limit` seconds."""
        if self._drive_task is not None:
            await asyncio.wait([self._drive_task], timeout=limit)

    # -- the journal

    async def _guarded(self, work: Callable[[], Awaitable[None]]) -> None:
        """What cannot be recorded must not be done: say so once, and go on watching."""
        if self._shared.journal.healthy:
            self._alarmed = ""
        try:
            await work()
        except JournalError as error:
            if str(error) != self._alarmed:
                self._alarmed = str(error)
                self._shared.alarm(f"{self.target.name}: {error}")

    async def _write(self, events: Sequence[Event]) -> Sequence[Record]:
        """Record `events`, with any that could not be recorded before."""
        pending = [*self._unwritten, *events]
        if not pending:
            return ()
        try:
            records = await self._shared.journal.append(*pending)
        except JournalError:
            # Facts are kept for later; what was decided on them is decided anew.
            facts: list[Event] = [e for e in pending if isinstance(e, FACTS)]
            self._unwritten = facts[-MAX_UNWRITTEN:]
            self.decider.forget_told()
            raise
        self._unwritten = []
        return records


def refuse_wrong_hands(target: Target, hands: Hands | None) -> None:
    """An alert-only target has none. Raises ValueError."""
    if (hands is None) is not (target.mode is Mode.ALERT_ONLY):
        raise ValueError(f"{target.name}: hands are for armed targets, and only for them")
