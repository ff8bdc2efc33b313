"""A backtest says what of a target's file it does not play."""

from collections.abc import Sequence
from dataclasses import replace

from tests.adapters.backtest.columns import a_column, a_line
from tests.builders import a_signal, a_target, a_trigger
from watchdog.app.backtest_history import needs_of
from watchdog.app.not_simulated import not_simulated
from watchdog.app.replaying import untested
from watchdog.domain.backtest import LeftOut
from watchdog.domain.decision_table import Cell, Row, Then
from watchdog.domain.target import ChangeRules, Target

TABLE = (
    Row("both", Then.ROLLBACK, (("errors", Cell.FIRING),), plan="undo"),
    Row("default", Then.INVESTIGATE),
)


def said(target: Target, left_out: Sequence[LeftOut] = ()) -> str:
    return "\n".join(not_simulated([target], left_out))


def test_a_plain_target_has_nothing_to_say() -> None:
    assert said(a_target()) == ""


def test_a_decision_table_is_not_simulated_and_its_triggers_and_plans_are_named() -> None:
    target = replace(a_target(a_trigger("errors", plan="")), decisions=TABLE)

    text = said(target)

    assert "shop: not simulated: decisions. errors have no plan of their own" in text
    assert "may start undo" in text


def test_changes_are_not_simulated_and_refuse_nothing() -> None:
    target = replace(a_target(), changes=ChangeRules())

    assert "shop: not simulated: changes. Which version ran is not in history" in said(target)


def test_once_for_each_version_is_not_simulated() -> None:
    target = a_target(replace(a_trigger("budget"), once_per_version=True))

    assert "not simulated: once_per. Live, budget would act once" in said(target)


def test_the_runs_of_what_cannot_be_tested_are_missing_from_the_limits() -> None:
    target = a_target(a_trigger("errors"))
    left_out = needs_of([target], 0.0, 900.0).left_out

    assert "the runs of errors, not backtested" in said(target, left_out)


def test_values_of_a_label_that_are_too_many_are_counted() -> None:
    trigger = a_trigger("errors", signal=a_signal("errors", for_each="route"))
    few, many = (
        {"errors": a_column(*(a_line([0.0], {"route": str(one)}) for one in range(count)))}
        for count in (100, 103)
    )

    assert untested(trigger, few) == ""
    assert untested(trigger, many).startswith("3 of 103 values of route: the first 100 are tested")
