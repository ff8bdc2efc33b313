from watchdog.adapters.kubernetes.api import Object
from watchdog.adapters.kubernetes.changing import CHANGE_CAUSE, cause_of

CAUSE = "/metadata/annotations/kubernetes.io~1change-cause"


def bearing(**annotations: str) -> Object:
    return {"metadata": {"name": "shop", "annotations": annotations}}


def with_cause(cause: str) -> Object:
    return {"metadata": {"annotations": {CHANGE_CAUSE: cause}}}


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
