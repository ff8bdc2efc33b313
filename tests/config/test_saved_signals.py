"""Signals that a plan reads before it changes something, and compares with afterwards."""

import math

import pytest

from tests.config.small_plugins import Files
from watchdog.domain.condition import Condition, Op
from watchdog.domain.plan import Check, Look, Plan

FILE = """
target: shop
sources:
  pods: {{use: kubernetes, every: 20s}}
  health: {{use: http, url: http://localhost/health}}
signals:
  restarts: {{from: pods, restarts: deployment/shop}}
  healthy: {{from: health}}
triggers:
  down: {{signal: healthy, fails: 3, plan: undo}}
plans:
  undo:
    steps:
      - {save}
      - {{use: command, with: {{argv: [undo]}}, repeat: once}}
    verify: [{check}]
    {more}
"""
SAVE = "{save: before, signal: restarts}"
CHECK = "{signal: restarts, against: before, at_most: 0}"


def file(save: str = SAVE, check: str = CHECK, more: str = "") -> str:
    return FILE.format(save=save, check=check, more=more)


def undo(files: Files, text: str) -> Plan:
    return files.target(text).plans["undo"]


def test_a_signal_may_be_saved_whatever_its_number_is(files: Files) -> None:
    saving = undo(files, file("{save: before, signal: restarts, within: 9s}")).steps[0]

    assert isinstance(saving, Check)
    assert saving.name == "Save before: restarts"
    assert saving.look == Look("kubernetes", {}, {"restarts": "deployment/shop"})
    assert (saving.save, saving.within) == ("before", 9)
    assert saving.expect == Condition(Op.AT_LEAST, -math.inf)


def test_a_check_may_compare_a_signal_with_what_was_saved(files: Files) -> None:
    (check,) = undo(files, file()).verify

    assert (check.against, check.name) == ("before", "restarts against before at most 0")
    assert (check.expect, check.pause) == (Condition(Op.AT_MOST, 0), 20)


def test_what_is_looked_at_beside_a_check_may_compare_as_well(files: Files) -> None:
    (check,) = undo(files, file(check=f"{{signal: healthy, is: ok, also: [{CHECK}]}}")).verify

    assert [(one.signal.name, one.against) for one in check.also] == [("restarts", "before")]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            file(check="{signal: restarts, against: bevore, at_most: 0}"),
            "no step before it saves 'bevore'; did you mean 'before'?",
        ),
        (
            file(check="{signal: healthy, against: before, is: ok}"),
            "the source of signal 'healthy' compares with nothing: leave it out",
        ),
        (
            file(check="{get: 'http://x/', against: before}"),
            "plans.undo.verify[0]: `against` belongs to signal and means nothing here",
        ),
        (
            file("{save: before, signal: nobody}"),
            "plans.undo.steps[0].signal: there is no signal 'nobody'",
        ),
        (
            file("{save: before, signal: restarts, run: [a]}"),
            "plans.undo.steps[0]: a value is read from one of signal, get and run",
        ),
        (
            file("{save: before, signal: restarts, timeout: 3s}"),
            "plans.undo.steps[0]: `timeout` belongs to get or run and means nothing here",
        ),
        (
            # It is looked at before there is a run that could have saved anything.
            file(more=f"checklist: [{{name: calm, check: {CHECK}}}]"),
            "plans.undo.checklist[0].check.against: no step before it saves 'before'",
        ),
    ],
)
def test_what_cannot_be_compared_is_said(files: Files, text: str, problem: str) -> None:
    problems = files.problems(text)

    assert [one for one in problems if problem in one], problems
