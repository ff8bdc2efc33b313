"""What was asked under which key, and what was answered: a fold of the journal, for a day."""

from collections import Counter, OrderedDict
from dataclasses import dataclass, field, replace

from watchdog.domain.events import CommandAnswered, CommandReceived, Event, Record
from watchdog.domain.moment import Moment, age

# Seconds for which a key is known, and keys that are known at most: of all, and of one person.
KEPT = 86_400.0
MOST = 10_000
MOST_OF_ONE = 5_000
KINDS: tuple[type[Event], ...] = (CommandReceived, CommandAnswered)
Name = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Receipt:
    """One command that was taken; `status` is None as long as no answer is known."""

    command: str
    asks: str
    seq: int
    taken: Moment
    status: int | None = None
    answer: str = ""


@dataclass(slots=True)
class Receipts:
    """Every receipt, oldest first, by who asked and the digest of their key."""

    _of: OrderedDict[Name, Receipt] = field(default_factory=OrderedDict)
    _many: Counter[str] = field(default_factory=Counter)

    def take(self, record: Record) -> None:
        """Take one record of the journal into account."""
        match record.event:
            case CommandReceived(command=command, by=by, key=key, asks=asks) if key:
                self._forget(record.at)
                self._drop((by, key))
                self._many[by] += 1
                self._of[by, key] = Receipt(command, asks, record.seq, record.at)
            case CommandAnswered(by=by, key=key, status=status, answer=answer):
                self.answered(by, key, status, answer)

    def answered(self, by: str, key: str, status: int, answer: str) -> None:
        """From now on this is the answer, whoever remembers it."""
        known = self._of.get((by, key))
        if known is not None:
            self._of[by, key] = replace(known, status=status, answer=answer)

    def find(self, by: str, key: str, now: Moment) -> Receipt | None:
        """What `by` asked under that key within the last day."""
        found = self._of.get((by, key))
        return found if found is not None and age(found.taken, now) < KEPT else None

    def has_room(self, by: str, now: Moment) -> bool:
        """Whether one more of `by` could be kept; those older than a day are forgotten."""
        self._forget(now)
        return len(self._of) < MOST and self._many[by] < MOST_OF_ONE

    def _forget(self, now: Moment) -> None:
        while self._of:
            name, oldest = next(iter(self._of.items()))
            if age(oldest.taken, now) < KEPT:
                return
            self._drop(name)

    def _drop(self, name: Name) -> None:
        if self._of.pop(name, None) is not None:
            self._many[name[0]] -= 1
