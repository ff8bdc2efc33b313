from datetime import UTC, datetime
from typing import Any

from watchdog.adapters.kubernetes.revisions import Revision
from watchdog.adapters.kubernetes.rollouts import Stretch, stretches

Object = dict[str, Any]
T = 1_767_225_600.0
HISTORY = "deployment.kubernetes.io/revision-history"


def revision(name: str, number: int, made: float, before: str = "") -> Revision:
    notes = {HISTORY: before} if before else {}
    return Revision(number, f"uid-{name}", name, T + made, {"spec": {"image": name}}, notes)


def clock(seconds: float) -> str:
    return datetime.fromtimestamp(T + seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def deployment(progressed: float | None = None, **managers: float) -> Object:
    template: Object = {"f:spec": {"f:template": {"f:spec": {}}}}
    entries = [
        {"manager": name, "time": clock(at), "fieldsV1": template} for name, at in managers.items()
    ]
    scaled = {"manager": "scaler", "time": clock(5000), "fieldsV1": {"f:spec": {"f:replicas": {}}}}
    status = {**entries[0], "manager": "late", "time": clock(6000), "subresource": "status"}
    condition = {"type": "Progressing", "lastUpdateTime": clock(progressed or 0)}
    return {
        "metadata": {"managedFields": [*entries, scaled, status]},
        "status": {"conditions": [condition] if progressed else []},
    }


def told(found: list[Stretch]) -> list[tuple[str, float, str, str]]:
    """Name, since when, what before it, and by whom."""
    return [
        (
            one.revision.name,
            one.since - T,
            one.previous.name if one.previous else "",
            one.manager,
        )
        for one in found
    ]


def test_each_revision_came_when_it_was_made() -> None:
    known = [revision("v1", 1, 0), revision("v2", 2, 100)]

    found = stretches(deployment(kubectl=100), known, known[1])

    assert told(found) == [("v1", 0, "", ""), ("v2", 100, "v1", "kubectl")]


def test_what_was_returned_to_came_again_when_the_template_was_changed() -> None:
    known = [revision("v2", 2, 100), revision("v1", 3, 0, "1")]

    found = stretches(deployment(207, kubectl=100, ann=200), known, known[1])

    assert told(found) == [
        ("v1", 0, "", ""),
        ("v2", 100, "v1", ""),
        ("v1", 200, "v2", "ann"),
    ]


def test_a_later_change_of_the_same_manager_does_not_move_the_return() -> None:
    known = [revision("v2", 2, 100), revision("v1", 3, 0, "1")]

    found = stretches(deployment(207, ann=900), known, known[1])

    assert told(found)[-1] == ("v1", 207, "v2", "")


def test_of_a_return_that_nothing_tells_of_the_earliest_moment_counts() -> None:
    known = [revision("v2", 2, 100), revision("v1", 3, 0, "1")]

    found = stretches(deployment(kubectl=90), known, known[1])

    assert told(found)[-1] == ("v1", 101, "v2", "")


def test_a_third_revision_after_a_return_is_no_return() -> None:
    known = [revision("v2", 2, 100), revision("v1", 3, 0, "1"), revision("v3", 4, 300)]

    found = stretches(deployment(307, kubectl=300), known, known[2])

    # When v1 came back in between stands nowhere any more.
    assert told(found) == [
        ("v1", 0, "", ""),
        ("v2", 100, "v1", ""),
        ("v3", 300, "v1", "kubectl"),
    ]


def test_other_workloads_keep_no_former_numbers() -> None:
    known = [revision("v2", 2, 100), revision("v1", 3, 0)]

    found = stretches(deployment(kubectl=200), known, known[1])

    assert told(found) == [("v1", 0, "", ""), ("v2", 100, "", ""), ("v1", 200, "v2", "kubectl")]


def test_a_change_that_its_controller_has_not_seen_yet_has_no_stretch() -> None:
    known = [revision("v1", 1, 0)]

    assert told(stretches(deployment(kubectl=50), known, None)) == [("v1", 0, "", "")]
