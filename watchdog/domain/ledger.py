"""What a decision must remember: pauses, latches, incidents and runs, folded from the journal."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from watchdog.domain import requests as asked
from watchdog.domain.account import Account, Current, Past
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
    RunRecovered,
    RunStarted,
    RunVerified,
    Stage,
    StopRequested,
    WatchEnded,
)
from watchdog.domain.expiring import ExpiringBook
from watchdog.domain.ladder import Ladder
from watchdog.domain.lasting import LastingBook
from watchdog.domain.moment import Moment, age, is_over
from watchdog.domain.outcomes import after, decided
from watchdog.domain.progress import Recovery
from watchdog.domain.run import stage_after, stage_after_watch
from watchdog.domain.versions import VersionBook
from watchdog.domain.windows import WindowBook

DAY = 86400.0
ALL_TARGETS = ""
# What was stopped, or gave way, has not been tried to the end.
_NO_FAILURE = (Outcome.SUCCEEDED, Outcome.SUPERSEDED, Outcome.STOPPED)
_NOTHING = Account()


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
        RunRecovered,
        RunStarted,
        RunVerified,
        StopRequested,
        WatchEnded,
        *WindowBook.KINDS,
        *asked.KINDS,
        *(kind for kind in ExpiringBook.KINDS if kind not in (RunStarted, RunEnded)),
        *(kind for kind in VersionBook.KINDS if kind not in (RunStarted, RunEnded, WatchEnded)),
    )

    accounts: dict[str, Account] = field(default_factory=dict)
    paused: Paused | None = None
    paused_at: Moment | None = None
    noted: Paused | None = None
    killed: str = ""
    breaker: BreakerState = field(default_factory=BreakerState)
    versions: VersionBook = field(default_factory=VersionBook)
    windows: WindowBook = field(default_factory=WindowBook)
    expiring: ExpiringBook = field(default_factory=ExpiringBook)
    lasting: LastingBook = field(default_factory=LastingBook)
    _target_of: dict[str, str] = field(default_factory=dict)

    def account(self, target: str) -> Account:
        """What is remembered of `target`."""
        return self.accounts.get(target, _NOTHING)

    def knows(self, run: str) -> bool:
        """Whether a run of that name ever began."""
        return run in self._target_of

    def starts_since(self, moment: Moment, seconds: float) -> int:
        """How many automatic runs of all targets began in the last `seconds`."""
        # As `age` counts, spelt out: it is asked for each of many targets.
        return sum(
            moment.elapsed - past.started.elapsed < seconds
            or moment.wall - past.started.wall < seconds
            for account in self.accounts.values()
            for past in account.past
        )

    def pause_of_all(self, now: Moment) -> Paused | None:
        """What pauses all targets: what a person said, while that lasts, or an annotation."""
        if self.paused is not None and not is_over(self.paused.until, self.paused_at, now):
            return self.paused
        return self.noted

    def replay(self, records: Iterable[Record]) -> "Ledger":
        """Apply `records` in order; returns itself."""
        for record in records:
            self.apply(record.event, record.at)
        return self

    def apply(self, event: Event, at: Moment) -> None:  # noqa: C901, PLR0912 -- one case an event
        """Take one journalled fact into account."""
        for book in (self.versions, self.windows, self.expiring, self.lasting):
            book.apply(event, at)
        if isinstance(event, asked.KINDS):
            requests = asked.after(self.account(event.target).requests, event, at)
            self._change(event.target, requests=requests)
        match event:
            case KillSwitchChanged(on=on, how=how):
                self.killed = how if on else ""
            case BreakerOpened(why=why):
                self.breaker = self.breaker.opened(why, at)
            case BreakerClosed():
                self.breaker = self.breaker.closed(at)
            case Paused() | Resumed():
                self._pause(event, at)
            case LatchCleared(target=target):
                self._cleared(target, at)
            case IncidentOpened(target=target, incident=incident):
                self._change(target, incident=incident)
            case IncidentClosed(target=target):
                requests = asked.forgotten(self.account(target).requests)
                self._change(target, incident="", outcomes=(), ladder=None, requests=requests)
            case OutcomeOpened() | OutcomeClosed() | OutcomeEscalated() | Acknowledged():
                outcomes = self.account(event.target).outcomes
                self._change(event.target, outcomes=after(outcomes, event, at))
            case RunStarted():
                self._started(event, at)
            case RunVerified():
                self._verified(event)
            case StopRequested():
                self._stopped(event)
            case RunEnded():
                self._ended(event, at)
            case RunRecovered():
                self._recovered(event)
            case WatchEnded():
                self._watched(event, at)
            case _:
                pass

    def _change(self, target: str, **changes: object) -> None:
        account = self.accounts.get(target, Account())
        self.accounts[target] = replace(account, **changes)  # type: ignore[arg-type]

    def _pause(self, event: Paused | Resumed, at: Moment) -> None:
        paused = event if isinstance(event, Paused) else None
        if event.target == ALL_TARGETS and event.place:
            self.noted = paused
        elif event.target == ALL_TARGETS:
            self.paused, self.paused_at = paused, at
        elif event.place:
            self._change(event.target, noted=paused)
        else:
            self._change(event.target, paused=paused, paused_at=at)

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
        self._change(target, latched="", half_way=None, ladder=None, past=past)

    def _started(self, event: RunStarted, at: Moment) -> None:
        account = self.account(event.target)
        self._target_of[event.run] = event.target
        past = tuple(one for one in account.past if age(one.started, at) < DAY)
        # What gave way to this run is in its hands; by hand, a latch stays until it is cleared.
        gave_way = account.half_way is not None and not event.renews
        in_its_hands = gave_way or _goes_on(account, event)
        latched = account.latched if event.by or not in_its_hands else ""
        if event.by:
            past = tuple(replace(one, superseded=False) for one in past)
        elif event.renews:
            # What it makes once more was counted when it was made.
            pass
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
            ladder=_ladder(account, event),
            level=event.plan.level,
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
            broken_off=None,
            ladder=None,
            requests=asked.used(account.requests, event.approval, event.run),
        )

    def _verified(self, event: RunVerified) -> None:
        target = self._target_of.get(event.run, "")
        current = self.account(target).current
        if current is not None and current.run == event.run:
            self._change(target, current=replace(current, proof=event.proof))

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
        # The levels of one ladder are one failure, as they are one incident.
        higher = current.ladder is not None and len(current.ladder.tried) > 1
        if event.outcome not in _NO_FAILURE and not current.by and not higher:
            self.breaker = self.breaker.failed(at)
        past = _last(account.past, current.incident, ended=at)
        after = _at_stage(current, stage_after(event.outcome, current.watch))
        broken_off = current if event.outcome is not Outcome.SUCCEEDED else None
        self._change(
            event.target,
            past=past,
            current=after,
            latched=latched,
            half_way=half_way,
            broken_off=broken_off,
            ladder=_next_level(current, event.outcome, at),
        )

    def _recovered(self, event: RunRecovered) -> None:
        account = self.account(event.target)
        requests = asked.used(account.requests, event.approval, event.run)
        self._change(event.target, requests=requests)
        last = account.broken_off
        if last is None or last.run != event.run:
            return
        # It holds the target again, unless it was given up; the latch is for the person to clear.
        # From now on it is that person's run: it is no failure of the machine, and gives no way.
        again = replace(last, by=event.by, stopped=False, proof=None, ladder=None)
        current = None if event.how is Recovery.ABANDON else again
        self._change(event.target, current=current, broken_off=None, half_way=None, ladder=None)

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


def _earlier(one: Moment, other: Moment) -> Moment:
    return Moment(min(one.elapsed, other.elapsed), min(one.wall, other.wall))


def _at_stage(current: Current, stage: Stage) -> Current | None:
    return None if stage is Stage.ENDED else replace(current, stage=stage)


def _goes_on(account: Account, event: RunStarted) -> bool:
    """Whether the run that begins is the next level of the one that did not help."""
    ladder = account.ladder
    return ladder is not None and not event.by and event.follows == ladder.run


def _ladder(account: Account, event: RunStarted) -> Ladder | None:
    if event.by or event.renews:
        return None
    before = account.ladder if _goes_on(account, event) else None
    return Ladder(
        run=event.run,
        plan=event.plan.name,
        level=event.plan.level,
        trigger=event.trigger,
        patience=event.plan.resume_within,
        tried=(*(before.tried if before else ()), event.plan.name),
        rest=event.rest,
    )


def _next_level(current: Current, outcome: Outcome, at: Moment) -> Ladder | None:
    """What may follow: only where a breach has shown that it did not help, and none stopped it."""
    failed = outcome is Outcome.FAILED and current.proof is Proof.FAILED and not current.stopped
    if not failed or current.ladder is None or not current.ladder.rest.next:
        return None
    return replace(current.ladder, ended=at)


def _counted(past: tuple[Past, ...], event: RunStarted, at: Moment) -> tuple[Past, ...]:
    """`past` with the run that begins.

    It takes the place of a lower one that gave way to it, or that did not help.
    """
    last = past[-1] if past else None
    if last is None or last.incident != event.incident:
        return (*past, Past(event.incident, event.severity, at))
    gave_way = last.superseded and event.severity > last.severity
    if not gave_way and not event.follows:
        return (*past, Past(event.incident, event.severity, at))
    return (*past[:-1], Past(event.incident, event.severity, last.started))


def _last(past: tuple[Past, ...], incident: str, **changes: object) -> tuple[Past, ...]:
    """`past` with its last entry changed, if that is of `incident`."""
    if not past or past[-1].incident != incident:
        return past
    return (*past[:-1], replace(past[-1], **changes))  # type: ignore[arg-type]
