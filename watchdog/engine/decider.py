"""Decides about one target's proposals: asks the guards, and says what to journal."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from watchdog.domain.account import Account
from watchdog.domain.breaker import BreakerOpened
from watchdog.domain.decision import Facts, Reason, Refusal, decide
from watchdog.domain.errors import WatchdogError
from watchdog.domain.events import Decided, Event, TriggerJoined, VersionQuarantined
from watchdog.domain.foreseen import with_known
from watchdog.domain.groups import data_run
from watchdog.domain.ledger import Ledger
from watchdog.domain.matrix import Proposal
from watchdog.domain.moment import Moment
from watchdog.domain.plan import Check, Options, Plan, Return, Step
from watchdog.domain.plan_parts import acts
from watchdog.domain.progress import RunStarted
from watchdog.domain.target import Mode, Target
from watchdog.domain.trigger import Severity, Trigger
from watchdog.domain.unapproved import allowing
from watchdog.domain.variables import TO_VERSION, mentioned
from watchdog.domain.versions import Versions
from watchdog.domain.windows import Window
from watchdog.domain.words import stamp
from watchdog.domain.would_help import destination, unchecked
from watchdog.engine.approvals import Approvals
from watchdog.engine.climber import Climber
from watchdog.engine.defects import unexpected
from watchdog.engine.membership import Membership, Neighbour
from watchdog.engine.trigger_proofs import with_checks_of
from watchdog.engine.vetoes import Vetoes
from watchdog.engine.windows import Windows
from watchdog.ports import Calendar, Clock, Eyes, Journal

PREFLIGHT_LIMIT = 10.0
# Nothing new for anybody: it had its run, or was told, or the next look will tell.
_NOT_TOLD = {
    Reason.ALREADY_HANDLED,
    Reason.UNCONFIRMED,
    Reason.APPROVAL_DENIED,
    Reason.APPROVAL_EXPIRED,
}
_PEOPLE_DECIDE = {Reason.AWAITING_APPROVAL, Reason.NEXT_LEVEL_OFFERED}
# Whoever is asked, or only told, should know whether it could be done at all.
_PREFLIGHT_ALL_THE_SAME = {Reason.ALERT_ONLY, *_PEOPLE_DECIDE}
_OF_THE_GROUP = (Reason.GROUP_BUSY, Reason.GROUP_ORDER)
HOUR = 3600.0


async def _nothing_to_look_for(_target: str) -> None:
    """Nobody is asked what changed."""


def _nobody_counts(_target: str, _source: str) -> None:
    """Nobody waits for whole rounds."""


@dataclass(frozen=True, slots=True)
class Shared:
    """What all lanes of one process have in common.

    `alarm` tells people at once, without the journal. `self_stop` says what to journal first when
    nothing may begin any more. `skew` gives the seconds between our
    clock and a target's sources, where they say. `starting` lets one lane start at a time.
    `look_for_changes` records what is new of a target's changes; never raises. `round_taken` hears
    of each round that was evaluated, by target and source; never waits. `windows` are those that
    hold all targets; without a `calendar` none that is written opens. `groups` are the dependency
    groups, by name; `neighbour` is the lane of another target, None where there is none.
    `said_by`: who gives the signal that a target asks for, by the names that they give. `unseen`
    says why it is not known whether an annotation of the cluster stops everything; empty: it is.
    """

    clock: Clock
    journal: Journal
    ledger: Ledger
    alarm: Callable[[str], None]
    version: str = ""
    global_per_hour: int = 3
    skew: Callable[[str], float | None] = lambda _target: None
    self_stop: Callable[[], Sequence[BreakerOpened]] = tuple
    starting: asyncio.Lock = field(default_factory=asyncio.Lock)
    look_for_changes: Callable[[str], Awaitable[None]] = _nothing_to_look_for
    round_taken: Callable[[str, str], None] = _nobody_counts
    calendar: Calendar | None = None
    windows: tuple[Window, ...] = ()
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    said_by: Callable[[str, Options], Sequence[str]] = lambda _target, _ask: ()
    neighbour: Callable[[str], Neighbour | None] = lambda _target: None
    unseen: Callable[[], str] = lambda: ""


class Decider:
    """The decisions of one target. Tells each refusal once an episode, not once a round."""

    def __init__(self, target: Target, shared: Shared, eyes: Eyes) -> None:
        self._target = target
        self._shared = shared
        self._eyes = eyes
        self.vetoes = Vetoes(target)
        self.approvals = Approvals(target, shared.ledger, shared.clock, eyes, shared.said_by)
        self.windows = Windows(target, shared.ledger, shared.calendar, shared.windows)
        self.group = Membership(target.name, shared.groups, shared.ledger, shared.neighbour)
        self._unfit: set[str] = set()
        self.climber = Climber(target, shared.ledger)
        self._told: set[tuple[str, str]] = set()
        self._last_run = ""

    @property
    def account(self) -> Account:
        """What the ledger remembers of the target."""
        return self._shared.ledger.account(self._target.name)

    @property
    def versions(self) -> Versions:
        """What is known of the target's versions."""
        return self._shared.ledger.versions.of(self._target.name)

    def facts(self, now: Moment, *, alone: bool = False) -> Facts:
        """What the guards may know at this moment; `alone`, as if it were in no group."""
        ledger = self._shared.ledger
        paused = ledger.pause_of_all(now)
        return Facts(
            mode=self._target.mode,
            limits=self._target.limits,
            account=self.account,
            killed=ledger.killed,
            breaker=ledger.breaker.why,
            paused_all=f"all targets, {paused.words}" if paused else "",
            global_starts=ledger.starts_since(now, HOUR),
            global_per_hour=self._shared.global_per_hour,
            journal_healthy=self._shared.journal.healthy,
            skew=self._shared.skew(self._target.name),
            vetoed=self.vetoes.standing(now),
            target=self._target,
            versions=self.versions,
            windows=self.windows.open(now),
            group_busy="" if alone else self.group.busy(),
            group_first="" if alone else self.group.first(now),
            group_looked=None if alone else self.group.looked(),
            data_run=data_run(self._target.name, ledger),
            unseen=self._shared.unseen(),
        )

    def would_start(self, proposals: Sequence[Proposal], now: Moment) -> str:
        """What it is about to start, were it in no group; empty where something is against it."""
        facts = self.facts(now, alone=True)
        for one in proposals:
            # Whether it still breaches after a restart shows at once: so long others wait.
            sure = replace(one, confirmed=True)
            if one.breaching and one.plan not in self._unfit and decide(sure, facts, now) is None:
                return f"{one.trigger} fires, plan {one.plan}"
        return ""

    async def consider(
        self, proposal: Proposal, incident: str, now: Moment
    ) -> tuple[list[Event], Plan | None]:
        """What to journal about `proposal`; with a plan when it is to be acted on."""
        refusal = decide(proposal, self.facts(now), now)
        self.group.waits = refusal is not None and refusal.reason in _OF_THE_GROUP
        if refusal is not None and refusal.reason is Reason.RUN_IN_PROGRESS:
            return self.joined(proposal, incident), None
        if refusal is not None and refusal.reason in _NOT_TOLD:
            return [], None
        plan = self._target.plans.get(proposal.plan)
        if plan is None:
            return self._without_plan(proposal, incident, refusal), None
        if refusal is not None and self.approvals.is_asked(proposal, plan):
            return self._waits_for_people(proposal, plan, incident, refusal), None
        if refusal is None or refusal.reason in _PREFLIGHT_ALL_THE_SAME:
            refusal = await self.preflight(plan) or refusal
        if refusal is not None and refusal.reason in _PEOPLE_DECIDE:
            told = self._waits_for_people(proposal, plan, incident, refusal)
            asked = await self.approvals.ask(proposal, plan, incident, self.rendered(plan))
            return [*told, *asked], None
        if refusal is None:
            if plan.judges_version:
                # Somebody may have mended it since: what they did is taken into account by `go`.
                await self._shared.look_for_changes(self._target.name)
            return [], plan
        return self._waits_for_people(proposal, plan, incident, refusal), None

    def _waits_for_people(
        self, proposal: Proposal, plan: Plan, incident: str, refusal: Refusal
    ) -> list[Event]:
        told = self._tell_once(_told_as(proposal), refusal.reason.value)
        return [self._decided(proposal, plan, incident, refusal)] if told else []

    def _without_plan(
        self, proposal: Proposal, incident: str, refusal: Refusal | None
    ) -> list[Event]:
        """A trigger that only tells people says so once."""
        if refusal is None or refusal.reason is not Reason.MAINTENANCE:
            refusal = Refusal(Reason.NO_PLAN)
        if not self._tell_once(proposal.episode, refusal.reason.value):
            return []
        return [self._decided(proposal, None, incident, refusal)]

    def joined(self, proposal: Proposal, incident: str) -> list[Event]:
        """A trigger that adds nothing to what is being done already."""
        if not self._tell_once(proposal.episode, Reason.RUN_IN_PROGRESS.value):
            return []
        name, severity = proposal.trigger, proposal.severity
        return [TriggerJoined(self._target.name, incident, name, severity)]

    def left_half_way(self) -> list[Event]:
        """Tell people of a run that gave way when no graver one took its place: once a run."""
        run = self.account.half_way
        if run is None or not self._tell_once(run.run, Reason.LATCHED.value):
            return []
        told = Decided(
            target=self._target.name,
            incident=run.incident,
            plan=run.plan,
            trigger=run.trigger,
            severity=Severity.CRITICAL,
            episode=run.run,
            refusal=Reason.LATCHED.value,
            detail=self.account.latched,
        )
        return [told]

    def go(self, proposal: Proposal, plan: Plan, incident: str, now: Moment) -> list[Event]:
        """The decision to act, and the run it starts; or what came in between."""
        refusal = decide(proposal, self.facts(now), now)
        if refusal is not None:
            told = self._tell_once(_told_as(proposal), refusal.reason.value)
            return [self._decided(proposal, plan, incident, refusal)] if told else []
        approval, exempted = allowing(proposal, plan, self._target, self.account, self.versions)
        checked = with_checks_of(plan, self._asking(proposal), self._target)
        started = self.started(checked, incident, now)
        start = replace(
            started,
            trigger=proposal.trigger,
            severity=proposal.severity,
            episode=proposal.episode,
            reason=proposal.row or f"{proposal.trigger} fires",
            follows=proposal.follows,
            rest=self.climber.rest(proposal, plan),
            approval=approval,
            renews=proposal.renews,
            cause=next((one.cause for one in self._asking(proposal) if one.cause), ""),
        )
        decided = self._decided(proposal, plan, incident, None)
        return [decided, *exempted, *self.quarantined(start), start]

    def _asking(self, proposal: Proposal) -> list[Trigger]:
        """The triggers whose firing asks for it; of one with a label, those of its values."""
        names = dict.fromkeys(proposal.because or (proposal.trigger,))
        written = ((name, self._target.trigger(name)) for name in names)
        return [replace(one, name=name) for name, one in written if one is not None]

    def has_recent_change(self, now: Moment) -> bool:
        """Whether something was changed that a plan could still be asked to undo."""
        rules = self._target.changes
        changes = self.versions.changes
        return rules is not None and bool(changes) and changes[-1].at >= now.wall - rules.within

    def quarantined(self, start: RunStarted) -> list[Event]:
        """That the version which the run brings the target back from must not come back."""
        version = start.from_version
        returns = start.plan.returns_to != Return.NOWHERE and version != start.to_version
        if not version or not returns or version in self.versions.quarantined:
            return []
        return [VersionQuarantined(start.target, version, start.run, start.reason)]

    def refuse_without_destination(self, start: RunStarted) -> None:
        """Raises WatchdogError where a step needs the version to return to, and none is known."""
        if not start.to_version and TO_VERSION in mentioned(start.plan.text):
            raise WatchdogError(
                f"plan {start.plan.name} was not started: no version to return to is known "
                f"(`returns_to: {start.plan.returns_to}`); see `rollback-watchdog versions`"
            )

    def started(self, plan: Plan, incident: str, now: Moment) -> RunStarted:
        """A run of `plan` from now on, with a name of its own."""
        name = f"{self._target.name}-{stamp(now.wall)}"
        # A clock that steps back comes by the same moment twice.
        name = f"{self._last_run}b" if self._last_run.startswith(name) else name
        while self._shared.ledger.knows(name):
            name = f"{name}b"
        self._last_run = name
        return RunStarted(
            target=self._target.name,
            incident=incident,
            run=self._last_run,
            plan=plan,
            plan_hash=plan.hash,
            trigger="",
            severity=Severity.WARNING,
            episode="",
            version=self._shared.version,
            from_version=self.versions.running,
            to_version=destination(plan, self.versions),
        )

    def with_trigger_checks(self, plan: Plan) -> Plan:
        """`plan` with the proof that no trigger which selects it breaches any longer."""
        name = plan.reverses or plan.name
        rows = [row for row in self._target.decisions if row.plan == name]
        asked = {name for row in rows for name in row.firing}
        selecting = [one for one in self._target.triggers if one.plan == name or one.name in asked]
        return with_checks_of(plan, selecting, self._target)

    async def preflight(self, plan: Plan) -> Refusal | None:
        """Why a step of `plan` could not run; None when all could."""
        for step in acts(with_known(plan, self._target.name, self.versions)):
            problem = await self._problem(step)
            if problem:
                self._unfit.add(plan.name)
                return Refusal(Reason.PREFLIGHT_FAILED, f"{step.name}: {problem}")
        self._unfit.discard(plan.name)
        return None

    async def _problem(self, step: Step) -> str:
        try:
            async with asyncio.timeout(PREFLIGHT_LIMIT):
                findings = await self._eyes.probe(step).preflight()
        except TimeoutError:
            return f"preflight did not end within {PREFLIGHT_LIMIT:g} s"
        except WatchdogError as error:
            return str(error)
        except Exception as error:  # noqa: BLE001 -- one plugin's defect must not end all lanes
            return unexpected(error)
        # What is never sent needs no right to be sent.
        looks_only = self._target.mode is Mode.ALERT_ONLY
        wrong = (one for one in findings if not one.ok and not (looks_only and one.of_rights))
        return next((one.text for one in wrong), "")

    def rendered(self, plan: Plan) -> list[str]:
        """The plan as it would be sent, one line an item, without secrets."""
        asked = with_known(plan, self._target.name, self.versions)
        lines = [self._line(item) for item in (*asked.steps, *asked.verify)]
        return lines + [f"finally: {self._line(step)}" for step in asked.final]

    def _line(self, item: Step | Check) -> str:
        if isinstance(item, Check):
            return _look(item)
        try:
            return f"{item.name}: {self._eyes.probe(item).render()}"
        except Exception as error:  # noqa: BLE001 -- one plugin's defect must not end all lanes
            return f"{item.name}: cannot be shown: {unexpected(error)}"

    def _decided(
        self, proposal: Proposal, plan: Plan | None, incident: str, refusal: Refusal | None
    ) -> Decided:
        return Decided(
            target=self._target.name,
            incident=incident,
            plan=plan.name if plan else "",
            trigger=proposal.trigger,
            severity=proposal.severity,
            episode=proposal.episode,
            refusal=refusal.reason.value if refusal else "",
            detail=refusal.detail if refusal else proposal.row,
            until=refusal.until if refusal else None,
            would_do=tuple(self.rendered(plan)) if plan else (),
            unchecked=self._unchecked(proposal, plan),
            follows=proposal.follows,
        )

    def _unchecked(self, proposal: Proposal, plan: Plan | None) -> tuple[str, ...]:
        trigger = self._target.trigger(proposal.trigger)
        return unchecked(plan, trigger, self._target.changes) if plan else ()

    def _tell_once(self, episode: str, reason: str) -> bool:
        told = (episode, reason) in self._told
        self._told.add((episode, reason))
        return not told

    def remember(self, decided: Decided) -> None:
        """A decision found in the journal was told before the restart."""
        self._told.add((f"{decided.follows}{decided.episode}", decided.refusal))
        self.climber.remember(decided)

    def forget_told(self) -> None:
        """What was told could not be recorded: tell it again."""
        self._told.clear()
        self.climber.forget_told()


def _told_as(proposal: Proposal) -> str:
    """What is told once: a firing, and anew each level that it asks for after the first."""
    return f"{proposal.follows}{proposal.episode}"


def _look(check: Check) -> str:
    """A check as it is shown; one that only keeps a value expects nothing."""
    if check.save:
        return f"{check.name}: kept as saved.{check.save}"
    beside = [f", and {one.name}: {one.expect}" for one in check.also]
    return f"check {check.name}: expect {check.expect}{''.join(beside)}"
