"""Keeps the state of one target's triggers: judges each look and says what changed."""

import hashlib
import json
from collections import Counter
from dataclasses import asdict, replace

from watchdog.domain.events import (
    Event,
    SourceSeesAgain,
    SourceWentBlind,
    TriggerChanged,
)
from watchdog.domain.expression import Expression, Term
from watchdog.domain.matrix import Proposal, proposals
from watchdog.domain.moment import Moment
from watchdog.domain.observation import Gap, Sample
from watchdog.domain.onset import Onset, seen
from watchdog.domain.onset import loaded as loaded_onset
from watchdog.domain.onset import saved as saved_onset
from watchdog.domain.signal import Judgement, Verdict
from watchdog.domain.target import Target
from watchdog.domain.trigger import (
    INACTIVE,
    Change,
    Firing,
    Inactive,
    Pending,
    Trigger,
    TriggerStatus,
    evaluate,
    goes_well,
    reset_pending,
    restore,
    vanish,
)
from watchdog.engine.checkpoint import loaded, saved
from watchdog.engine.evidence import Evidence
from watchdog.engine.instances import Instance, answered, instance, is_of_value, parts, whole
from watchdog.engine.memories import Memories
from watchdog.engine.sights import Looked, Sights

__all__ = ["Evaluator", "Looked"]

MAX_EVIDENCE = 240
# Of the checkpoint; one of another version is not understood, and so forgotten.
VERSION = 2
_SIGHT = {Change.BLIND, Change.SEEING}
# To ask an enum's member for its value at every look is slow.
_WORDS = {verdict: verdict.value for verdict in Verdict}


