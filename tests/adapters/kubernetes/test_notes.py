"""What the annotations of an object say, and who wrote them, as far as the API server knows."""

from typing import Any

import pytest

from watchdog.adapters.kubernetes.notes import notes_of, rights_to_notes
from watchdog.domain.errors import TransientError
from watchdog.domain.switches import Note, Notes
from watchdog.plugins import Right

PLACE = "deployment/watchdog in ops"
PREFIX = "rollback-watchdog.io"


def an_object(annotations: dict[str, str], *managers: tuple[str, str, str]) -> dict[str, Any]:
    """`managers`: who wrote which annotation, and when."""
    fields = [
        {
            "manager": manager,
            "time": at,
            "fieldsV1": {"f:metadata": {"f:annotations": {".": {}, f"f:{PREFIX}/{key}": {}}}},
        }
        for manager, key, at in managers
    ]
    return {"metadata": {"annotations": annotations, "managedFields": fields}}


def read(found: dict[str, Any]) -> Notes:
    return notes_of(found, PLACE, lambda text: text.replace("hunter2", "***"))


@pytest.mark.parametrize("found", [{"metadata": {}}, {"metadata": {"annotations": None}}])
def test_without_an_annotation_nothing_is_said(found: dict[str, Any]) -> None:
    assert read(found) == Notes(PLACE)


@pytest.mark.parametrize(
    "found", [{}, {"metadata": None}, {"metadata": ["x"]}, {"metadata": {"annotations": ["x"]}}]
)
def test_what_is_no_object_has_not_said_that_there_is_none(found: dict[str, Any]) -> None:
    with pytest.raises(TransientError, match="not that of an API server"):
        read(found)


def test_an_object_that_is_made_anew_is_another_one() -> None:
    places = [read({"metadata": {"uid": uid}}).place for uid in ("1-2", "1-3")]

    assert places == [f"{PLACE} (uid 1-2)", f"{PLACE} (uid 1-3)"]


def test_each_is_read_with_its_writer() -> None:
    found = an_object(
        {
            f"{PREFIX}/kill": "stop",
            f"{PREFIX}/pause": "all",
            f"{PREFIX}/pause.shop": "one",
            f"{PREFIX}/step": "a key of a step",
            "other.io/kill": "not ours",
        },
        ("helm", "kill", "2026-11-23T01:00:00Z"),
        ("kubectl-annotate", "kill", "2026-11-23T02:00:00Z"),
        ("kubectl-edit", "kill", "2026-11-23T01:30:00Z"),
        ("console", "pause.shop", "2026-11-23T02:00:00Z"),
    )

    assert read(found) == Notes(
        PLACE, Note("stop", "kubectl-annotate"), {"": Note("all"), "shop": Note("one", "console")}
    )


@pytest.mark.parametrize("said", ["", "false", "no", "0", "off"])
def test_that_it_is_there_is_what_counts(said: str) -> None:
    assert read(an_object({f"{PREFIX}/kill": said})).kill == Note(said)


@pytest.mark.parametrize("key", ["Kill", "killed", "paused", "PAUSE", "pause-shop", "kill.shop"])
def test_what_is_nearly_one_is_told_apart(key: str) -> None:
    assert read(an_object({f"{PREFIX}/{key}": "stop"})) == Notes(
        PLACE, None, {}, (f"{PREFIX}/{key}",)
    )


def test_what_is_said_is_one_line_without_secrets() -> None:
    said = "the token\n\x1b[31m is\thunter2 " + "x" * 100_000

    note = read(an_object({f"{PREFIX}/kill": said})).kill

    assert note is not None
    assert note.reason.startswith("the token [31m is *** xxx")
    assert len(note.reason) == 200


@pytest.mark.parametrize("fields", [None, {}, {"f:metadata": None}, {"f:metadata": []}, "odd"])
def test_who_wrote_it_may_be_unknown(fields: object) -> None:
    found = an_object({f"{PREFIX}/kill": "stop"})
    found["metadata"]["managedFields"] = [{"manager": "it", "fieldsV1": fields}, "odd"]

    assert read(found).kill == Note("stop")


@pytest.mark.parametrize("fields", [None, "odd", {}])
def test_nobody_may_be_known_to_have_written_anything(fields: object) -> None:
    found = an_object({f"{PREFIX}/kill": "stop"})
    found["metadata"]["managedFields"] = fields

    assert read(found).kill == Note("stop")


@pytest.mark.parametrize(
    ("text", "group", "resource"),
    [("deployment/a", "apps", "deployments"), ("configmap/a", "", "configmaps")],
)
def test_it_takes_the_right_to_see_that_one_object(text: str, group: str, resource: str) -> None:
    assert rights_to_notes(text) == (
        Right(group, resource, "list", "a"),
        Right(group, resource, "watch", "a"),
    )
