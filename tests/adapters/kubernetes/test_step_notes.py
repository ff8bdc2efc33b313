from typing import Any

from watchdog.adapters.kubernetes.api import Object
from watchdog.adapters.kubernetes.step_notes import KEPT, UNFINISHED, bears, finished, noted
from watchdog.adapters.kubernetes.workloads import STEP_NOTE

PATH = "/metadata/annotations/rollback-watchdog.io~1step"


def bearing(note: str, **more: str) -> Object:
    return {"metadata": {"annotations": {STEP_NOTE: note, **more}}}


def after(*keys: str) -> Object:
    """An object on which these steps left their keys, one after the other."""
    found = bearing(keys[0])
    for key in keys[1:]:
        found = bearing(noted(found, key)[-1]["value"])
    return found


def test_the_key_is_put_beside_what_else_is_noted() -> None:
    found = {"metadata": {"annotations": {"team": "cart"}}}

    assert noted(found, "run-7/step-2") == [
        {"op": "test", "path": PATH, "value": None},
        {"op": "add", "path": PATH, "value": "run-7/step-2"},
    ]


def test_where_nothing_is_noted_yet_that_must_still_be_so() -> None:
    nothing: list[Any] = [{"metadata": {"name": "shop"}}, {"metadata": {"annotations": {}}}]
    for found in nothing:
        guard, add = noted(found, "run-7/step-2")
        assert guard == {"op": "test", "path": "/metadata/annotations", "value": None}
        assert add["value"] == {STEP_NOTE: "run-7/step-2"}


def test_a_key_is_still_there_after_others_came() -> None:
    found = after("run-1/steps/1", "run-1/steps/2", "run-2/steps/1")

    assert bears(found, "run-1/steps/1")
    assert bears(found, "run-2/steps/1")
    assert not bears(found, "run-2/steps/2")


def test_one_key_is_not_taken_for_another_that_it_begins_like() -> None:
    found = after("run-1/steps/11", "run-11/steps/1")

    assert not bears(found, "run-1/steps/1")
    assert not bears(found, "")


def test_a_note_that_somebody_else_changed_meanwhile_is_not_written_over() -> None:
    guard, _ = noted(after("run-1/steps/1", "run-1/steps/2"), "run-1/steps/3")

    assert guard == {"op": "test", "path": PATH, "value": "run-1/steps/1\nrun-1/steps/2"}


def test_of_many_the_last_ones_are_kept() -> None:
    keys = [f"run-1/steps/{number}" for number in range(KEPT + 2)]

    found = after(*keys)

    assert [key for key in keys if bears(found, key)] == keys[2:]


def test_the_same_key_stands_there_once() -> None:
    found = after("run-1/steps/1", "run-1/steps/2", "run-1/steps/1")

    assert found["metadata"]["annotations"][STEP_NOTE] == "run-1/steps/2\nrun-1/steps/1"


def test_what_is_not_finished_is_not_done() -> None:
    found = after("run-1/steps/1" + UNFINISHED, "run-2/steps/1")

    assert bears(found, "run-1/steps/1" + UNFINISHED)
    assert not bears(found, "run-1/steps/1")
    assert finished(found, "run-1/steps/1") == [
        {"op": "test", "path": PATH, "value": f"run-1/steps/1{UNFINISHED}\nrun-2/steps/1"},
        {"op": "replace", "path": PATH, "value": "run-1/steps/1\nrun-2/steps/1"},
    ]


def test_what_is_finished_needs_no_word_more() -> None:
    assert finished(after("run-1/steps/1", "run-2/steps/1"), "run-1/steps/1") == []


def test_a_note_that_somebody_wrote_by_hand_is_no_trouble() -> None:
    for note in ("", "\n", "what is this", "\n\nrun-1/steps/1\n"):
        found = bearing(note)
        assert not bears(found, "")
        assert noted(found, "run-2/steps/1")[-1]["value"].endswith("run-2/steps/1")
