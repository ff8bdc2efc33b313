"""Our triggers beside the real `promtool test rules`: the same, but for what is meant otherwise."""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.differential import model, ours, promtool
from tests.differential.model import OURS, PROMETHEUS, Deviation, explained
from tests.differential.rules import Rule, rules

SERIES = 2000
WITH_GAPS = 1000
PAGE = Path(__file__).parents[2] / "docs/testing-triggers.md"
Firing = Sequence[tuple[bool, ...]]


@pytest.fixture(scope="module")
def smooth() -> list[Rule]:
    return rules(1, SERIES, gaps=False)


@pytest.fixture(scope="module")
def gapped() -> list[Rule]:
    return rules(2, WITH_GAPS, gaps=True)


@pytest.fixture(scope="module")
def asked(
    require_program: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Sequence[Rule]], Firing]:
    program = require_program("promtool")
    return lambda some: promtool.firing(program, tmp_path_factory.mktemp("promtool"), some)


def unlike(some: Sequence[Rule], one: Firing, other: Firing) -> list[str]:
    return [str(rule) for rule, a, b in zip(some, one, other, strict=True) if a != b]


def test_without_gaps_every_trigger_fires_in_the_same_slots_as_prometheus_alert(
    smooth: list[Rule], asked: Callable[[Sequence[Rule]], Firing]
) -> None:
    theirs = asked(smooth)

    assert unlike(smooth, ours.firing(smooth), theirs) == []
    # It must be worth comparing: most rules fire, and few of them all the time.
    fires = [sum(slots) for slots in theirs]
    assert sum(count > 0 for count in fires) > SERIES / 2
    assert sum(count > 50 for count in fires) < SERIES / 5


def test_with_gaps_the_model_of_prometheus_is_what_prometheus_does(
    gapped: list[Rule], asked: Callable[[Sequence[Rule]], Firing]
) -> None:
    modelled = [model.firing(rule, PROMETHEUS) for rule in gapped]

    assert unlike(gapped, modelled, asked(gapped)) == []


def test_with_gaps_every_difference_is_one_that_is_meant(gapped: list[Rule]) -> None:
    theirs = [model.firing(rule, PROMETHEUS) for rule in gapped]
    differing = [
        (rule, mine)
        for rule, mine, other in zip(gapped, ours.firing(gapped), theirs, strict=True)
        if mine != other
    ]

    reasons = [explained(rule, mine) for rule, mine in differing]

    unlisted = [str(rule) for (rule, _), why in zip(differing, reasons, strict=True) if not why]
    assert unlisted == []
    classes = Counter(one for why in reasons for one in why or ())
    # Each class is met, or nothing would show that it is right.
    assert set(classes) == OURS
    assert min(classes.values()) >= 5, classes


def test_where_both_agree_no_deviation_was_needed(gapped: list[Rule]) -> None:
    mine = ours.firing(gapped)

    modelled = [model.firing(rule, OURS) for rule in gapped]

    assert unlike(gapped, modelled, mine) == []


def test_every_deviation_is_on_the_page_for_people() -> None:
    text = PAGE.read_text()

    assert [one for one in Deviation if one.value not in text] == []
