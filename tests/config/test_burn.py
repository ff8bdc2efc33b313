"""Burn rates: what is written is the share of a budget, what is watched are plain conditions."""

import pytest

from tests.config.small_plugins import Files
from watchdog.domain.condition import Condition, Op
from watchdog.domain.expression import Expression, Tally, Term, all_of, any_of
from watchdog.domain.target import Target

FILE = """
target: checkout
sources:
  metrics: {use: prometheus, url: "http://prometheus:9090", every: 20s}
  health: {use: http, url: "http://checkout:8080/health"}
signals:
  errors: {from: metrics, query: "bad[$window]/all[$window]", volume: "all[$window]", unit: ratio}
  healthy: {from: health}
triggers:
  down: {signal: healthy, fails: 3, plan: undo}
  burning: {burn: BURN, severity: critical}
plans:
  undo: {steps: [{use: command, with: {argv: [undo]}, repeat: once}], verify: [CHECK]}
"""
OTHER = "{get: 'http://checkout:8080/health'}"


def load(files: Files, burn: str, check: str = OTHER) -> Target:
    files.write("a.yaml", FILE.replace("BURN", burn).replace("CHECK", check))
    (target,) = files.load("a.yaml").targets
    return target


def shape(expression: Expression) -> object:
    """Names and limits, without everything else that a signal knows."""
    if isinstance(expression, Term):
        return expression.signal.name, pytest.approx(expression.breach_when.limit, rel=1e-9)
    return expression.holds_when, [shape(member) for member in expression.of]


def burning(target: Target) -> Expression:
    trigger = target.trigger("burning")
    assert trigger is not None
    return trigger.watches


def test_one_window_is_a_long_and_a_short_one_together(files: Files) -> None:
    watches = burning(load(files, "{signal: errors, objective: 99.9%}"))

    assert isinstance(watches, Tally)
    assert watches == all_of(*watches.of)
    # 2 % of 30 days in one hour: 14.4 times as fast as the budget lasts.
    assert shape(watches) == (
        Condition(Op.AT_LEAST, 2),
        [("errors.1h", 0.0144), ("errors.5m", 0.0144)],
    )


@pytest.mark.parametrize(
    ("window", "factor", "short"),
    [("1h", 14.4, "5m"), ("6h", 6, "30m"), ("1d", 3, "2h"), ("3d", 1, "6h")],
)
def test_the_factors_are_those_of_the_workbook(
    files: Files, window: str, factor: float, short: str
) -> None:
    watches = burning(load(files, f"{{signal: errors, objective: 99%, windows: [{window}]}}"))

    limit = factor * 0.01
    assert shape(watches) == (
        Condition(Op.AT_LEAST, 2),
        [(f"errors.{window}", limit), (f"errors.{short}", limit)],
    )


@pytest.mark.parametrize(("window", "factor"), [("1h", 13.44), ("6h", 5.6), ("3d", 0.9333333333)])
def test_a_shorter_period_has_smaller_factors(files: Files, window: str, factor: float) -> None:
    burn = f"{{signal: errors, objective: 99%, period: 28d, windows: [{window}]}}"
    watches = burning(load(files, burn))

    assert isinstance(watches, Tally)
    assert isinstance(watches.of[0], Term)
    assert watches.of[0].breach_when.limit == pytest.approx(factor * 0.01, rel=1e-9)


def test_several_windows_are_any_of_the_pairs(files: Files) -> None:
    target = load(files, "{signal: errors, objective: 99.9%, windows: [1h, 6h]}")
    watches = burning(target)

    assert isinstance(watches, Tally)
    assert watches == any_of(*watches.of)
    assert [term.signal.name for term in target.triggers[1].terms] == [
        "errors.1h",
        "errors.5m",
        "errors.6h",
        "errors.30m",
    ]
    assert set(target.signals) == {"healthy", "errors.1h", "errors.5m", "errors.6h", "errors.30m"}
    assert target.signals["errors.6h"].ask == {"query": "bad[6h]/all[6h]", "volume": "all[6h]"}
    assert target.signals["errors.6h"].signal.has_volume


def test_a_pair_of_windows_of_ones_own(files: Files) -> None:
    burn = "{signal: errors, objective: 99%, windows: [{long: 2h, short: 10m, budget: 3%}]}"
    watches = burning(load(files, burn))

    assert shape(watches) == (
        Condition(Op.AT_LEAST, 2),
        [("errors.7200s", 0.108), ("errors.600s", 0.108)],
    )


@pytest.mark.parametrize(
    ("long", "short", "names"),
    [
        ("30d", "60h", ["errors.2592000s", "errors.216000s"]),
        ("90s", "1500ms", ["errors.90s", "errors.1500ms"]),
    ],
)
def test_a_window_is_written_as_promql_reads_it(
    files: Files, long: str, short: str, names: list[str]
) -> None:
    window = f"{{long: {long}, short: {short}, budget: 1%}}"
    target = load(files, f"{{signal: errors, objective: 99.999%, windows: [{window}]}}")

    assert [term.signal.name for term in target.triggers[1].terms] == names


def test_a_check_may_read_one_of_the_windows(files: Files) -> None:
    target = load(
        files, "{signal: errors, objective: 99.9%}", "{signal: errors.5m, below: 1%, samples: 3}"
    )

    assert target.plans["undo"].verify[0].look.ask["query"] == "bad[5m]/all[5m]"


@pytest.mark.parametrize(
    ("burn", "said"),
    [
        (
            "{signal: errors, objective: 90%}",
            (
                "triggers.burning.burn: can never fire over 1h: it would take 1.44 errors a "
                "request; raise the objective, or give a window that spends less of the budget"
            ),
        ),
        (
            "{signal: errors, objective: 99.9%, windows: [3d]}, plan: undo",
            (
                "triggers.burning.burn: what shows over 3d cannot be tied to one change, and no "
                "rollback mends it: leave `plan` out, and people are told"
            ),
        ),
        (
            (
                "{signal: errors, objective: 99.9%, windows: [{long: 24h, short: 2h, "
                "budget: 10%}]}, plan: undo"
            ),
            "what shows over 86400s cannot be tied to one change",
        ),
        (
            "{signal: healthy, objective: 99.9%}",
            (
                "triggers.burning.burn: signal 'healthy' has no $window in its query, where a "
                "window would stand"
            ),
        ),
        (
            "{signal: error, objective: 99.9%}",
            "triggers.burning.burn.signal: there is no signal 'error'",
        ),
        (
            "{signal: errors, objective: 99.9%, windows: [2h]}",
            (
                "'2h' is no window of the workbook; write 1h, 6h, 1d, 3d, or {long: 2h, "
                "short: 10m, budget: 3%}"
            ),
        ),
        (
            "{signal: errors, objective: 99.9%}, all: []",
            "`burn` says what is watched: leave `signal`, `all`, `any` and `count` out",
        ),
        ("{signal: errors, objective: 100%}", "objective: is '100%'; it should be less than 1"),
        ("{signal: errors}", "burn.objective: is missing"),
    ],
)
def test_what_can_never_fire_or_means_nothing_is_refused(
    files: Files, burn: str, said: str
) -> None:
    problems = files.problems(FILE.replace("BURN", burn).replace("CHECK", OTHER))

    assert any(said in problem for problem in problems), problems


def test_a_window_that_nobody_fills_in_is_refused(files: Files) -> None:
    written = FILE.replace("  burning: {burn: BURN, severity: critical}\n", "")
    problems = files.problems(written.replace("CHECK", OTHER))

    place = "a.yaml:6: signals.errors.query"
    assert [one for one in problems if place in one and "trigger with `burn`" in one], problems
