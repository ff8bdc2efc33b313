"""A history put through the backtest, and slot by slot through the evaluator that runs live."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from tests.adapters.backtest.columns import a_column, a_line
from tests.builders import a_signal, a_target, a_trigger, above, below
from watchdog.adapters.backtest.history import Column
from watchdog.adapters.backtest.parts import parts_of
from watchdog.adapters.backtest.verdicts import samples
from watchdog.app.replaying import Ran, run_of
from watchdog.domain.events import TriggerChanged
from watchdog.domain.expression import Term, all_of
from watchdog.domain.observation import Observation, Sample
from watchdog.domain.signal import Across
from watchdog.domain.trigger import Change, Trigger
from watchdog.engine.evaluator import Evaluator, Looked

SLOTS = 400
Told = list[tuple[str, str, float]]


def noise(chance: random.Random) -> list[float | None]:
    """A value that stays on one side of 0.1 for a while, with holes of all lengths."""
    values: list[float | None] = []
    while len(values) < SLOTS:
        level = chance.choice([0.01, 0.01, 0.3, 0.1])
        looks = range(chance.randint(1, 25))
        values += [level + chance.choice([0, 0, 0.002, -0.002]) for _ in looks]
        if chance.random() < 0.3:
            values += [chance.choice([None, float("nan"), float("inf")])] * chance.randint(1, 30)
    return values[:SLOTS]


def lived(trigger: Trigger, columns: Mapping[str, Column]) -> Told:
    """What the evaluator says while it is told one slot after the other."""
    target = a_target(trigger)
    evaluator = Evaluator(target)
    grid = next(iter(columns.values())).grid
    seen = {name: observations(trigger, each) for name, each in columns.items()}
    told: Told = []
    for index in range(grid.count):
        looked = Looked(
            "prometheus",
            grid.first + index,
            grid.moment(index),
            {name: each[index] for name, each in seen.items()},
        )
        told += [
            (event.trigger, event.change.value, looked.at.wall)
            for event in evaluator.take(looked)
            if isinstance(event, TriggerChanged) and event.change in _TOLD
        ]
    return sorted(told)


_TOLD = (Change.FIRING, Change.RESOLVED)


def observations(trigger: Trigger, column: Column) -> Sequence[Observation]:
    whole = list(samples(column, range(column.grid.count)))
    if not trigger.for_each:
        return whole
    parted = parts_of(column, trigger.for_each)
    parts = {value: list(samples(each, range(SLOTS))) for value, each in parted.items()}
    return [
        replace(one, parts=_present(parts, index))
        for index, one in enumerate(whole)
        if isinstance(one, Sample)
    ]


def _present(parts: Mapping[str, Sequence[Observation]], index: int) -> dict[str, Sample]:
    found = {value: each[index] for value, each in parts.items()}
    samples = {v: one for v, one in found.items() if isinstance(one, Sample)}
    return {v: one for v, one in samples.items() if one.values or one.volume is not None}


def replayed(ran: Sequence[Ran]) -> Told:
    return sorted(
        (firing.trigger, change.value, wall)
        for one in ran
        for firing in one.course.firings
        for change, wall in ((Change.FIRING, firing.fired), (Change.RESOLVED, firing.cleared))
        if wall is not None
    )


def variants(chance: random.Random) -> Trigger:
    kind = chance.randrange(3)
    return a_trigger(
        hold=chance.choice([0, 30, 60, 150]) if kind == 0 else 0,
        fails=0 if kind == 0 else chance.randint(1, 4),
        looks=chance.randint(4, 8) if kind == 2 else 0,
        keep_firing_for=chance.choice([0, 15, 120]),
        blind_after=chance.choice([60, 300]),
        clear_when=chance.choice([None, below(0.05)]),
        signal=a_signal(
            has_volume=chance.random() < 0.5,
            nodata_is_ok=chance.random() < 0.5,
            inf_counts=chance.random() < 0.5,
        ),
    )


@pytest.mark.parametrize("seed", range(60))
def test_a_replay_fires_when_the_live_evaluator_does(seed: int) -> None:
    chance = random.Random(seed)
    trigger = variants(chance)
    volume = [a_line([chance.choice([50.0, 500.0, 500.0, 500.0, None]) for _ in range(SLOTS)])]
    columns = {"errors": a_column(a_line(noise(chance)), volume=volume)}

    assert replayed(run_of(trigger, columns)) == lived(trigger, columns)


@pytest.mark.parametrize("seed", range(30))
def test_each_value_of_a_label_fires_when_it_does_live(seed: int) -> None:
    chance = random.Random(seed)
    signal = a_signal(for_each="route", across=chance.choice([Across.ONE, Across.WORST]))
    trigger = replace(variants(chance), watches=Term(signal, above(0.1)))
    lines = [a_line(noise(chance), {"route": name}) for name in ("/a", "/b", "/c")]
    columns = {"errors": a_column(*lines)}

    told = lived(trigger, columns)
    ran = run_of(trigger, columns)

    assert replayed(ran) == told
    assert len(ran) == 3


@pytest.mark.parametrize("seed", range(30))
def test_a_value_that_has_only_traffic_is_what_it_is_live(seed: int) -> None:
    chance = random.Random(seed)
    signal = a_signal(for_each="route", has_volume=True, nodata_is_ok=chance.random() < 0.7)
    trigger = replace(variants(chance), watches=Term(signal, above(0.1)))
    names = ("/a", "/b")
    lines = [a_line(noise(chance), {"route": name}) for name in names]
    volumes = [
        a_line([chance.choice([500.0, 500.0, 500.0, None]) for _ in range(SLOTS)], {"route": name})
        for name in names
    ]
    columns = {"errors": a_column(*lines, volume=volumes)}

    assert replayed(run_of(trigger, columns)) == lived(trigger, columns)


@pytest.mark.parametrize("seed", range(30))
def test_several_conditions_together_fire_when_they_do_live(seed: int) -> None:
    chance = random.Random(seed)
    terms = (Term(a_signal("errors"), above(0.1)), Term(a_signal("slow"), above(0.1)))
    trigger = replace(variants(chance), watches=all_of(*terms), clear_when=None)
    columns = {name: a_column(a_line(noise(chance))) for name in ("errors", "slow")}

    assert replayed(run_of(trigger, columns)) == lived(trigger, columns)


def test_the_seeds_fire_at_all() -> None:
    fired = 0
    for seed in range(60):
        chance = random.Random(seed)
        trigger = replace(variants(chance), watches=Term(a_signal(), above(0.1)))
        fired += len(replayed(run_of(trigger, {"errors": a_column(a_line(noise(chance)))})))

    assert fired > 200


def test_a_firing_tells_since_when_and_how_bad() -> None:
    trigger = a_trigger(hold=30, keep_firing_for=30)
    values = [0.0, 0.0, 0.2, 0.3, 0.9, 0.0, 0.0, 0.0, 0.0]
    [ran] = run_of(trigger, {"errors": a_column(a_line(values), first=1000)})

    [firing] = ran.course.firings
    start = 1000 * 15.0
    assert (firing.pending, firing.fired, firing.cleared) == (start + 30, start + 60, start + 105)
    assert firing.peak == 0.9
    assert ran.course.slots == {"ok": 6, "breach": 3}


def test_a_firing_that_has_no_end_is_still_firing() -> None:
    [ran] = run_of(a_trigger(fails=2), {"errors": a_column(a_line([0.0, 0.0, 0.2, 0.2, 0.2]))})

    assert [one.cleared for one in ran.course.firings] == [None]


def test_what_was_in_breach_without_firing_is_counted() -> None:
    [ran] = run_of(
        a_trigger(hold="5m"), {"errors": a_column(a_line([0.0, 0.2, 0.0, 0.2, *[None] * 9, 0.0]))}
    )

    assert ran.course.firings == ()
    assert ran.course.pendings == 2
    assert [one.seconds for one in ran.course.unknown] == [9 * 15.0]
