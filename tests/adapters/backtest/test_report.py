"""The page: what stands on it, that it needs nothing else, and that it stays small."""

import random
import re
from html.parser import HTMLParser

from tests.adapters.backtest.columns import a_column, a_line
from tests.builders import a_signal, a_trigger, above
from watchdog.adapters.backtest.curve import POINTS, curve_of, peak_of
from watchdog.adapters.backtest_report import render
from watchdog.adapters.backtest_report.bands import Stretch, bands
from watchdog.adapters.backtest_report.plot import plot_of, times_of
from watchdog.domain import backtest_score as scoring
from watchdog.domain.backtest import (
    ACT,
    Course,
    Curve,
    Firing,
    Labelled,
    LeftOut,
    Ruling,
    Span,
)
from watchdog.domain.backtest_score import Backtest, Swept, score
from watchdog.domain.expression import Term
from watchdog.domain.trigger import Severity, Trigger

START = 1_767_225_600.0
MONTH = Span(START, START + 30 * 86400)
INCIDENT = Labelled(START + 86400, START + 90000, "<b>bad</b> release")
MOST_BYTES = 3_000_000


class Tags(HTMLParser):
    """Whether every element that is opened is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def fired(trigger: Trigger, at: float, *rulings: Ruling) -> Firing:
    return Firing(trigger.name, "undo", Severity.WARNING, at, at + 60, at + 600, 0.2, rulings)


def a_test(trigger: Trigger, *firings: Firing, curve: Curve | None = None) -> scoring.Tested:
    course = Course(
        trigger,
        trigger.name,
        MONTH,
        firings,
        {"ok": 9, "unknown": 1},
        2,
        (Span(START, START + 3600),),
    )
    found = score(firings, [INCIDENT], MONTH)
    sweep = (Swept(0.1, 60.0, is_now=True, firings=len(firings), score=found),)
    return scoring.Tested("shop", trigger, (course,), (curve,), found, sweep)


def a_backtest(*tested: scoring.Tested) -> Backtest:
    firings = [firing for one in tested for firing in one.firings]
    return Backtest(
        MONTH,
        (INCIDENT,),
        has_labels=True,
        tested=tested,
        left_out=(LeftOut("shop", "down", "its source is of kind http"),),
        totals={"shop": score(firings, [INCIDENT], MONTH)},
        looks=10,
        evaluated=5,
        assumed=("Every run succeeds.",),
    )


def a_noisy_curve(seed: int) -> Curve:
    chance = random.Random(seed)
    lows = tuple(None if chance.random() < 0.1 else chance.random() for _ in range(POINTS))
    highs = tuple(None if low is None else low + chance.random() for low in lows)
    return Curve(START, MONTH.seconds / POINTS, lows, highs)


def test_the_page_tells_each_firing_with_its_outcome_and_needs_nothing_else() -> None:
    trigger = a_trigger("errors-high", hold=60)
    refused = Ruling(START + 90060, "cooling_down", "900 s left", START + 91000)
    page = render(
        a_backtest(
            a_test(
                trigger,
                fired(trigger, START + 86400, Ruling(START + 86460, ACT)),
                fired(trigger, START + 900_000, refused),
                curve=a_noisy_curve(1),
            )
        )
    )

    text = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    assert "would act" in text
    assert "cooling_down" in text
    assert "900 s left, until 2026-01-02 01:16:40" in text
    assert "false alarm" in text
    assert "shop: down : its source is of kind http" in text
    assert "Every run succeeds." in text
    assert "<b>bad</b>" not in page
    assert not re.search(r'(src|href)="(?!#)|url\(|@import|<script', page)
    tags = Tags()
    tags.feed(page)
    assert tags.open == []


def test_a_hundred_noisy_triggers_fit_into_three_megabytes() -> None:
    tests = []
    for n in range(100):
        trigger = a_trigger(f"t{n}")
        firings = [fired(trigger, START + 3000.0 * k, Ruling(START, ACT)) for k in range(800)]
        tests.append(a_test(trigger, *firings, curve=a_noisy_curve(n)))

    assert len(render(a_backtest(*tests)).encode()) < MOST_BYTES


def test_a_curve_keeps_the_extremes_of_each_stretch_and_its_holes() -> None:
    values: list[float | None] = [1.0, 5.0, None, None, 2.0, float("nan"), 3.0, 4.0]
    curve = curve_of(a_column(a_line(values), every=15.0), points=4)

    assert curve.lows == (1.0, None, 2.0, 3.0)
    assert curve.highs == (5.0, None, 2.0, 4.0)
    assert curve.step == 30.0


def test_the_worst_number_is_the_lowest_where_low_is_bad() -> None:
    column = a_column(a_line([9.0, 1.0, None, 5.0, -3.0]))

    assert peak_of(column, 0, 3, low_is_bad=False) == 9.0
    assert peak_of(column, 1, 3, low_is_bad=True) == 1.0
    assert peak_of(column, 2, 2, low_is_bad=True) is None


def test_a_line_is_never_drawn_over_what_nobody_saw() -> None:
    curve = Curve(START, 60.0, (1.0, 1.0, None, 1.0), (2.0, 2.0, None, 2.0))
    plot = plot_of(curve, Term(a_signal(), above(1.5)), Span(START, START + 240))

    assert plot is not None
    assert len(plot.paths) == 2


def test_bands_that_nobody_could_tell_apart_are_one() -> None:
    spans = [Span(START + 10 * n, START + 10 * n + 5) for n in range(100)]
    spans += [Span(START + 86400, START + 90000), Span(START - 9000, START - 1)]

    assert len(bands(map(Stretch, spans), MONTH)) == 2


def test_times_are_round_and_few() -> None:
    assert [tick.text for tick in times_of(MONTH)][:2] == ["02 Jan", "07 Jan"]
    assert [one.text for one in times_of(Span(START, START + 4 * 3600))][:2] == ["00:00", "01:00"]
