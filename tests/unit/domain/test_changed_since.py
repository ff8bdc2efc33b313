from dataclasses import replace

import pytest

from tests.builders import a_check, a_plan, a_run, a_step, after, started
from watchdog.domain.changed_since import why_not_go_on
from watchdog.domain.events import Outcome, RunEnded, Stage
from watchdog.domain.run import Run
from watchdog.domain.series import trigger_check

PLAN = a_plan(a_step("one"), verify=[a_check()])


def a_run_of(version: str = "1.0") -> Run:
    """A run of the plan as it was recorded: with the proof of its trigger added."""
    plan = replace(PLAN, verify=(*PLAN.verify, a_check(trigger_check("errors"))))
    run = a_run(plan)
    return replace(run, start=replace(started(plan), version=version))


def test_the_same_plan_and_program_go_on() -> None:
    assert why_not_go_on(a_run_of(), {PLAN.name: PLAN}, "1.0") == ""


@pytest.mark.parametrize(
    "changed",
    [
        replace(PLAN, within=1.0),
        replace(PLAN, steps=(a_step("two"),)),
        replace(PLAN, steps=(*PLAN.steps, a_step("two"))),
        replace(PLAN, verify=(a_check("other"),)),
        replace(PLAN, verify=(*PLAN.verify, *PLAN.verify)),
        replace(PLAN, verify=()),
        replace(PLAN, final=(a_step("tell"),)),
    ],
)
def test_another_text_of_the_plan_stops_it(changed: object) -> None:
    assert "was changed" in why_not_go_on(a_run_of(), {PLAN.name: changed}, "1.0")  # type: ignore[dict-item]


def test_a_renewal_goes_on_while_its_step_stands_in_its_plan() -> None:
    """One step of a plan that ran, made anew: but for that step, its file is not asked."""
    again = replace(a_plan(a_step("one")), name=PLAN.name)
    run = replace(a_run(again), start=replace(started(again, renews="r0"), version="1.0"))
    other = replace(PLAN, steps=(a_step("two"),))

    assert why_not_go_on(run, {PLAN.name: replace(PLAN, within=1.0)}, "1.0") == ""
    assert "was changed" in why_not_go_on(run, {PLAN.name: other}, "1.0")
    assert "no longer has a plan" in why_not_go_on(run, {}, "1.0")


def test_a_plan_that_is_gone_stops_it() -> None:
    assert "no longer has a plan" in why_not_go_on(a_run_of(), {}, "1.0")


def test_another_program_stops_it_and_both_versions_are_named() -> None:
    why = why_not_go_on(a_run_of("0.9"), {PLAN.name: PLAN}, "1.0")

    assert "0.9" in why
    assert "1.0" in why


def test_a_watch_goes_on_whatever_has_changed() -> None:
    run = after(a_run_of("0.9"), RunEnded("r1", "shop", Outcome.SUCCEEDED, "", 1.0))

    assert run.stage is Stage.WATCH_SHORT
    assert why_not_go_on(run, {}, "1.0") == ""
