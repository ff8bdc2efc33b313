"""A machine that decides, and forgets nothing but its memory: true time, and clocks that lie."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from tests.builders import EPOCH, a_plan, a_proposal, a_target, a_trigger, a_watch, started
from watchdog.domain.breaker import BreakerLimits, BreakerOpened, why_open
from watchdog.domain.change import ChangeSeen, VersionGood, VersionQuarantined
from watchdog.domain.decision import HOUR, Facts, Refusal, clock_unsure, decide
from watchdog.domain.events import (
    BreakerClosed,
    Event,
    IncidentClosed,
    IncidentOpened,
    KillSwitchChanged,
    LatchCleared,
    Outcome,
    Record,
    RunEnded,
    StopRequested,
)
from watchdog.domain.ledger import Ledger
from watchdog.domain.moment import Moment
from watchdog.domain.target import ChangeRules, Limits, Mode, Target
from watchdog.domain.trigger import Severity
from watchdog.domain.windows import WindowKind, WindowSet

PER_HOUR, PER_DAY, GLOBAL, COOLDOWN = 1, 2, 3, HOUR
# A version that is told of just before, and one that was good before it.
UNDO = replace(a_plan(name="undo", watch=a_watch(short=0, long=0)), returns_to="last_good")
FLAG = a_plan(name="flag", watch=a_watch(short=0, long=0))
_PLANS = {"errors": "undo", "slow": "flag"}


def a_service(name: str) -> Target:
    """Two triggers: one returns to an earlier version, the other switches a flag."""
    target = a_target(
        a_trigger("errors", plan="undo"),
        a_trigger("slow", plan="flag"),
        name=name,
        plans=[UNDO, FLAG],
        limits=Limits(PER_HOUR, PER_DAY, COOLDOWN),
    )
    return replace(target, changes=ChangeRules())


@dataclass(frozen=True, slots=True)
class Begun:
    """An automatic run, by true time."""

    at: float
    target: str
    version: str
    plan: str
    severity: Severity
    follows: bool


@dataclass(slots=True)
class Machine:
    """`true` seconds pass; `error` is how far the wall clock is off, `boot` when it booted.

    `tells_skew`: whether a source tells how far.
    """

    targets: dict[str, Target]
    true: float = 0.0
    error: float = 0.0
    boot: float = 0.0
    ledger: Ledger = field(default_factory=Ledger)
    records: list[tuple[Record, float]] = field(default_factory=list)
    begun: list[Begun] = field(default_factory=list)
    versions: dict[str, int] = field(default_factory=dict)
    open_run: dict[str, str] = field(default_factory=dict)
    thawed: dict[str, float] = field(default_factory=dict)
    refused: list[Refusal] = field(default_factory=list)
    tells_skew: bool = True

    @property
    def now(self) -> Moment:
        """What the two clocks show."""
        return Moment(self.true - self.boot, EPOCH + self.true + self.error)

    # -- what happens to it

    def write(self, *events: Event) -> None:
        """Into the journal, and what is made of it."""
        for event in events:
            self.records.append((Record(len(self.records) + 1, self.now, event), self.boot))
            self.ledger.apply(event, self.now)

    def restart(self) -> None:
        """The process ends and begins: what it knows is what the journal says."""
        self.ledger = Ledger().replay(self._read())

    def reboot(self) -> None:
        """The whole machine does, and its clock that never steps begins anew."""
        self.boot = self.true
        self.restart()

    def _read(self) -> Iterator[Record]:
        for record, boot in self.records:
            at, now = record.at, self.now
            there = at if boot == self.boot else Moment(now.elapsed - (now.wall - at.wall), at.wall)
            yield replace(record, at=there)

    def deploy(self, name: str) -> None:
        """A new version; the one before stayed healthy."""
        self.versions[name] = self.versions.get(name, 0) + 1
        self.deploy_again(name)

    def deploy_again(self, name: str) -> None:
        """The newest version, whatever became of it."""
        number = self.versions[name]
        was = self.ledger.versions.of(name).running or "v0"
        wall = self.now.wall
        self.write(
            VersionGood(name, was, wall - 100),
            ChangeSeen(name, f"v{number}", was, wall, source="ci"),
        )

    def freeze(self, name: str, seconds: float) -> None:
        """A person does."""
        self.write(WindowSet(name, WindowKind.FREEZE, "ann", "x", self.now.wall + seconds))
        # By then it must be over; not one second sooner, as time truly goes by.
        self.thawed[name] = max(self.thawed.get(name, 0.0), self.true + seconds)

    def kill(self, *, on: bool) -> None:
        self.write(KillSwitchChanged(on=on, how="a test"))

    def clear(self, name: str) -> None:
        # As the command does, which refuses while a source says that the clock is wrong.
        if clock_unsure(None, self._facts(self.targets[name]), self.now) is None:
            self.write(LatchCleared(name, "ann", "looked"))

    def close_breaker(self) -> None:
        self.write(BreakerClosed("ann", "looked"))

    def end(self, name: str, outcome: Outcome) -> None:
        """The run under way, if any."""
        run = self.open_run.pop(name, "")
        if run:
            self.write(RunEnded(run, name, outcome, "why", 5.0))

    def calm(self, name: str) -> None:
        """Nothing fires there any longer."""
        incident = self.ledger.account(name).incident
        if incident and name not in self.open_run:
            self.write(IncidentClosed(name, incident))

    # -- what it does

    def fire(self, name: str, trigger: str, severity: Severity) -> None:
        """A trigger fires, and the machine decides: what it may, it does."""
        target, now = self.targets[name], self.now
        proposal = a_proposal(
            trigger, plan=_PLANS[trigger], severity=severity, since=now, onset=now
        )
        why = why_open(BreakerLimits(), self.ledger.breaker, [], now)
        if why and not self.ledger.breaker.why:
            self.write(BreakerOpened(why))
        refusal = decide(proposal, self._facts(target), now)
        lower = self.open_run.get(name, "")
        if refusal is None and lower:
            self.write(StopRequested(lower, Outcome.SUPERSEDED, "by a graver one"))
            self.end(name, Outcome.SUPERSEDED)
            refusal = decide(proposal, self._facts(target), now)
        if refusal is not None:
            self.refused.append(refusal)
            return
        self._start(name, trigger, severity, follows=bool(lower))

    def _facts(self, target: Target) -> Facts:
        ledger, now = self.ledger, self.now
        return Facts(
            mode=Mode.AUTO,
            limits=target.limits,
            account=ledger.account(target.name),
            killed=ledger.killed,
            breaker=ledger.breaker.why,
            global_starts=ledger.starts_since(now, HOUR),
            global_per_hour=GLOBAL,
            skew=self.error if self.tells_skew else None,
            target=target,
            versions=ledger.versions.of(target.name),
            windows=tuple(ledger.windows.open(target.name, now)),
        )

    def _start(self, name: str, trigger: str, severity: Severity, *, follows: bool) -> None:
        versions, run = self.ledger.versions.of(name), f"run {len(self.begun)} of {name}"
        running, plan = versions.running, self.targets[name].plans[_PLANS[trigger]]
        incident = self.ledger.account(name).incident
        if not incident:
            incident = f"incident of {run}"
            self.write(IncidentOpened(name, incident, trigger, severity))
        back = versions.last_good if plan.judges_version else ""
        if back:
            self.write(VersionQuarantined(name, running, run, "why"))
        start = started(
            plan, run=run, target=name, incident=incident, trigger=trigger,
            severity=severity, episode=f"{trigger}@{self.true}",
            from_version=running, to_version=back,
        )  # fmt: skip
        self.write(start)
        self.begun.append(Begun(self.true, name, running, plan.name, severity, follows))
        self.open_run[name] = run
