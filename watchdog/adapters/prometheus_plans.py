"""Which questions share a query: worked out once, and again when one has to be kept out."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from watchdog.adapters.prometheus_batch import Batch, Part, alone, take_apart, together
from watchdog.ports import Question

_GOOD_ENOUGH = 3
_MOST_REMEMBERED = 64


@dataclass(slots=True)
class Plans:
    """Questions in batches of `most`; what spoils its batch is asked alone until it is well."""

    most: int
    _known: dict[tuple[str, ...], "_Plan"] = field(default_factory=dict)
    _parts: dict[str, Part] = field(default_factory=dict)
    _good_answers: dict[str, int] = field(default_factory=dict)
    _shared_warnings: dict[tuple[str, ...], frozenset[str]] = field(default_factory=dict)
    _version: int = 0

    def batches(self, questions: Sequence[Question]) -> tuple[Batch, ...]:
        """`questions` in batches, the same objects for the same questions."""
        key = tuple(question.id for question in questions)
        plan = self._known.get(key)
        if plan is None or not plan.is_for(questions, self._version):
            if plan is None and len(self._known) >= _MOST_REMEMBERED:
                del self._known[next(iter(self._known))]
            plan = _Plan(tuple(questions), self._version, self._divide(questions))
            self._known[key] = plan
        return plan.batches

    def keep_out(self, question: str) -> None:
        """`question` is asked alone from now on."""
        if question not in self._good_answers:
            self._version += 1
        self._good_answers[question] = 0

    def answered_well(self, batch: Batch) -> None:
        """Those who were kept out and answer well a few times in a row may share again."""
        for question in self._kept_out(batch):
            self._good_answers[question] += 1
            if self._good_answers[question] >= _GOOD_ENOUGH:
                del self._good_answers[question]
                self._version += 1

    def answered_badly(self, batch: Batch) -> None:
        """Those who were kept out begin anew."""
        for question in self._kept_out(batch):
            self._good_answers[question] = 0

    def warns_anew(self, batch: Batch, warnings: Sequence[str]) -> bool:
        """Whether it is unknown who of `batch` the `warnings` are about."""
        if len(batch.parts) == 1:
            return False
        if not warnings:
            self._shared_warnings.pop(_ids(batch), None)
            return False
        return self._shared_warnings.get(_ids(batch)) != frozenset(warnings)

    def all_warn(self, batch: Batch, warnings: Sequence[str]) -> None:
        """Each of `batch` warns alone as well: to ask again would only tell the same."""
        if len(self._shared_warnings) >= _MOST_REMEMBERED:
            del self._shared_warnings[next(iter(self._shared_warnings))]
        self._shared_warnings[_ids(batch)] = frozenset(warnings)

    def _kept_out(self, batch: Batch) -> list[str]:
        if not self._good_answers:
            return []
        ids = (part.question.id for part in batch.parts)
        return [question for question in ids if question in self._good_answers]

    def _divide(self, questions: Sequence[Question]) -> tuple[Batch, ...]:
        shared: list[Part] = []
        single: list[Part] = []
        for question in questions:
            is_shared = question.ask.batch and question.id not in self._good_answers
            (shared if is_shared else single).append(self._part(question))
        return (*together(shared, self.most), *map(alone, single))

    def _part(self, question: Question) -> Part:
        part = self._parts.get(question.id)
        if part is None or part.question.ask is not question.ask:
            part = self._parts[question.id] = take_apart(question)
        return part


def _ids(batch: Batch) -> tuple[str, ...]:
    return tuple(part.question.id for part in batch.parts)


@dataclass(frozen=True, slots=True)
class _Plan:
    questions: tuple[Question, ...]
    version: int
    batches: tuple[Batch, ...]

    def is_for(self, questions: Sequence[Question], version: int) -> bool:
        # By identity: comparing the texts would cost more than the rest of a round.
        return self.version == version and all(
            mine.ask is theirs.ask for mine, theirs in zip(self.questions, questions, strict=True)
        )
