"""I6: whatever a source may have answered, every trigger gets a verdict, and never an exception."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.builders import a_signal
from watchdog.domain.condition import Condition, Op
from watchdog.domain.observation import Gap, Observation, Sample, Unknown
from watchdog.domain.signal import Across, Judgement, Verdict, judge

numbers = st.floats() | st.sampled_from([0.0, -0.0, 1.0, 1e308, -1e308, 5e-324])
samples = st.builds(
    Sample,
    values=st.lists(numbers, max_size=4).map(tuple),
    age=st.none() | numbers,
    volume=st.none() | numbers,
    warnings=st.lists(st.text(max_size=5), max_size=2).map(tuple),
    note=st.text(max_size=5),
)
observations: st.SearchStrategy[Observation] = samples | st.builds(
    Gap, st.sampled_from(Unknown), st.text(max_size=5)
)
conditions = st.builds(Condition, st.sampled_from(Op), st.floats(allow_nan=False))
signals: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "unit": st.sampled_from(["", "ratio", "%", "s"]),
        "has_volume": st.booleans(),
        "min_volume": st.floats(min_value=0, allow_infinity=False),
        "max_staleness": st.floats(min_value=0, allow_infinity=False),
        "nodata_is_ok": st.booleans(),
        "inf_counts": st.booleans(),
        "warnings_accepted": st.booleans(),
        "across": st.sampled_from(Across),
        "counting": st.none() | conditions,
        "confidence": st.sampled_from([0.0, 0.5, 0.95, 0.999999]),
    }
)


@given(observations, conditions, signals)
def test_every_observation_has_a_verdict(
    observation: Observation, breach_when: Condition, signal: dict[str, Any]
) -> None:
    judgement = judge(a_signal(**signal), breach_when, observation)

    assert isinstance(judgement, Judgement)
    assert (judgement.reason is not None) is (judgement.verdict is Verdict.UNKNOWN)
    if isinstance(observation, Gap):
        assert judgement.verdict is Verdict.UNKNOWN


@given(observations, conditions, signals)
def test_only_numbers_that_meet_the_condition_are_a_breach(
    observation: Observation, breach_when: Condition, signal: dict[str, Any]
) -> None:
    judgement = judge(a_signal(**signal), breach_when, observation)

    if judgement.verdict is Verdict.BREACH:
        assert isinstance(observation, Sample)
        assert judgement.value is not None
        assert breach_when.holds(judgement.value) or signal["across"] in (Across.ALL, Across.ANY)
        assert not observation.warnings or signal["warnings_accepted"]
        assert observation.age is None or observation.age <= signal["max_staleness"]
