"""Several series of one signal, and shares that chance alone could show."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import a_signal, above, below
from watchdog.domain.condition import Condition, Op
from watchdog.domain.confidence import lower_bound, upper_bound
from watchdog.domain.observation import Sample, Unknown
from watchdog.domain.signal import Across, Verdict, judge

NAN, INF = math.nan, math.inf


def verdict(across: Across, *values: float) -> tuple[Verdict, Unknown | None]:
    signal = a_signal(across=across)
    judgement = judge(signal, above(1), Sample(values))
    return judgement.verdict, judgement.reason


OK, BREACH = (Verdict.OK, None), (Verdict.BREACH, None)


def test_any_is_a_breach_where_one_series_is_one() -> None:
    assert verdict(Across.ANY, 0, 2) == BREACH
    assert verdict(Across.ANY, 0, 1) == OK
    assert verdict(Across.ANY, 2, NAN) == BREACH
    assert verdict(Across.ANY, 0, NAN) == (Verdict.UNKNOWN, Unknown.NAN)
    assert verdict(Across.ANY, NAN) == (Verdict.UNKNOWN, Unknown.NAN)


def test_all_is_a_breach_only_where_every_series_is_one() -> None:
    assert verdict(Across.ALL, 2, 3) == BREACH
    assert verdict(Across.ALL, 2, 1) == OK
    assert verdict(Across.ALL, 2, NAN) == (Verdict.UNKNOWN, Unknown.NAN)
    assert verdict(Across.ALL, 1, NAN) == OK


@pytest.mark.parametrize("across", [Across.WORST, Across.SUM, Across.COUNT])
@pytest.mark.parametrize("bad", [NAN, INF, -INF])
def test_what_is_made_of_all_series_needs_a_number_of_each(across: Across, bad: float) -> None:
    assert verdict(across, 2, bad)[0] is Verdict.UNKNOWN


def test_the_worst_is_the_highest_or_the_lowest_as_the_limit_asks() -> None:
    signal = a_signal(across=Across.WORST)

    assert judge(signal, above(1), Sample((0, 3, 2))).value == 3
    assert judge(signal, below(1), Sample((0, 3, 2))).value == 0


def test_the_sum_adds_up_every_series() -> None:
    assert judge(a_signal(across=Across.SUM), above(1), Sample((0.5, 0.75))).value == 1.25
    assert verdict(Across.SUM, 1e308, 1e308) == (Verdict.UNKNOWN, Unknown.INF)


def test_a_count_counts_the_series_that_meet_its_condition() -> None:
    down = a_signal(across=Across.COUNT, counting=below(1))
    two = Condition(Op.AT_LEAST, 2)

    assert judge(down, two, Sample((0, 1, 0))).verdict is Verdict.BREACH
    assert judge(down, two, Sample((0, 1, 1))).verdict is Verdict.OK
    assert judge(down, two, Sample((0, 1, 1))).value == 1
    assert judge(a_signal(across=Across.COUNT), two, Sample((5, 5))).value == 2


def test_no_series_is_no_number_of_series() -> None:
    for across in Across:
        assert verdict(across) == (Verdict.UNKNOWN, Unknown.NODATA)


# -- how sure a share is


def test_few_requests_do_not_prove_a_share() -> None:
    signal = a_signal(has_volume=True, min_volume=10, confidence=0.95, unit="ratio")
    few, many = Sample((0.02,), volume=100), Sample((0.02,), volume=10_000)

    judgement = judge(signal, above(0.01), few)

    assert (judgement.verdict, judgement.reason) == (Verdict.UNKNOWN, Unknown.UNPROVEN)
    assert judgement.note == "100 requests do not prove it with 0.95 confidence"
    assert judge(signal, above(0.01), many).verdict is Verdict.BREACH
    assert judge(signal, above(0.01), Sample((0.005,), volume=100)).verdict is Verdict.OK


def test_a_share_in_per_cent_is_proven_like_a_ratio() -> None:
    signal = a_signal(has_volume=True, min_volume=10, confidence=0.95, unit="%")

    assert judge(signal, above(1), Sample((2.0,), volume=100)).reason is Unknown.UNPROVEN
    assert judge(signal, above(1), Sample((2.0,), volume=10_000)).verdict is Verdict.BREACH
    assert judge(signal, below(99), Sample((98.0,), volume=100)).reason is Unknown.UNPROVEN
    assert judge(signal, below(99), Sample((98.0,), volume=10_000)).verdict is Verdict.BREACH


@pytest.mark.parametrize(
    ("share", "count", "low", "high"),
    [
        # One-sided Wilson bounds at 95 %, worked out by hand with z = 1.6449.
        (0.02, 100, 0.00664, 0.05865),
        (0.5, 10, 0.26927, 0.73073),
        (0.0, 10, 0.0, 0.21295),
        (1.0, 10, 0.78705, 1.0),
    ],
)
def test_the_bounds_are_those_of_wilson(
    share: float, count: float, low: float, high: float
) -> None:
    assert lower_bound(share, count, 0.95) == pytest.approx(low, abs=5e-5)
    assert upper_bound(share, count, 0.95) == pytest.approx(high, abs=5e-5)


@given(
    share=st.floats(0, 1),
    count=st.floats(0, 1e12),
    confidence=st.floats(0.5, 0.999),
)
def test_bounds_lie_around_the_share_and_are_shares(
    share: float, count: float, confidence: float
) -> None:
    low, high = lower_bound(share, count, confidence), upper_bound(share, count, confidence)

    assert 0 <= low <= share + 1e-9
    assert share - 1e-9 <= high <= 1
