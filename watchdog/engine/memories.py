"""What the signals of one target were before, for the conditions that compare with it."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from watchdog.domain.baseline import HOUR, HOURS_KEPT, Memory
from watchdog.domain.definition import measured
from watchdog.domain.expression import Term
from watchdog.domain.moment import Moment
from watchdog.domain.observation import Observation
from watchdog.domain.signal import Judgement, judge
from watchdog.domain.target import Target
from watchdog.domain.trigger import Trigger

# Of the note; one of another version is not understood, and so forgotten.
VERSION = 1
Key = tuple[str, int]


class Memories:
    """One memory for each state of a trigger and each relative condition of it."""

    def __init__(self, target: Target) -> None:
        self._numbers: dict[str, dict[Term, int]] = {}
        self._every: dict[str, float] = {}
        self.identities: dict[Key, str] = {}
        for trigger in target.triggers:
            relative = {t: n for n, t in enumerate(trigger.terms) if t.relative is not None}
            self._numbers[trigger.name] = relative
            self._every[trigger.name] = trigger.every
            for term, number in relative.items():
                self.identities[trigger.name, number] = measured(target, trigger, term)
        self.memories: dict[Key, Memory] = {}
        self.kept: dict[str, Any] = {}
        self.changed_at = 0.0

    # -- looking

    def judge(self, name: str, term: Term, observation: Observation, at: Moment) -> Judgement:
        """The verdict on `observation` by `term`, for the state that goes by `name`."""
        if term.relative is None:
            return judge(term.signal, term.breach_when, observation)
        memory = self._memory(name, term)
        judgement = judge(
            term.signal, term.breach_when, observation, lambda value: memory.measure(value, at)
        )
        if memory.used is None:
            return judgement
        return replace(judgement, note=f"{judgement.note}, {memory.used:.6g} before")

    def settle(self, name: str, at: Moment, *, calm: bool) -> None:
        """The state `name` was evaluated; `calm`: it is neither pending nor firing."""
        if not self.memories:
            return
        for number in self._numbers.get(_written(name), {}).values():
            memory = self.memories.get((name, number))
            if memory is not None:
                memory.settle(at, calm=calm)

    def _memory(self, name: str, term: Term) -> Memory:
        written = _written(name)
        key = (name, self._numbers[written][term])
        if key not in self.memories:
            self.memories[key] = self._new(key, term, written)
        return self.memories[key]

    def _new(self, key: Key, term: Term, written: str) -> Memory:
        if term.relative is None:
            raise ValueError(f"{term} compares with nothing that was before")
        memory = Memory(term.relative, self._every[written])
        kept = self.kept.get(_title(key))
        if kept is not None and kept["of"] == self._identity(key):
            memory.restore(kept)
        memory.changed(self.changed_at)
        return memory

    def _identity(self, key: Key) -> str:
        """What must not have changed; empty where the file has no such condition any longer."""
        return self.identities.get((_written(key[0]), key[1]), "")

    def forget(self, name: str) -> None:
        """The state `name` is gone."""
        for key in [key for key in self.memories if key[0] == name]:
            del self.memories[key]

    # -- news

    def changed(self, at: float) -> None:
        """Something was changed on the target at Unix second `at`."""
        self.changed_at = max(self.changed_at, at)
        for memory in self.memories.values():
            memory.changed(at)

    def clock_stepped(self) -> None:
        """The wall clock jumped."""
        for memory in self.memories.values():
            memory.clock_stepped()

    # -- over a restart

    def held(self, name: str) -> dict[str, Any]:
        """What the state `name`, pending or firing, is compared with: for its checkpoint."""
        numbers = self._numbers.get(_written(name), {}).values()
        found = {n: self.memories[name, n] for n in numbers if (name, n) in self.memories}
        return {"held": {str(n): one.held for n, one in found.items()}} if found else {}

    def hold(self, trigger: Trigger, kept: Mapping[str, Any], now: Moment) -> None:
        """Take over what `held` gave before a restart."""
        numbers = self._numbers.get(_written(trigger.name), {})
        for term, number in numbers.items():
            if str(number) in kept.get("held", {}):
                self._memory(trigger.name, term).hold(kept["held"][str(number)], now)

    def note(self) -> str | None:
        """What is to be kept for good, as JSON; None where nothing is new."""
        if not any(memory.dirty for memory in self.memories.values()):
            return None
        for key, memory in self.memories.items():
            self.kept[_title(key)] = {"of": self._identity(key), **memory.saved()}
        self._forget_old()
        return json.dumps({"version": VERSION, "memories": self.kept})

    def _forget_old(self) -> None:
        """What was captured for label values that are seen no longer, or for other triggers."""
        newest = {title: _newest_hour(one) for title, one in self.kept.items()}
        oldest = max(newest.values(), default=0) - HOURS_KEPT
        live = {_title(key) for key in (*self.memories, *self.identities)}
        for title, hour in newest.items():
            if title not in live and hour <= oldest:
                del self.kept[title]

    def unkept(self) -> None:
        """The note could not be kept: it is still to be."""
        for memory in self.memories.values():
            memory.dirty = True

    def restore(self, note: str) -> None:
        """Take over what a process before this one kept."""
        kept = json.loads(note)
        if kept.get("version") == VERSION:
            self.kept = kept["memories"]

    def adopt(self, other: "Memories") -> None:
        """Take over from the file before a reload, where nothing changed."""
        for (name, number), memory in other.memories.items():
            written = (_written(name), number)
            if other.identities[written] == self.identities.get(written):
                self.memories[name, number] = memory
        self.kept, self.changed_at = other.kept, other.changed_at


def _newest_hour(kept: Mapping[str, Any]) -> int:
    """The hour since the epoch of the newest thing in it."""
    return max(int(kept["changed_at"] // HOUR), *map(int, kept["hours"]), 0)


def _written(name: str) -> str:
    """The trigger of the file that the state `name` belongs to."""
    return name.partition("{")[0]


def _title(key: Key) -> str:
    return f"{key[0]}|{key[1]}"
