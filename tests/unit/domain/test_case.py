"""What a case makes of its values: series, volumes and gaps, at any second."""

from tests.builders import a_signal
from watchdog.domain.case import PLENTY, Case, ClockStep, Expected, Restart, Told
from watchdog.domain.observation import Gap, Observation, Sample, Unknown
from watchdog.domain.signal import Signal
from watchdog.domain.tape import tape

EVERY = 15.0
RATIO = a_signal("errors", has_volume=True)
BY_ROUTE = a_signal("errors", has_volume=True, for_each="route")


def told(values: str, *, volume: bool = False, **labels: str) -> Told:
    return Told("errors", tape(values), labels, volume)


def seen(signal: Signal, *said: Told, at: float = 0.0) -> Observation:
    return Case("a case", said).observed(signal, at, EVERY)


def test_each_value_holds_until_the_next_and_after_the_last_there_is_none() -> None:
    values = [seen(a_signal(), told("1 2 3"), at=at) for at in (0.0, 14.9, 15.0, 44.9, 45.0)]

    assert values == [Sample((1.0,)), Sample((1.0,)), Sample((2.0,)), Sample((3.0,)), Sample(())]


def test_a_ratio_stands_on_plenty_unless_its_volume_is_told() -> None:
    assert seen(RATIO, told("1")) == Sample((1.0,), volume=PLENTY * RATIO.min_volume)
    assert seen(RATIO, told("1"), told("7", volume=True)) == Sample((1.0,), volume=7.0)
    assert seen(RATIO, told("1"), told("_", volume=True)) == Sample((1.0,), volume=None)


def test_a_volume_that_cannot_be_told_leaves_nothing_to_tell() -> None:
    gap = Gap(Unknown.TIMEOUT, "no answer")

    assert seen(RATIO, told("1"), told("timeout", volume=True)) == gap
    assert seen(RATIO, told("timeout"), told("7", volume=True)) == gap


def test_series_stand_together_and_apart() -> None:
    said = (
        told("1", route="/a", pod="x"),
        told("2", route="/a", pod="y"),
        told("3", route="/b"),
        told("_", route="/c"),
        told("10", volume=True, route="/a"),
        told("5", volume=True, route="/b"),
    )

    whole = seen(BY_ROUTE, *said)

    assert isinstance(whole, Sample)
    assert (whole.values, whole.volume) == ((1.0, 2.0, 3.0), 15.0)
    assert whole.parts == {
        "/a": Sample((1.0, 2.0), volume=10.0),
        "/b": Sample((3.0,), volume=5.0),
    }


def test_a_value_that_has_only_traffic_is_seen_where_that_is_good() -> None:
    signal = a_signal("errors", has_volume=True, nodata_is_ok=True, for_each="route")
    whole = seen(signal, told("_", route="/a"), told("500", volume=True, route="/a"))

    assert isinstance(whole, Sample)
    assert whole.parts == {"/a": Sample((), volume=500.0)}


def test_several_series_are_as_fresh_as_the_newest_of_them() -> None:
    stale, fresh = told("stale", pod="x"), told("1", pod="y")

    both, alone = seen(a_signal(), stale, fresh), seen(a_signal(), stale)

    assert isinstance(both, Sample)
    assert isinstance(alone, Sample)
    assert both.age is None
    assert alone.age == float("inf")


def test_a_warning_beside_one_series_is_beside_all() -> None:
    whole = seen(a_signal(), told("warn:1", pod="x"), told("1", pod="y"))

    assert isinstance(whole, Sample)
    assert len(whole.warnings) == 1


def test_a_case_ends_with_the_last_thing_in_it() -> None:
    every = {"errors": EVERY}
    short = Case("a case", (told("1x3"),))

    assert short.ends(every) == 45.0
    assert Case("a case", (told("1x3"),), interval=60.0).ends(every) == 180.0
    assert Case("a case", (told("1"),), (Expected(90.0, "errors"),)).ends(every) == 90.0
    assert Case("a case", (told("1"),), restarts=(Restart(30.0, 60.0),)).ends(every) == 90.0
    assert Case("a case", (told("1"),), clock_steps=(ClockStep(70.0, 5.0),)).ends(every) == 70.0
