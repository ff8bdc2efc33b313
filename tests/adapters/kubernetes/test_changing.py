from typing import Any

from watchdog.adapters.kubernetes.api import Object
from watchdog.adapters.kubernetes.changing import CHANGE_CAUSE, cause_of, noted
from watchdog.adapters.kubernetes.workloads import STEP_NOTE

PATH = "/metadata/annotations/rollback-watchdog.io~1step"
CAUSE = "/metadata/annotations/kubernetes.io~1change-cause"


def bearing(**annotations: str) -> Object:
    return {"metadata": {"name": "shop", "annotations": annotations}}


def with_cause(cause: str) -> Object:
    return {"metadata": {"annotations": {CHANGE_CAUSE: cause}}}


def test_the_key_is_put_beside_what_else_is_noted() -> None:
    assert noted(bearing(team="cart"), "run-7/step-2") == [
        {"op": "add", "path": PATH, "value": "run-7/step-2"}
    ]


def test_where_nothing_is_noted_yet_that_must_still_be_so() -> None:
    nothing: list[Any] = [{"metadata": {"name": "shop"}}, bearing()]
    for found in nothing:
        guard, add = noted(found, "run-7/step-2")
        assert guard == {"op": "test", "path": "/metadata/annotations", "value": None}
        assert add["value"] == {STEP_NOTE: "run-7/step-2"}


def test_the_change_cause_goes_back_with_the_template() -> None:
    found = with_cause("release 2")

    assert cause_of(found, {CHANGE_CAUSE: "release 1"}) == [
        {"op": "add", "path": CAUSE, "value": "release 1"}
    ]
    assert cause_of(found, {}) == [{"op": "remove", "path": CAUSE}]
    assert cause_of(found, {CHANGE_CAUSE: "release 2"}) == []
    assert cause_of(bearing(team="cart"), {CHANGE_CAUSE: "release 1"}) == [
        {"op": "add", "path": CAUSE, "value": "release 1"}
    ]


def test_where_nothing_is_noted_yet_no_cause_is() -> None:
    # The key makes the annotations, and what it makes is all of them.
    assert cause_of(bearing(), {CHANGE_CAUSE: "release 1"}) == []
