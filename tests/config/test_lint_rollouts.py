"""A new template that nobody waits for, and steps that see by themselves whether they happened."""

import pytest

from tests.config.small_plugins import Files
from watchdog.domain.plan import Repeat, Step

FILE = """
target: checkout
sources: {health: {use: http, url: "http://h"}}
signals: {healthy: {from: health}}
triggers: {down: {signal: healthy, fails: 3, plan: undo}}
plans:
  undo:
    steps:
      - {use: kubernetes_undo, with: {workload: deployment/shop}}
      BEHIND
    verify: [{signal: healthy, is: ok}]
"""
WAIT = "- {use: kubernetes_rollout, with: {workload: deployment/shop}}"


def warnings(files: Files, *behind: str) -> list[str]:
    return files.warnings(FILE.replace("BEHIND", "\n      ".join(behind)))


def test_a_rollout_that_nothing_waits_for_is_named(files: Files) -> None:
    (warning,) = warnings(files)

    assert warning.startswith("a.yaml:8: plans.undo.steps[0]: is done as soon as the API server")
    assert warning.endswith("add a step `use: kubernetes_rollout` for deployment/shop behind it")


@pytest.mark.parametrize(
    "other",
    [
        "- {use: kubernetes_rollout, with: {workload: deployment/cart}}",
        "- {use: kubernetes_rollout, with: {workload: deployment/shop, namespace: other}}",
    ],
)
def test_to_wait_for_another_one_is_not_enough(files: Files, other: str) -> None:
    assert len(warnings(files, other)) == 1
    assert warnings(files, other, WAIT) == []


def test_what_is_waited_for_has_no_warning(files: Files) -> None:
    assert warnings(files, WAIT) == []


def test_a_step_that_sees_its_effect_needs_no_done_when(files: Files) -> None:
    target = files.target(FILE.replace("BEHIND", WAIT))

    steps = [step for step in target.plans["undo"].steps if isinstance(step, Step)]
    assert [step.repeat for step in steps] == [Repeat.OBSERVABLE] * 2


def test_what_is_written_of_repeating_holds_all_the_same(files: Files) -> None:
    written = FILE.replace("shop}}", "shop}, repeat: once}").replace("BEHIND", WAIT)

    step = files.target(written).plans["undo"].steps[0]
    assert isinstance(step, Step)
    assert step.repeat is Repeat.ONCE
