"""The short way through the state machine, for what nearly every look finds."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tests.builders import a_trigger, at
from watchdog.domain.observation import Unknown
from watchdog.domain.signal import Judgement, Verdict
from watchdog.domain.trigger import (
    INACTIVE,
    Inactive,
    TriggerStatus,
    evaluate,
    goes_well,
)

JUDGEMENTS = [
    Judgement(Verdict.OK, 0.0),
    Judgement(Verdict.OK, None, None, "no series, and the volume proves traffic"),
    Judgement(Verdict.OK, 0.0, clears=False),
    Judgement(Verdict.BREACH, 1.0),
    Judgement(Verdict.UNKNOWN, None, Unknown.ERROR),
    Judgement(Verdict.UNKNOWN, None, Unknown.LOW_VOLUME),
]


@given(
    st.sampled_from([0, 15, 60]),
    st.lists(st.tuples(st.sampled_from(JUDGEMENTS), st.integers(1, 4)), max_size=40),
)
def test_the_short_way_ends_where_the_long_one_does(
    hold: float, looks: list[tuple[Judgement, int]]
) -> None:
    trigger = a_trigger(hold=hold, keep_firing_for=15, blind_after=30)
    status, slot = TriggerStatus(), 0
    for judgement, slots in looks:
        slot += slots
        # Equal, and not the one that the short way is for.
        longer = replace(status, state=Inactive()) if status.state == INACTIVE else status
        moment = at(slot * 15)
        taken = evaluate(trigger, status, judgement, moment, slot, moment)

        assert taken == evaluate(trigger, longer, judgement, moment, slot, moment)
        status = taken[0]


def test_nothing_goes_well_that_is_pending_firing_blind_or_not_seen() -> None:
    well, unknown = JUDGEMENTS[0], JUDGEMENTS[4]
    pending, _ = evaluate(a_trigger(), TriggerStatus(), JUDGEMENTS[3], at(15), 1)

    assert goes_well(TriggerStatus(), well)
    assert not goes_well(TriggerStatus(), unknown)
    assert not goes_well(TriggerStatus(blind=True), well)
    assert not goes_well(pending, well)
