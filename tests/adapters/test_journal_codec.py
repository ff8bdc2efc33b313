import dataclasses
import inspect
import json
import math
from collections.abc import Mapping
from enum import Enum
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from watchdog.adapters.journal_codec import KINDS, decode, encode
from watchdog.domain import events, progress
from watchdog.domain.errors import JournalError
from watchdog.domain.events import DaemonStopped, Event, Point, Record, RunStarted, SourceSeesAgain
from watchdog.domain.plan import Check, Options, Step
from watchdog.domain.progress import EvidenceCollected
from watchdog.domain.signal import Verdict
from watchdog.testing.contracts import a_run

# Plain JSON, NaN apart, which equals nothing; strings with all that a broken answer may hold.
texts = st.text(st.characters(exclude_categories=()), max_size=8)
floats = st.floats(allow_nan=False)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | floats | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
EMPTY: st.SearchStrategy[Any] = st.just(())
PLAIN: Mapping[Any, st.SearchStrategy[Any]] = {
    str: texts,
    float: floats,
    int: st.integers(),
    bool: st.booleans(),
    type(None): st.none(),
    Options: st.dictionaries(texts, json_values, max_size=3),
}


def anything_of(
    form: Any,  # noqa: ANN401 (any annotation)
    within: tuple[type, ...] = (),
) -> st.SearchStrategy[Any]:
    """Every value that the annotation `form` allows; what holds its own kind, one level deep.

    `within` are the kinds that it stands in.
    """
    if form in PLAIN:
        return PLAIN[form]
    if get_origin(form) is tuple:
        (kind, *_) = get_args(form)
        most = 0 if within.count(kind) > 1 else 3
        return st.lists(anything_of(kind, within), max_size=most).map(tuple) if most else EMPTY
    if get_origin(form) is dict:
        key, value = get_args(form)
        return st.dictionaries(anything_of(key), anything_of(value, within), max_size=3)
    if isinstance(form, UnionType):
        kinds = [each for each in get_args(form) if within.count(each) <= 1]
        return st.one_of([anything_of(each, within) for each in kinds])
    if issubclass(form, Enum):
        return st.sampled_from(form)
    fields = get_type_hints(form).items()
    inside = (*within, form)
    return st.builds(form, **{name: anything_of(each, inside) for name, each in fields})


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_every_kind_of_event_is_read_as_it_was_written(
    kind: type[Event], data: st.DataObject
) -> None:
    event = data.draw(anything_of(kind))

    assert decode(kind.__name__, encode(event)) == event


@given(steps=st.lists(st.sampled_from((Step, Check)), max_size=5))
@settings(max_examples=20, deadline=None)
def test_a_step_stays_a_step_and_a_check_a_check(steps: list[type[Step] | type[Check]]) -> None:
    step, check, _ = a_run("r1").plan.steps
    chosen = tuple(step if kind is Step else check for kind in steps)
    event = dataclasses.replace(
        a_run("r1"), plan=dataclasses.replace(a_run("r1").plan, steps=chosen)
    )

    read = decode("RunStarted", encode(event))

    assert isinstance(read, RunStarted)
    assert [type(part) for part in read.plan.steps] == steps
    assert read == event
    assert read.plan.hash == event.plan.hash


def test_the_plan_of_a_run_keeps_its_hash() -> None:
    read = decode("RunStarted", encode(a_run("r1")))

    assert isinstance(read, RunStarted)
    assert read.plan.hash == read.plan_hash


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, None, -0.0, 5e-324])
def test_every_number_of_a_signal_survives(value: float | None) -> None:
    event = EvidenceCollected("r1", "errors", "q", (Point(1.5, Verdict.UNKNOWN, value),))

    read = decode("EvidenceCollected", encode(event))

    assert isinstance(read, EvidenceCollected)
    assert repr(read) == repr(event)


def test_text_that_no_encoding_can_hold_survives() -> None:
    event = DaemonStopped("half a pair \ud800, a null \x00, a line end \u2028, an emoji \U0001f440")

    assert decode("DaemonStopped", encode(event)) == event


def test_the_json_is_canonical() -> None:
    assert encode(SourceSeesAgain("api", "é", 1.5)) == (
        r'{"since":1.5,"source":"\u00e9","target":"api"}'
    )


def test_every_event_class_belongs_to_the_union() -> None:
    declared = {
        name
        for module in (events, progress)
        for name, member in inspect.getmembers(module, dataclasses.is_dataclass)
        if member.__module__ == module.__name__
    }

    # Others are declared beside what they are about.
    assert declared - {Record.__name__, Point.__name__} <= set(KINDS)
    assert set(KINDS.values()) == set(get_args(Event))


def test_an_unknown_kind_is_refused_by_name() -> None:
    with pytest.raises(JournalError, match="kind 'Teleported' that this version does not know"):
        decode("Teleported", "{}")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"reason": "x", "added_later": 1}, "added_later: Unexpected keyword argument"),
        ({}, "reason: Field required"),
        ({"reason": 5}, "reason: Input should be a valid string"),
    ],
)
def test_a_body_of_another_version_is_refused_by_field(body: object, says: str) -> None:
    with pytest.raises(JournalError, match=says):
        decode("DaemonStopped", json.dumps(body))


def test_a_body_that_is_no_json_is_refused() -> None:
    with pytest.raises(JournalError, match="a DaemonStopped: Expecting"):
        decode("DaemonStopped", "{")


def test_a_field_added_later_is_refused_deep_inside_as_well() -> None:
    body = json.loads(encode(a_run("r1")))
    body["plan"]["steps"][0]["undo"] = "yes"

    with pytest.raises(JournalError, match="undo"):
        decode("RunStarted", json.dumps(body))


@pytest.mark.parametrize(
    "event",
    [
        DaemonStopped(reason=5),  # type: ignore[arg-type]
        dataclasses.replace(
            a_run("r1"),
            plan=dataclasses.replace(
                a_run("r1").plan, final=(Step("s", "http", {"at": object()}),)
            ),
        ),
        Record,
    ],
    ids=["wrong type", "not JSON", "no event"],
)
def test_what_could_never_be_read_again_is_not_written(event: Event) -> None:
    with pytest.raises(JournalError, match="cannot be written as JSON"):
        encode(event)
