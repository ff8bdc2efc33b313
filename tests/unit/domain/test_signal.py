import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import a_signal, above
from watchdog.domain.condition import Condition, Op
from watchdog.domain.observation import Gap, Observation, Sample, Unknown
from watchdog.domain.signal import Signal, Verdict, judge

PLAIN = a_signal()
RATIO = a_signal(has_volume=True, min_volume=100.0)
BREACHING = Sample((0.2,))


def verdict(observation: Observation, signal: Signal = PLAIN) -> tuple[Verdict, Unknown | None]:
    judgement = judge(signal, above(0.1), observation)
    return judgement.verdict, judgement.reason


@pytest.mark.parametrize("reason", Unknown)
def test_a_look_that_learned_nothing_is_unknown_for_its_reason(reason: Unknown) -> None:
    judgement = judge(PLAIN, above(0.1), Gap(reason, "why"))

    assert (judgement.verdict, judgement.reason) == (Verdict.UNKNOWN, reason)
    assert (judgement.value, judgement.note) == (None, "why")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((0.2,), (Verdict.BREACH, None)),
        ((0.1,), (Verdict.OK, None)),
        ((0.0,), (Verdict.OK, None)),
        ((), (Verdict.UNKNOWN, Unknown.NODATA)),
        ((math.nan,), (Verdict.UNKNOWN, Unknown.NAN)),
        ((math.inf,), (Verdict.UNKNOWN, Unknown.INF)),
        ((-math.inf,), (Verdict.UNKNOWN, Unknown.INF)),
        ((0.2, 0.3), (Verdict.UNKNOWN, Unknown.AMBIGUOUS)),
    ],
)
def test_only_one_finite_number_is_judged(
    values: tuple[float, ...], expected: tuple[Verdict, Unknown | None]
) -> None:
    assert verdict(Sample(values)) == expected


def test_infinity_counts_only_where_the_owner_says_so() -> None:
    signal = a_signal(inf_counts=True)

    assert verdict(Sample((math.inf,)), signal) == (Verdict.BREACH, None)
    assert verdict(Sample((-math.inf,)), signal) == (Verdict.OK, None)
    assert verdict(Sample((math.nan,)), signal) == (Verdict.UNKNOWN, Unknown.NAN)


def test_a_warning_beside_the_answer_makes_it_partial() -> None:
    warned = Sample((0.2,), warnings=("one store is gone",))

    assert verdict(warned) == (Verdict.UNKNOWN, Unknown.PARTIAL)
    assert verdict(warned, a_signal(warnings_accepted=True)) == (Verdict.BREACH, None)
    assert "one store is gone" in judge(PLAIN, above(0.1), warned).note


@pytest.mark.parametrize("age", [60.001, 3600.0, math.inf, math.nan])
def test_an_old_sample_is_stale_whatever_it_says(age: float) -> None:
    assert verdict(Sample((0.2,), age=age)) == (Verdict.UNKNOWN, Unknown.STALE)
    assert verdict(Sample((0.0,), age=age)) == (Verdict.UNKNOWN, Unknown.STALE)


@pytest.mark.parametrize("age", [None, 0.0, 60.0, -1.0])
def test_a_fresh_sample_is_judged(age: float | None) -> None:
    assert verdict(Sample((0.2,), age=age)) == (Verdict.BREACH, None)


@pytest.mark.parametrize(
    ("volume", "expected"),
    [
        (100.0, (Verdict.BREACH, None)),
        (99.9, (Verdict.UNKNOWN, Unknown.LOW_VOLUME)),
        (0.0, (Verdict.UNKNOWN, Unknown.LOW_VOLUME)),
        (None, (Verdict.UNKNOWN, Unknown.NODATA)),
        (math.nan, (Verdict.UNKNOWN, Unknown.NODATA)),
        (math.inf, (Verdict.UNKNOWN, Unknown.NODATA)),
    ],
)
def test_a_ratio_is_believed_only_with_enough_behind_it(
    volume: float | None, expected: tuple[Verdict, Unknown | None]
) -> None:
    assert verdict(Sample((0.2,), volume=volume), RATIO) == expected


