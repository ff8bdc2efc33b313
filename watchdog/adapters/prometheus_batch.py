"""Many questions as one PromQL query, and its answer as one observation for each."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import quote_plus

from watchdog.adapters.prometheus_answer import MEMBER_LABEL, Numbers
from watchdog.adapters.promql import Kind, Query, Selector, parse_query
from watchdog.domain.observation import Observation, Sample
from watchdog.ports import Question

# A question is four members, as a rule: its number, its volume, and two for their age. Each
# request costs us alike, whatever it holds; but each `or` hashes all that stands on either
# side of it, so that beyond this Prometheus pays more than we save.
MOST_QUESTIONS = 50
MOST_MEMBERS = 200
LONGEST_QUERY = 32_000
# With its share of the brackets around what stands side by side.
_LABELLING = len(f'label_replace((\n),"{MEMBER_LABEL}","00","","") or ()')
# In brackets of their own, so few members are no better off.
_SIDE_BY_SIDE = 8


@dataclass(frozen=True, slots=True)
class Part:
    """One question, taken apart."""

    question: Question
    query: Query
    volume: Query | None

    @property
    def queries(self) -> tuple[Query, ...]:
        return (self.query,) if self.volume is None else (self.query, self.volume)

    @property
    def label(self) -> str:
        """The label that parts it; empty where none does."""
        return self.question.ask.for_each or ""

    @property
    def selectors(self) -> tuple[Selector, ...]:
        """All series behind the answer."""
        return tuple(selector for query in self.queries for selector in query.selectors)


@dataclass(frozen=True, slots=True)
class Watched:
    """A selector whose freshness a batch asks for, under the name `member`.

    With a `label`, that of each value of it.
    """

    member: str
    text: str
    reach: float
    label: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the answer to one question stands among the members."""

    question: Question
    value: str
    volume: str | None
    watched: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """One request. `form` is its body but for the time."""

    parts: tuple[Part, ...]
    places: tuple[Place, ...]
    watched: tuple[Watched, ...]
    form: bytes


def take_apart(question: Question) -> Part:
    """The queries of `question`, parsed. Raises QueryError; an Ask has seen to that."""
    text, volume = question.ask.query, question.ask.volume
    return Part(question, parse_query(text), None if volume is None else parse_query(volume))


def together(parts: Sequence[Part], most: int) -> list[Batch]:
    """`parts`, in order, in as few batches of at most `most` as the limits allow."""
    batches: list[Batch] = []
    builder = _Builder()
    for part in parts:
        if not builder.has_room_for(part, most):
            batches.append(builder.build())
            builder = _Builder()
        builder.add(part)
    if builder.parts:
        batches.append(builder.build())
    return batches


def alone(part: Part) -> Batch:
    """A batch of this one question."""
    return together([part], 1)[0]


# A member, or one value of its label.
Key = str | tuple[str, str]


@dataclass(frozen=True, slots=True)
class Freshness:
    """Ages in seconds, by member: of series that are there, and of those that were."""

    present: Mapping[Key, float]
    vanished: Mapping[Key, float]

    def of(self, watched: Sequence[Key]) -> float | None:
        """The age of the oldest that counts; None where nothing has ever been seen."""
        # A good rollback takes away the series of what it undid: beside one that is there, one
        # that is gone proves nothing. Where all are gone, a number is only their echo.
        for ages in (self.present, self.vanished):
            known = [ages[member] for member in watched if member in ages]
            if known:
                return max(known)
        return None

    def of_value(self, watched: Sequence[str], value: str) -> float | None:
        """As `of`, of one value of the label; None where no series behind it ever had that."""
        keys = [(member, value) for member in watched]
        if not any(key in self.present or key in self.vanished for key in keys):
            return None
        # A selector may have no such label at all, as the one of a total.
        return self.of([*keys, *((member, "") for member in watched if self._is_whole(member))])

    def _is_whole(self, member: str) -> bool:
        return not any(key[0] == member and key[1] for key in self.present if type(key) is tuple)


@dataclass(slots=True)
class Ages:
    """How old the series behind the answers are, with a memory for those that vanished."""

    _newest: dict[str, float] = field(default_factory=dict)
    _parted: dict[tuple[str, str], dict[str, float]] = field(default_factory=dict)

    def of(self, batch: Batch, numbers: Numbers, time: float) -> Freshness:
        """How old each selector of `batch` is as of `time`, a Unix time."""
        present: dict[Key, float] = {}
        vanished: dict[Key, float] = {}
        for watched in batch.watched:
            answer = [one for one in numbers.values.get(watched.member, ()) if math.isfinite(one)]
            if answer:
                present[watched.member] = min(answer)
                self._newest[watched.text] = time - min(answer)
            elif (age := self._remembered(watched, time)) is not None:
                vanished[watched.member] = age
            if watched.label:
                self._part(watched, numbers, time, present, vanished)
        return Freshness(present, vanished)

    def _part(
        self,
        watched: Watched,
        numbers: Numbers,
        time: float,
        present: dict[Key, float],
        vanished: dict[Key, float],
    ) -> None:
        """The same for each value of the label: one that is gone still has its echo in a range."""
        seen = _by_label(numbers, watched.member, watched.label)
        fresh = {value: min(ages) for value, ages in seen.items() if math.isfinite(min(ages))}
        known = self._parted.setdefault((watched.text, watched.label), {})
        for value, newest in list(known.items()):
            age = time - newest
            if age > 2 * watched.reach:
                del known[value]
            elif value not in fresh:
                vanished[watched.member, value] = age
        for value, age in fresh.items():
            present[watched.member, value] = age
            known[value] = time - age

    def _remembered(self, watched: Watched, time: float) -> float | None:
        newest = self._newest.get(watched.text)
        if newest is None:
            return None
        # A range still gives a value from samples of series that have vanished since.
        age = time - newest
        if age <= 2 * watched.reach:
            return age
        del self._newest[watched.text]
        return None


