"""What a trigger watches, as the rest of the program works with it."""

from collections.abc import Mapping, Sequence

from watchdog.config.checks import condition
from watchdog.config.fields import Comparison
from watchdog.config.relative_schema import RelativeComparison
from watchdog.config.schema import SignalEntry
from watchdog.config.trigger_schema import TallyEntry, TermEntry, TriggerEntry
from watchdog.domain.condition import Condition, Op
from watchdog.domain.expression import Expression, Tally, Term, all_of, any_of
from watchdog.domain.signal import Across, Signal
from watchdog.domain.target import SignalSpec

Signals = Mapping[str, SignalSpec]


def watched(entry: TriggerEntry, signals: Signals) -> Expression:
    """The comparison, or the group of them, that `entry` writes."""
    if entry.count is not None:
        return Tally(_members(entry.count.of, signals), _number(entry.count))
    if entry.all_ is not None:
        return all_of(*_members(entry.all_, signals))
    if entry.any_ is not None:
        return any_of(*_members(entry.any_, signals))
    return _term(entry, signals[entry.signal or ""].signal, Op.FAILING)


def clearing(entry: TriggerEntry, watches: Expression) -> Condition | None:
    """What it takes to be over, in the unit of the signal."""
    if entry.clear is None or not isinstance(watches, Term):
        return None
    return condition(entry.clear.comparisons, unit_of(watches.signal))


def counting(entry: SignalEntry, unit: str) -> Condition | None:
    """Which series are counted, in the unit of the source's number."""
    return None if entry.counting is None else condition(entry.counting.comparisons, unit)


def unit_of(signal: Signal) -> str:
    """The unit of what is compared: a count of series has none, whatever theirs is."""
    return "" if signal.across is Across.COUNT else signal.unit


def _members(entries: Sequence[TermEntry], signals: Signals) -> tuple[Expression, ...]:
    return tuple(_member(entry, signals) for entry in entries)


def _member(entry: TermEntry, signals: Signals) -> Expression:
    if entry.all_ is not None:
        return all_of(*_members(entry.all_, signals))
    if entry.any_ is not None:
        return any_of(*_members(entry.any_, signals))
    spec = signals[entry.signal or ""]
    return _term(entry, spec.signal, Op.PASSING if entry.is_ == "passing" else Op.FAILING)


def _term(entry: Comparison, signal: Signal, otherwise: Op) -> Term:
    unit = unit_of(signal)
    before = entry.relative(unit) if isinstance(entry, RelativeComparison) else None
    if before is not None:
        return Term(signal, before[1], before[0])
    compared = condition(entry.comparisons, unit)
    return Term(signal, compared or Condition(otherwise))


def _number(entry: TallyEntry) -> Condition:
    numbers = {
        Op.AT_LEAST: entry.at_least,
        Op.AT_MOST: entry.at_most,
        Op.EXACTLY: entry.exactly,
    }
    return next(Condition(op, number) for op, number in numbers.items() if number is not None)
