import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.adapters.backtest.columns import Values, a_column, a_line
from tests.builders import a_signal, a_target, a_trigger, above, below
from watchdog.adapters.backtest.history import Column
from watchdog.adapters.backtest.verdicts import (
    JUDGEMENTS,
    code_of,
    codes_of,
    codes_of_trigger,
    samples,
    stretches,
)
from watchdog.domain.condition import Condition, Op
from watchdog.domain.expression import Expression, Tally, Term
from watchdog.domain.moment import Moment
from watchdog.domain.signal import Across, Signal, judge
from watchdog.engine.memories import Memories
from watchdog.engine.sights import Looked, Sights

LIMITS = [0.0, 0.1, 1.0, -1.0]
# The edges matter most: a limit itself, its neighbours, what is no number.
EDGES = [
    *LIMITS,
    *(math.nextafter(limit, math.inf) for limit in LIMITS),
    *(math.nextafter(limit, -math.inf) for limit in LIMITS),
    *(math.nan, math.inf, -math.inf, -0.0, 1e308, 0.05, 99.0, 100.0, 101.0),
]
NUMBERS = st.one_of(st.none(), st.sampled_from(EDGES), st.floats())
SLOTS = 12


def lists() -> st.SearchStrategy[Values]:
    return st.lists(NUMBERS, min_size=SLOTS, max_size=SLOTS)


@st.composite
def columns(draw: st.DrawFn) -> Column:
    lines = draw(st.lists(lists(), max_size=3))
    volume = draw(st.one_of(st.none(), st.lists(lists(), max_size=2)))
    doubtful = draw(st.lists(st.integers(0, SLOTS - 1), max_size=3))
    return a_column(
        *(a_line(values, {"n": str(n)}) for n, values in enumerate(lines)),
        volume=None if volume is None else [a_line(values) for values in volume],
        doubtful=doubtful,
        slots=SLOTS,
    )


@st.composite
def signals(draw: st.DrawFn) -> Signal:
    return a_signal(
        has_volume=draw(st.booleans()),
        min_volume=100.0,
        nodata_is_ok=draw(st.booleans()),
        inf_counts=draw(st.booleans()),
        warnings_accepted=draw(st.booleans()),
        across=draw(st.sampled_from(Across)),
        confidence=draw(st.sampled_from([0.0, 0.95])),
        unit=draw(st.sampled_from(["", "ratio", "%"])),
    )


CONDITIONS = st.builds(Condition, st.sampled_from(Op), st.sampled_from(LIMITS))


@settings(max_examples=500, deadline=None)
@given(signals(), CONDITIONS, st.one_of(st.none(), CONDITIONS), columns())
def test_a_column_is_judged_as_each_of_its_samples_is(
    signal: Signal, breach_when: Condition, clear_when: Condition | None, column: Column
) -> None:
    trigger = a_trigger(watches=Term(signal, breach_when), clear_when=clear_when)

    codes = codes_of(Term(signal, breach_when), column, clear_when)

    expected = [
        code_of(Sights.cleared(trigger, judge(signal, breach_when, sample)))
        for sample in samples(column, range(SLOTS))
    ]
    assert codes.tolist() == expected


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_several_conditions_are_weighed_as_they_are_live(data: st.DataObject) -> None:
    names = ("a", "b", "c")
    terms = [Term(replace(data.draw(signals()), name=n), data.draw(CONDITIONS)) for n in names]
    watches: Expression = Tally(
        (Tally((terms[0], terms[1]), Condition(Op.AT_LEAST, 1)), terms[2], terms[0]),
        data.draw(st.sampled_from([Condition(Op.AT_LEAST, 2), Condition(Op.EXACTLY, 1)])),
    )
    trigger = a_trigger(watches=watches)
    seen = {name: data.draw(columns()) for name in names}

    codes = codes_of_trigger(trigger, seen)

    target = a_target(trigger)
    sights = Sights(target, Memories(target))
    observed = {name: list(samples(each, range(SLOTS))) for name, each in seen.items()}
    for slot in range(SLOTS):
        at = Moment(15.0 * slot, 15.0 * slot)
        looked = Looked("prometheus", slot, at, {n: each[slot] for n, each in observed.items()})
        sights.take(looked)
        assert codes[slot] == code_of(sights.judge(trigger, looked))


@pytest.mark.parametrize("op", Op)
@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("inf_counts", [False, True])
def test_each_comparison_is_exact_at_its_limit(op: Op, limit: float, inf_counts: bool) -> None:
    signal = a_signal(inf_counts=inf_counts)
    term = Term(signal, Condition(op, limit))
    column = a_column(a_line([*EDGES, None]))

    codes = codes_of(term, column)

    everywhere = samples(column, range(len(EDGES) + 1))
    assert codes.tolist() == [code_of(judge(signal, term.breach_when, one)) for one in everywhere]


def test_each_code_is_that_of_its_judgement() -> None:
    assert [code_of(judgement) for judgement in JUDGEMENTS] == list(range(len(JUDGEMENTS)))


def test_a_hole_is_unknown_and_never_ok() -> None:
    column = a_column(a_line([0.0, None, math.nan, 0.5]))
    term = Term(a_signal(), above(0.1))

    verdicts = [JUDGEMENTS[code].verdict.value for code in codes_of(term, column)]

    assert verdicts == ["ok", "unknown", "unknown", "breach"]


def test_a_number_below_its_limit_breaches_where_low_is_bad() -> None:
    column = a_column(a_line([2.0, 1.0, 0.5]))

    assert codes_of(Term(a_signal(), below(1.0)), column).tolist() == [0, 0, 2]


def test_stretches_are_what_they_are_made_of() -> None:
    codes = np.array([1, 1, 0, 2, 2, 2], np.uint8)

    assert list(stretches(codes)) == [(1, 2), (0, 1), (2, 3)]
    assert list(stretches(codes[:0])) == []