class Evaluator:
    """The triggers of one target between two rounds.

    `instances` are the states there are, by name: a trigger with a label has one for itself,
    which says whether the label is seen at all, and one for each value of it. `mindful`: a
    change was seen lately, so that a restart must not forget which triggers were good.
    """

    def __init__(self, target: Target) -> None:
        self.target = target
        self.identities = {one.name: _identity(target, one) for one in target.triggers}
        self.instances: dict[str, Instance] = {}
        self.statuses: dict[str, TriggerStatus] = {}
        self.judgements: dict[str, Judgement] = {}
        self.evidence: dict[str, Evidence] = {}
        self._of_source: dict[str, list[Instance]] = {}
        for trigger in target.triggers:
            self._add(Instance(trigger, trigger.name))
        self.memories = Memories(target)
        self._sights = Sights(target, self.memories)
        self.blind_sources: dict[str, float] = {}
        self.evaluations: Counter[str] = Counter()
        self.onsets: dict[str, Onset] = {}
        self.mindful = False
        self.remembered = False
        self._notable = False
        # Values that are in no answer any longer, though their label is.
        self._vanished: set[str] = set()
        self._parted = {one.name for one in target.triggers if one.for_each}
        # Of the round under way: what all those share that are well and have been looked at alike.
        self._well: dict[int, TriggerStatus] = {}
        self._good = Onset()

    def _add(self, one: Instance) -> None:
        name = one.trigger.name
        self.instances[name] = one
        self.statuses[name] = TriggerStatus()
        size = min(MAX_EVIDENCE, 2 * one.trigger.window_slots + 20)
        self.evidence[name] = Evidence(size)
        self._of_source.setdefault(one.trigger.source, []).append(one)

    def _forget(self, one: Instance) -> None:
        name = one.trigger.name
        self._of_source[one.trigger.source].remove(one)
        del self.instances[name], self.statuses[name], self.evidence[name]
        self.judgements.pop(name, None)
        self.memories.forget(name)
        self.onsets.pop(name, None)
        self._vanished.discard(name)

    def take(self, looked: Looked) -> list[Event]:
        """Judge a round; returns what changed, to be journalled."""
        self._sights.take(looked)
        self._well.clear()
        self._good = Onset(good=looked.at)
        events: list[Event] = []
        for one in tuple(self._of_source.get(looked.source, ())):
            if one.value is not None:
                continue
            if one.trigger.name in self._parted:
                events += self._of_label(one, looked)
            else:
                judgement = self._sights.judge(one.trigger, looked)
                events += self._one(one.trigger, judgement, looked)
        return events + self._blindness(looked)

    def _of_label(self, root: Instance, looked: Looked) -> list[Event]:
        """A trigger with a state for each value of its label, and one for the label itself."""
        trigger, term = root.trigger, root.trigger.terms[0]
        looks_good = term.signal.nodata_is_ok and term.signal.has_volume
        observation = answered(self._sights.of(term.signal, looked), nodata_is_ok=looks_good)
        seen = whole(trigger, observation)
        gap = seen if isinstance(seen, Gap) else None
        verdict = Verdict.UNKNOWN if gap else Verdict.OK
        judgement = Judgement(verdict, None, gap.reason if gap else None, seen.note)
        events = self._one(trigger, judgement, looked)
        known = {
            one.value: one
            for one in self._of_source[looked.source]
            if one.of == trigger.name and one.value is not None
        }
        for value, part in parts(observation, known):
            one = known.get(value)
            if one is None:
                one = instance(trigger, value)
                self._add(one)
            judged = self.memories.judge(one.trigger.name, term, part, looked.at)
            events += self._one(one.trigger, self._sights.cleared(one.trigger, judged), looked)
            if isinstance(observation, Sample) and observation.parts:
                events += self._vanishes(one, looked, gone=isinstance(part, Gap))
        return events

    def _vanishes(self, one: Instance, looked: Looked, *, gone: bool) -> list[Event]:
        """The label was seen, and `one` of its values is `gone` or not."""
        name = one.trigger.name
        if not gone:
            self._vanished.discard(name)
            return []
        self._vanished.add(name)
        status, changes = vanish(one.trigger, self.statuses[name])
        self.statuses[name] = status
        judgement = self.judgements[name]
        if isinstance(status.state, Inactive):
            self._forget(one)
        return [
            self._changed(one.trigger, change, status, judgement, looked.at) for change in changes
        ]

    def _one(self, trigger: Trigger, judgement: Judgement, looked: Looked) -> list[Event]:
        name, verdict = trigger.name, judgement.verdict
        self.judgements[name] = judgement
        self.evaluations[_WORDS[verdict]] += 1
        self.evidence[name].add(looked.at.wall, verdict, judgement.value, judgement.note)
        before = self.statuses[name]
        if goes_well(before, judgement):
            self.statuses[name] = self._as_before(trigger, judgement, looked)
            self.memories.settle(name, looked.at, calm=True)
            self.onsets[name] = self._good
            return []
        after, changes = evaluate(trigger, before, judgement, looked.at, looked.slot, looked.looked)
        self.statuses[name] = after
        calm = isinstance(after.state, Inactive)
        self.memories.settle(name, looked.at, calm=calm)
        onset = self.onsets.get(name, Onset())
        self.onsets[name] = seen(onset, verdict, after.state, looked.at)
        return [
            self._changed(trigger, change, after, judgement, looked.at)
            for change in changes
            if change not in _SIGHT
        ]

    def _as_before(self, trigger: Trigger, judgement: Judgement, looked: Looked) -> TriggerStatus:
        """The status of one that goes well: the same for all those looked at as often."""
        before = self.statuses[trigger.name]
        after = self._well.get(before.fresh)
        if after is None:
            at, slot = looked.at, looked.slot
            after, _ = evaluate(trigger, before, judgement, at, slot, looked.looked)
            self._well[before.fresh] = after
        return after

    def _changed(
        self,
        trigger: Trigger,
        change: Change,
        status: TriggerStatus,
        judgement: Judgement,
        at: Moment,
    ) -> Event:
        since = at.wall
        if isinstance(status.state, Pending | Firing):
            since = status.state.since.wall
        telling = change in (Change.FIRING, Change.RESOLVED)
        note = judgement.note or (judgement.reason.value if judgement.reason else "")
        watches = trigger.watches
        condition = watches.breach_when if isinstance(watches, Term) else watches.holds_when
        return TriggerChanged(
            target=self.target.name,
            trigger=trigger.name,
            change=change,
            severity=trigger.severity,
            since=since,
            note=note,
            query=self._question(watches),
            condition=watches.words if isinstance(watches, Term) else str(condition),
            unit=watches.unit if isinstance(watches, Term) else "conditions",
            limit=condition.limit,
            evidence=tuple(self.evidence[trigger.name]) if telling else (),
        )

    def _question(self, watches: Expression) -> str:
        """What is asked, for a person."""
        if isinstance(watches, Term):
            text = self.target.signals[watches.signal.name].text
            return f"{text}, {watches.relative.reference}" if watches.relative else text
        return str(watches)

    def _blindness(self, looked: Looked) -> list[Event]:
        """One alert a source, however many triggers it leaves in the dark."""
        ours = (one.trigger.name for one in self._of_source.get(looked.source, ()))
        # The source sees well, and has no such value any longer: that would hide a later outage.
        names = [name for name in ours if name not in self._vanished]
        blind = [name for name in names if self.statuses[name].blind]
        since = self.blind_sources.get(looked.source)
        if blind and since is None:
            darkness = (self.statuses[name].dark_since for name in blind)
            dark = [looked.at.elapsed - one for one in darkness if one is not None]
            since = looked.at.wall - max(dark, default=0.0)
            self.blind_sources[looked.source] = since
            reason = self.judgements[blind[0]]
            text = f"{reason.reason.value if reason.reason else ''}: {reason.note}".strip(": ")
            name = self.target.name
            return [SourceWentBlind(name, looked.source, since, text, tuple(blind))]
        # After a reload nothing may be blind yet, and nothing seen either.
        if since is not None and all(self.statuses[name].dark_since is None for name in names):
            del self.blind_sources[looked.source]
            return [SourceSeesAgain(self.target.name, looked.source, since)]
        return []

    def proposals(self, now: Moment | None = None) -> list[Proposal]:
        """What the firing triggers ask for as of `now`, gravest first."""
        triggers = [one.trigger for one in self.instances.values()]
        found = proposals(triggers, self.statuses, now)
        return [replace(one, onset=self._onset(one.trigger)) for one in found]

    def _onset(self, name: str) -> Moment | None:
        return self.onsets.get(name, Onset()).earliest(self.instances[name].trigger)

    @property
    def quiet(self) -> bool:
        """Whether no trigger fires."""
        return not any(isinstance(s.state, Firing) for s in self.statuses.values())

    def clock_stepped(self) -> None:
        """The wall clock jumped: what was pending starts over."""
        self.memories.clock_stepped()
        self.statuses = {name: reset_pending(status) for name, status in self.statuses.items()}

    # -- a restart keeps what was pending and firing

    def checkpoint(self, now: Moment) -> str | None:
        """The states worth keeping, as JSON; None when there is nothing to keep or to forget."""
        triggers = {
            name: {
                "of": self.identities[one.of],
                "value": one.value,
                "onset": saved_onset(self.onsets.get(name, Onset())),
                **saved(self.statuses[name]),
                **self.memories.held(name),
            }
            for name, one in self.instances.items()
            if self.mindful or self.statuses[name].state != INACTIVE or self.statuses[name].blind
        }
        self._notable = bool(triggers)
        if not triggers and not self.remembered:
            return None
        # Even if the write fails: what stands there from before must be overwritten one day.
        self.remembered = True
        return json.dumps({"version": VERSION, "at": now.elapsed, "triggers": triggers})

    def was_kept(self) -> None:
        """The last checkpoint is on the disk: an empty one needs no overwriting."""
        self.remembered = self._notable

    def restore(self, kept: str, saved_at: Moment, now: Moment) -> None:
        """Take over what the process before knew `now - saved_at` seconds ago."""
        downtime = max(0.0, now.since(saved_at))
        memory = json.loads(kept)
        self.remembered = True
        if memory.get("version") != VERSION:
            return
        # Elapsed seconds start anew at each boot: `saved_at` has been translated, its note not.
        offset = saved_at.elapsed - memory["at"]
        for name, kept_status in memory["triggers"].items():
            trigger = self._known(name, kept_status.get("value"))
            if trigger is None or kept_status["of"] != self.identities[self.instances[name].of]:
                continue
            status = restore(trigger, loaded(kept_status, saved_at, offset), downtime, now)
            self.statuses[name] = status
            self.onsets[name] = loaded_onset(kept_status.get("onset"), offset)
            if not isinstance(status.state, Inactive):
                self.memories.hold(trigger, kept_status, now)
            if status.blind:
                self.blind_sources.setdefault(trigger.source, saved_at.wall)

    def _known(self, name: str, value: str | None) -> Trigger | None:
        """The trigger whose state goes by `name`; one of a label's value comes back with it."""
        trigger = self.target.trigger(name)
        if trigger is not None and is_of_value(name) and name not in self.instances:
            one = None if value is None else instance(trigger, value)
            if one is None or not trigger.for_each or one.trigger.name != name:
                return None
            self._add(one)
        return self.instances[name].trigger if name in self.instances else None

    def adopt(self, other: "Evaluator") -> None:
        """Take over from the evaluator of the file before a reload, where nothing changed."""
        for name, before in other.instances.items():
            if other.identities[before.of] != self.identities.get(before.of):
                continue
            if self._known(name, before.value) is None:
                continue
            status = other.statuses[name]
            state = status.state
            if isinstance(state, Firing):
                state = replace(state, confirmed=False)
            self.statuses[name] = replace(status, state=state, fresh=0)
            self.evidence[name].extend(other.evidence[name])
            self.onsets[name] = other.onsets.get(name, Onset())
        self.memories.adopt(other.memories)
        self.evaluations = other.evaluations
        blind = other.blind_sources
        self.blind_sources = {name: at for name, at in blind.items() if name in self._of_source}
        self.remembered = other.remembered


def _identity(target: Target, trigger: Trigger) -> str:
    """What must not have changed for a saved state to mean anything."""
    signals = [term.signal for term in trigger.terms]
    sources = [target.sources[signal.source] for signal in signals]
    parts = {
        "asks": [target.signals[signal.name].ask for signal in signals],
        "sources": [[source.use, source.options] for source in sources],
        "watches": asdict(trigger.watches),
        "hold": [trigger.hold, trigger.fails, trigger.looks, trigger.every],
    }
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
