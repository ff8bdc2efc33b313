"""What would have been decided about firings of the past: the guards, asked as if it were live."""

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from watchdog.domain.backtest import ACT, Ruling
from watchdog.domain.decision import Facts, Reason, decide
from watchdog.domain.events import (
    Event,
    IncidentClosed,
    IncidentOpened,
    Outcome,
    Proof,
    RunEnded,
    RunStarted,
    Stage,
    StopRequested,
    WatchEnded,
)
from watchdog.domain.grid import Grid
from watchdog.domain.ledger import Ledger
from watchdog.domain.matrix import Proposal, proposals
from watchdog.domain.moment import Moment
from watchdog.domain.plan import Plan
from watchdog.domain.target import Mode, Target
from watchdog.domain.trigger import Trigger, TriggerStatus
from watchdog.engine.replay import Held

HOUR = 3600.0
NEVER = Moment(0.0, 0.0)
_WATCHES = (Stage.WATCH_SHORT, Stage.WATCH_LONG)


@dataclass(frozen=True, slots=True)
class Fired:
    """When one trigger (or one value of its label) fired, in slots of `grid`."""

    trigger: Trigger
    grid: Grid
    held: Sequence[Held]


@dataclass(frozen=True, slots=True)
class Assumed:
    """What history cannot tell. A run succeeds after `run_takes` seconds (None: its budget).

    `global_per_hour`: the daemon's limit of automatic runs of all targets.
    """

    run_takes: float | None = None
    global_per_hour: int = 3


def rulings(
    fired: Sequence[tuple[Target, Sequence[Fired]]], assumed: Assumed, start: float
) -> dict[tuple[str, str], tuple[Ruling, ...]]:
    """What would have been decided, by target and episode, were every target armed.

    `start`: the Unix second at which the elapsed clock of all grids begins. Each firing is put to
    the guards at each of its looks, as live, until it is acted on.
    """
    ledger = Ledger()
    lanes = [_Lane(target, each, ledger, assumed, start) for target, each in fired]
    rounds = heapq.merge(*(lane.rounds(number) for number, lane in enumerate(lanes)))
    for wall, number in rounds:
        # What the other targets' runs did until now counts, too.
        for lane in lanes:
            lane.pass_time(wall)
        lanes[number].decide(wall)
    return {
        (lane.target.name, episode): tuple(told.values())
        for lane in lanes
        for episode, told in lane.told.items()
    }


@dataclass(slots=True)
class _Track:
    """One trigger's firing, read forward in time."""

    fired: Fired
    at: int = 0

    def status(self, wall: float) -> TriggerStatus | None:
        """Its status as of `wall`, where it fires."""
        grid, held = self.fired.grid, self.fired.held
        index = int((wall - grid.start) / grid.every + 1e-6)
        while self.at < len(held) and held[self.at].last < index:
            self.at += 1
        if self.at == len(held) or held[self.at].first > index:
            return None
        return TriggerStatus(held[self.at].state, judged_at=grid.moment(index))


