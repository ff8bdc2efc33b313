import pytest

from watchdog.domain.backtest import ACT, Firing, Labelled, Ruling, Span
from watchdog.domain.backtest_score import score
from watchdog.domain.trigger import Severity

SPAN = Span(0.0, 14 * 86400.0)


def fired(at: float, cleared: float | None, *, before: float = 60.0, acts: bool = True) -> Firing:
    rulings = (Ruling(at, ACT),) if acts else (Ruling(at, "cooling_down"),)
    return Firing("errors", "undo", Severity.WARNING, at - before, at, cleared, 1.0, rulings)


def test_an_incident_is_detected_by_the_first_firing_in_it() -> None:
    incident = Labelled(1000.0, 2000.0)

    found = score([fired(1700, 1800), fired(1300, 1500)], [incident], SPAN)

    assert found.detected == 1
    assert found.mean_delay == 300.0
    assert found.false_alarms == ()


def test_a_firing_that_began_before_the_incident_has_no_delay() -> None:
    found = score([fired(900, 1500)], [Labelled(1000.0, 2000.0)], SPAN)

    assert found.mean_delay == 0.0


@pytest.mark.parametrize(
    ("pending", "cleared", "belongs"),
    [(2000, 2600, True), (2001, 2600, False), (500, 999, False), (500, 1000, True)],
)
def test_a_firing_belongs_from_pending_to_cleared(
    pending: float, cleared: float, belongs: bool
) -> None:
    firing = fired(pending + 200, cleared, before=200)

    found = score([firing], [Labelled(1000.0, 2000.0)], SPAN)

    assert found.detected == int(belongs)
    assert len(found.false_alarms) == 1 - int(belongs)


def test_a_missed_incident_has_no_delay_that_would_flatter_the_mean() -> None:
    incidents = [Labelled(1000.0, 2000.0), Labelled(5000.0, 6000.0, "night")]

    found = score([fired(1100, 1200)], incidents, SPAN)

    assert [one.name for one in found.missed] == ["night"]
    assert found.mean_delay == 100.0


def test_false_alarms_are_counted_by_the_week() -> None:
    found = score([fired(100, 200), fired(5000, 5100), fired(9000, None)], [], SPAN)

    assert len(found.false_alarms) == 3
    assert found.false_alarms_a_week == 1.5


def test_acting_where_a_rollback_was_wrong_is_in_vain_but_no_false_alarm() -> None:
    incident = Labelled(1000.0, 2000.0, rollback=False)

    found = score([fired(1100, 1200), fired(1300, 1400, acts=False)], [incident], SPAN)

    assert found.false_alarms == ()
    assert [one.fired for one in found.wrong] == [1100]


def test_the_time_outside_incidents_is_only_what_no_incident_covers() -> None:
    incidents = [Labelled(1000.0, 2000.0), Labelled(1500.0, 2500.0), Labelled(4000.0, 4100.0)]

    found = score([fired(900, 4200)], incidents, SPAN)

    assert found.outside == pytest.approx(100 + (4000 - 2500) + 100)


def test_an_incident_before_the_history_is_nobodys_miss() -> None:
    found = score([], [Labelled(-500.0, -100.0), Labelled(SPAN.end + 1, SPAN.end + 9)], SPAN)

    assert found.detections == ()
