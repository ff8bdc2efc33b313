"""The shadow decisions of one target that wait for their end: a fold of the journal."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from watchdog.domain.change import ChangeKind
from watchdog.domain.decision import Reason
from watchdog.domain.events import (
    ChangeSeen,
    Decided,
    Ending,
    Event,
    Record,
    RunStarted,
    ShadowOutcome,
    TriggerChanged,
)
from watchdog.domain.matrix import Proposal
from watchdog.domain.moment import Moment
from watchdog.domain.shadow import JUDGED_AFTER
from watchdog.domain.signal import Verdict
from watchdog.domain.target import Target
from watchdog.domain.trigger import Change

# Why nobody can tell how it went on.
LOST = "what the trigger had seen was lost: it was changed, or a restart forgot it"
UNSEEN = "nobody saw it when the hour was over"
ARMED = "the target was armed meanwhile, and acted by itself"
CHANGED = "the version was changed meanwhile, and nobody says why"


@dataclass(frozen=True, slots=True)
class Shadow:
    """A decision that only alert-only mode held back. `seq`: its number in the journal."""

    target: str
    incident: str
    trigger: str
    plan: str
    episode: str
    seq: int
    at: Moment


@dataclass(slots=True)
class ShadowBook:
    """Each episode ends once: what is in `ended` is journalled next, and then forgotten.

    The order in which records are applied does not matter, but for those of one kind.
    """

    # What tells which decisions are open, and what may have ended those.
    DECISIONS = (Decided, ShadowOutcome)
    ENDS = (ChangeSeen, RunStarted, TriggerChanged)

    open: dict[str, Shadow] = field(default_factory=dict)
    ended: dict[str, ShadowOutcome] = field(default_factory=dict)
    _known: set[str] = field(default_factory=set)
    _changed: dict[int, float] = field(default_factory=dict)

    def replay(self, records: Iterable[Record]) -> "ShadowBook":
        """Apply `records`; returns itself."""
        for record in records:
            self.apply(record)
        return self

    def apply(self, record: Record) -> None:
        """Take one journalled fact of this target into account."""
        match record.event:
            case Decided(refusal=Reason.ALERT_ONLY.value) as decided:
                self._begin(decided, record)
            case RunStarted() as started:
                self._started(started, record)
            case TriggerChanged(change=Change.RESOLVED) as resolved:
                self._resolved(resolved, record)
            case ChangeSeen(kind=ChangeKind.APP) as change if self.open:
                self._changed[record.seq] = change.at
            case ShadowOutcome(episode=episode):
                self._known.add(episode)
                self.open.pop(episode, None)
                self.ended.pop(episode, None)
                self._forget_changes()
            case _:
                pass

    def _begin(self, decided: Decided, record: Record) -> None:
        # Told a second time after a reload, it is still the same decision.
        if decided.episode in self._known:
            return
        self._known.add(decided.episode)
        self.open[decided.episode] = Shadow(
            decided.target,
            decided.incident,
            decided.trigger,
            decided.plan,
            decided.episode,
            record.seq,
            record.at,
        )

    def _forget_changes(self) -> None:
        if not self.open:
            self._changed.clear()

    def _before(self, record: Record) -> list[Shadow]:
        return [shadow for shadow in self.open.values() if shadow.seq < record.seq]

    def _started(self, started: RunStarted, record: Record) -> None:
        for shadow in self._before(record):
            if not started.by:
                self._end(shadow, Ending.UNKNOWN, record.at, ARMED)
            elif record.at.since(shadow.at) <= JUDGED_AFTER:
                self._end(shadow, Ending.PERSON_ROLLED_BACK, record.at)
            else:
                self._end(shadow, Ending.UNKNOWN, record.at, UNSEEN)

    def _resolved(self, resolved: TriggerChanged, record: Record) -> None:
        for shadow in self._before(record):
            if shadow.trigger != resolved.trigger:
                continue
            late = record.at.since(shadow.at) > JUDGED_AFTER
            if late and _good_since(resolved, record) > shadow.at.wall + JUDGED_AFTER:
                self._end(shadow, Ending.UNKNOWN, record.at, UNSEEN)
            elif self._changed_between(shadow, record):
                self._end(shadow, Ending.UNKNOWN, record.at, CHANGED)
            else:
                self._end(shadow, Ending.RECOVERED, record.at)

    def _changed_between(self, shadow: Shadow, record: Record) -> bool:
        """Whether another version came after the decision: then it did not mend itself."""
        return any(seq < record.seq and at > shadow.at.wall for seq, at in self._changed.items())

    def _end(self, shadow: Shadow, what: Ending, at: Moment, note: str = "") -> None:
        del self.open[shadow.episode]
        self.ended[shadow.episode] = _outcome(shadow, what, at, note)

    def due(
        self, target: Target, firing: Sequence[Proposal], coming: Sequence[Event], now: Moment
    ) -> list[ShadowOutcome]:
        """What to journal of the decisions that have come to an end as of `now`.

        `firing`: what the firing triggers ask for. `coming`: what is about to be journalled, and
        may end a decision by itself.
        """
        changing = {event.trigger for event in coming if isinstance(event, TriggerChanged)}
        seen = {proposal.trigger: proposal for proposal in firing}
        told = list(self.ended.values())
        for shadow in self.open.values():
            if shadow.trigger in changing:
                continue
            found = _ending(shadow, target, _same_firing(shadow, seen), now)
            if found is not None:
                told.append(_outcome(shadow, found[0], now, found[1]))
        return told


def _ending(
    shadow: Shadow, target: Target, firing: Proposal | None, now: Moment
) -> tuple[Ending, str] | None:
    """How it ended, and why nobody can tell; None while that is open."""
    trigger = target.trigger(shadow.trigger)
    if firing is None or trigger is None:
        return Ending.UNKNOWN, LOST
    age = now.since(shadow.at)
    if age < JUDGED_AFTER:
        return None
    # One that is good at this moment, or not seen, may yet be seen to be over, or not.
    late = age > JUDGED_AFTER + max(trigger.keep_firing_for, trigger.blind_after)
    if firing.breaching:
        return (Ending.UNKNOWN, UNSEEN) if late else (Ending.STILL_BAD, "")
    return (Ending.UNKNOWN, UNSEEN) if late else None


def _same_firing(shadow: Shadow, seen: Mapping[str, Proposal]) -> Proposal | None:
    """The firing that was decided about, where it goes on.

    A row of the decision table is an episode of its own, which begins with the last of its
    triggers: it is followed by the one that it is told of, which was firing then already.
    """
    found = seen.get(shadow.trigger)
    if found is None or (found.episode != shadow.episode and found.since.wall > shadow.at.wall):
        return None
    return found


def _outcome(shadow: Shadow, what: Ending, at: Moment, note: str) -> ShadowOutcome:
    return ShadowOutcome(
        target=shadow.target,
        incident=shadow.incident,
        trigger=shadow.trigger,
        plan=shadow.plan,
        episode=shadow.episode,
        what=what,
        after_seconds=max(at.since(shadow.at), 0.0),
        note=note,
    )


def _good_since(resolved: TriggerChanged, record: Record) -> float:
    """The Unix second from which it was seen to be good, by the looks that are on record."""
    good = record.at.wall
    for point in reversed(resolved.evidence):
        if point.verdict is Verdict.BREACH:
            break
        if point.verdict is Verdict.OK:
            good = point.at
    return good
