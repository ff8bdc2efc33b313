import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchdog.domain.condition import Condition, Op

FINITE = st.floats(allow_nan=False)


@pytest.mark.parametrize(
    ("op", "value", "holds"),
    [
        (Op.ABOVE, 1.0, False),
        (Op.ABOVE, math.nextafter(1.0, 2.0), True),
        (Op.AT_LEAST, 1.0, True),
        (Op.AT_LEAST, math.nextafter(1.0, 0.0), False),
        (Op.BELOW, 1.0, False),
        (Op.BELOW, math.nextafter(1.0, 0.0), True),
        (Op.AT_MOST, 1.0, True),
        (Op.AT_MOST, math.nextafter(1.0, 2.0), False),
        (Op.PASSING, 1.0, True),
        (Op.PASSING, 0.0, False),
        (Op.FAILING, 0.0, True),
        (Op.FAILING, 1.0, False),
    ],
)
def test_a_comparison_is_exactly_as_written(op: Op, value: float, holds: bool) -> None:
    assert Condition(op, 1.0).holds(value) is holds


@given(st.sampled_from(Op), FINITE, FINITE)
def test_of_a_condition_and_its_negation_exactly_one_holds(
    op: Op, limit: float, value: float
) -> None:
    condition = Condition(op, limit)

    assert condition.holds(value) is not condition.negated().holds(value)
    assert condition.negated().negated() == condition


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        (Condition(Op.ABOVE, 0.1), "above 0.1"),
        (Condition(Op.AT_MOST, 1500.0), "at most 1500"),
        (Condition(Op.BELOW, 1234567.0), "below 1234567"),
        (Condition(Op.AT_LEAST, 0.123456789), "at least 0.123456789"),
        (Condition(Op.PASSING), "passing"),
        (Condition(Op.FAILING), "failing"),
    ],
)
def test_a_condition_reads_as_a_person_would_say_it(condition: Condition, text: str) -> None:
    assert str(condition) == text