def test_no_traffic_at_all_is_low_volume_and_not_blindness() -> None:
    assert verdict(Sample((math.nan,), volume=0.0), RATIO) == (Verdict.UNKNOWN, Unknown.LOW_VOLUME)
    assert verdict(Sample((), volume=0.0), RATIO) == (Verdict.UNKNOWN, Unknown.LOW_VOLUME)


def test_silence_is_ok_only_where_the_owner_says_so_and_the_volume_proves_traffic() -> None:
    quiet = a_signal(nodata_is_ok=True, has_volume=True)

    assert verdict(Sample((), volume=500.0), quiet) == (Verdict.OK, None)
    assert verdict(Sample((), volume=5.0), quiet) == (Verdict.UNKNOWN, Unknown.LOW_VOLUME)
    assert verdict(Sample((), volume=None), quiet) == (Verdict.UNKNOWN, Unknown.NODATA)
    assert verdict(Sample((), volume=500.0), RATIO) == (Verdict.UNKNOWN, Unknown.NODATA)
    unproven = a_signal(nodata_is_ok=True)
    assert verdict(Sample(()), unproven) == (Verdict.UNKNOWN, Unknown.NODATA)


@pytest.mark.parametrize(
    ("sample", "signal", "words"),
    [
        (Sample((0.2,), age=90.0), PLAIN, "newest sample is 90 s old; limit 60 s"),
        (Sample((0.2,), volume=7.0), RATIO, "7 requests in the window; needs 100"),
        (Sample((0.2,), volume=None), RATIO, "the volume query answered no number"),
        (Sample((0.2, 0.3, 0.4)), PLAIN, "3 series; aggregate the query to one, or say `series`"),
        (Sample(()), PLAIN, "no series"),
        (Sample((), note="the path $.value is not there"), PLAIN, "the path $.value is not there"),
        (Sample((math.nan,)), PLAIN, "nan"),
    ],
)
def test_a_doubt_says_what_is_wrong(sample: Sample, signal: Signal, words: str) -> None:
    assert judge(signal, above(0.1), sample).note == words


def test_a_single_number_is_shown_even_when_it_is_not_believed() -> None:
    assert judge(PLAIN, above(0.1), Sample((0.2,), age=90.0)).value == 0.2
    assert judge(PLAIN, above(0.1), Sample((0.2, 0.3))).value is None


NUMBERS = st.floats() | st.sampled_from([0.1, 0.0, math.nan, math.inf, -math.inf])
SAMPLES = st.builds(
    Sample,
    values=st.lists(NUMBERS, max_size=3).map(tuple),
    age=st.none() | NUMBERS,
    volume=st.none() | NUMBERS,
    warnings=st.lists(st.text(), max_size=2).map(tuple),
    note=st.text(),
)
GAPS = st.builds(Gap, reason=st.sampled_from(Unknown), note=st.text())
SIGNALS = st.builds(
    a_signal,
    has_volume=st.booleans(),
    min_volume=NUMBERS,
    max_staleness=NUMBERS,
    nodata_is_ok=st.booleans(),
    inf_counts=st.booleans(),
    warnings_accepted=st.booleans(),
)
CONDITIONS = st.builds(Condition, st.sampled_from(Op), NUMBERS)


@given(SIGNALS, CONDITIONS, SAMPLES | GAPS)
def test_anything_a_source_says_gets_a_verdict(
    signal: Signal, condition: Condition, observation: Observation
) -> None:
    judgement = judge(signal, condition, observation)

    assert (judgement.reason is not None) == (judgement.verdict is Verdict.UNKNOWN)
    if judgement.verdict is Verdict.BREACH:
        assert isinstance(observation, Sample)
        assert len(observation.values) == 1
        assert condition.holds(observation.values[0])
