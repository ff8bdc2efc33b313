"""Keeps the state of one target's triggers: judges each look and says what changed."""

import hashlib
import json
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from watchdog.domain.events import (
    Event,
    Point,
    SourceSeesAgain,
    SourceWentBlind,
    TriggerChanged,
)
from watchdog.domain.matrix import Proposal, proposals
from watchdog.domain.moment import Moment
from watchdog.domain.observation import Gap, Observation, Unknown
from watchdog.domain.signal import Judgement, judge
from watchdog.domain.target import Target
from watchdog.domain.trigger import (
    INACTIVE,
    Change,
    Firing,
    Inactive,
    Pending,
    Trigger,
    TriggerState,
    TriggerStatus,
    evaluate,
    reset_pending,
    restore,
)

MAX_EVIDENCE = 240
# Of the checkpoint; one of another version is not understood, and so forgotten.
VERSION = 1
_SIGHT = {Change.BLIND, Change.SEEING}


@dataclass(frozen=True, slots=True)
class Looked:
    """What one round of one source brought: an observation a signal.

    `at` is the start of the slot, `looked` when it was really looked at (None: at the start).
    """

    source: str
    slot: int
    at: Moment
    observations: Mapping[str, Observation]
    looked: Moment | None = None


class Evaluator:
    """The triggers of one target between two rounds."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.statuses = {trigger.name: TriggerStatus() for trigger in target.triggers}
        self.identities = {one.name: _identity(target, one) for one in target.triggers}
        self.judgements: dict[str, Judgement] = {}
        self.breaching: set[str] = set()
        self.evidence: dict[str, deque[Point]] = {
            trigger.name: deque(maxlen=min(MAX_EVIDENCE, 2 * trigger.window_slots + 20))
            for trigger in target.triggers
        }
        self._of_source: dict[str, list[Trigger]] = {}
        for trigger in target.triggers:
            self._of_source.setdefault(trigger.signal.source, []).append(trigger)
        self.blind_sources: dict[str, float] = {}
        self.evaluations: Counter[str] = Counter()
        self.remembered = False
        self._notable = False

    def take(self, looked: Looked) -> list[Event]:
        """Judge a round; returns what changed, to be journalled."""
        events: list[Event] = []
        for trigger in self._of_source.get(looked.source, ()):
            observation = looked.observations.get(trigger.signal.name)
            if observation is None:
                observation = Gap(Unknown.NODATA, "the source did not answer this signal")
            events += self._one(trigger, observation, looked)
        return events + self._blindness(looked)

    def _one(self, trigger: Trigger, observation: Observation, looked: Looked) -> list[Event]:
        judgement = judge(trigger.signal, trigger.breach_when, observation)
        self.judgements[trigger.name] = judgement
        self.evaluations[judgement.verdict.value] += 1
        point = Point(looked.at.wall, judgement.verdict, judgement.value, judgement.note or "")
        self.evidence[trigger.name].append(point)
        before = self.statuses[trigger.name]
        after, changes = evaluate(trigger, before, judgement, looked.at, looked.slot, looked.looked)
        self.statuses[trigger.name] = after
        return [
            self._changed(trigger, change, after, judgement, looked.at)
            for change in changes
            if change not in _SIGHT
        ]

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
        return TriggerChanged(
            target=self.target.name,
            trigger=trigger.name,
            change=change,
            severity=trigger.severity,
            since=since,
            note=note,
            query=self.target.signals[trigger.signal.name].text,
            condition=str(trigger.breach_when),
            unit=trigger.signal.unit,
            limit=trigger.breach_when.limit,
            evidence=tuple(self.evidence[trigger.name]) if telling else (),
        )

    def _blindness(self, looked: Looked) -> list[Event]:
        """One alert a source, however many triggers it leaves in the dark."""
        triggers = self._of_source.get(looked.source, ())
        blind = [t.name for t in triggers if self.statuses[t.name].blind]
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
        if since is not None and all(self.statuses[t.name].dark_since is None for t in triggers):
            del self.blind_sources[looked.source]
            return [SourceSeesAgain(self.target.name, looked.source, since)]
        return []

    def proposals(self, now: Moment | None = None) -> list[Proposal]:
        """What the firing triggers ask for as of `now`, gravest first."""
        return proposals(self.target.triggers, self.statuses, now)

    @property
    def quiet(self) -> bool:
        """Whether no trigger fires."""
        return not any(isinstance(s.state, Firing) for s in self.statuses.values())

    def clock_stepped(self) -> None:
        """The wall clock jumped: what was pending starts over."""
        self.statuses = {name: reset_pending(status) for name, status in self.statuses.items()}

    # -- a restart keeps what was pending and firing

    def checkpoint(self, now: Moment) -> str | None:
        """The states worth keeping, as JSON; None when there is nothing to keep or to forget."""
        statuses = ((trigger, self.statuses[trigger.name]) for trigger in self.target.triggers)
        triggers = {
            trigger.name: {"of": self.identities[trigger.name], **_saved(status)}
            for trigger, status in statuses
            if status.state != INACTIVE or status.blind
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
        for name, saved in memory["triggers"].items():
            trigger = self.target.trigger(name)
            if trigger is None or saved["of"] != self.identities[name]:
                continue
            status = restore(trigger, _loaded(saved, saved_at, offset), downtime, now)
            self.statuses[name] = status
            if status.blind:
                self.blind_sources.setdefault(trigger.signal.source, saved_at.wall)

    def adopt(self, other: "Evaluator") -> None:
        """Take over from the evaluator of the file before a reload, where nothing changed."""
        for trigger in self.target.triggers:
            if other.identities.get(trigger.name) != self.identities[trigger.name]:
                continue
            status = other.statuses[trigger.name]
            state = status.state
            if isinstance(state, Firing):
                state = replace(state, confirmed=False)
            self.statuses[trigger.name] = replace(status, state=state, fresh=0)
            self.evidence[trigger.name].extend(other.evidence[trigger.name])
        self.evaluations = other.evaluations
        sources = {trigger.signal.source for trigger in self.target.triggers}
        blind = other.blind_sources
        self.blind_sources = {name: at for name, at in blind.items() if name in sources}
        self.remembered = other.remembered


def _identity(target: Target, trigger: Trigger) -> str:
    """What must not have changed for a saved state to mean anything."""
    source = target.sources[trigger.signal.source]
    parts = {
        "signal": asdict(trigger.signal),
        "ask": target.signals[trigger.signal.name].ask,
        "source": [source.use, source.options],
        "breach_when": asdict(trigger.breach_when),
        "hold": [trigger.hold, trigger.fails, trigger.every],
    }
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _saved(status: TriggerStatus) -> dict[str, object]:
    state = status.state
    return {
        "state": type(state).__name__,
        "since": None if isinstance(state, Inactive) else [state.since.elapsed, state.since.wall],
        "breaches": state.breaches if isinstance(state, Pending) else 0,
        "decided": state.decided if isinstance(state, Pending) else 0,
        "counted_at": state.counted_at if isinstance(state, Pending) else None,
        "gap": 0 if isinstance(state, Inactive) else state.gap,
        "blind": status.blind,
        "dark": status.dark_since is not None,
    }


def _loaded(saved: Mapping[str, Any], saved_at: Moment, offset: float) -> TriggerStatus:
    """The status that `saved` tells of, on this boot's clock (`offset` seconds later)."""
    state: TriggerState = INACTIVE
    if saved["since"] is not None:
        elapsed, wall = saved["since"]
        since = Moment(elapsed + offset, wall)
        if saved["state"] == Pending.__name__:
            counted = saved.get("counted_at", saved_at.elapsed - offset)
            counted_at = None if counted is None else counted + offset
            state = Pending(since, saved["breaches"], saved["gap"], saved["decided"], counted_at)
        else:
            state = Firing(since)
    dark = saved_at.elapsed if saved["dark"] else None
    return TriggerStatus(state, dark_since=dark, blind=saved["blind"])
