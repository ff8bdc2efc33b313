"""What must hold after any storm, judged by the journal and by what the world saw itself."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.simulation.run_invariants import Runs, runs_of, step_of, wrong_with_runs
from tests.storms.limits import wrong_with_limits
from tests.storms.proofs import wrong_with_proofs
from tests.storms.storm import Aftermath
from watchdog.domain.events import (
    BreakerClosed,
    BreakerOpened,
    Decided,
    Event,
    KillSwitchChanged,
    LatchCleared,
    NotificationDelivered,
    NotificationGivenUp,
    Outcome,
    Paused,
    Proof,
    Record,
    Resumed,
    RunEnded,
    RunResumed,
    RunStarted,
    Stage,
    StepIntended,
    StopRequested,
    WatchEnded,
)
from watchdog.domain.next_action import MAX_RESUMES
from watchdog.domain.plan import Repeat

# How far a clock may be off, and what a stop may take to be heeded.
DRIFT = 0.9
HEEDS = 1.0
_PROVEN = (Outcome.SUCCEEDED, Outcome.SUPERSEDED)


def broken(told: Aftermath) -> list[str]:
    """Every invariant that does not hold, in words."""
    return list(_broken(told))


def _broken(told: Aftermath) -> Iterator[str]:
    if told.hung:
        yield f"it never came to an end: {told.hung}"
    runs = runs_of(told)
    yield from wrong_with_runs(told, runs)
    yield from wrong_with_limits(told)
    yield from wrong_with_proofs(told, runs)
    yield from _switched_off(told)
    yield from _latches(told)
    yield from _kills(told)
    yield from _stops(told, runs)
    yield from _decisions(told)
    yield from _resumed_late(told, runs)
    yield from _sends(told, runs)
    yield from _people_are_told(told)
    yield from _epochs(told)


def _switched_off(told: Aftermath) -> Iterator[str]:
    """Nothing begins by itself while it is paused, killed, or has stopped itself."""
    off: dict[str, str] = {}
    for event in (record.event for record in told.records):
        _switch(off, event)
        if isinstance(event, RunStarted) and not event.by:
            for key in ("kill", "breaker", "pause ", f"pause {event.target}"):
                if off.get(key):
                    yield f"run {event.run} began although there was {off[key]}"


def _switch(off: dict[str, str], event: Event) -> None:
    match event:
        case KillSwitchChanged(on=on):
            off["kill"] = "a kill switch" if on else ""
        case BreakerOpened():
            off["breaker"] = "an open breaker"
        case BreakerClosed():
            off["breaker"] = ""
        case Paused(target=target):
            off[f"pause {target}"] = "a pause"
        case Resumed(target=target):
            off[f"pause {target}"] = ""
        case _:
            pass


def _latches(told: Aftermath) -> Iterator[str]:
    """Nothing begins by itself after a run that proved nothing, until a person clears it.

    What gave way lets only a graver run of the same incident begin.
    """
    latches = _Latches()
    for event in (record.event for record in told.records):
        if isinstance(event, RunStarted):
            yield from latches.begins(event)
        else:
            latches.take(event)


@dataclass(slots=True)
class _Latches:
    """By target: why nothing may begin, and the run that gave way to a graver one."""

    unproven: dict[str, str] = field(default_factory=dict)
    gave_way: dict[str, RunStarted] = field(default_factory=dict)
    starts: dict[str, RunStarted] = field(default_factory=dict)

    def begins(self, start: RunStarted) -> Iterator[str]:
        """What speaks against it."""
        self.starts[start.run] = start
        before = self.gave_way.pop(start.target, None)
        if start.by:
            return
        if start.target in self.unproven:
            yield f"run {start.run} began after {self.unproven[start.target]}"
        if before is not None and not _takes_over(start, before):
            yield f"run {start.run} began although run {before.run} gave way to a graver one"

    def take(self, event: Event) -> None:
        """Take any other event into account."""
        match event:
            case RunEnded(run=run, target=target, outcome=Outcome.SUPERSEDED):
                self.gave_way[target] = self.starts[run]
            case RunEnded(run=run, target=target, outcome=outcome) if outcome not in _PROVEN:
                self.unproven[target] = f"run {run} ended {outcome}"
            case WatchEnded(run=run, target=target, proof=Proof.FAILED):
                self.unproven[target] = f"run {run} relapsed"
            case LatchCleared(target=target):
                self.unproven.pop(target, None)
                self.gave_way.pop(target, None)
            case _:
                pass


def _takes_over(event: RunStarted, before: RunStarted) -> bool:
    return event.severity > before.severity and event.incident == before.incident


def _kills(told: Aftermath) -> Iterator[str]:
    """No request leaves a second after a kill switch was thrown."""
    for sent in told.world.sends:
        for begins, ends in told.killed:
            if begins + HEEDS < sent.at.elapsed < ends:
                yield f"{sent.key} was sent after the kill switch"


def _stops(told: Aftermath, runs: Runs) -> Iterator[str]:
    """A run is stopped for a reason that there is, and then sends nothing more."""
    for record in told.records:
        event = record.event
        if not isinstance(event, StopRequested):
            continue
        at = told.written[record.seq]
        if event.why is Outcome.STOPPED and not any(begins <= at for begins, _ in told.killed):
            yield f"run {event.run} was stopped by nobody: {event.detail}"
        for sent in told.world.sends:
            run, _, _, step = step_of(runs, sent.key)
            settles = event.why is Outcome.SUPERSEDED and step.repeat is Repeat.IDEMPOTENT
            if run.id == event.run and sent.at.elapsed > at and not settles:
                yield f"{sent.key} was sent after its run was stopped"


def _decisions(told: Aftermath) -> Iterator[str]:
    """Each firing has one run at most, and each such run a decision before it."""
    decided: set[tuple[str, str]] = set()
    handled: set[tuple[str, str]] = set()
    for event in (record.event for record in told.records):
        if isinstance(event, Decided) and not event.refusal:
            decided.add((event.target, event.episode))
        if isinstance(event, RunStarted) and not event.by:
            episode = event.target, event.episode
            if episode in handled:
                yield f"run {event.run} is the second one of firing {event.episode}"
            if episode not in decided:
                yield f"run {event.run} began without a decision"
            handled.add(episode)


def _resumed_late(told: Aftermath, runs: Runs) -> Iterator[str]:
    """A run found after a crash goes on only while it is young, and only so many times."""
    resumes: dict[str, int] = {}
    began: dict[str, float] = {}
    # After a reboot the age of a run is known by the wall clock alone.
    unsure = sum(abs(seconds) for _, seconds in told.weather.steps)
    for record in told.records:
        event, at = record.event, told.written[record.seq]
        match event:
            case RunStarted(run=run):
                began[run] = at
            case RunResumed(run=run):
                resumes[run] = resumes.get(run, 0) + 1
            case StepIntended(run=run, stage=Stage.STEPS | Stage.UNDO) if run in resumes:
                limit = runs[run].start.plan.resume_within / DRIFT + unsure + 1
                if at - began[run] > limit:
                    yield f"run {run} went on {at - began[run]:.0f} s after it began"
                if resumes[run] > MAX_RESUMES:
                    yield f"run {run} went on after it was taken up {resumes[run]} times"
            case _:
                pass


def _sends(told: Aftermath, runs: Runs) -> Iterator[str]:
    """A step is sent as often as its intents allow, and no more."""
    intents: dict[str, int] = {}
    sends: dict[str, int] = {}
    for record in told.records:
        if isinstance(record.event, StepIntended):
            intents[record.event.key] = intents.get(record.event.key, 0) + 1
    for sent in told.world.sends:
        sends[sent.key] = sends.get(sent.key, 0) + 1
    for key, count in sends.items():
        _, _, _, step = step_of(runs, key)
        if count > intents.get(key, 0) * (step.retries + 1):
            yield f"{key} was sent {count} times with {intents.get(key, 0)} intents"


def _people_are_told(told: Aftermath) -> Iterator[str]:
    """Who must look is told on every channel, or it is on record that they were not."""
    settled = {
        (record.event.channel, record.event.about)
        for record in told.records
        if isinstance(record.event, NotificationDelivered | NotificationGivenUp)
    }
    for record in told.records:
        for channel in told.machine.heard if _needs_people(record) else ():
            if (channel, record.seq) not in settled:
                yield f"{channel} was never told of record {record.seq}: {record.event}"
    for channel, heard in told.machine.heard.items():
        delivered = {
            record.event.about
            for record in told.records
            if isinstance(record.event, NotificationDelivered) and record.event.channel == channel
        }
        if len(delivered) > len(heard):
            yield f"{channel} is said to have heard more than it did"


def _needs_people(record: Record) -> bool:
    match record.event:
        case RunEnded(outcome=outcome):
            return outcome not in _PROVEN
        case WatchEnded(proof=Proof.FAILED) | BreakerOpened():
            return True
        case _:
            return False


def _epochs(told: Aftermath) -> Iterator[str]:
    last = 0
    for record in told.records:
        if record.epoch < last:
            yield f"record {record.seq} is of epoch {record.epoch}, after one of {last}"
        last = record.epoch
