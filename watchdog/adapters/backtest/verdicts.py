"""Makes a column of numbers into verdicts, as `judge` would slot by slot: numpy compares."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from watchdog.adapters.backtest.history import Column, Flags, Line, Numbers, Told
from watchdog.domain.condition import Condition, Op
from watchdog.domain.expression import Term, weigh
from watchdog.domain.observation import Observation, Sample, Unknown
from watchdog.domain.signal import Across, Judgement, Signal, Verdict, judge
from watchdog.domain.trigger import Trigger

Codes = NDArray[np.uint8]
_UNKNOWNS = tuple(Unknown)
_REASONS = {reason: 3 + number for number, reason in enumerate(_UNKNOWNS)}
OK, NOT_CLEAR, BREACH = 0, 1, 2
# What the state machine looks at in a judgement, one for each code.
JUDGEMENTS = (
    Judgement(Verdict.OK),
    Judgement(Verdict.OK, clears=False),
    Judgement(Verdict.BREACH),
    *(Judgement(Verdict.UNKNOWN, None, reason) for reason in _UNKNOWNS),
)
_WARNING = ("the answer came with a warning",)


def code_of(judgement: Judgement) -> int:
    """The code of what the state machine looks at in `judgement`."""
    if judgement.verdict is Verdict.UNKNOWN:
        return _REASONS[judgement.reason or Unknown.ERROR]
    if judgement.verdict is Verdict.BREACH:
        return BREACH
    return OK if judgement.clears else NOT_CLEAR


def codes_of(term: Term, column: Column, clear_when: Condition | None = None) -> Codes:
    """A code a slot: what `judge` says of the sample that stood there."""
    signal = term.signal
    if signal.across is not Across.ONE:
        return _one_by_one(term, column, clear_when)
    codes = _compared(signal, term.breach_when, column, clear_when)
    if signal.confidence:
        # Only where a breach stands, it has to be proven.
        where = np.flatnonzero(codes == BREACH)
        codes[where] = _judged(term, column, clear_when, where)
    return codes


def codes_of_trigger(trigger: Trigger, columns: Mapping[str, Column]) -> Codes:
    """The same for all that `trigger` watches; a column a signal, on the slots of the trigger."""
    watches = trigger.watches
    if isinstance(watches, Term):
        return codes_of(watches, columns[watches.signal.name], trigger.clear_when)
    terms = tuple(dict.fromkeys(trigger.terms))
    parts = [codes_of(term, columns[term.signal.name]) for term in terms]
    together = parts[0].astype(np.int64)
    for codes in parts[1:]:
        together = _compact(together) * len(JUDGEMENTS) + codes
    # Few combinations occur: each is weighed once, by what weighs it live.
    _, first, inverse = np.unique(together, return_index=True, return_inverse=True)
    weighed = np.zeros(len(first), np.uint8)
    for number, index in enumerate(first):
        seen = {term: JUDGEMENTS[part[index]] for term, part in zip(terms, parts, strict=True)}
        weighed[number] = code_of(weigh(watches, seen.__getitem__))
    return weighed[inverse]


def stretches(codes: Codes) -> Iterator[tuple[int, int]]:
    """Runs of the same code: the code, and for how many slots."""
    if not len(codes):
        return
    edges = np.flatnonzero(np.diff(codes)) + 1
    starts = np.concatenate(([0], edges))
    lengths = np.diff(np.concatenate((starts, [len(codes)])))
    yield from zip(codes[starts].tolist(), lengths.tolist(), strict=True)


# -- one series, all slots at once


def _compared(
    signal: Signal, breach_when: Condition, column: Column, clear_when: Condition | None
) -> Codes:
    """In the order of `judge`, written from the last objection to the first."""
    count, values = _the_one(column.query)
    codes = np.where(_holds(breach_when, values), BREACH, OK).astype(np.uint8)
    if clear_when is not None:
        codes[(codes == OK) & ~_holds(clear_when, values)] = NOT_CLEAR
    if not signal.inf_counts:
        codes[np.isinf(values)] = _REASONS[Unknown.INF]
    codes[np.isnan(values)] = _REASONS[Unknown.NAN]
    codes[count > 1] = _REASONS[Unknown.AMBIGUOUS]
    silence = OK if signal.nodata_is_ok and signal.has_volume else _REASONS[Unknown.NODATA]
    codes[count == 0] = silence
    _doubt_volume(codes, signal, column)
    if not signal.warnings_accepted:
        codes[_doubtful(column)] = _REASONS[Unknown.PARTIAL]
    return codes


def _doubt_volume(codes: Codes, signal: Signal, column: Column) -> None:
    if not signal.has_volume:
        return
    if column.volume is None:
        codes[:] = _REASONS[Unknown.NODATA]
        return
    count, volume = _the_one(column.volume)
    known = (count == 1) & np.isfinite(volume)
    codes[known & (volume < signal.min_volume)] = _REASONS[Unknown.LOW_VOLUME]
    codes[~known] = _REASONS[Unknown.NODATA]


def _the_one(told: Told) -> tuple[NDArray[np.int64], Numbers]:
    """How many series there are in each slot, and the value of one of them."""
    size = len(told.doubtful)
    count = np.zeros(size, np.int64)
    values = np.zeros(size, np.float64)
    for line in told.lines:
        count += line.seen
        np.copyto(values, line.values, where=line.seen)
    return count, values


def _doubtful(column: Column) -> Flags:
    if column.volume is None:
        return column.query.doubtful
    return column.query.doubtful | column.volume.doubtful


def _holds(condition: Condition, values: Numbers) -> Flags:
    limit = 0.0 if condition.yes_or_no else condition.limit
    held: Flags = _COMPARED[condition.op](values, limit)
    return held


_COMPARED: Mapping[Op, Callable[[Numbers, float], Flags]] = {
    Op.ABOVE: np.greater,
    Op.AT_LEAST: np.greater_equal,
    Op.BELOW: np.less,
    Op.AT_MOST: np.less_equal,
    Op.EXACTLY: np.equal,
    Op.NOT: np.not_equal,
    Op.PASSING: np.not_equal,
    Op.FAILING: np.equal,
}


# -- what is judged slot by slot


def _one_by_one(term: Term, column: Column, clear_when: Condition | None) -> Codes:
    return _judged(term, column, clear_when, np.arange(column.grid.count))


def _judged(
    term: Term, column: Column, clear_when: Condition | None, where: NDArray[np.intp]
) -> Codes:
    """The codes of the slots at `where`, by `judge` itself."""
    codes = np.zeros(len(where), np.uint8)
    for place, sample in enumerate(samples(column, where.tolist())):
        judgement = judge(term.signal, term.breach_when, sample)
        code = code_of(judgement)
        if code == OK and clear_when is not None and judgement.value is not None:
            code = OK if clear_when.holds(judgement.value) else NOT_CLEAR
        codes[place] = code
    return codes


def samples(column: Column, where: Sequence[int]) -> Iterator[Observation]:
    """The slots at `where` as a live source would have told them."""
    volumes = column.volume.lines if column.volume else ()
    doubtful = _doubtful(column)
    for index in where:
        volume = _present(volumes, index)
        yield Sample(
            values=_present(column.query.lines, index),
            volume=volume[0] if len(volume) == 1 else None,
            warnings=_WARNING if doubtful[index] else (),
        )


def _present(lines: Sequence[Line], index: int) -> tuple[float, ...]:
    return tuple(float(line.values[index]) for line in lines if line.seen[index])


# -- several conditions


def _compact(combined: NDArray[np.int64]) -> NDArray[np.int64]:
    """Each combination by a small number of its own, so that many of them still fit."""
    _, inverse = np.unique(combined, return_inverse=True)
    return inverse.astype(np.int64)
