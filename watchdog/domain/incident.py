"""An incident with its run: cause, milestones, what was done and told, outcome. A fold."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from watchdog.domain.actions import Deeds, deeds
from watchdog.domain.events import (
    Decided,
    IncidentClosed,
    NotificationDelivered,
    NotificationGivenUp,
    Outcome,
    Proof,
    Record,
    RunEnded,
    RunStarted,
    RunVerified,
    Stage,
    StageEntered,
    StepIntended,
    TriggerChanged,
    WatchEnded,
)
from watchdog.domain.evidence import Series, breach_began
from watchdog.domain.moment import Moment
from watchdog.domain.progress import Progress
from watchdog.domain.run import Run, apply, begin
from watchdog.domain.series import series_of
from watchdog.domain.telling import message
from watchdog.domain.trigger import Change
from watchdog.domain.wording import Telling


@dataclass(frozen=True, slots=True)
class Milestones:
    """When what was reached; None: not, or not yet.

    `decided` is when the run began, `first_call` when its first step was about to be sent,
    `completed` when every step was done, `verified` when the checks proved that it helped,
    `ended` when the run was over whatever came of it, `stable` when the short watch was passed.
    """

    breach_started: Moment | None
    detected: Moment | None
    decided: Moment
    first_call: Moment | None = None
    completed: Moment | None = None
    verified: Moment | None = None
    ended: Moment | None = None
    stable: Moment | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of one message on one channel; `error` is empty where it arrived."""

    channel: str
    at: Moment
    attempts: int
    error: str = ""


@dataclass(frozen=True, slots=True)
class Communication:
    """Something that people were to be told of."""

    seq: int
    at: Moment
    telling: Telling
    deliveries: tuple[Delivery, ...] = ()


@dataclass(frozen=True, slots=True)
class Incident:
    """Everything that a report on one run needs. `as_of`: the newest fact known.

    `decided` None: a person started it. `fired`: each time that a trigger fired, oldest first.
    `detail`: why the run ended as it did; empty while it goes on.
    """

    run: Run
    as_of: Moment
    milestones: Milestones
    deeds: Deeds
    series: tuple[Series, ...] = ()
    communications: tuple[Communication, ...] = ()
    fired: tuple[TriggerChanged, ...] = ()
    decided: Decided | None = None
    detail: str = ""
    closed: Moment | None = None

    @property
    def start(self) -> RunStarted:
        """How it began."""
        return self.run.start

    @property
    def outcome(self) -> Outcome | None:
        """How it ended; None while it goes on."""
        return self.run.outcome

    @property
    def spent(self) -> float:
        """Seconds from the decision until it was proven to help, was over, or is now."""
        until = self.milestones.verified or self.milestones.ended or self.as_of
        return until.since(self.milestones.decided)

    @property
    def over_budget(self) -> bool:
        """Whether `spent` is more than the plan allows."""
        return self.spent > self.start.plan.within

    @property
    def main_series(self) -> Series | None:
        """The signal that tells the story: that of the trigger, else the one looked at most."""
        mine = (one for one in self.series if one.trigger and one.trigger == self.start.trigger)
        most = max(self.series, key=lambda one: len(one.points), default=None)
        return next(mine, most)


def incident_of(records: Iterable[Record], run: str = "") -> Incident:
    """The incident that `records` (see `watchdog.domain.relation.related`) tell of.

    `run` chooses where they hold several runs. Raises ValueError where they hold none.
    """
    records = sorted(records, key=lambda record: record.seq)
    first = next((record for record in records if _starts(record, run)), None)
    if first is None:
        raise ValueError(f"the records hold no start of a run {run}".rstrip())
    start = begin(first).start
    mine = [record for record in records if _is_of(record, start.run)]
    state, told = _run_and_told(records, first)
    fired = [change for change in _changes(records) if change[1].change is Change.FIRING]
    decided = _decision(records, start)
    return Incident(
        run=state,
        as_of=records[-1].at,
        milestones=_milestones(records, mine, first),
        deeds=deeds(start.plan, decided.would_do if decided else (), mine),
        series=series_of(records, start),
        communications=_delivered(told, records),
        fired=tuple(event for _, event in fired),
        decided=decided,
        detail=next((r.event.detail for r in mine if isinstance(r.event, RunEnded)), ""),
        closed=next((r.at for r in records if isinstance(r.event, IncidentClosed)), None),
    )