def observations(
    batch: Batch, numbers: Numbers, ages: Freshness
) -> Iterable[tuple[str, Observation]]:
    """What was seen for each question of `batch`."""
    values = numbers.values
    for place in batch.places:
        volumes = values.get(place.volume) if place.volume is not None else None
        seen = tuple(values.get(place.value, ()))
        sample = Sample(
            values=seen,
            age=_oldest(place, ages, is_answered=bool(seen)),
            volume=volumes[0] if volumes is not None and len(volumes) == 1 else None,
            warnings=numbers.warnings,
        )
        label = place.question.ask.for_each
        if label is not None:
            sample = replace(sample, parts=_parts(place, label, sample, numbers, ages))
        yield place.question.id, sample


def _parts(
    place: Place, label: str, whole: Sample, numbers: Numbers, ages: Freshness
) -> Mapping[str, Sample]:
    """One sample for each value of `label`, with the volume and the age of that same value."""
    volumes = {} if place.volume is None else _by_label(numbers, place.volume, label)
    values = _by_label(numbers, place.value, label)
    # Also those with nothing but traffic: no error at all may be what their owner calls good.
    return {
        value: replace(
            whole,
            values=tuple(values.get(value, ())),
            age=whole.age if (age := ages.of_value(place.watched, value)) is None else age,
            volume=only[0] if len(only := volumes.get(value, ())) == 1 else None,
        )
        for value in (*values, *(one for one in volumes if one not in values))
    }


def _by_label(numbers: Numbers, member: str, label: str) -> Mapping[str, Sequence[float]]:
    """The values of `member`, by the value of `label`; those without it count as empty."""
    labelled = numbers.labelled.get(member)
    if labelled is None:
        return {"": seen} if (seen := numbers.values.get(member)) else {}
    found: dict[str, list[float]] = {}
    for metric, value in labelled:
        found.setdefault(str(metric.get(label, "")), []).append(value)
    return found


def _oldest(place: Place, ages: Freshness, *, is_answered: bool) -> float | None:
    age = ages.of(place.watched)
    if age is not None:
        return age
    # A number out of series that nobody has seen: `or vector(0)`, `absent()`, or too old.
    return math.inf if place.watched and is_answered else None


@dataclass(slots=True)
class _Builder:
    """Collects members until a batch is full; equal texts become one member."""

    parts: list[Part] = field(default_factory=list)
    _places: list[Place] = field(default_factory=list)
    _members: dict[str, str] = field(default_factory=dict)
    _reach: dict[str, tuple[str, float, str]] = field(default_factory=dict)
    _length: int = 0

    def has_room_for(self, part: Part, most: int) -> bool:
        if not self.parts:
            return True
        new = [text for text in _member_texts(part) if text not in self._members]
        return (
            len(self.parts) < most
            and len(self._members) + len(new) <= MOST_MEMBERS
            and self._length + sum(map(_length, new)) <= LONGEST_QUERY
        )

    def add(self, part: Part) -> None:
        self.parts.append(part)
        watched = []
        for selector in part.selectors:
            member = self._member(_freshness(selector, part.label))
            _, reach, _ = self._reach.get(member, ("", 0.0, ""))
            self._reach[member] = (selector.text, max(reach, selector.reach), part.label)
            watched.append(member)
        value = self._member(_as_vector(part.query))
        volume = None if part.volume is None else self._member(_as_vector(part.volume))
        self._places.append(Place(part.question, value, volume, tuple(dict.fromkeys(watched))))

    def build(self) -> Batch:
        labelled = [
            f'label_replace({query},"{MEMBER_LABEL}","{member}","","")'
            for query, member in self._members.items()
        ]
        text = _either(labelled)
        watched = tuple(Watched(member, *seen) for member, seen in self._reach.items())
        form = b"query=" + quote_plus(text).encode()
        return Batch(tuple(self.parts), tuple(self._places), watched, form)

    def _member(self, text: str) -> str:
        if text not in self._members:
            self._members[text] = str(len(self._members))
            self._length += _length(text)
        return self._members[text]


def _either(members: Sequence[str]) -> str:
    """`members`, joined in halves of halves: each is hashed a few times, not once a neighbour."""
    if len(members) <= _SIDE_BY_SIDE:
        return " or ".join(members)
    middle = len(members) // 2
    return f"({_either(members[:middle])}) or ({_either(members[middle:])})"


def _member_texts(part: Part) -> set[str]:
    return {
        *(_as_vector(query) for query in part.queries),
        *(_freshness(selector, part.label) for selector in part.selectors),
    }


def _length(member: str) -> int:
    return len(member) + _LABELLING


def _as_vector(query: Query) -> str:
    # The line break ends a remark, which would swallow the bracket.
    return f"vector({query.text}\n)" if query.kind is Kind.SCALAR else f"({query.text}\n)"


def _freshness(selector: Selector, label: str) -> str:
    by = f" by ({label}) " if label else ""
    return f"time()-max{by}(timestamp({selector.text}))"
