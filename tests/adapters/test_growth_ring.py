import random
from collections.abc import Mapping
from itertools import pairwise

import pytest

from watchdog.adapters.growth_ring import Counter, Growth, GrowthRing, Unfilled


def look(ring: GrowthRing, time: float, values: Mapping[str, float]) -> None:
    ring.add(time, [Counter(name, 0.0, value) for name, value in values.items()])


def grown(ring: GrowthRing) -> float:
    growth = ring.grown()
    assert isinstance(growth, Growth), growth
    return growth.total


def test_growth_is_summed_over_series_from_a_window_ago_until_now() -> None:
    ring = GrowthRing(60)
    for step in range(10):
        look(ring, 100 + 15 * step, {"a": 5 + 3 * step, "b": 100 * step})

    assert ring.grown() == Growth({0.0: 4 * 103.0}, span=60.0, is_seen=True)


def test_until_four_fifths_of_the_window_are_seen_there_is_no_answer() -> None:
    ring = GrowthRing(300)
    assert ring.grown() == Unfilled(0.0, 0.0)

    for time in range(0, 240, 15):
        look(ring, time, {"a": time})
        assert ring.grown() == Unfilled(float(time), 15.0 if time else 0.0)
    look(ring, 240, {"a": 240})

    assert grown(ring) == 240


def test_looks_that_come_a_little_early_or_late_change_little() -> None:
    chance = random.Random(3)
    ring = GrowthRing(60)
    spans = set()
    for step in range(200):
        time = 15 * step + chance.uniform(-0.5, 0.5)
        look(ring, time, {"a": time})
        growth = ring.grown()
        if step > 4:
            assert isinstance(growth, Growth)
            assert growth.total == pytest.approx(growth.span)
            spans.add(round(growth.span))

    assert spans <= {59, 60, 61}


def test_a_counter_that_began_anew_grew_by_all_that_it_shows() -> None:
    ring = GrowthRing(60)
    for time, value in [(0, 1_000), (15, 1_010), (30, 4), (45, 9), (60, 2)]:
        look(ring, time, {"a": value})

    assert grown(ring) == 10 + 4 + 5 + 2


def test_a_series_that_vanished_counts_until_its_last_growth_leaves_the_window() -> None:
    ring = GrowthRing(60)
    for time in range(0, 75, 15):
        look(ring, time, {"a": time, "b": 7 * time})
    totals = []
    for time in range(75, 165, 15):
        look(ring, time, {"a": time})
        totals.append(grown(ring) - 60)

    assert totals == [7 * 45, 7 * 30, 7 * 15, 0, 0, 0]


def test_a_series_that_comes_back_soon_goes_on_where_it_was() -> None:
    ring = GrowthRing(60)
    for time, values in [(0, {"a": 5}), (15, {}), (30, {"a": 8}), (45, {}), (60, {"a": 10})]:
        look(ring, time, values)

    assert grown(ring) == 5


def test_a_series_that_comes_back_late_counts_from_its_first_sample_anew() -> None:
    ring = GrowthRing(60)
    look(ring, 0, {"a": 5})
    for time in range(15, 150, 15):
        look(ring, time, {})
    look(ring, 150, {"a": 5_000})
    look(ring, 165, {"a": 5_001})

    assert grown(ring) == 1


def test_a_series_that_first_appears_within_the_window_counts_from_its_first_sample() -> None:
    ring = GrowthRing(60)
    for time, values in [(0, {"a": 0}), (30, {"a": 1, "b": 50}), (60, {"a": 2, "b": 53})]:
        look(ring, time, values)

    assert grown(ring) == 2 + 3


def test_whether_any_series_was_there_is_told_apart_from_no_growth() -> None:
    ring = GrowthRing(60)
    seen = []
    for time in range(0, 195, 15):
        look(ring, time, {"a": 3} if time <= 60 else {})
        growth = ring.grown()
        if isinstance(growth, Growth):
            assert growth.total == 0
            seen.append((time, growth.is_seen))

    assert [time for time, is_seen in seen if is_seen] == [60, 75, 90, 105]
    assert len(seen) > 4


def test_a_hole_within_the_window_loses_nothing() -> None:
    ring = GrowthRing(60)
    for time in (0, 15, 60):
        look(ring, time, {"a": 2 * time})

    assert ring.grown() == Growth({0.0: 120.0}, span=60.0, is_seen=True)


def test_after_a_hole_longer_than_the_window_it_fills_anew() -> None:
    ring = GrowthRing(60)
    for time in range(0, 75, 15):
        look(ring, time, {"a": time})
    look(ring, 660, {"a": 1_000_000})

    assert ring.grown() == Unfilled(0.0, 600.0)
    for time in range(675, 735, 15):
        look(ring, time, {"a": 1_000_000 + time - 660})
    assert grown(ring) == 60


def test_a_monstrous_value_leaves_with_the_window() -> None:
    ring = GrowthRing(60)
    for time, value in [(0, 0), (15, 1e300), (30, 5), (45, 6)]:
        look(ring, time, {"a": value})
    for time in range(60, 120, 15):
        look(ring, time, {"a": time})

    assert grown(ring) == 105 - 6


def test_growth_is_kept_by_part() -> None:
    ring = GrowthRing(10)
    for time in (0, 10):
        ring.add(time, [Counter("a", 0.5, time), Counter("b", 0.5, 2 * time), Counter("c", 1, 7)])

    assert ring.grown() == Growth({0.5: 30.0, 1: 0.0}, span=10, is_seen=True)


def test_many_looks_are_few_to_remember_and_lose_no_growth() -> None:
    ring = GrowthRing(300)
    for step in range(40_000):
        look(ring, step / 50, {"a": 3 * step})

    growth = ring.grown()
    assert isinstance(growth, Growth)
    assert growth.span == pytest.approx(300, abs=2)
    assert growth.total == pytest.approx(growth.span * 150)
    assert len(ring._looks) < 600  # noqa: SLF001 (what it costs is the point)


def test_series_that_are_gone_are_forgotten() -> None:
    ring = GrowthRing(60)
    for time in range(0, 30_000, 15):
        look(ring, time, {f"pod-{time}": time})

    assert len(ring._values) < 10  # noqa: SLF001 (as above)


def test_it_agrees_with_counting_every_request() -> None:
    """Random counters that reset and pause, against the plain definition on all samples."""
    for seed in range(200):
        chance = random.Random(seed)
        window, every = chance.choice([(60, 15), (20, 5), (30, 1)])
        ring = GrowthRing(window)
        samples: list[tuple[float, float]] = []
        value = 0.0
        for step in range(30):
            value = chance.uniform(0, 5) if chance.random() < 0.1 else value + chance.random()
            samples.append((step * every, value))
            look(ring, step * every, {"a": value})
        start = samples[-1][0] - window
        inside = [value for time, value in samples if time >= start]
        plain = sum(b if b < a else b - a for a, b in pairwise(inside))

        assert grown(ring) == pytest.approx(plain), f"seed {seed}"
