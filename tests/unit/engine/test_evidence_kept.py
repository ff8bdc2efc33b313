"""What is kept of each look: little enough for ten thousand triggers, and all that was seen."""

import math
import sys
from array import array
from collections import deque

from hypothesis import given
from hypothesis import strategies as st

from tests.builders import a_target, a_trigger, at
from watchdog.domain.events import Point
from watchdog.domain.observation import Sample
from watchdog.domain.signal import Verdict
from watchdog.engine.evaluator import MAX_EVIDENCE, Evaluator, Looked
from watchdog.engine.evidence import Evidence

points = st.builds(
    Point,
    at=st.floats(0, 1e10),
    verdict=st.sampled_from(Verdict),
    value=st.none() | st.floats(allow_nan=False),
    note=st.sampled_from(["", "", "no series", "stale"]),
)


@given(st.integers(1, 8), st.lists(points, max_size=30), st.lists(points, max_size=10))
def test_it_holds_exactly_the_newest_looks_in_order(
    size: int, looks: list[Point], more: list[Point]
) -> None:
    kept, expected = Evidence(size), deque(looks, maxlen=size)
    for look in looks:
        kept.add(look.at, look.verdict, look.value, look.note)
    kept.extend(more)
    expected.extend(more)

    assert list(kept) == list(expected)
    assert list(reversed(kept)) == list(reversed(expected))
    assert len(kept) == len(expected)


def test_a_look_at_no_number_is_not_one_without_an_answer() -> None:
    kept = Evidence(2)
    kept.add(1.0, Verdict.UNKNOWN, math.nan)
    kept.add(2.0, Verdict.UNKNOWN, None)

    seen, nothing = kept

    assert seen.value is not None
    assert math.isnan(seen.value)
    assert nothing.value is None


def test_the_longest_evidence_of_a_trigger_takes_less_than_six_kilobytes() -> None:
    evaluator = Evaluator(a_target(a_trigger(hold="6h")))
    for slot in range(2 * MAX_EVIDENCE):
        seen = {"errors": Sample((slot / 7,), age=1.0)}
        evaluator.take(Looked("prometheus", slot, at(slot * 15), seen))

    evidence = evaluator.evidence["errors"]

    assert len(evidence) == MAX_EVIDENCE
    assert _bytes(evidence) < 6_000


def test_triggers_that_go_well_share_what_is_remembered_of_them() -> None:
    names = [f"t{n}" for n in range(50)]
    evaluator = Evaluator(a_target(*map(a_trigger, names)))
    for slot in range(5):
        seen = {name: Sample((0.0,), age=1.0) for name in names}
        evaluator.take(Looked("prometheus", slot, at(slot * 15), seen))

    assert len({id(status) for status in evaluator.statuses.values()}) == 1
    assert len({id(onset) for onset in evaluator.onsets.values()}) == 1


def _bytes(evidence: Evidence) -> int:
    held = [getattr(evidence, name) for name in Evidence.__slots__]
    return sys.getsizeof(evidence) + sum(
        sys.getsizeof(one) for one in held if isinstance(one, array | bytearray | dict)
    )
