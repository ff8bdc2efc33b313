"""What a trigger watches: a signal compared with a limit, or how many such comparisons hold."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import assert_never

from watchdog.domain.condition import Condition, Op
from watchdog.domain.relative import Relative
from watchdog.domain.signal import Judgement, Signal, Verdict


@dataclass(frozen=True, slots=True)
class Term:
    """One signal, and when it is in breach.

    With `relative`, not its value is compared with the limit but what became of it.
    """

    signal: Signal
    breach_when: Condition
    relative: Relative | None = None

    def __str__(self) -> str:
        return f"{self.signal.name} {self.words}"

    @property
    def words(self) -> str:
        """The comparison without the signal's name; the limit is its last word."""
        return f"{self.relative} {self.breach_when}" if self.relative else str(self.breach_when)

    @property
    def unit(self) -> str:
        """The unit of what is compared."""
        unit = self.signal.unit
        return self.relative.unit_of(unit) if self.relative else unit


@dataclass(frozen=True, slots=True)
class Tally:
    """In breach when the number of members that are in breach meets `holds_when`."""

    of: tuple["Expression", ...]
    holds_when: Condition

    def __str__(self) -> str:
        return self.in_words(str)

    def in_words(self, said: Callable[["Expression"], str]) -> str:
        """What it asks for, with each member as `said` puts it."""
        members = ", ".join(said(member) for member in self.of)
        if self == all_of(*self.of):
            return f"all of ({members})"
        if self == any_of(*self.of):
            return f"any of ({members})"
        return f"the number of ({members}) in breach is {self.holds_when}"


Expression = Term | Tally


def all_of(*members: Expression) -> Tally:
    """In breach when every member is."""
    return Tally(members, Condition(Op.AT_LEAST, len(members)))


def any_of(*members: Expression) -> Tally:
    """In breach when one member is."""
    return Tally(members, Condition(Op.AT_LEAST, 1))


def terms_of(expression: Expression) -> tuple[Term, ...]:
    """Every comparison in `expression`, in the order written."""
    return tuple(_terms(expression))


def _terms(expression: Expression) -> Iterator[Term]:
    match expression:
        case Term():
            yield expression
        case Tally(of=members):
            for member in members:
                yield from _terms(member)
        case _:
            assert_never(expression)


def weigh(expression: Expression, judged: Callable[[Term], Judgement]) -> Judgement:
    """The verdict on `expression` by the judgements of its terms.

    What is not known stays open: a tally is BREACH or OK only where it would be so whatever
    the unknown members are.
    """
    match expression:
        case Term():
            return judged(expression)
        case Tally(of=members):
            return _tallied(expression, [(one, weigh(one, judged)) for one in members])
        case _:
            assert_never(expression)


def _tallied(tally: Tally, members: Sequence[tuple[Expression, Judgement]]) -> Judgement:
    verdicts = [judgement.verdict for _, judgement in members]
    least = verdicts.count(Verdict.BREACH)
    most = least + verdicts.count(Verdict.UNKNOWN)
    possible = {tally.holds_when.holds(number) for number in range(least, most + 1)}
    note = "; ".join(_in_words(member, judgement) for member, judgement in members)
    if len(possible) == 1:
        verdict = Verdict.BREACH if possible == {True} else Verdict.OK
        return Judgement(verdict, float(least), None, note)
    unknown = [one for _, one in members if one.verdict is Verdict.UNKNOWN]
    # A quiet reason must not hide one that leaves us in the dark.
    reason = max((one.reason for one in unknown if one.reason), key=lambda one: one.is_dark)
    return Judgement(Verdict.UNKNOWN, float(least), reason, note)


def _in_words(member: Expression, judgement: Judgement) -> str:
    if isinstance(member, Tally):
        return f"({judgement.note}): {judgement.verdict.value}"
    value = "" if judgement.value is None else f" {judgement.value:.6g}"
    said = ": ".join(filter(None, (judgement.reason and judgement.reason.value, judgement.note)))
    why = f" ({said})" if judgement.reason else ""
    return f"{member.signal.name}{value} {judgement.verdict.value}{why}"
