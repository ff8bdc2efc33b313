"""What a decision must remember: pauses, latches, incidents and runs, folded from the journal."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from watchdog.domain.breaker import BreakerState
from watchdog.domain.events import (
    Acknowledged,
    BreakerClosed,
    BreakerOpened,
    Event,
    IncidentClosed,
    IncidentOpened,
    KillSwitchChanged,
    LatchCleared,
    Outcome,
    OutcomeClosed,
    OutcomeEscalated,
    OutcomeOpened,
    Paused,
    Proof,
    Record,
    Resumed,
    RunEnded,
    RunStarted,
    Stage,
    StopRequested,
    WatchEnded,
)
from watchdog.domain.moment import Moment
from watchdog.domain.outcomes import Outcomes, after, decided
from watchdog.domain.plan import WatchPlan
from watchdog.domain.run import stage_after, stage_after_watch
from watchdog.domain.trigger import Severity
from watchdog.domain.versions import VersionBook

DAY = 86400.0
ALL_TARGETS = ""
# What was stopped, or gave way, has not been tried to the end.
_NO_FAILURE = (Outcome.SUCCEEDED, Outcome.SUPERSEDED, Outcome.STOPPED)


@dataclass(frozen=True, slots=True)
class Past:
    """An automatic run, together with those it gave way to: what limits count.

    `superseded`: it gives way to a graver one, which belongs to the same count.
    """

    incident: str
    severity: Severity
    started: Moment
    ended: Moment | None = None
    superseded: bool = False


@dataclass(frozen=True, slots=True)
class Current:
    """The run that holds the target."""

    run: str
    incident: str
    plan: str
    severity: Severity
    by: str
    watch: WatchPlan
    stage: Stage = Stage.STEPS
    stopped: bool = False
    trigger: str = ""


@dataclass(frozen=True, slots=True)
class Account:
    """What is remembered of one target.

    `half_way`: the run that gave way, as long as no other has begun after it. It latches, but
    not for the graver run that takes its place.
    """

    past: tuple[Past, ...] = ()
    current: Current | None = None
    latched: str = ""
    half_way: Current | None = None
    paused: Paused | None = None
    episodes: frozenset[str] = frozenset()
    incident: str = ""
    outcomes: Outcomes = ()


@dataclass(slots=True)
class Ledger:
    """Every account, and what holds for all targets. Changed by `apply` alone."""

    KINDS = (
        Acknowledged,
        BreakerClosed,
        BreakerOpened,
        IncidentClosed,
        IncidentOpened,
        KillSwitchChanged,
        LatchCleared,
        OutcomeClosed,
        OutcomeEscalated,
        OutcomeOpened,
        Paused,
        Resumed,
        RunEnded,
        RunStarted,
        StopRequested,
        WatchEnded,
        *(kind for kind in VersionBook.KINDS if kind not in (RunStarted, RunEnded, WatchEnded)),
    )

    accounts: dict[str, Account] = field(default_factory=dict)
    paused: Paused | None = None
    killed: str = ""
    breaker: BreakerState = field(default_factory=BreakerState)
    versions: VersionBook = field(default_factory=VersionBook)
    _target_of: dict[str, str] = field(default_factory=dict)

    def account(self, target: str) -> Account:
        """What is remembered of `target`."""
        return self.accounts.get(target, Account())

    def starts_since(self, moment: Moment, seconds: float) -> int:
        """How many automatic runs of all targets began in the last `seconds`."""
        return sum(
            age(past.started, moment) < seconds
            for account in self.accounts.values()
            for past in account.past
        )

    def replay(self, records: Iterable[Record]) -> "Ledger":
        """Apply `records` in order; returns itself."""
        for record in records:
            self.apply(record.event, record.at)
        return self

    def apply(self, event: Event, at: Moment) -> None:  # noqa: C901, PLR0912 -- one case an event
        """Take one journalled fact into account."""
        self.versions.apply(event, at)
        match event:
            case KillSwitchChanged(on=on, how=how):
                self.killed = how if on else ""
            case BreakerOpened(why=why):
                self.breaker = self.breaker.opened(why, at)
            case BreakerClosed():
                self.breaker = self.breaker.closed(at)
            case Paused(target=target):
                self._pause(target, event)
            case Resumed(target=target):
                self._pause(target, None)
            case LatchCleared(target=target):
                self._cleared(target, at)
            case IncidentOpened(target=target, incident=incident):
                self._change(target, incident=incident)
            case IncidentClosed(target=target):
                self._change(target, incident="", outcomes=())
            case OutcomeOpened() | OutcomeClosed() | OutcomeEscalated() | Acknowledged():
                asked = self.account(event.target).outcomes
                self._change(event.target, outcomes=after(asked, event, at))
            case RunStarted():
                self._started(event, at)
            case StopRequested():
                self._stopped(event)
            case RunEnded():
                self._ended(event, at)
            case WatchEnded():
                self._watched(event, at)
            case _:
                pass

    def _change(self, target: str, **changes: object) -> None:
        account = self.accounts.get(target, Account())
        self.accounts[target] = replace(account, **changes)  # type: ignore[arg-type]

    def _pause(self, target: str, paused: Paused | None) -> None:
        if target == ALL_TARGETS:
            self.paused = paused
        else:
            self._change(target, paused=paused)

    def _cleared(self, target: str, at: Moment) -> None:
        # A named person looked: neither the latch nor the cool-down holds any longer, and no
        # run that a wrong clock dated into the future counts for longer than one of now.
        past = tuple(
            replace(
                one,
                started=_earlier(one.started, at),
                ended=Moment(float("-inf"), 0.0) if one.ended else None,
            )
            for one in self.account(target).past
        )
        self._change(target, latched="", half_way=None, past=past)

    def _started(self, event: RunStarted, at: Moment) -> None:
        account = self.account(event.target)
        self._target_of[event.run] = event.target
        past = tuple(one for one in account.past if age(one.started, at) < DAY)
        # What gave way to this run is in its hands; by hand, a latch stays until it is cleared.
        latched = account.latched if event.by or account.half_way is None else ""
        if event.by:
            past = tuple(replace(one, superseded=False) for one in past)
        else:
            past = _counted(past, event, at)
        current = Current(
            run=event.run,
            incident=event.incident,
            plan=event.plan.name,
            severity=event.severity,
            by=event.by,
            watch=event.plan.watch,
            trigger=event.trigger,
        )
        episodes = account.episodes | {event.episode} if event.episode else account.episodes
        self._change(
            event.target,
            past=past,
            current=current,
            episodes=episodes,
            latched=latched,
            half_way=None,
            outcomes=decided(account.outcomes),
        )

    def _stopped(self, event: StopRequested) -> None:
        target = self._target_of.get(event.run, "")
        account = self.account(target)
        current = account.current
        if current is None or current.run != event.run:
            return
        past = account.past
        if event.why is Outcome.SUPERSEDED and not current.by:
            past = _last(past, current.incident, superseded=True)
        self._change(target, current=replace(current, stopped=True), past=past)

    def _ended(self, event: RunEnded, at: Moment) -> None:
        account = self.account(event.target)
        current = account.current
        if current is None or current.run != event.run:
            return
        latched, half_way = account.latched, None
        if event.outcome is Outcome.SUPERSEDED:
            half_way = current
            latched = f"run {event.run} gave way, and no graver one began: {event.detail}"
        elif event.outcome is not Outcome.SUCCEEDED:
            latched = f"run {event.run} ended {event.outcome.value}: {event.detail}"
        if event.outcome not in _NO_FAILURE and not current.by:
            self.breaker = self.breaker.failed(at)
        past = _last(account.past, current.incident, ended=at)
        after = _at_stage(current, stage_after(event.outcome, current.watch))
        self._change(event.target, past=past, current=after, latched=latched, half_way=half_way)

    def _watched(self, event: WatchEnded, at: Moment) -> None:
        account = self.account(event.target)
        current = account.current
        if current is None or current.run != event.run:
            return
        latched = account.latched
        if event.proof is Proof.FAILED:
            latched = f"run {event.run} relapsed in its watch: {event.detail}"
            self.breaker = self.breaker if current.by else self.breaker.failed(at)
        stage = stage_after_watch(event.stage, event.proof, current.watch, stopped=current.stopped)
        self._change(event.target, current=_at_stage(current, stage), latched=latched)


def age(then: Moment, now: Moment) -> float:
    """Seconds from `then` to `now` as limits count them: at least zero.

    The lesser of what the two clocks say: `elapsed` of an earlier boot is as right as the wall
    clock was when it was translated, and a wrong clock must not forget a run.
    """
    return max(min(now.since(then), now.wall - then.wall), 0.0)


def _earlier(one: Moment, other: Moment) -> Moment:
    return Moment(min(one.elapsed, other.elapsed), min(one.wall, other.wall))


def _at_stage(current: Current, stage: Stage) -> Current | None:
    return None if stage is Stage.ENDED else replace(current, stage=stage)


def _counted(past: tuple[Past, ...], event: RunStarted, at: Moment) -> tuple[Past, ...]:
    """`past` with the run that begins: it takes the place of a lower one that gave way to it."""
    last = past[-1] if past else None
    if last is None or not (
        last.superseded and last.incident == event.incident and event.severity > last.severity
    ):
        return (*past, Past(event.incident, event.severity, at))
    return (*past[:-1], Past(event.incident, event.severity, last.started))


def _last(past: tuple[Past, ...], incident: str, **changes: object) -> tuple[Past, ...]:
    """`past` with its last entry changed, if that is of `incident`."""
    if not past or past[-1].incident != incident:
        return past
    return (*past[:-1], replace(past[-1], **changes))  # type: ignore[arg-type]
