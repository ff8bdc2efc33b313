from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import a_trigger, above, at
from watchdog.domain.condition import Condition
from watchdog.domain.observation import Unknown
from watchdog.domain.signal import Judgement, Verdict
from watchdog.domain.steadiness import rested, steady
from watchdog.domain.trigger import Trigger, TriggerStatus, evaluate

JUDGEMENTS = [
    Judgement(Verdict.OK, 0.0),
    Judgement(Verdict.OK, 0.0, clears=False),
    Judgement(Verdict.BREACH, 1.0),
    Judgement(Verdict.UNKNOWN, None, Unknown.ERROR),
    Judgement(Verdict.UNKNOWN, None, Unknown.LOW_VOLUME),
]


@st.composite
def triggers(draw: st.DrawFn) -> Trigger:
    fails = draw(st.integers(0, 3))
    hold = 0 if fails else draw(st.sampled_from([0, 30, 60, 120]))
    return a_trigger(
        hold=hold,
        fails=fails,
        confirm=draw(st.integers(1, 3)),
        keep_firing_for=draw(st.sampled_from([0, 15, 60])),
        blind_after=draw(st.sampled_from([15, 45, 90])),
        coverage=draw(st.sampled_from([0.5, 0.8, 1.0])),
        max_gap=draw(st.integers(0, 3)),
        looks=draw(st.integers(fails, 5)) if fails and draw(st.booleans()) else 0,
        clear_when=draw(st.sampled_from([None, Condition(above(0.1).negated().op, 0.05)])),
    )


@settings(max_examples=300, deadline=None)
@given(
    triggers(),
    st.lists(st.tuples(st.sampled_from(JUDGEMENTS), st.integers(1, 12)), max_size=12),
)
def test_what_is_stepped_over_would_have_changed_nothing_but_counters(
    trigger: Trigger, runs: list[tuple[Judgement, int]]
) -> None:
    status, slot = TriggerStatus(), 0
    for judgement, looks in runs:
        for _ in range(looks):
            slot += 1
            after, changes = evaluate(trigger, status, judgement, at(15.0 * slot), slot)
            if steady(status, judgement):
                assert changes == ()
                assert after == rested(status, judgement, 1, at(15.0 * slot), slot)
            status = after


@settings(max_examples=200, deadline=None)
@given(
    triggers(),
    st.lists(st.sampled_from(JUDGEMENTS), max_size=30),
    st.sampled_from(JUDGEMENTS),
    st.integers(1, 60),
)
def test_however_long_it_is_stepped_over_the_status_is_that_of_every_single_look(
    trigger: Trigger, before: list[Judgement], judgement: Judgement, looks: int
) -> None:
    status = TriggerStatus()
    for slot, each in enumerate(before):
        status, _ = evaluate(trigger, status, each, at(15.0 * slot), slot)
    if not steady(status, judgement):
        return
    single = status
    for slot in range(len(before), len(before) + looks):
        single, changes = evaluate(trigger, single, judgement, at(15.0 * slot), slot)
        assert changes == ()

    last = len(before) + looks - 1
    assert rested(status, judgement, looks, at(15.0 * last), last) == single


def test_a_quiet_trigger_that_stays_quiet_is_stepped_over() -> None:
    ok = JUDGEMENTS[0]
    status, _ = evaluate(a_trigger(), TriggerStatus(), ok, at("0s"), 0)

    assert steady(status, ok)


def test_what_is_pending_or_clearing_is_never_stepped_over() -> None:
    ok, _, breach, dark, _ = JUDGEMENTS
    trigger = a_trigger(fails=2)
    status, _ = evaluate(trigger, TriggerStatus(), breach, at("0s"), 0)
    assert not any(steady(status, each) for each in JUDGEMENTS)

    status, _ = evaluate(trigger, status, breach, at("15s"), 1)
    assert steady(status, breach)
    assert not steady(status, dark)

    status, _ = evaluate(trigger, status, ok, at("30s"), 2)
    assert not any(steady(status, each) for each in JUDGEMENTS)