@dataclass(slots=True)
class _Lane:
    """One target, armed: its would-be runs hold it, and count."""

    target: Target
    fired: Sequence[Fired]
    ledger: Ledger
    assumed: Assumed
    start: float
    told: dict[str, dict[str, Ruling]] = field(default_factory=dict)
    _acted: set[str] = field(default_factory=set)
    _ahead: list[tuple[float, Event]] = field(default_factory=list)
    _tracks: list[_Track] = field(default_factory=list)
    _quiet: list[tuple[float, float]] = field(default_factory=list)
    _runs: int = 0
    _idle_since: float = float("-inf")

    def __post_init__(self) -> None:
        self._tracks = [_Track(one) for one in self.fired]
        self._quiet = list(_pauses(self.fired))

    def rounds(self, number: int) -> Iterator[tuple[float, int]]:
        """The times at which something breaches that was not acted on, each with `number`."""
        last = None
        for wall in heapq.merge(*(self._looks(one) for one in self.fired)):
            if wall != last:
                yield wall, number
            last = wall

    def _looks(self, one: Fired) -> Iterator[float]:
        for held in one.held:
            if not held.state.breaching or held.state.gap:
                continue
            episode = f"{one.trigger.name}@{held.state.since.wall:.3f}"
            for index in range(held.first, held.last + 1):
                if episode in self._acted:
                    break
                yield one.grid.wall(index)

    def pass_time(self, wall: float) -> None:
        """Let happen what comes before `wall`: runs end, watches end, incidents close."""
        while self._ahead and self._ahead[0][0] <= wall:
            at, event = self._ahead.pop(0)
            self._close_before(at)
            self.ledger.apply(event, self._moment(at))
            self._idle_since = at
        self._close_before(wall)

    def _close_before(self, wall: float) -> None:
        """Close the incident once nothing fired and no run held the target, before `wall`."""
        while self._quiet and self._quiet[0][0] < wall:
            began, ended = self._quiet[0]
            account = self.ledger.account(self.target.name)
            idle = account.current is None or account.current.stage is Stage.WATCH_LONG
            if account.incident and idle and max(began, self._idle_since) < min(ended, wall):
                self.ledger.apply(IncidentClosed(self.target.name, account.incident), NEVER)
            if ended > wall:
                return
            self._quiet.pop(0)

    def decide(self, wall: float) -> None:
        """Put what breaches at `wall` to the guards."""
        now = self._moment(wall)
        found = {track.fired.trigger.name: track.status(wall) for track in self._tracks}
        statuses = {name: status for name, status in found.items() if status is not None}
        triggers = [one.trigger for one in self.fired if one.trigger.name in statuses]
        breaching = [one for one in proposals(triggers, statuses, now) if one.breaching]
        chosen = False
        for proposal in breaching:
            if proposal.episode in self._acted:
                continue
            if not self.ledger.account(self.target.name).incident:
                self._open(proposal, now)
            if chosen:
                self._tell(proposal, Ruling(wall, Reason.RUN_IN_PROGRESS.value))
            else:
                chosen = self._decide_one(proposal, now)

    def _decide_one(self, proposal: Proposal, now: Moment) -> bool:
        """Whether it is acted on."""
        if not proposal.plan:
            self._tell(proposal, Ruling(now.wall, Reason.NO_PLAN.value))
            return False
        refusal = decide(proposal, self._facts(now), now)
        if refusal is None and self.ledger.account(self.target.name).current is not None:
            self._give_way(now)
            refusal = decide(proposal, self._facts(now), now)
        if refusal is not None:
            ruling = Ruling(now.wall, refusal.reason.value, refusal.detail, refusal.until)
            self._tell(proposal, ruling)
            return False
        self._tell(proposal, Ruling(now.wall, ACT))
        self._begin(proposal, self.target.plans[proposal.plan], now)
        return True

    def _facts(self, now: Moment) -> Facts:
        return Facts(
            mode=Mode.AUTO,
            limits=self.target.limits,
            account=self.ledger.account(self.target.name),
            global_starts=self.ledger.starts_since(now, HOUR),
            global_per_hour=self.assumed.global_per_hour,
        )

    def _tell(self, proposal: Proposal, ruling: Ruling) -> None:
        """Each reason once a firing, as people would be told."""
        self.told.setdefault(proposal.episode, {}).setdefault(ruling.outcome, ruling)

    def _open(self, proposal: Proposal, now: Moment) -> None:
        name = f"inc-{self.target.name}-{now.wall:.3f}"
        opened = IncidentOpened(self.target.name, name, proposal.trigger, proposal.severity)
        self.ledger.apply(opened, now)

    def _begin(self, proposal: Proposal, plan: Plan, now: Moment) -> None:
        """A run that takes the target from now on, and what will come of it."""
        self._runs += 1
        run, target = f"{self.target.name}-{self._runs}", self.target.name
        self._acted.add(proposal.episode)
        started = RunStarted(
            target=target,
            incident=self.ledger.account(target).incident,
            run=run,
            plan=plan,
            plan_hash="",
            trigger=proposal.trigger,
            severity=proposal.severity,
            episode=proposal.episode,
        )
        self.ledger.apply(started, now)
        takes = plan.within if self.assumed.run_takes is None else self.assumed.run_takes
        at = now.wall + takes
        self._ahead = [(at, RunEnded(run, target, Outcome.SUCCEEDED, "", takes))]
        for stage, seconds in zip(_WATCHES, (plan.watch.short, plan.watch.long), strict=True):
            if seconds > 0:
                at += seconds
                self._ahead.append((at, WatchEnded(run, target, stage, Proof.PASSED)))

    def _give_way(self, now: Moment) -> None:
        """The run under way stops for a graver one, or for another plan in its long watch."""
        current = self.ledger.account(self.target.name).current
        if current is None:
            return
        name = self.target.name
        self.ledger.apply(StopRequested(current.run, Outcome.SUPERSEDED, ""), now)
        end: Event = RunEnded(current.run, name, Outcome.SUPERSEDED, "", 0.0)
        if current.stage in _WATCHES:
            end = WatchEnded(current.run, name, current.stage, Proof.PASSED)
        self.ledger.apply(end, now)
        self._ahead = []

    def _moment(self, wall: float) -> Moment:
        return Moment(wall - self.start, wall)


def _pauses(fired: Sequence[Fired]) -> Iterator[tuple[float, float]]:
    """The times between firings in which nothing fires, in Unix seconds, in order."""
    spans = sorted(
        (one.grid.wall(held.first), one.grid.wall(held.last + 1))
        for one in fired
        for held in one.held
    )
    quiet = float("-inf")
    for first, after in spans:
        if first > quiet:
            yield quiet, first
        quiet = max(quiet, after)
    yield quiet, float("inf")


def by_episode(
    ruled: Mapping[tuple[str, str], tuple[Ruling, ...]], target: str, trigger: str, since: float
) -> tuple[Ruling, ...]:
    """The rulings about the firing of `trigger` since Unix second `since`."""
    return ruled.get((target, f"{trigger}@{since:.3f}"), ())
