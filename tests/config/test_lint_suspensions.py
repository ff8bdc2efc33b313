"""What is suspended and never resumed, and what is suspended too late."""

import pytest

from tests.config.small_plugins import Files

FILE = """
target: checkout
sources: {health: {use: http, url: "http://h"}}
signals: {healthy: {from: health}}
triggers: {down: {signal: healthy, fails: 3, plan: undo}}
plans:
  undo:
    steps:
      STEPS
    verify: [{signal: healthy, is: ok}]
"""
UNDO = "- {use: kubernetes_undo, with: {workload: deployment/shop}}"
WAIT = "- {use: kubernetes_rollout, with: {workload: deployment/shop}}"
SUSPEND = "- {use: kubernetes_suspend, with: {workload: deployment/shop}EXPIRES}"
REMINDED = ", expires: {after: 4h, on_expiry: remind}"


def warnings(files: Files, *steps: str, expires: str = REMINDED) -> list[str]:
    written = "\n      ".join(steps).replace("EXPIRES", expires)
    return files.warnings(FILE.replace("STEPS", written))


def test_what_is_suspended_first_and_reminded_of_has_no_warning(files: Files) -> None:
    assert warnings(files, SUSPEND, UNDO, WAIT) == []


@pytest.mark.parametrize("expires", ["", ", expires: {after: 4h, on_expiry: tell}"])
def test_a_suspension_that_nobody_is_reminded_of_is_named(files: Files, expires: str) -> None:
    (warning,) = warnings(files, SUSPEND, UNDO, WAIT, expires=expires)

    assert "plans.undo.steps[0]: stays suspended until somebody resumes it" in warning


def test_a_suspension_after_what_it_protects_is_named(files: Files) -> None:
    (warning,) = warnings(files, UNDO, WAIT, SUSPEND)

    assert "plans.undo.steps[2]: comes too late: step 1 may be put back before it" in warning


def test_another_object_may_be_changed_before(files: Files) -> None:
    other = UNDO.replace("shop", "cart")

    assert warnings(files, other, WAIT.replace("shop", "cart"), SUSPEND, UNDO, WAIT) == []
