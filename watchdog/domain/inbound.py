"""The board: what was said from outside and still counts, folded from the journal."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from watchdog.domain.claims import Claim, SignalReceived, Voice, Word
from watchdog.domain.moment import Moment
from watchdog.domain.observation import Gap, Observation, Sample, Unknown
from watchdog.domain.words import utc

PASSING, FAILING = 1.0, 0.0
# Entries, and seconds behind the end of its validity after which one is forgotten.
MOST = 5_000
FORGET = 86_400.0
# Seconds between two records of a signal that only says the same again.
REFRESH = 60.0
# Two renderings of one time may differ in their last digits.
SAME = 1e-3
_EVERY = 1000


class Standing(Enum):
    """What an entry says now."""

    ACTIVE = "active"
    OVER = "over"
    STALE = "stale"
    LATE = "late"
    DISPUTED = "disputed"
    RETRACTED = "retracted"


@dataclass(frozen=True, slots=True)
class Asked:
    """Whether `name` was said: an alert with these labels, or else a signal of that name."""

    name: str
    alert: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entry:
    """The last that was said of one signal, and when that was recorded.

    `disputed`: it was said to be resolved, and then that this same episode fires.
    """

    said: SignalReceived
    heard: Moment
    disputed: bool = False

    def left(self, now: Moment) -> float:
        """Seconds for which it counts without being said again; negative when that is past."""
        # By the clock that never steps: the wall clock only says how long it was to count.
        return self.said.valid_until - self.heard.wall - now.since(self.heard)

    def standing(self, now: Moment) -> Standing:
        """What it says at `now`. A resolved signal never is active again in its old episode."""
        left = self.left(now)
        if left < -FORGET:
            return Standing.OVER
        if self.said.status is Word.RESOLVED:
            return self._standing_of_resolved() if left >= 0 else Standing.OVER
        if left < 0:
            return Standing.OVER if self.said.lapses else Standing.STALE
        return Standing.LATE if self.said.late else Standing.ACTIVE

    def _standing_of_resolved(self) -> Standing:
        """An Alertmanager's `resolved` is a hint: the service may as well have fallen silent.

        A person who takes a signal back, or a system that signs for it, knows.
        """
        if self.disputed:
            return Standing.DISPUTED
        return Standing.RETRACTED if self.said.how is Voice.ALERTMANAGER else Standing.OVER


@dataclass(slots=True)
class Board:
    """Every entry. Changed by `take` alone, in the order of the journal.

    `signed`: by signal, the latest Unix second of a signature that was ahead of our clock.
    """

    entries: dict[tuple[Voice, str], Entry] = field(default_factory=dict)
    signed: dict[str, float] = field(default_factory=dict)
    seen: int = 0

    def of(self, target: str) -> "Heard":
        """The board as `target` may read it."""
        return Heard(self, target)

    def adopt(self, other: "Board") -> None:
        """Take over all that `other` holds."""
        self.entries, self.signed, self.seen = other.entries, other.signed, other.seen

    def take(self, seq: int, at: Moment, event: object) -> None:
        """Take record `seq` into account; one that was taken before changes nothing."""
        if seq <= self.seen or not isinstance(event, SignalReceived):
            return
        self.seen = seq
        if event.signed_ahead is not None:
            self.signed[event.name] = max(event.signed_ahead, self.signed.get(event.name, 0.0))
        if len(self.entries) >= MOST or seq % _EVERY == 0:
            self.forget(at)
        before = self.entries.get(event.key)
        self.entries[event.key] = Entry(event, at) if before is None else _after(before, event, at)
        if event.how is Voice.CLI and event.status is Word.RESOLVED:
            self._withdraw(event, at)

    def _withdraw(self, event: SignalReceived, at: Moment) -> None:
        # A person takes it back for whoever said it by that name, but speaks for no Alertmanager.
        for key, entry in self.entries.items():
            said = entry.said
            meant = said.name == event.name and event.target in ("", said.target)
            if meant and key[0] is not Voice.ALERTMANAGER and said.status is Word.FIRING:
                self.entries[key] = Entry(replace(said, status=Word.RESOLVED, by=event.by), at)

    def forget(self, now: Moment) -> None:
        """Drop what has not counted for a day."""
        self.entries = {
            key: entry for key, entry in self.entries.items() if entry.left(now) >= -FORGET
        }

    def has_room(self, now: Moment, keys: Iterable[tuple[Voice, str]]) -> bool:
        """Whether these signals could be kept: those that are known take no more room."""
        more = len(set(keys) - self.entries.keys())
        if more and len(self.entries) + more > MOST:
            self.forget(now)
        return not more or len(self.entries) + more <= MOST

    def recorded(self, claim: Claim, now: Moment) -> SignalReceived | None:
        """What is to be recorded of `claim`; None where that is known already."""
        entry = self.entries.get(claim.key)
        starts_at = _start(claim, entry, now)
        new = entry is None or _is_later(starts_at, entry)
        late = claim.max_age is not None and now.wall - starts_at > claim.max_age
        if entry is not None and not new and not _is_news(entry, claim, now):
            return None
        return SignalReceived(
            target=claim.target,
            name=claim.name,
            how=claim.how,
            status=claim.status,
            fingerprint=claim.fingerprint,
            starts_at=starts_at,
            valid_until=now.wall + claim.valid_for,
            labels=claim.labels,
            by=claim.by,
            reason=claim.reason,
            lapses=claim.lapses,
            late=new and late and claim.status is Word.FIRING,
            signed_ahead=claim.signed_ahead,
        )


@dataclass(frozen=True, slots=True)
class Heard:
    """What one target hears."""

    board: Board
    target: str

    def heard(self, asked: Asked, now: Moment) -> Observation:
        """0 while a signal that was asked for is active, 1 while none is; a gap when unsure."""
        doubts = []
        last: Entry | None = None
        for entry in self._matching(asked):
            standing = entry.standing(now)
            if standing is Standing.ACTIVE:
                return Sample((FAILING,), note=_in_words(entry))
            if standing is not Standing.OVER:
                doubts.append(_gap(entry, standing))
            elif last is None or entry.heard.elapsed > last.heard.elapsed:
                last = entry
        if doubts:
            return doubts[0]
        note = f"{_in_words(last)}; that is over" if last else f"nobody said {asked.name}"
        return Sample((PASSING,), note=note)

    def givers(self, asked: Asked, now: Moment) -> tuple[str, ...]:
        """By whom a signal that was asked for is active."""
        active = (one for one in self._matching(asked) if one.standing(now) is Standing.ACTIVE)
        return tuple(dict.fromkeys(one.said.by for one in active if one.said.by))

    def beats(self, alert: str, now: Moment) -> bool:
        """Whether `alert`, which should always fire, was heard of lately."""
        return any(
            entry.standing(now) in (Standing.ACTIVE, Standing.LATE)
            for entry in self._matching(Asked(alert, alert=True))
        )

    def _matching(self, asked: Asked) -> Iterator[Entry]:
        for entry in self.board.entries.values():
            said = entry.said
            if said.name != asked.name or said.target not in ("", self.target):
                continue
            if (said.how is Voice.ALERTMANAGER) is asked.alert and (
                asked.labels.items() <= said.labels.items()
            ):
                yield entry


def _start(claim: Claim, entry: Entry | None, now: Moment) -> float:
    if claim.starts_at is not None:
        return claim.starts_at
    if entry is None:
        return now.wall
    goes_on = claim.status is Word.RESOLVED or entry.standing(now) is not Standing.OVER
    return entry.said.starts_at if goes_on else now.wall


def _is_later(starts_at: float, entry: Entry) -> bool:
    """Whether an episode that began at Unix second `starts_at` is a later one than that known."""
    known = entry.said.starts_at
    if known > entry.heard.wall + SAME:
        # By a clock that is ahead: all that comes would look older than this one.
        return abs(starts_at - known) > SAME
    return starts_at > known + SAME


def _is_news(entry: Entry, claim: Claim, now: Moment) -> bool:
    """Whether the journal must know, of an episode that it knows."""
    if claim.signed_ahead is not None:
        return True
    if claim.status is Word.RESOLVED:
        return entry.said.status is Word.FIRING or entry.disputed
    if entry.said.status is Word.RESOLVED and not entry.disputed:
        return True
    return now.since(entry.heard) >= REFRESH


def _after(before: Entry, event: SignalReceived, at: Moment) -> Entry:
    known = before.said
    if event.status is Word.RESOLVED:
        later = event.starts_at if _is_later(event.starts_at, before) else known.starts_at
        return Entry(replace(event, starts_at=later), at)
    if _is_later(event.starts_at, before):
        return Entry(event, at)
    # Said again: of two Alertmanagers one may know an earlier start of the same episode.
    again = replace(event, starts_at=known.starts_at, late=known.late)
    if known.status is Word.RESOLVED:
        return Entry(replace(again, status=Word.RESOLVED), at, disputed=True)
    return Entry(again, at)


def _gap(entry: Entry, standing: Standing) -> Gap:
    said = _in_words(entry)
    match standing:
        case Standing.LATE:
            text = f"{said}; first heard of at {utc(entry.heard.wall)}, too late to act on it"
            return Gap(Unknown.STALE, text)
        case Standing.DISPUTED:
            return Gap(Unknown.AMBIGUOUS, f"{said}; said to be resolved, and to fire, in turn")
        case Standing.RETRACTED:
            return Gap(Unknown.RETRACTED, f"{said}; a hint, which proves nothing")
        case _:
            until = utc(entry.said.valid_until)
            return Gap(Unknown.STALE, f"{said}; not said again by {until}, nor resolved")


def _in_words(entry: Entry) -> str:
    said = entry.said
    by = f" by {said.by}" if said.by else ""
    why = f": {said.reason}" if said.reason else ""
    since = utc(min(said.starts_at, entry.heard.wall))
    return f"{said.name} {said.status.value} since {since}, said{by}{why}"
