"""Decides about one target's proposals: asks the guards, and says what to journal."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from watchdog.domain.decision import Facts, Reason, Refusal, decide
from watchdog.domain.errors import WatchdogError, unexpected
from watchdog.domain.events import Decided, Event, TriggerJoined
from watchdog.domain.ledger import Account, Ledger
from watchdog.domain.matrix import Proposal
from watchdog.domain.moment import Moment
from watchdog.domain.plan import Check, Look, Plan, Step
from watchdog.domain.progress import RunStarted
from watchdog.domain.target import Target
from watchdog.domain.trigger import Severity, Trigger
from watchdog.domain.words import stamp
from watchdog.ports import Clock, Eyes, Journal

PROOF_SAMPLES = 3
PREFLIGHT_LIMIT = 10.0
# Nothing new for anybody: it had its run, or the next look will tell.
_NOT_TOLD = {Reason.ALREADY_HANDLED, Reason.UNCONFIRMED}
HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Shared:
    """What all lanes of one process have in common.

    `alarm` tells people at once, without the journal. `skew` gives the seconds between our
    clock and a target's sources, where they say. `starting` lets one lane start at a time.
    """

    clock: Clock
    journal: Journal
    ledger: Ledger
    alarm: Callable[[str], None]
    version: str = ""
    global_per_hour: int = 3
    skew: Callable[[str], float | None] = lambda _target: None
    starting: asyncio.Lock = field(default_factory=asyncio.Lock)


class Decider:
    """The decisions of one target. Tells each refusal once an episode, not once a round."""

    def __init__(self, target: Target, shared: Shared, eyes: Eyes) -> None:
        self._target = target
        self._shared = shared
        self._eyes = eyes
        self._told: set[tuple[str, str]] = set()
        self._last_run = ""

    @property
    def account(self) -> Account:
        """What the ledger remembers of the target."""
        return self._shared.ledger.account(self._target.name)

    def facts(self, now: Moment) -> Facts:
        """What the guards may know at this moment."""
        ledger = self._shared.ledger
        paused = ledger.paused
        if paused is not None and paused.until is not None and now.wall >= paused.until:
            paused = None
        return Facts(
            mode=self._target.mode,
            limits=self._target.limits,
            account=self.account,
            killed=ledger.killed,
            paused_all=f"all targets, by {paused.by}: {paused.reason}" if paused else "",
            global_starts=ledger.starts_since(now, HOUR),
            global_per_hour=self._shared.global_per_hour,
            journal_healthy=self._shared.journal.healthy,
            skew=self._shared.skew(self._target.name),
        )

    async def consider(
        self, proposal: Proposal, incident: str, now: Moment
    ) -> tuple[list[Event], Plan | None]:
        """What to journal about `proposal`; with a plan when it is to be acted on."""
        refusal = decide(proposal, self.facts(now), now)
        if refusal is not None and refusal.reason is Reason.RUN_IN_PROGRESS:
            return self.joined(proposal, incident), None
        if refusal is not None and refusal.reason in _NOT_TOLD:
            return [], None
        plan = self._target.plans[proposal.plan]
        if refusal is None or refusal.reason is Reason.ALERT_ONLY:
            refusal = await self.preflight(plan) or refusal
        if refusal is None:
            return [], plan
        if not self._tell_once(proposal.episode, refusal.reason.value):
            return [], None
        return [self._decided(proposal, plan, incident, refusal)], None

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
            told = self._tell_once(proposal.episode, refusal.reason.value)
            return [self._decided(proposal, plan, incident, refusal)] if told else []
        trigger = self._target.trigger(proposal.trigger)
        checked = self._with_checks_of(plan, [trigger] if trigger else [])
        started = self.started(checked, incident, now)
        start = replace(
            started,
            trigger=proposal.trigger,
            severity=proposal.severity,
            episode=proposal.episode,
            reason=f"{proposal.trigger} fires",
        )
        return [self._decided(proposal, plan, incident, None), start]

    def started(self, plan: Plan, incident: str, now: Moment) -> RunStarted:
        """A run of `plan` from now on, with a name of its own."""
        name = f"{self._target.name}-{stamp(now.wall)}"
        self._last_run = name if not self._last_run.startswith(name) else f"{self._last_run}b"
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
        )

    def with_trigger_checks(self, plan: Plan) -> Plan:
        """`plan` with the proof that no trigger which selects it breaches any longer."""
        selecting = [one for one in self._target.triggers if one.plan == plan.name]
        return self._with_checks_of(plan, selecting)

    def _with_checks_of(self, plan: Plan, triggers: Sequence[Trigger]) -> Plan:
        """`plan` with the proof that matters most: what fired must have stopped breaching."""
        if not plan.verify_trigger:
            return plan
        return replace(plan, verify=(*plan.verify, *map(partial(self._check, plan), triggers)))

    def _check(self, plan: Plan, trigger: Trigger) -> Check:
        source = self._target.sources[trigger.signal.source]
        ask = self._target.signals[trigger.signal.name].ask
        return Check(
            name=f"trigger {trigger.name} no longer breaches",
            signal=trigger.signal,
            look=Look(source.use, source.options, ask),
            expect=trigger.breach_when.negated(),
            pause=trigger.every,
            samples=PROOF_SAMPLES,
            within=plan.verify_within,
        )

    async def preflight(self, plan: Plan) -> Refusal | None:
        """Why a step of `plan` could not run; None when all could."""
        for step in (*plan.steps, *plan.final):
            problem = await self._problem(step) if isinstance(step, Step) else ""
            if problem:
                return Refusal(Reason.PREFLIGHT_FAILED, f"{step.name}: {problem}")
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
        return next((finding.text for finding in findings if not finding.ok), "")

    def rendered(self, plan: Plan) -> list[str]:
        """The plan as it would be sent, one line an item, without secrets."""
        lines = [self._line(item) for item in (*plan.steps, *plan.verify)]
        return lines + [f"finally: {self._line(step)}" for step in plan.final]

    def _line(self, item: Step | Check) -> str:
        if isinstance(item, Check):
            return f"check {item.name}: expect {item.expect}"
        try:
            return f"{item.name}: {self._eyes.probe(item).render()}"
        except Exception as error:  # noqa: BLE001 -- one plugin's defect must not end all lanes
            return f"{item.name}: cannot be shown: {unexpected(error)}"

    def _decided(
        self, proposal: Proposal, plan: Plan, incident: str, refusal: Refusal | None
    ) -> Decided:
        return Decided(
            target=self._target.name,
            incident=incident,
            plan=plan.name,
            trigger=proposal.trigger,
            severity=proposal.severity,
            episode=proposal.episode,
            refusal=refusal.reason.value if refusal else "",
            detail=refusal.detail if refusal else "",
            until=refusal.until if refusal else None,
            would_do=tuple(self.rendered(plan)),
        )

    def _tell_once(self, episode: str, reason: str) -> bool:
        told = (episode, reason) in self._told
        self._told.add((episode, reason))
        return not told

    def remember(self, decided: Decided) -> None:
        """A decision found in the journal was told before the restart."""
        self._told.add((decided.episode, decided.refusal))

    def forget_told(self) -> None:
        """What was told could not be recorded: tell it again."""
        self._told.clear()