def _starts(record: Record, run: str) -> bool:
    return isinstance(record.event, RunStarted) and run in ("", record.event.run)


def _is_of(record: Record, run: str) -> bool:
    return isinstance(record.event, Progress) and record.event.run == run


def _changes(records: Iterable[Record]) -> list[tuple[Moment, TriggerChanged]]:
    return [(r.at, r.event) for r in records if isinstance(r.event, TriggerChanged)]


def _decision(records: Iterable[Record], start: RunStarted) -> Decided | None:
    """The decision that began the run."""
    decided = (r.event for r in records if isinstance(r.event, Decided) and not r.event.refusal)
    mine = (start.episode, start.plan.name)
    return next((event for event in decided if (event.episode, event.plan) == mine), None)


# -- milestones


def _milestones(records: Sequence[Record], mine: Sequence[Record], first: Record) -> Milestones:
    began, detected = _breach(records, begin(first).start, first.seq)
    found = Milestones(began, detected, decided=first.at)
    for record in mine:
        found = _reached(found, record)
    return found


def _reached(found: Milestones, record: Record) -> Milestones:
    at = record.at
    match record.event:
        case StepIntended(stage=Stage.STEPS):
            return replace(found, first_call=found.first_call or at)
        case StageEntered(stage=Stage.VERIFY):
            return replace(found, completed=at)
        case RunVerified(proof=Proof.PASSED):
            return replace(found, verified=at)
        case RunEnded():
            return replace(found, ended=at)
        case WatchEnded(stage=Stage.WATCH_SHORT, proof=Proof.PASSED):
            return replace(found, stable=at)
        case _:
            return found


def _breach(
    records: Sequence[Record], start: RunStarted, seq: int
) -> tuple[Moment | None, Moment | None]:
    """When the breach behind the run began, and when the trigger fired."""
    changes = _changes(record for record in records if record.seq < seq)
    fired = [change for change in changes if change[1].change is Change.FIRING]
    own = [(at, event) for at, event in fired if _episode(event) == start.episode]
    if not (own or fired):
        return None, None
    at, firing = own[-1] if own else fired[0]
    pending = [
        event.since
        for before, event in changes
        if event.trigger == firing.trigger
        and event.change is Change.PENDING
        and before.elapsed <= at.elapsed
    ]
    began = pending[-1] if pending else breach_began(firing.evidence)
    if began is None:
        return None, at
    return Moment(at.elapsed - (at.wall - began), began), at


def _episode(event: TriggerChanged) -> str:
    return f"{event.trigger}@{event.since:.3f}"


# -- what people were told


def _run_and_told(records: Sequence[Record], first: Record) -> tuple[Run, list[Communication]]:
    run = begin(first)
    told = []
    for record in records:
        of_run = _is_of(record, run.id)
        if isinstance(record.event, Progress) and not of_run:
            continue
        # A message speaks of the run as it was just before.
        telling = message(record, run)
        if telling is not None:
            told.append(Communication(record.seq, record.at, telling))
        if record.seq > first.seq and of_run:
            run = apply(run, record.event, record.at)
    return run, told


def _delivered(
    told: Sequence[Communication], records: Iterable[Record]
) -> tuple[Communication, ...]:
    by_seq: dict[int, list[Delivery]] = {}
    for record in records:
        match record.event:
            case NotificationDelivered(channel=channel, about=about, attempts=attempts):
                by_seq.setdefault(about, []).append(Delivery(channel, record.at, attempts))
            case NotificationGivenUp(channel=channel, about=about, attempts=attempts, error=error):
                by_seq.setdefault(about, []).append(Delivery(channel, record.at, attempts, error))
            case _:
                pass
    return tuple(replace(one, deliveries=tuple(by_seq.get(one.seq, ()))) for one in told)
